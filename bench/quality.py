#!/usr/bin/env python3
"""What int8 costs: STS-B, and cosines to F32 on real sentences.

The reference is sentence-transformers in F32 on the same model. See
bench/README.md for how to run it.
"""
import argparse
import lzma
import os
import pathlib
import subprocess
import sys
import tempfile

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["HF_HUB_OFFLINE"] = "1"

import numpy  # noqa: E402
import scipy.stats  # noqa: E402
import torch  # noqa: E402
from sentence_transformers import SentenceTransformer  # noqa: E402

# The bars: points of Spearman's rho x 100, cosine, and |difference|.
F32_POINTS = 0.05
INT8_POINTS = 0.3
INT8_COSINE = 0.998
F32_DIFFERENCE = 2e-5


def read_lines(path):
    opener = lzma.open if path.suffix == ".xz" else open
    with opener(path, "rt", encoding="utf-8") as file:
        header = next(file).rstrip("\n").split("\t")
        for line in file:
            yield dict(zip(header, line.rstrip("\n").split("\t")))


def embed(angle, packed, texts):
    """Embeddings by `angle embed`, one text a line."""
    with tempfile.TemporaryDirectory() as work:
        lines, vectors = f"{work}/texts", f"{work}/vectors.npy"
        pathlib.Path(lines).write_text("".join(t + "\n" for t in texts),
                                       encoding="utf-8")
        subprocess.run([angle, "embed", "--model", packed, "--format", "npy",
                        "--output", vectors, lines], check=True)
        result = numpy.load(vectors)
    assert len(result) == len(texts)
    return result


def cosines(a, b):
    a, b = a.astype(numpy.float64), b.astype(numpy.float64)
    return (a * b).sum(1) / (numpy.linalg.norm(a, axis=1)
                             * numpy.linalg.norm(b, axis=1))


class Verdict:
    def __init__(self):
        self.failed = False

    def __call__(self, what, value, holds):
        self.failed |= not holds
        print(f"{what:<58}{value:>12}  {'ok' if holds else 'MISSED'}")


def check_sts(path, embedders, verdict):
    rows = list(read_lines(path))
    scores = [float(row["score"]) for row in rows]
    texts = sorted({row[key] for row in rows
                    for key in ("sentence1", "sentence2")})
    number = {text: i for i, text in enumerate(texts)}
    first = [number[row["sentence1"]] for row in rows]
    second = [number[row["sentence2"]] for row in rows]
    points = {}
    for name, embedder in embedders.items():
        vectors = embedder(texts)
        points[name] = 100 * scipy.stats.spearmanr(
            cosines(vectors[first], vectors[second]), scores).statistic
        print(f"STS-B test, {name:<46}{points[name]:>12.3f}")
    reference = points["sentence-transformers F32"]
    for name, limit in (("angle F32", F32_POINTS), ("angle int8", INT8_POINTS)):
        difference = points[name] - reference
        verdict(f"STS-B test, {name}, difference in points (bar {limit})",
                f"{difference:+.3f}", abs(difference) <= limit)


def check_sentences(texts, embedders, verdict):
    ours = embedders["angle F32"](texts)
    cosine = cosines(ours, embedders["angle int8"](texts))
    for percentile in (0, 0.1, 5, 50):
        print(f"{len(texts)} sentences, cosine of int8 to F32, percentile "
              f"{percentile:<9}{numpy.percentile(cosine, percentile):>8.5f}")
    first = numpy.percentile(cosine, 1)
    verdict(f"{len(texts)} sentences, cosine of int8 to F32, percentile 1",
            f"{first:.5f}", first >= INT8_COSINE)
    some = slice(0, None, 10)
    theirs = embedders["sentence-transformers F32"](texts[some])
    worst = numpy.abs(ours[some] - theirs).max()
    verdict(f"{len(theirs)} of them, F32 to sentence-transformers, "
            "max |difference|", f"{worst:.1e}", worst <= F32_DIFFERENCE)


def sample(path, count):
    rows = [row["sentence"] for row in read_lines(path)]
    step = max(1, len(rows) // count)
    return rows[::step][:count]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", help="hub directory of the model")
    parser.add_argument("--f32", required=True, help="the model packed in F32")
    parser.add_argument("--int8", required=True, help="packed in int8")
    parser.add_argument("--stsb", required=True, type=pathlib.Path,
                        help="STS-B test: TSV with the columns score, "
                             "sentence1, sentence2; may be .xz")
    parser.add_argument("--sentences", required=True, type=pathlib.Path,
                        help="TSV with a column sentence; may be .xz")
    parser.add_argument("--count", type=int, default=10000)
    parser.add_argument("--angle", default="build/release/angle")
    args = parser.parse_args()
    torch.set_num_threads(1)
    reference = SentenceTransformer(args.model, device="cpu", model_kwargs={
        "dtype": torch.float32})
    embedders = {
        "sentence-transformers F32":
            lambda texts: reference.encode(texts, show_progress_bar=False),
        "angle F32": lambda texts: embed(args.angle, args.f32, texts),
        "angle int8": lambda texts: embed(args.angle, args.int8, texts),
    }
    verdict = Verdict()
    check_sts(args.stsb, embedders, verdict)
    check_sentences(sample(args.sentences, args.count), embedders, verdict)
    sys.exit(verdict.failed)


if __name__ == "__main__":
    main()
