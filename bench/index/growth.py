"""An index that grew by insertions, or lost half of its rows and got them back, beside one
that was built of the same rows."""
import statistics

import data as datasets
import libpq
import writes


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


def measure(session, side, data, count, queries, suffix="_g"):
    """Recall and milliseconds at every other value of the side's first setting: index
    built of count rows, built of a tenth and grown by inserts to all, and built of all of
    which half were deleted and inserted again."""
    best = datasets.nearest(data.rows[:count], data.queries[:queries])
    forms = libpq.encode_vectors(data.queries[:queries])
    sweep = side.sweeps[0]
    session.settle(sweep.fixed)
    result = {}
    for kind in ("built", "grown", "churned"):
        make(session, side, data, count, kind, suffix)
        session.prepare("look", side.question("", suffix))
        result[kind] = []
        for value in sweep.values[::2]:
            session.run(f"SET {sweep.setting} = {value}")
            result[kind].append({"value": value, **look(session, data, best, forms)})
        session.run("DEALLOCATE look")
    return result


def look(session, data, best, forms):
    seconds, recalls = [], []
    for i, form in enumerate(forms):
        took, found = session.execute("look", form)
        seconds.append(took)
        recalls.append(datasets.recall(data.rows, data.queries[i], best[i], found))
    return {"recall": statistics.mean(recalls), "ms": statistics.median(seconds) * 1000}
