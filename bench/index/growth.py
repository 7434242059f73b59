"""An index that grew by insertions, or lost half of its rows and got them back, beside one
that was built of the same rows."""
import itertools
import statistics

import data as datasets
import libpq
import writes


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


def measure(session, side, data, count, queries):
    """Recall and milliseconds at every other value of the side's first setting: index
    built of count rows, built of a tenth and grown by inserts to all, and built of all of
    which half were deleted and inserted again. All three answer each query by turns."""
    best = datasets.nearest(data.rows[:count], data.queries[:queries])
    forms = libpq.encode_vectors(data.queries[:queries])
    sweep = side.sweeps[0]
    session.settle(sweep.fixed)
    for kind in KINDS:
        make(session, side, data, count, kind, "_" + kind)
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
