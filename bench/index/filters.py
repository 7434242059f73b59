"""LIMIT 10 under filters: rows, recall and time."""
import statistics

import numpy as np

import data as datasets
import libpq

PERCENTS = (1, 10)


def measure(session, side, data):
    """Each filter with each of the side's ways. The queries are not those of the search, by
    which settings may have been tuned."""
    return [point for percent in PERCENTS for point in filtered(session, side, data, percent)]


def filtered(session, side, data, percent):
    kept = (data.parts < percent).nonzero()[0]
    best = datasets.nearest(data.rows[kept], data.filter_queries)
    forms = libpq.encode_vectors(data.filter_queries)
    for way, settings in side.filtering.items():
        session.settle(settings)
        session.prepare("sift", side.question(f"WHERE part < {percent}"))
        with libpq.one_processor(session):
            session.ask("sift", forms)
            seconds, answers = session.ask("sift", forms)
        session.run("DEALLOCATE sift; RESET ALL")
        recalls = [datasets.recall(data.rows, *answer)
                   for answer in zip(data.filter_queries, best, answers)]
        yield {"percent": percent, "way": way, "rows": min(map(len, answers)),
               "recall": statistics.mean(recalls), "ms": statistics.median(seconds) * 1000}


def by_default(points):
    """Those with the settings at their defaults, but for those that a manual has for filters."""
    return [point for point in points if point["way"] == "default"]


def ms_at(points, percent, recall):
    """What a side takes under a filter for a recall, between two of its ways in a straight
    line; beyond them the nearest one."""
    curve = sorted((p["recall"], p["ms"]) for p in points if p["percent"] == percent)
    return float(np.interp(recall, *zip(*curve)))
