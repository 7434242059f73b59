#!/usr/bin/env python3
"""The peer of bench/train: sentence-transformers' loss, PyTorch's AdamW.

    train_torch.py MODEL PAIRS --loss angle|contrast --threads N --steps N --batch N

Prints JSON: sentences per second after the first steps, and the peak of memory in
MB. PAIRS is a TSV with sentence1, sentence2, score, in the order of the batches.
"""
import argparse
import csv
import json
import resource
import time

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer import losses

WARM = 3

parser = argparse.ArgumentParser()
parser.add_argument("model")
parser.add_argument("pairs")
parser.add_argument("--loss", choices=["angle", "contrast"], required=True)
parser.add_argument("--threads", type=int, required=True)
parser.add_argument("--steps", type=int, required=True)
parser.add_argument("--batch", type=int, required=True)
args = parser.parse_args()

torch.set_num_threads(args.threads)
torch.manual_seed(1)
model = SentenceTransformer(args.model, device="cpu")
loss = (losses.AnglELoss(model) if args.loss == "angle"
        else losses.MultipleNegativesRankingLoss(model))
with open(args.pairs, encoding="utf-8") as file:
    rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-5, weight_decay=0.01)
model.train()
for step in range(args.steps):
    if step == WARM:
        start = time.monotonic()
    batch = rows[step * args.batch:(step + 1) * args.batch]
    features = [model.tokenize([row[key] for row in batch])
                for key in ("sentence1", "sentence2")]
    labels = torch.tensor([float(row["score"]) for row in batch])
    value = loss(features, labels)
    optimizer.zero_grad()
    value.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
seconds = time.monotonic() - start
print(json.dumps({
    "rate": 2 * args.batch * (args.steps - WARM) / seconds,
    "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
