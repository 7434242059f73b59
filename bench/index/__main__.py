#!/usr/bin/env python3
"""The index access method angle beside those of pgvector, VectorChord and pgvectorscale, in
one server and one run. The server is found as by psql (PGHOST, PGPORT, PGUSER); angle and
pgvector are installed there, the others need not be. How to run it, and what the figures
mean: bench/README.md."""
import argparse
import json
import os
import pathlib
import platform
import sys
import time

import numpy as np

import bars
import data as datasets
import database
import filters
import growth
import libpq
import overhead
import plans
import report
import search
import sides as sides_of
import writes

PARTS = ("search", "filter", "write", "grow", "overhead", "plans")
SOME = 200   # queries of what needs no more


def arguments():
    parser = argparse.ArgumentParser(prog="bench/index", description=__doc__)
    what = parser.add_argument_group("what is searched")
    what.add_argument("--vectors", type=pathlib.Path, metavar="FILE",
                      help="embeddings as a NumPy array, as angle embed --format npy"
                      " writes them; the last ones are the queries. Without it,"
                      " synthetic ones")
    what.add_argument("--rows", type=int, default=1_000_000)
    what.add_argument("--dimensions", type=int, default=768, help="of synthetic ones")
    what.add_argument("--queries", type=int, default=1000)
    what.add_argument("--cache", type=pathlib.Path,
                      help="folder where exact answers are kept between runs; they are"
                      " known by the vectors' file name and numbers")
    how = parser.add_argument_group("what is measured")
    how.add_argument("--sides", type=lambda names: names.split(","),
                     help="by default " + ",".join(database.ALL) + ", as far as they are"
                     " installed")
    how.add_argument("--parts", type=lambda names: names.split(","), default=PARTS,
                     help="some of " + ",".join(PARTS))
    how.add_argument("--rounds", type=int, default=3)
    how.add_argument("--round-queries", type=int, default=300,
                     help="of each point in each round")
    how.add_argument("--scout-queries", type=int, default=100,
                     help="by which the values are chosen that are measured")
    how.add_argument("--write-rows", type=int, default=50_000,
                     help="of the tables for insertion, VACUUM and growth")
    how.add_argument("--clients", type=int, default=8, help="that insert together")
    where = parser.add_argument_group("the server")
    where.add_argument("--memory", default="1GB", help="maintenance_work_mem of all")
    where.add_argument("--workers", type=int, default=0,
                       help="max_parallel_maintenance_workers of all")
    where.add_argument("--keep", action="store_true",
                       help="use the tables and indexes that are there, and leave them")
    where.add_argument("--rebuild", type=lambda names: names.split(","), default=(),
                       metavar="SIDES", help="but make these anew")
    where.add_argument("--database", default="angle_bench_index",
                       help="made, and dropped in the end")
    parser.add_argument("--json", type=pathlib.Path)
    return parser.parse_args()


def load_data(args):
    if args.vectors:
        return datasets.read(args.vectors, args.rows, args.queries)
    return datasets.synthetic(args.rows, args.dimensions, args.queries)


def exact_answers(args, data):
    """Similarities of the nearest rows to the queries of the search, from the cache if it
    has them."""
    asked = data.search_queries
    if not args.cache:
        return datasets.nearest(data.rows, asked)
    name = f"{data.name}-{len(data.rows)}-{data.rows.shape[1]}-{len(asked)}"
    path = args.cache / ("angle-bench-exact-" + name.replace(" ", "-") + ".npy")
    if not path.exists():
        np.save(path, datasets.nearest(data.rows, asked))
    return np.load(path)


def choose_sides(args, data):
    threads = args.workers + 1
    if args.sides:
        return [sides_of.make(name, len(data.rows), threads) for name in args.sides]
    return database.available(
        [sides_of.make(name, len(data.rows), threads) for name in database.ALL])


def measure_side(side, data, args):
    """Everything but the search itself, each part in a session of its own."""
    some = min(args.queries, SOME)
    parts = {
        "filter": lambda session: filters.measure(session, side, data),
        "overhead": lambda session: overhead.measure(session, side, data, some),
        "write": lambda session: writes.measure(session, side, data, args),
        "plans": lambda session: plans.measure(session, side, data),
        "grow": lambda session: growth.measure(session, side, data, args.write_rows, args.rounds),
    }
    result = {}
    for name in args.parts:
        if name in parts and (side.ours or name not in ("plans", "grow")):
            session = database.session(args)
            result[name] = parts[name](session)
            session.close()
    return result


def machine(session, args):
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        names = [x.split(":")[1].strip() for x in lines if x.startswith("model name")]
    return {"processor": f"{len(names)} × {names[0] if names else platform.machine()}",
            "server": session.value("SHOW server_version"),
            "extensions": session.value(
                "SELECT string_agg(extname || ' ' || extversion, ', ' ORDER BY extname)"
                " FROM pg_extension WHERE extname IN ('angle', 'vector', 'vchord',"
                " 'vectorscale')"),
            "shared_buffers": session.value("SHOW shared_buffers"),
            "maintenance_work_mem": args.memory, "workers": args.workers,
            "load": round(os.getloadavg()[0], 1), "date": time.strftime("%Y-%m-%d")}


def measure_search(sides, data, args):
    final, tried = search.measure(f"dbname={args.database}", sides, data,
                                  exact_answers(args, data), args)
    return {"search": final, "tried": tried, "rounds": args.rounds,
            "round queries": args.round_queries}


def main():
    args = arguments()
    data = load_data(args)
    sides = choose_sides(args, data)
    database.make(args)
    session = database.session(args)
    for side in sides:
        if side.name in args.rebuild:
            database.forget(session, side)
    made = {side.name: {"title": side.title, "kind": side.kind, "maker": side.maker,
                        **database.make_side(session, side, data, args)} for side in sides}
    result = {"data": data.name, "rows": len(data.rows), "dimensions": data.rows.shape[1],
              "write rows": args.write_rows, "machine": machine(session, args),
              "sides": made}
    report.print_machine(result)
    for side in sides:
        database.warm(session, side)
        made[side.name].update(measure_side(side, data, args))
    if "search" in args.parts:
        result.update(measure_search(sides, data, args))
    session.close()
    result["machine"]["load at the end"] = round(os.getloadavg()[0], 1)
    report.print_result(result)
    missed = bars.print_bars(result)
    if args.json:
        args.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    database.drop(args)
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
