"""Insertion, growth, VACUUM and filters, on tables of their own."""
import statistics
import threading
import time

import data as datasets
import libpq


def wal_position(session):
    return session.value("SELECT pg_current_wal_insert_lsn()")


def index_wal(session, start):
    """Bytes of records of the indexes since start, without images of pages, and with.
    Both sides write generic records, and nothing else does."""
    row = session.run(f"""SELECT coalesce(sum(record_size), 0),
        coalesce(sum(combined_size), 0)
        FROM pg_get_wal_stats('{start}', pg_current_wal_flush_lsn())
        WHERE "resource_manager/record_type" = 'Generic'""")[0]
    return float(row[0]), float(row[1])


def insert_rows(session, side, data, start, stop, suffix):
    """One row for each statement, in one transaction; returns the seconds."""
    session.prepare("add" + suffix, f"INSERT INTO {side.name}{suffix} SELECT $2::int4,"
                    f" 0, $1::{side.kind} RETURNING id")
    forms = libpq.encode_vectors(data.rows[start:stop])
    session.run("BEGIN")
    begun = time.perf_counter()
    for i, form in enumerate(forms, start):
        session.execute("add" + suffix, form, i.to_bytes(4, "big"))
    took = time.perf_counter() - begun
    session.run(f"COMMIT; DEALLOCATE add{suffix}")
    return took


def insertion(session, side, data, base, count, suffix="_w"):
    """Rows per second, and bytes of WAL that the index writes for each, into a table
    with base rows."""
    session.run("CREATE EXTENSION IF NOT EXISTS pg_walinspect")
    session.run(f"DROP TABLE IF EXISTS {side.name}{suffix}")
    side.create_table(session, data.rows.shape[1], suffix)
    side.load(session, data, 0, base, suffix)
    result = {"build": side.create_index(session, suffix)}
    session.run("CHECKPOINT")
    start = wal_position(session)
    took = insert_rows(session, side, data, base, base + count, suffix)
    records, everything = index_wal(session, start)
    return {**result, "rows/s": count / took, "wal": records / count,
            "wal with images": everything / count}


def insert_together(session, side, data, rows, clients, suffix="_w"):
    """Rows per second of so many clients, each of which inserts its share of rows, a
    range, in a transaction."""
    database = session.value("SELECT current_database()")
    sessions = [libpq.Connection(f"dbname={database}") for _ in range(clients)]
    each = len(rows) // clients
    threads = [threading.Thread(target=insert_rows, args=(
        sessions[i], side, data, rows[i * each], rows[i * each] + each, suffix))
        for i in range(clients)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - begun
    for one in sessions:
        one.close()
    return each * clients / took


def vacuum(session, side, suffix="_w"):
    """Seconds of VACUUM after a tenth of the rows has gone."""
    session.run(f"DELETE FROM {side.name}{suffix} WHERE id % 10 = 3")
    return session.time(f"VACUUM (INDEX_CLEANUP ON) {side.name}{suffix}")


def filtered(session, side, data, percent, queries, suffix=""):
    """Rows, recall and milliseconds of LIMIT 10 where percent of the rows qualify."""
    kept = (data.parts < percent).nonzero()[0]
    best = datasets.nearest(data.rows[kept], data.queries[:queries])
    forms = libpq.encode_vectors(data.queries[:queries])
    name = f"filter{percent}"
    session.prepare(name, side.question(f"WHERE part < {percent}", suffix))
    seconds, recalls, rows = [], [], []
    for i, form in enumerate(forms):
        took, found = session.execute(name, form)
        seconds.append(took)
        rows.append(len(found))
        recalls.append(datasets.recall(data.rows, data.queries[i], best[i], found))
    session.run(f"DEALLOCATE {name}")
    return {"percent": percent, "rows": min(rows), "recall": statistics.mean(recalls),
            "ms": statistics.median(seconds) * 1000}


def churn(session, side, data, count, suffix):
    """Deletes half of the rows, and inserts them again after VACUUM."""
    table = side.name + suffix
    session.run(f"DELETE FROM {table} WHERE id >= {count // 2}")
    session.run(f"VACUUM (INDEX_CLEANUP ON) {table}")
    insert_rows(session, side, data, count // 2, count, suffix)


def grown(session, side, data, count, queries, suffix="_g"):
    """Recall and milliseconds at each value of the knob: index built of count rows, built
    of a tenth and grown by inserts to all, and built of all of which half were deleted
    and inserted again."""
    best = datasets.nearest(data.rows[:count], data.queries[:queries])
    forms = libpq.encode_vectors(data.queries[:queries])
    result = {}
    for kind in ("built", "grown", "churned"):
        session.run(f"DROP TABLE IF EXISTS {side.name}{suffix}")
        side.create_table(session, data.rows.shape[1], suffix)
        side.load(session, data, 0, count // 10 if kind == "grown" else count, suffix)
        side.create_index(session, suffix)
        if kind == "grown":
            insert_rows(session, side, data, count // 10, count, suffix)
        if kind == "churned":
            churn(session, side, data, count, suffix)
        session.run(f"VACUUM ANALYZE {side.name}{suffix}")
        session.prepare("look", side.question("", suffix))
        result[kind] = [point(session, side, data, best, forms, value)
                        for value in side.values]
        session.run("DEALLOCATE look")
    return result


def point(session, side, data, best, forms, value):
    side.turn(session, value)
    seconds, recalls = [], []
    for i, form in enumerate(forms):
        took, found = session.execute("look", form)
        seconds.append(took)
        recalls.append(datasets.recall(data.rows, data.queries[i], best[i], found))
    return {"value": value, "recall": statistics.mean(recalls),
            "ms": statistics.median(seconds) * 1000}


def overhead(session, side, data, queries):
    """Median microseconds of a query by the index at its fastest, of a primary key
    look-up, and of the server's own parts of the first: planning and execution."""
    side.turn(session, side.values[0])
    session.prepare("near", side.question())
    session.prepare("key", f"SELECT id FROM {side.name} WHERE id = $1::int4")
    forms = libpq.encode_vectors(data.queries[:queries])
    near, key = [], []
    for i, form in enumerate(forms):
        near.append(session.execute("near", form)[0])
        key.append(session.execute("key", (i * 97).to_bytes(4, "big"))[0])
    session.run("DEALLOCATE near; DEALLOCATE key")
    return {"index us": statistics.median(near) * 1e6, "key us": statistics.median(key) * 1e6}
