"""Tables of what was measured, and which bars were missed."""
import numpy as np

import search


def print_machine(result):
    about = result["machine"]
    print(f"{about['processor']}, load {about['load']}; PostgreSQL {about['server']},"
          f" {about['extensions']}; shared_buffers {about['shared_buffers']},"
          f" maintenance_work_mem {about['maintenance_work_mem']},"
          f" {about['workers']} workers; {about['date']}")
    print(f"{result['data']}: {result['rows']:,} × {result['dimensions']}")
    print(f"\n{'index':32}{'build s':>9}{'bytes/vector':>14}")
    for side in result["sides"].values():
        build = f"{side['build']:.1f}" if "build" in side else "-"
        print(f"{side['title']:32}{build:>9}{side['bytes']:14.0f}", flush=True)


def print_search(result):
    for curve in result["search"]:
        print(f"\n{curve['title']:32}{'recall@10':>10}{'ms':>9}   lowest–highest round")
        for p in curve["points"]:
            print(f"{p['value']:>32}{p['recall']:10.4f}{p['seconds'] * 1e3:9.3f}"
                  f"   {p['low'] * 1e3:.3f}–{p['high'] * 1e3:.3f}")
    print(f"\n{'queries/s at recall@10':32}"
          + "".join(f"{mark:10.2f}" for mark in search.MARKS))
    for curve in result["search"]:
        cells = [search.at_recall(curve["points"], mark) for mark in search.MARKS]
        print(f"{curve['title']:32}"
              + "".join(f"{c:10.0f}" if c else f"{'-':>10}" for c in cells))


def print_writes(sides):
    print(f"\n{'':32}{'build s':>9}{'rows/s':>9}{'WAL/row':>9}{'+images':>9}"
          f"{'together':>9}{'VACUUM s':>10}")
    for side in sides:
        write = side["write"]
        print(f"{side['title']:32}{write['build']:9.1f}{write['rows/s']:9.0f}"
              f"{write['wal']:9.0f}{write['wal with images']:9.0f}"
              f"{write['together']:9.0f}{side['vacuum']:10.3f}")


def print_filters(sides):
    print(f"\n{'filter':32}{'keeps %':>9}{'rows':>6}{'recall':>8}{'ms':>9}")
    for side in sides:
        for f in side["filter"]:
            print(f"{side['title']:32}{f['percent']:9}{f['rows']:6}{f['recall']:8.3f}"
                  f"{f['ms']:9.2f}")


def print_growth(sides):
    for side in sides:
        kinds = [side["grow"][kind] for kind in ("built", "grown", "churned")]
        print(f"\n{side['title']:32}{'built':>20}{'grown by inserts':>20}"
              f"{'half came again':>20}")
        for row in zip(*kinds):
            print(f"{row[0]['value']:>32}" + "".join(
                f"{p['recall']:11.3f}{p['ms']:7.2f}ms" for p in row))


def print_plans(sides):
    for side in sides:
        print(f"\n{'rows':>9}{'keeps':>8}{'LIMIT':>7}  {'chosen':10}{'ms':>9}"
              f"   other ways, ms")
        for p in side["plans"]:
            others = ", ".join(f"{way} {ms:.2f}" for way, ms in p["ms"].items()
                               if way != p["chosen"])
            print(f"{p['rows']:>9}{p['keeps']:8.3g}{p['limit']:>7}  {p['chosen']:10}"
                  f"{p['ms'][p['chosen']]:9.2f}   {others}"
                  f"{'  wrong' if p['wrong'] else ''}")
        wrong = [p for p in side["plans"] if p["wrong"]]
        print(f"{len(wrong)} of {len(side['plans'])} plans are wrong")


def print_overhead(sides):
    print(f"\n{'':32}{'index µs':>10}{'primary key µs':>16}")
    for side in sides:
        print(f"{side['title']:32}{side['overhead']['index us']:10.0f}"
              f"{side['overhead']['key us']:16.0f}")


