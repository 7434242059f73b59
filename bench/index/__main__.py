#!/usr/bin/env python3
"""The index access method angle beside pgvector's HNSW and IVFFlat, in one server and one
run. The server is found as by psql (PGHOST, PGPORT, PGUSER); both extensions are
installed there. How to run it, and what the figures mean: bench/README.md."""
import argparse
import json
import os
import pathlib
import platform
import sys
import time

import numpy as np

import data as datasets
import libpq
import plans
import report
import search
import sides as sides_of
import writes

PARTS = ("search", "filter", "write", "grow", "overhead", "plans")


def arguments():
    parser = argparse.ArgumentParser(prog="bench/index", description=__doc__)
    parser.add_argument("--vectors", type=pathlib.Path, metavar="FILE",
                        help="embeddings as a NumPy array, as angle embed --format npy"
                        " writes them; the last ones are the queries. Without it,"
                        " synthetic ones")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--dimensions", type=int, default=768, help="of synthetic ones")
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--sides", default="angle,hnsw64,hnsw200,ivfflat")
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--round-queries", type=int, default=200,
                        help="of each point in each round")
    parser.add_argument("--write-rows", type=int, default=50_000,
                        help="of the tables for insertion, VACUUM and growth")
    parser.add_argument("--clients", type=int, default=8,
                        help="that insert together")
    parser.add_argument("--memory", default="1GB", help="maintenance_work_mem of all")
    parser.add_argument("--workers", type=int, default=0,
                        help="max_parallel_maintenance_workers of all")
    parser.add_argument("--cache", type=pathlib.Path,
                        help="folder where exact answers are kept between runs; they are"
                        " known by the vectors' file name and numbers")
    parser.add_argument("--keep", action="store_true",
                        help="use the tables and indexes that are there, and leave them")
    parser.add_argument("--database", default="angle_bench_index",
                        help="made, and dropped in the end")
    parser.add_argument("--json", type=pathlib.Path)
    return parser.parse_args()


def load_data(args):
    if args.vectors:
        return datasets.read(args.vectors, args.rows, args.queries)
    return datasets.synthetic(args.rows, args.dimensions, args.queries)


def exact_answers(args, data):
    """Similarities of the nearest rows, from the cache if it has them."""
    if not args.cache:
        return datasets.nearest(data.rows, data.queries)
    name = f"{data.name}-{len(data.rows)}-{data.rows.shape[1]}-{len(data.queries)}"
    path = args.cache / ("angle-bench-exact-" + name.replace(" ", "-") + ".npy")
    if not path.exists():
        np.save(path, datasets.nearest(data.rows, data.queries))
    return np.load(path)


def make_database(database, keep):
    root = libpq.Connection("dbname=postgres")
    there = root.run(f"SELECT 1 FROM pg_database WHERE datname = '{database}'")
    if there and not keep:
        root.run(f"DROP DATABASE {database} WITH (FORCE)")
    if not (there and keep):
        root.run(f"CREATE DATABASE {database}")
    root.close()
    session = libpq.Connection(f"dbname={database}")
    session.run("SET client_min_messages = warning")
    session.run("CREATE EXTENSION IF NOT EXISTS vector")
    session.run("CREATE EXTENSION IF NOT EXISTS angle")
    return session


def make_side(session, side, data):
    """Table and index, where they are not there; what they took."""
    made = {}
    if not session.run(f"SELECT 1 FROM pg_class WHERE relname = '{side.name}'"):
        side.create_table(session, data.rows.shape[1])
        side.load(session, data, 0, len(data.rows))
        session.run(f"VACUUM ANALYZE {side.name}")
    if not session.run(f"SELECT 1 FROM pg_class WHERE relname = '{side.name}_v'"):
        made["build"] = side.create_index(session)
    size = int(session.value(f"SELECT pg_relation_size('{side.name}_v')"))
    made["bytes"] = size / len(data.rows)
    return made


