"""What a backend adds to the C call, needs, and serves.

All of it on the model angle-mini, which every installation has; on the same
texts as elsewhere."""
import contextlib
import os
import statistics
import time

import report
import texts
from driver import Driver

STATEMENT = "SELECT angle_embed($1, 'angle-mini')"
# Microseconds, milliseconds, megabytes.
BARS = {"SQL overhead": 50, "SQL overhead, one processor": 50,
        "first call": 20, "private memory": 8}


class Query(Driver):
    """A client, whose backend does the work."""


def connect(args, threads=1, statement=STATEMENT):
    return Query([args.build / "bench/sql-latency",
                  f"{args.connection} options='-c angle.threads={threads}'",
                  statement])


def bind(driver, processor):
    """The driver, and the backend behind it if there is one, on one processor
    only. None of it where the backend is another user's process."""
    os.sched_setaffinity(driver.process.pid, {processor})
    if isinstance(driver, Query):
        os.sched_setaffinity(int(driver.ask("#")), {processor})


def overhead(args, packed, threads, rounds, processor=None):
    """Microseconds that the query takes longer than the C call: a difference
    for each pair of calls with the same text, and a median for each round.
    And what is left when a query that does nothing, with the same text, has been
    taken off: that is the way to a server and back. Each of the three runs after
    another one, so that none finds the caches as it left them; on the one
    processor, if that is given, nobody waits until another has woken up."""
    found = {"C call": [], "SELECT": [], "SELECT $1": [], "difference": [],
             "beyond SELECT $1": []}
    with contextlib.closing(connect(args, threads)) as query, \
            contextlib.closing(connect(args, threads, "SELECT $1")) as nothing, \
            contextlib.closing(Driver([args.build / "bench/embed-latency",
                                       packed, str(threads)])) as call:
        drivers = (call, nothing, query)
        for driver in drivers:
            driver.time(texts.QUERIES)
            if processor is not None:
                bind(driver, processor)
        for number in range(rounds):
            triples = []
            for turn in range(6):
                for text in texts.QUERIES:
                    # Each is first in half of the turns.
                    micros = {driver: driver.time([text]) * 1e6 for driver in
                              drivers[::1 - 2 * ((number + turn) % 2)]}
                    triples.append([micros[driver] for driver in drivers])
            for name, value in (("C call", lambda c, n, q: c),
                                ("SELECT", lambda c, n, q: q),
                                ("SELECT $1", lambda c, n, q: n),
                                ("difference", lambda c, n, q: q - c),
                                ("beyond SELECT $1", lambda c, n, q: q - c - n)):
                found[name].append(statistics.median(value(*t) for t in triples))
    return {name: report.spread(values) for name, values in found.items()}


def overhead_of_one_processor(args, packed, rounds):
    """None where processes cannot be bound: a backend can by root only, or by
    the server's own user."""
    try:
        processor = min(os.sched_getaffinity(0))
        return overhead(args, packed, 1, rounds, processor)
    except (AttributeError, PermissionError):
        return None


def first_call(args, rounds):
    """Milliseconds to connect, of the first call of a backend and of the
    second, parsed and planned like the first."""
    found = {"connect": [], "first call": [], "second call": []}
    with contextlib.closing(connect(args)) as driver:
        driver.load(texts.QUERIES[:1])
        for _ in range(rounds):
            for name, micros in zip(found, driver.ask("@").split()):
                found[name].append(float(micros) / 1e3)
    return {name: report.spread(values) for name, values in found.items()}


def private_kilobytes(process):
    """None where it cannot be read: for another user's process only root
    can."""
    try:
        with open(f"/proc/{process}/smaps_rollup", encoding="ascii") as file:
            return sum(int(line.split()[1]) for line in file
                       if line.startswith("Private_"))
    except OSError:
        return None


def memory(args, threads):
    """Private megabytes of a backend before its first call and after many.
    Another backend has the model, too: pages of a file that a single process
    maps count as private."""
    with contextlib.closing(connect(args)) as other, \
            contextlib.closing(connect(args, threads)) as driver, \
            contextlib.closing(connect(args, threads, "SELECT $1")) as idle:
        idle.time(["x"])
        for each in (other, driver):
            each.time(texts.QUERIES * 20)
        before = private_kilobytes(int(idle.ask("#")))
        after = private_kilobytes(int(driver.ask("#")))
    if before is None or after is None:
        return None
    return {"before": before / 1024, "after": after / 1024,
            "difference": (after - before) / 1024}


