"""What an index query costs beyond what any query does."""
import statistics

import libpq


def measure(session, side, data, queries):
    """Median microseconds of a query by the index at its least effort, and of a look-up by
    primary key."""
    sweep = side.sweeps[0]
    session.settle((*sweep.fixed, f"{sweep.setting} = {sweep.values[0]}"))
    session.prepare("near", side.question())
    session.prepare("key", f"SELECT id FROM {side.name} WHERE id = $1::int4")
    near, key = [], []
    for i, form in enumerate(libpq.encode_vectors(data.queries[:queries])):
        near.append(session.execute("near", form)[0])
        key.append(session.execute("key", (i * 97).to_bytes(4, "big"))[0])
    session.run("DEALLOCATE near; DEALLOCATE key")
    return {"index us": statistics.median(near) * 1e6, "key us": statistics.median(key) * 1e6}
