"""What is searched, with which queries, and what the right answers are."""
import dataclasses

import numpy as np

NEAREST = 10
BLOCK = 64  # queries at once of the exact search
PARTS = 100


@dataclasses.dataclass
class Data:
    """Unit vectors; row i has id i."""
    name: str
    rows: np.ndarray     # (rows, dimensions) float32
    queries: np.ndarray  # (queries, dimensions) float32
    parts: np.ndarray    # (rows) int32, 0 to PARTS - 1, independent of the vectors


def normalised(x):
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-30)


def read(path, count, queries):
    """The first count rows of a NumPy file; its last ones are the queries."""
    everything = np.load(path, mmap_mode="r")
    count = min(count, len(everything) - queries)
    rows = normalised(np.asarray(everything[:count], np.float32))
    asked = normalised(np.asarray(everything[-queries:], np.float32))
    return assemble(path.name, rows, asked)


def synthetic(count, dimensions, queries, seed=1):
    """Clusters of unequal size whose spread falls off from axis to axis, the same
    axes for all: neither uniform, where no index works, nor apart, where all do."""
    random = np.random.default_rng(seed)
    total = count + queries
    centres = random.standard_normal((max(total // 1000, 10), dimensions))
    weights = random.pareto(1.5, len(centres)) + 0.1
    scale = (1 + np.arange(dimensions)) ** -0.4
    chosen = random.choice(len(centres), total, p=weights / weights.sum())
    vectors = np.empty((total, dimensions), np.float32)
    for start in range(0, total, 10_000):
        part = chosen[start:start + 10_000]
        noise = random.standard_normal((len(part), dimensions))
        vectors[start:start + len(part)] = (centres[part] + 1.2 * noise) * scale
    vectors = normalised(vectors)
    return assemble(f"synthetic, seed {seed}", vectors[:count], vectors[count:])


def assemble(name, rows, queries):
    parts = np.random.default_rng(2).integers(0, PARTS, len(rows)).astype(np.int32)
    return Data(name, rows, queries, parts)


def nearest(rows, queries, count=NEAREST):
    """Cosine similarities of the count nearest rows to each query, descending. An answer
    counts as right if it is as near as the last of them, so that equal rows do."""
    best = []
    for start in range(0, len(queries), BLOCK):
        near = queries[start:start + BLOCK] @ rows.T
        near.partition(near.shape[1] - count, axis=1)
        best.append(-np.sort(-near[:, -count:], axis=1))
    return np.concatenate(best)


def recall(rows, query, best, found):
    """The share of the nearest rows that found, the ids of an answer, has."""
    if not found:
        return 0.0
    similar = rows[found] @ query
    return min(int((similar >= best[-1] - 1e-6).sum()), len(best)) / len(best)
