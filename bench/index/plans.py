"""How often the planner is wrong: queries over tables of several sizes, with filters that
keep more and less, and with LIMITs, each by the plan that was chosen and by others that it
is made to take."""
import statistics

import libpq

SIZES = (100, 1000, 10_000, 100_000)
LIMITS = (1, 10, 100, 1000)
KEEPS = (1.0, 0.1, 0.01, 0.001)
QUERIES = 7      # of each plan; the first one is not counted
SLOWER = 1.25    # a plan that takes so many times as long as the best is wrong …
MATTERS = 0.2    # … unless the difference is less than so many milliseconds

# What is switched off so that PostgreSQL takes the way.
WAYS = {"index": ("enable_seqscan", "enable_bitmapscan", "enable_sort"),
        "scan": ("enable_indexscan", "enable_bitmapscan"),
        "bitmap": ("enable_seqscan", "enable_indexscan")}


def way_of(plan):
    """By which of the ways a plan reads the table."""
    if "Order By:" in plan:
        return "index"
    if "Bitmap Heap Scan" in plan or "Index" in plan:
        return "bitmap"
    return "scan"


def make_table(session, side, data, size):
    """Rows with a column that keeps each of KEEPS, under a btree."""
    table = f"{side.name}_p"
    session.run(f"DROP TABLE IF EXISTS {table}")
    side.create_table(session, data.rows.shape[1], "_p")
    side.load(session, data, 0, size, "_p")
    session.run(f"UPDATE {table} SET part = (hashint4(id) & 2147483647) % 1000")
    session.run(f"VACUUM FULL ANALYZE {table}")
    side.create_index(session, "_p")
    session.run(f"CREATE INDEX {table}_part ON {table} (part)")
    session.run(f"VACUUM ANALYZE {table}")


def milliseconds(session, forms):
    with libpq.one_processor(session):
        seconds, _ = session.ask("plan", forms)
    return statistics.median(seconds[1:]) * 1000


def try_ways(session, query, text, forms):
    """The way that the planner takes, and the milliseconds of each."""
    def plan():
        return "\n".join(r[0] for r in session.run(
            "EXPLAIN " + query.replace("$1", text)))

    chosen = way_of(plan())
    times = {}
    for way, settings in WAYS.items():
        session.run("BEGIN; SET LOCAL plan_cache_mode = force_custom_plan;"
                    + "".join(f"SET LOCAL {s} = off;" for s in settings))
        if way_of(plan()) == way:
            session.prepare("plan", query)
            times[way] = milliseconds(session, forms)
            session.run("DEALLOCATE plan")
        session.run("ROLLBACK")
    return chosen, times


def measure(session, side, data):
    forms = libpq.encode_vectors(data.queries[:QUERIES])
    text = "'[" + ",".join(map(str, data.queries[0])) + "]'"
    session.settle(())
    session.run("RESET enable_seqscan")
    found = []
    for size in (s for s in SIZES if s <= len(data.rows)):
        make_table(session, side, data, size)
        for keeps in (k for k in KEEPS if k * size >= 1):
            for limit in (x for x in LIMITS if x <= keeps * size):
                where = "" if keeps == 1 else f"WHERE part < {round(keeps * 1000)}"
                query = side.question(where, "_p").replace("LIMIT 10", f"LIMIT {limit}")
                chosen, times = try_ways(session, query, text, forms)
                best = min(times.values())
                took = times.get(chosen, float("inf"))
                found.append({"rows": size, "keeps": keeps, "limit": limit,
                              "chosen": chosen, "ms": times,
                              "wrong": took > SLOWER * best and took - best > MATTERS})
    return found
