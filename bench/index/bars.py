"""Ratios to the other sides, and which of those that were set as a bar are missed."""
import numpy as np

import filters
import search

INFINITE = float("inf")


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


def ratio(mine, theirs):
    """How many times theirs mine is, where 0 is a recall that is not reached."""
    if theirs:
        return mine / theirs
    return INFINITE if mine else 0.0


def search_bars(curves):
    """Of a maker's indexes and their settings the one that is the fastest at the recall
    counts, ours and the others'."""
    ours = [curve for curve in curves if curve["maker"] == "angle"]
    theirs = [curve for curve in curves if curve["maker"] != "angle"]
    for mark, pgvectors in ((0.95, 4), (0.99, 10)):
        mine = search.fastest(ours, mark)
        for kind in dict.fromkeys(curve["kind"] for curve in theirs):
            if kind.startswith("hnsw"):
                speed = search.fastest([c for c in theirs if c["kind"] == kind], mark)
                yield f"queries/s at {mark} over {kind}", ratio(mine, speed), 10
        for maker in dict.fromkeys(curve["maker"] for curve in theirs):
            speed = search.fastest([c for c in theirs if c["maker"] == maker], mark)
            yield (f"queries/s at {mark} over {maker}'s best", ratio(mine, speed),
                   pgvectors if maker == "pgvector" else 2)


def hnsw_bars(ours, name, theirs):
    """Ratios to one HNSW index."""
    yield f"build time of {name}", theirs["build"] / ours["build"], 8
    yield f"bytes of {name}", theirs["bytes"] / ours["bytes"], 4
    if "write" in ours:
        mine, other = ours["write"], theirs["write"]
        yield f"build time of {name}, smaller table", other["build"] / mine["build"], 8
        yield f"insertion over {name}", mine["rows/s"] / other["rows/s"], 5
        yield (f"insertion by several over {name}",
               mine["together"] / other["together"], 5)
        yield f"WAL of the index of {name}", other["wal"] / mine["wal"], 5
        yield f"VACUUM of {name}", other["vacuum"] / mine["vacuum"], 10
    if "filter" in ours:
        yield from filter_bars(ours["filter"], name, theirs["filter"])


def filter_bars(ours, name, theirs):
    """Ratios of times under filters: by default, whatever is found, and at the same recall."""
    for mine, other in zip(filters.by_default(ours), filters.by_default(theirs)):
        yield f"time of {name}, filter {mine['percent']} %", other["ms"] / mine["ms"], 1
    for other in theirs:
        mine = filters.ms_at(ours, other["percent"], other["recall"])
        yield (f"the same at its recall, {other['percent']} %, {other['way']}",
               other["ms"] / mine, 1)


def own_bars(ours):
    """Pairs of a figure and the least it may be; what should be small is negated."""
    for f in filters.by_default(ours.get("filter", ())):
        yield f"rows under a filter of {f['percent']} %", f["rows"], 10
        yield f"recall under a filter of {f['percent']} %", f["recall"], 0.95
    if "grow" in ours:
        for kind in ("grown", "churned"):
            loss = growth_loss(ours["grow"], kind)
            yield f"recall lost when {kind}, negated", -loss, -0.01
    if "overhead" in ours:
        for few, name in (("few ", "ten rows"), ("", "all rows")):
            over = ours["overhead"][f"{few}index us"] - ours["overhead"][f"{few}key us"]
            yield f"µs over a primary key look-up, {name}, negated", -over, -60


def all_bars(result):
    ours = result["sides"].get("angle")
    if not ours:
        return
    yield from search_bars(result.get("search", ()))
    for name, side in result["sides"].items():
        if name.startswith("hnsw"):
            yield from hnsw_bars(ours, name, side)
    yield from own_bars(ours)


def print_bars(result):
    """Prints all; returns how many were missed."""
    found = list(all_bars(result))
    if found:
        print(f"\n{'bar':48}{'figure':>9}{'least':>8}")
    missed = 0
    for name, figure, least in found:
        missed += figure < least
        print(f"{name:48}{figure:9.2f}{least:8.2f}{'' if figure >= least else '  missed'}")
    return missed
