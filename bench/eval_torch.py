#!/usr/bin/env python3
"""angle eval beside sentence-transformers: Spearman x 100 on whole STS sets.

    bench/eval_torch.py --model DIRECTORY [--threads N] TSV…

Both compute in F32 from the same weights; a TSV has score, sentence1 and sentence2,
plain or .xz. Prints both scores, the same with similarities rounded to six decimals
(where texts that differ by their writing alone are equal in either program), and the
largest difference.
"""
import argparse
import csv
import json
import lzma
import os
import pathlib
import subprocess
import tempfile

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["HF_HUB_OFFLINE"] = "1"

import scipy.stats  # noqa: E402
import torch  # noqa: E402
from sentence_transformers import SentenceTransformer  # noqa: E402

TOP = pathlib.Path(__file__).resolve().parents[1]


def read_rows(path):
    opener = lzma.open if path.endswith(".xz") else open
    with opener(path, "rt", encoding="utf-8", newline="\n") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def theirs(model, rows):
    """Spearman x 100, plain and of rounded similarities."""
    texts = list(dict.fromkeys(row[key] for row in rows
                               for key in ("sentence1", "sentence2")))
    vectors = dict(zip(texts, model.encode(texts, batch_size=64,
                                           normalize_embeddings=True)))
    similarities = [float(vectors[row["sentence1"]] @ vectors[row["sentence2"]])
                    for row in rows]
    labels = [float(row["score"]) for row in rows]
    return [100 * scipy.stats.spearmanr(labels, values).statistic
            for values in (similarities, [round(s, 6) for s in similarities])]


def ours(args):
    with tempfile.NamedTemporaryFile(suffix=".angle") as packed:
        subprocess.run([args.angle, "convert", "--force", "--quantize", "f32",
                        args.model, packed.name], check=True)
        report = subprocess.run(
            [args.angle, "eval", "--json", "--threads", str(args.threads), "--model",
             packed.name, *args.sets], check=True, capture_output=True)
    return [100 * row["spearman"] for row in json.loads(report.stdout)["sts"]]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--angle", default=TOP / "build/release/angle")
    parser.add_argument("--model", required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("sets", nargs="+")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    model = SentenceTransformer(args.model, device="cpu")
    print("| set | pairs | angle | sentence-transformers | rounded | difference |\n"
          "|---|---|---|---|---|---|")
    for path, own in zip(args.sets, ours(args)):
        rows = read_rows(path)
        plain, rounded = theirs(model, rows)
        print(f"| {pathlib.Path(path).name.split('.tsv')[0]} | {len(rows)} | {own:.4f} | "
              f"{plain:.4f} | {rounded:.4f} | {own - plain:+.4f} |", flush=True)


if __name__ == "__main__":
    main()
