#!/usr/bin/env python3
"""Makes the sets of test/golden/eval and the scores that angle eval must give.

    eval.py

Run by hand, never by the tests, with scipy 1.17.1, scikit-learn 1.9.1,
sentence-transformers 6.2.0 and torch 2.15.0. The texts are made of a few words by a
seeded generator; the model is that of test/golden/encoder/local/dense. Its
embeddings come from sentence-transformers, correlations from scipy, the average
precision and nDCG from scikit-learn. What those do not have is written out below by
its definition, one query and one threshold at a time. The sets:

    sts.tsv, pairs.jsonl        labelled pairs, with ties and a repeated text
    retrieval/                  corpus.jsonl, queries.jsonl, qrels/test.tsv (BEIR)
    scores.json                 what is expected, for each similarity
"""
import json
import pathlib
import random

import numpy
import scipy.stats
import sklearn.metrics
from sentence_transformers import SentenceTransformer

HERE = pathlib.Path(__file__).parent
OUT = HERE / "eval"
WORDS = """cat dog mat spider fear man woman river town people guitar stage rain
best worst times old insects person many live how sat mind study playing""".split()


def text(rng, low=3, high=8):
    return " ".join(rng.choice(WORDS) for _ in range(rng.randint(low, high)))


def similar(rng, original):
    """Some of the words of original, some others."""
    words = [w for w in original.split() if rng.random() < 0.7]
    return " ".join(words + [rng.choice(WORDS)])


# ---- the sets --------------------------------------------------------------

def make_pairs(rng, count):
    pairs = []
    for _ in range(count):
        first = text(rng)
        second = similar(rng, first) if rng.random() < 0.5 else text(rng)
        common = len(set(first.split()) & set(second.split()))
        pairs.append((first, second, min(5, common) + rng.choice([0, 0, 0.5])))
    pairs.append((pairs[0][0], pairs[0][0], 5))
    pairs.append(pairs[1])
    return pairs


def make_retrieval(rng):
    corpus = {f"d{i}": (text(rng, 1, 3) if i % 3 else "", text(rng, 5, 20))
              for i in range(120)}
    queries, qrels = {}, {}
    for i in range(12):
        relevant = rng.sample(sorted(corpus), rng.randint(1, 5))
        queries[f"q{i}"] = similar(rng, corpus[relevant[0]][1])
        qrels[f"q{i}"] = {d: rng.randint(0 if n else 1, 3)
                          for n, d in enumerate(relevant)}
    # a document that is the query itself, and a query without an answer
    queries["d7"] = corpus["d7"][1]
    qrels["d7"] = {"d9": 2, "d8": 1}
    queries["unjudged"] = text(rng)
    queries["unanswered"] = text(rng)
    qrels["unanswered"] = {"d1": 0}
    return corpus, queries, qrels


