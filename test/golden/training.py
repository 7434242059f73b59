#!/usr/bin/env python3
"""Makes training/NAME.json and .f32: ten steps of AdamW in PyTorch, in double.

    training.py OUTPUT

Run by hand, never by the tests, with torch 2.15.0, transformers 5.23.0,
sentence-transformers 6.2.0 and angle-emb 0.6.1, at the root of the tree: the
models are those of test/golden/encoder. Each step has four labelled pairs; the
loss is cosine + in-batch + angle as released; dropout is off; weight decay spares
biases and norms; the rate warms up over two steps and then falls to zero; the
norm of the gradient is limited.

NAME.json: {"model", "texts": [ids…], "labels", "losses": [10], "norms": [10],
"weights": [{"name", "module", "size"}]}, a pair being two texts of the list one
after the other; NAME.f32 the weights after the ten steps in that order. Left out
are the biases of the keys: their gradient is zero but for rounding (a softmax
does not see what is added to all scores), and Adam makes steps of full length of
rounding.
"""
import json
import pathlib
import sys

import numpy
import torch
from sentence_transformers import SentenceTransformer
from transformers import get_linear_schedule_with_warmup

from losses import angle_emb

STEPS, PAIRS = 10, 4
RATE, DECAY, CLIP, WARMUP = 2e-4, 0.01, 1.0, 2
MODELS = ["WhereIsAI/UAE-Large-V1", "local/dense", "local/gelu-new"]


def texts_of(name):
    cases = json.load(open(f"test/golden/encoder/{name}.json"))["cases"]
    texts = [case["text"] for case in cases if case["text"].strip()]
    wanted = 2 * PAIRS * STEPS
    # in another order each time round, so that pairs differ
    return [texts[(i * 5 + i // len(texts)) % len(texts)]
            for i in range(wanted)]


def parameters_of(model):
    """(module, name, parameter) of all that the embedding depends on."""
    for name, parameter in model.named_parameters():
        if "pooler." in name:
            continue
        module, rest = name.split(".", 1)
        rest = rest.removeprefix("auto_model.").removeprefix("model.")
        yield int(module) - 2 if module != "0" else -1, rest, parameter


def decays(name):
    return not (name.endswith("bias") or "LayerNorm" in name)


def run(name, output):
    model = SentenceTransformer(f"test/golden/encoder/{name}", device="cpu",
                                model_kwargs={"attn_implementation": "eager"})
    model.double().eval()
    parameters = list(parameters_of(model))
    optimizer = torch.optim.AdamW(
        [{"params": [p for _, n, p in parameters if decays(n)],
          "weight_decay": DECAY},
         {"params": [p for _, n, p in parameters if not decays(n)],
          "weight_decay": 0.0}], lr=RATE)
    schedule = get_linear_schedule_with_warmup(optimizer, WARMUP, STEPS)
    texts = texts_of(name)
    ids = [model.tokenizer(t, truncation=True,
                           max_length=model.max_seq_length)["input_ids"]
           for t in texts]
    labels = [float(k % 3) for k in range(PAIRS * STEPS)]
    losses, norms = [], []
    for step in range(STEPS):
        first = step * 2 * PAIRS
        batch = ids[first:first + 2 * PAIRS]
        longest = max(map(len, batch))
        features = {
            "input_ids": torch.tensor([i + [0] * (longest - len(i))
                                       for i in batch]),
            "attention_mask": torch.tensor([[1] * len(i) +
                                            [0] * (longest - len(i))
                                            for i in batch])}
        x = model(features)["sentence_embedding"]
        y = torch.tensor(labels[step * PAIRS:(step + 1) * PAIRS],
                         dtype=torch.float64).repeat_interleave(2)[:, None]
        binary = (y >= 1).double()
        loss = (angle_emb.cosine_loss(y, x) + angle_emb.angle_loss(y, x) +
                angle_emb.in_batch_negative_loss(binary, x))
        optimizer.zero_grad()
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(
            [p for _, _, p in parameters], CLIP).item())
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    kept = [(m, n, p) for m, n, p in parameters
            if not n.endswith("attention.self.key.bias")]
    stem = pathlib.Path(output) / name.split("/")[-1]
    weights = [p.detach().float().numpy().flatten() for _, _, p in kept]
    numpy.concatenate(weights).astype("<f4").tofile(f"{stem}.f32")
    json.dump({"model": name, "texts": ids, "labels": labels,
               "losses": losses, "norms": norms,
               "weights": [{"name": n, "module": m, "size": w.size}
                           for (m, n, _), w in zip(kept, weights)]},
              open(f"{stem}.json", "w"), separators=(",", ":"))
    print(name, losses[0], losses[-1], norms[0])


for name in MODELS:
    run(name, sys.argv[1])
