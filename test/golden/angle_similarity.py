#!/usr/bin/env python3
"""Writes angle_similarity.txt: dimensions, two seeds and the similarity of the
two vectors, from sentence_transformers.util.pairwise_angle_sim in float64.

The vectors are made from the seeds, by vector() below and its twin in
test/unit/test_distance.c, of numbers that float and double hold exactly.

Made with Python 3.11, sentence-transformers 6.2.0, torch 2.15.0:
    test/golden/angle_similarity.py > test/golden/angle_similarity.txt
"""
import torch
from sentence_transformers.util import pairwise_angle_sim


def vector(seed, dimensions):
    state = seed
    out = []
    for _ in range(dimensions):
        state = (state * 1103515245 + 12345) % 2**31
        out.append(((state >> 8) % 4001 - 2000) / 1024)
    return torch.tensor([out], dtype=torch.float64)


cases = [(d, d, d + 1000) for d in range(1, 34)]
cases += [(d, 7, 7) for d in (1, 2, 3, 8, 384)]
cases += [
    (d, s, s + 1)
    for d in (383, 384, 512, 767, 768, 1024, 1536, 4096, 15999, 16000)
    for s in range(1, 5)
]
for dimensions, u, v in cases:
    score = pairwise_angle_sim(vector(u, dimensions), vector(v, dimensions))
    print(dimensions, u, v, "%.15g" % score.item())