def percentile(ordered, per_cent):
    return ordered[min(len(ordered) - 1, len(ordered) * per_cent // 100)]


def clients(args, count, seconds):
    """Queries each second of count clients together, and the milliseconds of
    one in the median and at the 95th percentile."""
    drivers = [connect(args) for _ in range(count)]
    for driver in drivers:
        driver.time(texts.QUERIES)
    start = time.monotonic()
    for driver in drivers:
        driver.send(f"*{seconds}")
        driver.process.stdin.flush()
    answers = [driver.answer() for driver in drivers]
    spent = time.monotonic() - start
    for driver in drivers:
        driver.close()
    micros = sorted(float(x) for answer in answers for x in answer.split())
    return {"clients": count, "queries/s": len(micros) / spent,
            "p50 ms": percentile(micros, 50) / 1e3,
            "p95 ms": percentile(micros, 95) / 1e3}


def array(passages):
    """The passages as the text of an array."""
    quoted = (p.replace("\\", "\\\\").replace('"', '\\"') for p in passages)
    return "{" + ",".join(f'"{text}"' for text in quoted) + "}"


def array_throughput(args, passages, threads, rounds):
    """Passages each second, of the form that takes an array."""
    statement = "SELECT angle_embed($1::text::text[], 'angle-mini')"
    with contextlib.closing(connect(args, threads, statement)) as driver:
        batch = [array(passages)]
        driver.time([array(passages[:4])])
        return report.spread([len(passages) / driver.time(batch)
                              for _ in range(rounds)])


def bar(what, value, unit):
    return {"what": what, "value": value, "unit": unit, "bar": BARS[what],
            "met": value <= BARS[what]}


def measure(args, packed, passages):
    """All of it; rounds and seconds by args.quick."""
    rounds, seconds = (3, 2) if args.quick else (7, 5)
    result = {"overhead us": overhead(args, packed, 1, rounds),
              "one processor us": overhead_of_one_processor(args, packed,
                                                            rounds),
              "first call ms": first_call(args, 5 * rounds),
              "memory MB": {n: memory(args, n) for n in (1, 2)},
              "arrays passages/s": {
                  n: array_throughput(args, passages, n, 2) for n in (1, 2)},
              "clients": [clients(args, n, seconds) for n in (1, 2, 4, 8)]}
    result["two threads us"] = overhead(args, packed, 2, rounds)
    result["bars"] = [
        bar("SQL overhead", result["overhead us"]["difference"]["median"],
            "us"),
        bar("first call", result["first call ms"]["first call"]["median"],
            "ms")]
    bound = result["one processor us"]
    if bound is not None:
        result["bars"].append(bar("SQL overhead, one processor",
                                  bound["difference"]["median"], "us"))
    private = result["memory MB"][1]
    if private is not None:
        result["bars"].append(
            bar("private memory", private["difference"], "MB"))
    return result


def line(what, values, unit):
    print(f"  {what:<44}" + "".join(
        f"{report.number(values[key]):>9}" for key in ("median", "low", "high"))
        + f" {unit}")


def print_server(result):
    print("\nin a server, angle-mini" + f"{'median':>32}{'lowest':>9}"
          f"{'highest':>9}")
    for key, what in (("overhead us", "angle.threads 1"),
                      ("one processor us", "one processor"),
                      ("two threads us", "angle.threads 2")):
        for name, values in (result[key] or {}).items():
            line(f"one question, {what}, {name}", values, "us")
    for name, values in result["first call ms"].items():
        line(f"fresh backend, {name}", values, "ms")
    for threads, values in result["arrays passages/s"].items():
        line(f"array of passages, angle.threads {threads}", values,
             "passages/s")
    for threads, values in result["memory MB"].items():
        if values is None:
            print("  private memory: not readable; run as root or as the "
                  "server's user")
        else:
            print(f"  private memory of a backend, angle.threads {threads}: "
                  f"{values['before']:.1f} MB before the first call, "
                  f"{values['after']:.1f} MB after")
    for row in result["clients"]:
        print(f"  {row['clients']} client(s): {row['queries/s']:.0f} "
              f"queries/s, p50 {row['p50 ms']:.2f} ms, p95 "
              f"{row['p95 ms']:.2f} ms")
    for row in result["bars"]:
        print(f"  {row['what']}: {row['value']:.3g} {row['unit']}, bar "
              f"{row['bar']}: {'met' if row['met'] else 'MISSED'}")