def write_jsonl(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_sets(pairs, corpus, queries, qrels):
    (OUT / "retrieval/qrels").mkdir(parents=True, exist_ok=True)
    rows = ["part\tscore\tsentence1\tsentence2"]
    rows += [f"x\t{label}\t{a}\t{b}" for a, b, label in pairs]
    (OUT / "sts.tsv").write_text("\n".join(rows) + "\n")
    write_jsonl(OUT / "pairs.jsonl",
                [{"text1": a, "text2": b, "label": "same" if y >= 3 else "other"}
                 for a, b, y in pairs])
    write_jsonl(OUT / "retrieval/corpus.jsonl",
                [{"_id": i, "title": title, "text": body, "metadata": {}}
                 for i, (title, body) in corpus.items()])
    write_jsonl(OUT / "retrieval/queries.jsonl",
                [{"_id": i, "text": body} for i, body in queries.items()])
    rows = ["query-id\tcorpus-id\tscore"]
    rows += [f"{q}\t{d}\t{r}" for q, judged in qrels.items()
             for d, r in judged.items()]
    (OUT / "retrieval/qrels/test.tsv").write_text("\n".join(rows) + "\n")


# ---- similarities ----------------------------------------------------------

def similarities(kind, u, v):
    """u (n, d), v (m, d) to (n, m)."""
    u, v = u.astype(numpy.float64), v.astype(numpy.float64)
    if kind == "dot":
        return u @ v.T
    norms = numpy.linalg.norm(u, axis=1)[:, None] * numpy.linalg.norm(v, axis=1)
    if kind == "cosine":
        return u @ v.T / norms
    half = u.shape[1] // 2
    a, b = u[:, :half], u[:, half:]
    c, d = v[:, :half], v[:, half:]
    return abs(a @ c.T + b @ d.T + b @ c.T - a @ d.T) / norms


# ---- scores ----------------------------------------------------------------

def classification(scores, positive):
    best = {"accuracy": -1, "f1": -1}
    for threshold in set(scores):
        yes = scores >= threshold
        accuracy = sklearn.metrics.accuracy_score(positive, yes)
        f1 = sklearn.metrics.f1_score(positive, yes)
        if accuracy > best["accuracy"]:
            best["accuracy"] = accuracy
        if f1 > best["f1"]:
            best["f1"] = f1
    best["average_precision"] = sklearn.metrics.average_precision_score(
        positive, scores)
    return best


def retrieval(scores, corpus, queries, qrels):
    """scores: query to (documents)."""
    names = list(corpus)
    sums = {}
    asked = [q for q in queries if any(r > 0 for r in qrels.get(q, {}).values())]
    for query in asked:
        order = [i for i in numpy.argsort(-scores[query], kind="stable")
                 if names[i] != query]
        judged = {d: r for d, r in qrels[query].items() if r > 0}
        gains = [judged.get(names[i], 0) for i in order]
        true = numpy.array([[judged.get(n, 0) for n in names if n != query]])
        given = numpy.array([[s for n, s in zip(names, scores[query])
                              if n != query]])
        one = {}
        for k in (10, 100):
            one[f"ndcg@{k}"] = sklearn.metrics.ndcg_score(
                true, given, k=k, ignore_ties=True)
        for k in (1, 10, 100):
            one[f"recall@{k}"] = sum(g > 0 for g in gains[:k]) / len(judged)
        first = next((i for i, g in enumerate(gains[:10]) if g > 0), None)
        one["mrr@10"] = 0 if first is None else 1 / (first + 1)
        hits = [i for i, g in enumerate(gains[:100]) if g > 0]
        one["map@100"] = sum((n + 1) / (i + 1)
                             for n, i in enumerate(hits)) / len(judged)
        for key, value in one.items():
            sums[key] = sums.get(key, 0) + value / len(asked)
    return sums, len(asked)


def main():
    rng = random.Random(20)
    pairs = make_pairs(rng, 60)
    corpus, queries, qrels = make_retrieval(rng)
    write_sets(pairs, corpus, queries, qrels)
    model = SentenceTransformer(str(HERE / "encoder/local/dense"), device="cpu")
    first = model.encode([p[0] for p in pairs])
    second = model.encode([p[1] for p in pairs])
    documents = model.encode([f"{t} {b}".strip() for t, b in corpus.values()])
    asked = model.encode(list(queries.values()))
    labels = numpy.array([p[2] for p in pairs])
    expected = {}
    for kind in ("cosine", "dot", "angle"):
        close = numpy.diagonal(similarities(kind, first, second))
        found = similarities(kind, asked, documents)
        scores, count = retrieval(dict(zip(queries, found)), corpus, queries, qrels)
        expected[kind] = {
            "sts": {"spearman": scipy.stats.spearmanr(close, labels).statistic,
                    "pearson": scipy.stats.pearsonr(close, labels).statistic,
                    "pairs": len(pairs)},
            "classification": classification(close, labels >= 3),
            "retrieval": scores | {"queries": count, "documents": len(corpus)},
        }
    (OUT / "scores.json").write_text(json.dumps(expected, indent=1) + "\n")


main()
