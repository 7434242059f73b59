#!/usr/bin/env python3
"""Makes losses.json: losses and gradients of the released code, in double.

    losses.py > losses.json

Run by hand, never by the tests, with torch 2.15.0, angle-emb 0.6.1 and
sentence-transformers 6.2.0. Of angle_emb only loss.py is imported, for the rest of
the package wants libraries that the losses do not.

Each case has {"name", "rows", "columns", "dimensions", "values", "labels",
"tau", "loss", "gradients"}: values and gradients (rows, columns, dimensions) are
the texts of a row one after another, as a batch has them; "teacher" (rows ×
columns, teacher_dimensions) where there is one.
"""
import importlib.util
import json
import pathlib

import torch
import torch.nn.functional as F
from sentence_transformers.sentence_transformer import losses

ROWS, DIMENSIONS = 6, 8


def released_losses():
    folder = pathlib.Path(importlib.util.find_spec("angle_emb").origin).parent
    spec = importlib.util.spec_from_file_location("loss", folder / "loss.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


angle_emb = released_losses()


def zigzag(x, labels):
    """angle_emb's order: u0, v0, u1, v1 …, and a label for each."""
    return (labels.repeat_interleave(2)[:, None],
            x.reshape(-1, x.shape[-1]))


def case(name, columns, labels, tau, function, teacher=None):
    generator = torch.Generator().manual_seed(sum(name.encode()))
    x = torch.randn(ROWS, columns, DIMENSIONS, dtype=torch.float64,
                    generator=generator)
    # neighbours that resemble each other, as texts of a row do
    x[:, 1:] = x[:, :1] + 0.7 * x[:, 1:]
    x.requires_grad_(True)
    labels = torch.tensor(labels, dtype=torch.float64)
    record = {"name": name, "rows": ROWS, "columns": columns,
              "dimensions": DIMENSIONS, "tau": tau, "labels": labels.tolist()}
    if teacher is None:
        loss = function(x, labels, tau)
    else:
        t = torch.randn(ROWS * columns, teacher, dtype=torch.float64,
                        generator=generator)
        loss = function(x, t, tau)
        record["teacher_dimensions"] = teacher
        record["teacher"] = t.flatten().tolist()
    loss.backward()
    record.update(loss=loss.item(), values=x.detach().flatten().tolist(),
                  gradients=x.grad.flatten().tolist())
    return record


def pairs(function):
    def apply(x, labels, tau):
        y, z = zigzag(x, labels)
        return function(y, z, tau)
    return apply


def contrastive(x, labels, tau):
    negatives = x[:, 2] if x.shape[1] > 2 else None
    return angle_emb.contrastive_with_negative_loss(x[:, 0], x[:, 1],
                                                    negatives, tau)


def multiple_negatives(x, labels, tau):
    loss = losses.MultipleNegativesRankingLoss(model=None, scale=tau)
    return loss.compute_loss_from_embeddings(
        [x[:, i] for i in range(x.shape[1])], labels)


def sentence_transformers(kind):
    def apply(x, labels, tau):
        loss = kind(model=None, scale=tau)
        return loss.compute_loss_from_embeddings([x[:, 0], x[:, 1]], labels)
    return apply


def mse(x, teacher, tau):
    return F.mse_loss(x.reshape(-1, x.shape[-1]), teacher)


def similarities(x, teacher, tau):
    """KL of the softmaxed cosines of all texts with each other."""
    def scores(y):
        y = F.normalize(y.reshape(-1, y.shape[-1]), dim=1)
        s = tau * y @ y.T
        off = ~torch.eye(len(s), dtype=torch.bool)
        return s[off].reshape(len(s), -1)
    return F.kl_div(F.log_softmax(scores(x), dim=1),
                    F.softmax(scores(teacher), dim=1), reduction="batchmean")


GRADED = [0.5, 3.0, 3.0, 1.25, 0.5, 5.0]
BINARY = [1.0, 0.0, 1.0, 1.0, 0.0, 1.0]
CASES = [
    case("cosine", 2, GRADED, 20.0, pairs(angle_emb.cosine_loss)),
    case("cosine equal labels", 2, [1.0] * ROWS, 20.0,
         pairs(angle_emb.cosine_loss)),
    case("cosine sentence-transformers", 2, GRADED, 20.0,
         sentence_transformers(losses.CoSENTLoss)),
    case("angle 1", 2, GRADED, 1.0, pairs(angle_emb.angle_loss)),
    case("angle 20", 2, GRADED, 20.0, pairs(angle_emb.angle_loss)),
    case("angle sentence-transformers", 2, GRADED, 20.0,
         sentence_transformers(losses.AnglELoss)),
    case("in-batch", 2, BINARY, 20.0, pairs(angle_emb.in_batch_negative_loss)),
    case("contrastive", 2, BINARY, 20.0, contrastive),
    case("contrastive negative", 3, BINARY, 20.0, contrastive),
    case("contrastive sentence-transformers", 4, BINARY, 20.0,
         multiple_negatives),
    case("mse", 2, BINARY, 1.0, mse, teacher=DIMENSIONS),
    case("similarity", 2, BINARY, 20.0, similarities, teacher=12),
]

if __name__ == "__main__":
    print(json.dumps(CASES, separators=(",", ":")))
