"""LIMIT 10 under filters: rows, recall and time."""
import statistics

import data as datasets
import libpq

PERCENTS = (1, 10)


def measure(session, side, data):
    """Each filter, with the side's settings at their defaults but for those that its
    manual has for filters. The queries are not those of the search, by which settings may
    have been tuned."""
    session.settle(side.filtering)
    return [filtered(session, side, data, percent) for percent in PERCENTS]


def filtered(session, side, data, percent):
    kept = (data.parts < percent).nonzero()[0]
    best = datasets.nearest(data.rows[kept], data.filter_queries)
    forms = libpq.encode_vectors(data.filter_queries)
    session.prepare("sift", side.question(f"WHERE part < {percent}"))
    with libpq.one_processor(session):
        session.ask("sift", forms)
        seconds, answers = session.ask("sift", forms)
    session.run("DEALLOCATE sift")
    recalls = [datasets.recall(data.rows, *answer)
               for answer in zip(data.filter_queries, best, answers)]
    return {"percent": percent, "rows": min(map(len, answers)),
            "recall": statistics.mean(recalls), "ms": statistics.median(seconds) * 1000}
