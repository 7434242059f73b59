"""What an index query costs beyond what any query does."""
import statistics

import libpq

FEW = 10   # rows of a table whose index has next to nothing to search


def compare(session, side, data, queries, suffix=""):
    """Median microseconds of a query by the index, and of a look-up by primary key, each of
    a table of rows with ids from 0 on, by turns, in a session that has met the pages."""
    rows = FEW if suffix else len(data.rows)
    session.prepare("near", side.question(suffix=suffix))
    session.prepare("key", f"SELECT id FROM {side.name}{suffix} WHERE id = $1::int4")
    keys = [(i * 97 % rows).to_bytes(4, "big") for i in range(queries)]
    forms = libpq.encode_vectors(data.queries[:queries])
    with libpq.one_processor(session):
        session.ask("near", forms)
        near, key = zip(*((session.execute("near", form)[0],
                           session.execute("key", number)[0])
                          for form, number in zip(forms, keys)))
    session.run("DEALLOCATE near; DEALLOCATE key")
    return statistics.median(near) * 1e6, statistics.median(key) * 1e6


def measure(session, side, data, queries):
    """At the index's least effort, of all rows and of a table of a few: the one has a search
    in it, the other little but the planner's and the executor's part."""
    sweep = side.sweeps[0]
    session.settle((*sweep.fixed, f"{sweep.setting} = {sweep.values[0]}"))
    near, key = compare(session, side, data, queries)
    session.run(f"DROP TABLE IF EXISTS {side.name}_few")
    side.create_table(session, data.rows.shape[1], "_few")
    side.load(session, data, 0, FEW, "_few")
    side.create_index(session, "_few")
    session.run(f"VACUUM ANALYZE {side.name}_few")
    session.settle(("enable_seqscan = off",))
    few_near, few_key = compare(session, side, data, queries, "_few")
    session.run(f"DROP TABLE {side.name}_few")
    return {"index us": near, "key us": key, "few index us": few_near, "few key us": few_key}
