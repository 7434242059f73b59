"""An index that grew by insertions, or lost half of its rows and got them back, beside one
that was built of the same rows."""
import dataclasses
import itertools
import statistics

import numpy as np

import data as datasets
import libpq
import writes

QUERIES = 2000   # rows that are queries
KINDS = ("built", "grown", "churned")


def churn(session, side, data, count, suffix):
    """Deletes half of the rows, and inserts them again after VACUUM."""
    table = side.name + suffix
    session.run(f"DELETE FROM {table} WHERE id >= {count // 2}")
    session.run(f"VACUUM (INDEX_CLEANUP ON) {table}")
    writes.insert_rows(session, side, data, count // 2, count, suffix)


def make(session, side, data, count, kind, suffix):
    session.run(f"DROP TABLE IF EXISTS {side.name}{suffix}")
    side.create_table(session, data.rows.shape[1], suffix)
    side.load(session, data, 0, count // 10 if kind == "grown" else count, suffix)
    side.create_index(session, suffix)
    if kind == "grown":
        writes.insert_rows(session, side, data, count // 10, count, suffix)
    if kind == "churned":
        churn(session, side, data, count, suffix)
    session.run(f"VACUUM ANALYZE {side.name}{suffix}")


def samples(data, count, rounds):
    """For each round count rows, others each time as long as there are any, and queries:
    those of data, and rows that are not among them."""
    for start in range(0, min(rounds * count, len(data.rows) - count + 1), count):
        others = data.rows[start + count:][:QUERIES]
        yield dataclasses.replace(data, rows=data.rows[start:start + count],
                                  parts=data.parts[start:start + count],
                                  queries=np.concatenate([data.queries, others]))


def measure(session, side, data, count, rounds):
    """Recall and milliseconds at every other value of the side's first setting, on average
    over rounds: index built of count rows, built of a tenth and grown by inserts to all,
    and built of all of which half were deleted and inserted again. All three answer each
    query by turns."""
    each = [measure_one(session, side, sample) for sample in samples(data, count, rounds)]
    result = {kind: [average(points) for points in zip(*(one[kind] for one in each))]
              for kind in KINDS}
    return {**result, "rounds": each}


def average(points):
    return {"value": points[0]["value"],
            **{name: statistics.mean(p[name] for p in points) for name in ("recall", "ms")}}


def measure_one(session, side, data):
    best = datasets.nearest(data.rows, data.queries)
    forms = libpq.encode_vectors(data.queries)
    sweep = side.sweeps[0]
    session.settle(sweep.fixed)
    for kind in KINDS:
        make(session, side, data, len(data.rows), kind, "_" + kind)
        session.prepare(kind, side.question("", "_" + kind))
        session.ask(kind, forms)   # meets the pages
    result = {kind: [] for kind in KINDS}
    for value in sweep.values[::2]:
        session.run(f"SET {sweep.setting} = {value}")
        for kind, point in look(session, data, best, forms).items():
            result[kind].append({"value": value, **point})
    for kind in KINDS:
        session.run(f"DEALLOCATE {kind}; DROP TABLE {side.name}_{kind}")
    return result


def look(session, data, best, forms):
    answers = {kind: [] for kind in KINDS}
    with libpq.one_processor(session):
        for i, form in enumerate(forms):
            for kind in KINDS if i % 2 else reversed(KINDS):
                answers[kind].append(session.execute(kind, form))
    result = {}
    for kind in KINDS:
        seconds, found = zip(*answers[kind])
        recalls = map(datasets.recall, itertools.repeat(data.rows), data.queries, best, found)
        result[kind] = {"recall": statistics.mean(recalls),
                        "ms": statistics.median(seconds) * 1000}
    return result
