"""The database of a run: extensions, tables and indexes, some of which an earlier run may
have left."""
import json
import os

import libpq

ALL = ("angle", "hnsw64", "hnsw200", "ivfflat", "vchord", "diskann")


def available(sides):
    """Those of the sides whose extension is installed in the server."""
    root = libpq.Connection("dbname=postgres")
    names = {row[0] for row in root.run("SELECT name FROM pg_available_extensions")}
    root.close()
    return [side for side in sides if side.extension in names]


def make(args):
    """The database, anew unless args.keep."""
    root = libpq.Connection("dbname=postgres")
    there = root.run(f"SELECT 1 FROM pg_database WHERE datname = '{args.database}'")
    if there and not args.keep:
        root.run(f"DROP DATABASE {args.database} WITH (FORCE)")
    if not (there and args.keep):
        root.run(f"CREATE DATABASE {args.database}")
    root.close()


def drop(args):
    """Drops it, unless args.keep."""
    if not args.keep:
        root = libpq.Connection("dbname=postgres")
        root.run(f"DROP DATABASE {args.database} WITH (FORCE)")
        root.close()


def session(args):
    """A session in the database that builds indexes as args say."""
    made = libpq.Connection(f"dbname={args.database}")
    made.run(f"SET maintenance_work_mem = '{args.memory}';"
             f" SET max_parallel_maintenance_workers = {args.workers}")
    return made


def forget(session, side):
    """Drops what an earlier run left of the side, and our extension with it, of which
    another version may be installed by now."""
    session.run(f"DROP TABLE IF EXISTS {side.name}")
    if side.ours:
        session.run("DROP EXTENSION IF EXISTS angle CASCADE")


def is_there(session, relation):
    return bool(session.run(f"SELECT 1 FROM pg_class WHERE relname = '{relation}'"))


def build(session, side, args):
    """Builds the side's index. A comment on it remembers for later runs what it took."""
    load = round(os.getloadavg()[0], 1)
    made = {"build": side.create_index(session), "build load": load,
            "memory": args.memory, "workers": args.workers}
    session.run(f"COMMENT ON INDEX {side.name}_v IS '{json.dumps(made)}'")


def make_side(session, side, data, args):
    """Table and index, where they are not there. Returns the index's bytes for a row, and
    what its build took."""
    session.run("CREATE EXTENSION IF NOT EXISTS vector")
    session.run(f"CREATE EXTENSION IF NOT EXISTS {side.extension}")
    if not is_there(session, side.name):
        side.create_table(session, data.rows.shape[1])
        side.load(session, data, 0, len(data.rows))
        session.run(f"VACUUM ANALYZE {side.name}")
    if not is_there(session, f"{side.name}_v"):
        build(session, side, args)
    index = f"'{side.name}_v'::regclass"
    size = int(session.value(f"SELECT pg_relation_size({index})"))
    made = session.value(f"SELECT obj_description({index}, 'pg_class')")
    return {"bytes": size / len(data.rows), **json.loads(made)}


def warm(session, side):
    """Everything of the side into the shared buffers."""
    session.run("CREATE EXTENSION IF NOT EXISTS pg_prewarm")
    for relation in (side.name, f"{side.name}_v", f"{side.name}_pkey"):
        session.run(f"SELECT pg_prewarm('{relation}')")