def growth_loss(grow, kind):
    """The most recall that growth costs at equal time, where the built index finds nine
    tenths or more. Between two points of the grown one recall is a straight line."""
    curve = sorted(grow[kind], key=lambda g: g["ms"])
    loss = 0.0
    for p in grow["built"]:
        if p["recall"] >= 0.9:
            reached = np.interp(p["ms"], [g["ms"] for g in curve],
                                [g["recall"] for g in curve])
            loss = max(loss, p["recall"] - reached)
    return loss


def search_bars(result):
    """Of our two knobs the one that is faster at the recall counts."""
    ours = [c["points"] for c in result["search"] if c["side"] == "angle"]
    curves = {c["side"]: c["points"] for c in result["search"] if c["side"] != "angle"}
    for mark, against_best in ((0.95, 4), (0.99, 10)):
        mine = max((search.at_recall(points, mark) or 0.0 for points in ours), default=0.0)
        theirs = {name: search.at_recall(points, mark) for name, points in curves.items()}
        for name, speed in theirs.items():
            if name.startswith("hnsw"):
                ratio = mine / speed if speed else float("inf") if mine else 0.0
                yield f"queries/s at {mark} over {name}", ratio, 10
        speed = max((s for s in theirs.values() if s), default=None)
        ratio = mine / speed if speed else float("inf") if mine else 0.0
        yield f"queries/s at {mark} over pgvector's best", ratio, against_best


def side_bars(ours, name, theirs):
    """Ratios to one HNSW index."""
    if "build" in ours and "build" in theirs:
        yield f"build time of {name}", theirs["build"] / ours["build"], 8
    if "write" in ours:
        yield (f"build time of {name}, smaller table",
               theirs["write"]["build"] / ours["write"]["build"], 8)
    yield f"bytes of {name}", theirs["bytes"] / ours["bytes"], 4
    if "write" in ours:
        mine, other = ours["write"], theirs["write"]
        yield f"insertion over {name}", mine["rows/s"] / other["rows/s"], 5
        yield (f"insertion by several over {name}",
               mine["together"] / other["together"], 5)
        yield f"WAL of the index of {name}", other["wal"] / mine["wal"], 5
        yield f"VACUUM of {name}", theirs["vacuum"] / ours["vacuum"], 10
    if "filter" in ours:
        for mine, other in zip(ours["filter"], theirs["filter"]):
            yield (f"time of {name}, filter {mine['percent']} %",
                   other["ms"] / mine["ms"], 1)


def own_bars(ours):
    """Pairs of a figure and the least it may be; what should be small is negated."""
    for f in ours.get("filter", ()):
        yield f"rows under a filter of {f['percent']} %", f["rows"], 10
        yield f"recall under a filter of {f['percent']} %", f["recall"], 0.95
    if "grow" in ours:
        for kind in ("grown", "churned"):
            loss = growth_loss(ours["grow"], kind)
            yield f"recall lost when {kind}, negated", -loss, -0.01
    if "overhead" in ours:
        over = ours["overhead"]["index us"] - ours["overhead"]["key us"]
        yield "µs over a primary key look-up, negated", -over, -60


def print_bars(result):
    bars = list(search_bars(result)) if "search" in result else []
    sides = dict(result["sides"])
    ours = sides.pop("angle", None)
    if ours:
        for name, side in sides.items():
            if name.startswith("hnsw"):
                bars += side_bars(ours, name, side)
        bars += own_bars(ours)
    print(f"\n{'bar':48}{'figure':>9}{'least':>8}")
    missed = 0
    for name, figure, least in bars:
        missed += figure < least
        print(f"{name:48}{figure:9.2f}{least:8.2f}{'' if figure >= least else '  missed'}")
    return missed


def print_result(result):
    """Prints all; returns how many bars were missed."""
    sides = list(result["sides"].values())
    if "search" in result:
        print_search(result)
    for part, print_part in (("write", print_writes), ("filter", print_filters),
                             ("grow", print_growth), ("overhead", print_overhead),
                             ("plans", print_plans)):
        if sides and part in sides[0]:
            print_part([side for side in sides if part in side])
    return print_bars(result)