def warm(session, side):
    """Everything of the side into the shared buffers."""
    session.run("CREATE EXTENSION IF NOT EXISTS pg_prewarm")
    for relation in (side.name, f"{side.name}_v", f"{side.name}_pkey"):
        session.run(f"SELECT pg_prewarm('{relation}')")


def reset(session, side):
    """The setting at which filters are measured: the side's default."""
    session.run(f"RESET {side.knob}")


def measure_side(session, side, data, parts, args):
    """Everything but the search itself."""
    result = {}
    some = min(args.queries, 200)
    if "filter" in parts:
        if not side.ours:
            session.run(f"SET {side.name.rstrip('0123456789')}.iterative_scan ="
                        + (" strict_order" if side.name[0] == "h" else " relaxed_order"))
        reset(session, side)
        result["filter"] = [writes.filtered(session, side, data, percent, some)
                            for percent in (1, 10)]
        if not side.ours:
            session.run(f"RESET {side.name.rstrip('0123456789')}.iterative_scan")
    if "overhead" in parts:
        result["overhead"] = writes.overhead(session, side, data, some)
    base = args.write_rows * 9 // 10
    if "write" in parts:
        result["write"] = writes.insertion(session, side, data, base,
                                           args.write_rows - base)
        first = min(len(data.rows) - (args.write_rows - base), args.write_rows)
        result["write"]["together"] = writes.insert_together(
            session, side, data, range(first, first + args.write_rows - base),
            args.clients)
        result["vacuum"] = writes.vacuum(session, side)
    if "plans" in parts and side.ours:
        result["plans"] = plans.measure(session, side, data)
    if "grow" in parts and side.ours:
        result["grow"] = writes.grown(session, side, data, args.write_rows, some)
    return result


def machine(session, args):
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        names = [x.split(":")[1].strip() for x in lines if x.startswith("model name")]
    return {"processor": f"{len(names)} × {names[0] if names else platform.machine()}",
            "server": session.value("SHOW server_version"),
            "extensions": session.value(
                "SELECT string_agg(extname || ' ' || extversion, ', ' ORDER BY extname)"
                " FROM pg_extension WHERE extname IN ('angle', 'vector')"),
            "shared_buffers": session.value("SHOW shared_buffers"),
            "maintenance_work_mem": args.memory, "workers": args.workers,
            "load": round(os.getloadavg()[0], 1), "date": time.strftime("%Y-%m-%d")}


def main():
    args = arguments()
    parts = args.parts.split(",")
    data = load_data(args)
    sides = sides_of.chosen(args.sides.split(","), len(data.rows))
    session = make_database(args.database, args.keep)
    session.run(f"SET jit = off; SET maintenance_work_mem = '{args.memory}';"
                "SET max_parallel_workers_per_gather = 0;"
                f"SET max_parallel_maintenance_workers = {args.workers}")
    result = {"data": data.name, "rows": len(data.rows), "dimensions": data.rows.shape[1],
              "write rows": args.write_rows, "machine": machine(session, args),
              "sides": {side.name: {"title": side.title, **make_side(session, side, data)}
                        for side in sides}}
    report.print_machine(result)
    for side in sides:
        warm(session, side)
        side.settle(session)
        result["sides"][side.name].update(measure_side(session, side, data, parts, args))
    if "search" in parts:
        best = exact_answers(args, data)
        measured = sides + ([sides_of.angle("recall_target")] if sides[0].ours else [])
        rows = search.measure(f"dbname={args.database}", measured, data, best, args.rounds,
                              args.round_queries)
        result["search"] = [{"side": side.name, "title": side.title, "points": points}
                            for side, points in zip(measured, rows)]
    result["machine"]["load at the end"] = round(os.getloadavg()[0], 1)
    missed = report.print_result(result)
    if args.json:
        args.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    session.close()
    if not args.keep:
        root = libpq.Connection("dbname=postgres")
        root.run(f"DROP DATABASE {args.database} WITH (FORCE)")
        root.close()
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
