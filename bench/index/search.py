"""Recall and queries per second. All values of all settings are tried with a few queries
first; those around the marks of recall are then measured, in rounds that let all sides
answer the same queries by turns."""
import statistics
import sys

import data as datasets
import libpq

MARKS = (0.90, 0.95, 0.99)
ENOUGH = 0.996   # a recall beyond which nothing is tried
SURE = 1 / 3     # of what a mark lacks to 1: who is tried so far above it surely reaches it
CLOSE = 1.25     # times the fastest's: what is slower when it is tried is not measured
WARMING = 50     # queries of each session that are not counted


class Point:
    """One value of a setting."""

    def __init__(self, value):
        self.value = value
        self.times = []       # mean seconds of a query, one for each round
        self.recalls = []

    def as_dict(self):
        return {"value": self.value, "recall": statistics.mean(self.recalls),
                "seconds": statistics.median(self.times),
                "low": min(self.times), "high": max(self.times)}


class Curve:
    """A side, one of its settings, a session for it, and the points."""

    def __init__(self, conninfo, side, sweep, asked):
        self.side, self.sweep, self.asked = side, sweep, asked
        self.tried = []       # points as dictionaries
        self.marks = []       # around which it is measured
        self.points = []
        self.session = libpq.Connection(conninfo)
        self.session.settle(sweep.fixed)
        self.turn(sweep.values[0])
        self.check_plan()
        self.session.prepare("ask", side.question())
        for form in asked.forms[:WARMING]:
            self.session.execute("ask", form)

    def check_plan(self):
        """An index that the planner does not use must not be measured."""
        query = self.side.question().replace("$1", self.asked.text)
        plan = "\n".join(r[0] for r in self.session.run(f"EXPLAIN {query}"))
        if f"{self.side.name}_v" not in plan:
            raise SystemExit(f"bench/index: {self.side.title} is not used:\n{plan}")

    def turn(self, value):
        self.session.run(f"SET {self.sweep.setting} = {value}")

    def warm(self, chosen):
        """Lets the session meet the pages that these queries read at most: a backend waits
        for the kernel whenever it meets one for the first time."""
        self.turn(self.points[-1].value)
        self.session.ask("ask", (self.asked.forms[i] for i in chosen))

    def ask(self, point, chosen):
        """The queries with these numbers; adds a round to point."""
        self.turn(point.value)
        seconds, answers = self.session.ask("ask", (self.asked.forms[i] for i in chosen))
        point.times.append(statistics.mean(seconds))
        point.recalls.append(statistics.mean(map(self.asked.recall, chosen, answers)))

    def scout(self, queries):
        """Tries all values that could matter."""
        for value in self.sweep.values:
            point = Point(value)
            self.ask(point, range(queries))
            self.tried.append(point.as_dict())
            if self.tried[-1]["recall"] >= ENOUGH:
                break

    def reaching(self, recall):
        """How many of the values that were tried come before the first with that recall."""
        return next((i for i, p in enumerate(self.tried) if p["recall"] >= recall),
                    len(self.tried))

    def choose_points(self):
        """Of the values that were tried, for each mark the last that is below it to the
        first that is surely above: few queries may err."""
        kept = set()
        for mark in self.marks:
            kept.update(range(self.reaching(mark) - 1,
                              self.reaching(mark + SURE * (1 - mark)) + 1))
        self.points = [Point(p["value"]) for i, p in enumerate(self.tried) if i in kept]

    def as_dict(self):
        return {"side": self.side.name, "kind": self.side.kind, "maker": self.side.maker,
                "title": self.sweep.title, "marks": self.marks or MARKS,
                "points": [point.as_dict() for point in self.points] or self.tried}


class Asked:
    """The queries of the search, and what is right."""

    def __init__(self, data, best):
        self.data, self.best = data, best
        self.forms = libpq.encode_vectors(data.search_queries)
        self.text = "'[" + ",".join(map(str, data.search_queries[0])) + "]'"

    def recall(self, i, found):
        return datasets.recall(self.data.rows, self.data.search_queries[i], self.best[i],
                               found)


def close_to_fastest(rivals, mark):
    """Of the curves of one kind, those that were about the fastest at mark."""
    speeds = [at_recall(curve.tried, mark) or 0.0 for curve in rivals]
    return [curve for curve, speed in zip(rivals, speeds) if speed * CLOSE >= max(speeds)]


def choose_curves(curves):
    """Ours are measured around all marks, of every other kind those that are fast there:
    there may be many numbers of lists, of which only the best counts."""
    for mark in MARKS:
        for kind in dict.fromkeys(curve.side.kind for curve in curves):
            rivals = [curve for curve in curves if curve.side.kind == kind]
            if not rivals[0].side.ours:
                rivals = close_to_fastest(rivals, mark)
            for curve in rivals:
                curve.marks.append(mark)
    chosen = [curve for curve in curves if curve.marks]
    for curve in chosen:
        curve.choose_points()
    return chosen


def take_rounds(curves, asked, rounds, queries):
    """All points of all curves by turns, and in the other order in every second round,
    which each ask their own share of the queries."""
    turns = [(curve, curve.points[i])
             for i in range(max(len(curve.points) for curve in curves))
             for curve in curves if i < len(curve.points)]
    for number in range(rounds):
        share = [(number * queries + i) % len(asked.forms) for i in range(queries)]
        for curve in curves:
            curve.warm(share)
        for curve, point in turns if number % 2 == 0 else reversed(turns):
            curve.ask(point, share)
        print(f"round {number + 1} of {rounds}", file=sys.stderr, flush=True)


def measure(conninfo, sides, data, best, args):
    """Curves with their points, as dictionaries, and those that were only tried."""
    asked = Asked(data, best)
    curves = [Curve(conninfo, side, sweep, asked) for side in sides
              for sweep in side.sweeps]
    for curve in curves:
        with libpq.one_processor(curve.session):
            curve.scout(min(args.scout_queries, len(asked.forms)))
        print(f"tried {curve.sweep.title}", file=sys.stderr, flush=True)
    chosen = choose_curves(curves)
    with libpq.one_processor(*(curve.session for curve in chosen)):
        take_rounds(chosen, asked, args.rounds, args.round_queries)
    for curve in curves:
        curve.session.close()
    return ([curve.as_dict() for curve in chosen],
            [curve.as_dict() for curve in curves if curve not in chosen])


def at_recall(points, mark):
    """Queries per second where the curve crosses mark, between two points in a
    straight line of the logarithms of the time; None if it is not reached."""
    better = [p for p in points if p["recall"] >= mark]
    if not better:
        return None
    upper = min(better, key=lambda p: p["seconds"])
    lower = [p for p in points if p["recall"] < mark and p["seconds"] < upper["seconds"]]
    if not lower:
        return 1 / upper["seconds"]
    lower = max(lower, key=lambda p: p["recall"])
    part = (mark - lower["recall"]) / (upper["recall"] - lower["recall"])
    return 1 / (lower["seconds"] ** (1 - part) * upper["seconds"] ** part)


def fastest(curves, mark):
    """Queries per second at mark of the fastest of the curves that were measured around
    it, 0 if none reaches it."""
    return max((at_recall(curve["points"], mark) or 0.0 for curve in curves
                if mark in curve["marks"]), default=0.0)
