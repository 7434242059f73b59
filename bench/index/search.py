"""Recall and queries per second: every point of every knob, in rounds that let all
sides answer the same queries in turn."""
import statistics
import sys

import data as datasets
import libpq

MARKS = (0.90, 0.95, 0.99)


class Point:
    """One value of one side's knob."""

    def __init__(self, side, value):
        self.side, self.value = side, value
        self.times = []       # mean seconds of a query, one for each round
        self.recalls = []

    def as_dict(self):
        return {"value": self.value, "recall": statistics.mean(self.recalls),
                "seconds": statistics.median(self.times),
                "low": min(self.times), "high": max(self.times)}


def open_session(conninfo, side):
    session = libpq.Connection(conninfo)
    side.settle(session)
    session.prepare("ask", side.question())
    return session


def check_plan(session, side, form):
    """An index that the planner does not use must not be measured."""
    plan = "\n".join(r[0] for r in session.run(
        f"EXPLAIN {side.question().replace('$1', form)}"))
    if f"{side.name}_v" not in plan:
        raise SystemExit(f"bench/index: {side.title} is not used:\n{plan}")


def ask(session, point, data, forms, best, chosen):
    """The queries with these numbers; adds a round to point."""
    point.side.turn(session, point.value)
    seconds, recalls = [], []
    for i in chosen:
        took, found = session.execute("ask", forms[i])
        seconds.append(took)
        recalls.append(datasets.recall(data.rows, data.queries[i], best[i], found))
    point.times.append(statistics.mean(seconds))
    point.recalls.append(statistics.mean(recalls))


def measure(conninfo, sides, data, best, rounds, queries):
    """Points of all sides. Each round asks its own share of the queries, after as many
    that are not counted."""
    forms = libpq.encode_vectors(data.queries)
    text = "'[" + ",".join(map(str, data.queries[0])) + "]'"
    sessions = [open_session(conninfo, side) for side in sides]
    points = [[Point(side, value) for value in side.values] for side in sides]
    for session, side in zip(sessions, sides):
        check_plan(session, side, text)
        for i in range(min(50, len(forms))):
            session.execute("ask", forms[i])
    for number in range(rounds):
        share = [(number * queries + i) % len(forms) for i in range(queries)]
        # All sides by turns, and in the other order in every second round.
        turns = [(session, row[i]) for i in range(max(map(len, points)))
                 for session, row in zip(sessions, points) if i < len(row)]
        for session, point in turns if number % 2 == 0 else reversed(turns):
            ask(session, point, data, forms, best, share)
        print(f"round {number + 1} of {rounds}", file=sys.stderr, flush=True)
    for session in sessions:
        session.close()
    return [[point.as_dict() for point in row] for row in points]


def at_recall(points, mark):
    """Queries per second where the curve crosses mark, between two points in a
    straight line of the logarithms of the time; None if it is not reached."""
    points = sorted(points, key=lambda p: p["recall"])
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
