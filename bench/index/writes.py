"""Insertion and VACUUM, on tables of their own."""
import threading
import time

import libpq


def measure(session, side, data, args):
    """Insertion into a table of nine tenths of args.write_rows, and VACUUM."""
    base = args.write_rows * 9 // 10
    count = args.write_rows - base
    result = insertion(session, side, data, base, count)
    first = min(len(data.rows) - count, args.write_rows)
    result["together"] = insert_together(session, side, data, range(first, first + count),
                                         args.clients)
    result["vacuum"] = vacuum(session, side)
    return result


def wal_position(session):
    return session.value("SELECT pg_current_wal_insert_lsn()")


def index_wal(session, start):
    """Bytes of records of the indexes since start, without images of pages, and with.
    All sides write generic records, and nothing else does."""
    row = session.run(f"""SELECT coalesce(sum(record_size), 0),
        coalesce(sum(combined_size), 0)
        FROM pg_get_wal_stats('{start}', pg_current_wal_flush_lsn())
        WHERE "resource_manager/record_type" = 'Generic'""")[0]
    return float(row[0]), float(row[1])


def insert_rows(session, side, data, start, stop, suffix):
    """One row for each statement, in one transaction; returns the seconds."""
    session.prepare("add" + suffix, f"INSERT INTO {side.name}{suffix} SELECT $2::int4,"
                    f" 0, $1::{side.column} RETURNING id")
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
