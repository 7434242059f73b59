"""What is searched, with which queries, and what the right answers are."""
import dataclasses
import math

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

    @property
    def search_queries(self):
        return self.queries[:-(len(self.queries) // 5)]

    @property
    def filter_queries(self):
        """A fifth that only filters are asked."""
        return self.queries[-(len(self.queries) // 5):]


def normalised(x):
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-30)


def read(path, count, queries):
    """The first count rows of a NumPy file; its last ones are the queries."""
    everything = np.load(path, mmap_mode="r")
    count = min(count, len(everything) - queries)
    rows = normalised(np.asarray(everything[:count], np.float32))
    asked = normalised(np.asarray(everything[-queries:], np.float32))
    return assemble(path.name, rows, asked)


# A tree of clusters: how many rows one of a level has on average, and the share of the
# variance that it has to itself; the first is common to all. Together with DECAY they
# give 20,000 rows × 384 the similarities to the nearest rows, the intrinsic dimension, the
# spectrum and the lists that hold the nearest rows of as many sentences by angle-mini.
LEVELS = ((None, 0.06), (1000, 0.04), (100, 0.07), (10, 0.14), (3, 0.22), (1, 0.47))
DECAY = 0.33   # of the standard deviation, by the number of the axis


def synthetic(count, dimensions, queries, seed=1):
    """Clusters of clusters of unequal size, and queries from among them."""
    random = np.random.default_rng(seed)
    total = count + queries
    axes = (1 + np.arange(dimensions, dtype=np.float32)) ** -DECAY
    nodes = np.zeros((1, dimensions), np.float32)
    for size, share in LEVELS:
        number = max(total // size, 1) if size else 1
        weights = random.pareto(1.5, len(nodes)) + 0.1
        parents = random.choice(len(nodes), number, p=weights / weights.sum())
        nodes = nodes[parents]
        for block in np.array_split(nodes, number // 10_000 + 1):
            block += math.sqrt(share) * axes * random.standard_normal(
                block.shape, np.float32)
    random.shuffle(nodes)
    nodes /= np.linalg.norm(nodes, axis=1, keepdims=True)
    return assemble(f"synthetic, seed {seed}", nodes[:count], nodes[count:])


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
