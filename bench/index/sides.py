"""What is compared: an index, how it is made, and the knob that trades recall for speed."""
import dataclasses
import math

import libpq


@dataclasses.dataclass
class Side:
    name: str             # of its table
    title: str
    kind: str             # type of the column
    using: str            # access method, column and options of the index
    knob: str             # setting
    values: tuple         # of the knob, from fast to thorough
    session: tuple = ()   # further settings

    @property
    def ours(self):
        return self.name.startswith("angle")

    def create_table(self, session, dimensions, suffix=""):
        session.run(f"CREATE TABLE {self.name}{suffix} (id int PRIMARY KEY,"
                    f" part int NOT NULL, v {self.kind}({dimensions}))")

    def load(self, session, data, start, stop, suffix=""):
        ranges = [(i, min(i + 5000, stop)) for i in range(start, stop, 5000)]
        session.copy(self.name + suffix, (
            libpq.encode_rows(range(i, j), data.parts[i:j], data.rows[i:j])
            for i, j in ranges))

    def create_index(self, session, suffix=""):
        """Builds the index and returns the seconds."""
        return session.time(f"CREATE INDEX {self.name}{suffix}_v"
                            f" ON {self.name}{suffix} USING {self.using}")

    def turn(self, session, value):
        session.run(f"SET {self.knob} = {value}")

    def settle(self, session):
        """Settings of the session that do not change."""
        session.run("SET enable_seqscan = off")
        for setting in self.session:
            session.run(f"SET {setting}")

    def question(self, where="", suffix=""):
        return (f"SELECT id FROM {self.name}{suffix} {where}"
                f" ORDER BY v <=> $1::{self.kind} LIMIT 10")


def hnsw(construction):
    return Side(f"hnsw{construction}", f"pgvector HNSW efC {construction}", "vector",
                f"hnsw (v vector_cosine_ops) WITH (m = 16, ef_construction ="
                f" {construction})", "hnsw.ef_search", (10, 20, 40, 80, 160, 320, 640, 1000))


def ivfflat(rows, lists=0):
    """With so many lists, or about the square root of the rows, pgvector's own advice for
    large tables; for small ones a thousandth."""
    name = f"ivfflat{lists or ''}"
    lists = lists or max(10, rows // 1000 if rows < 200_000 else round(math.sqrt(rows)))
    probes = [p for p in (1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)
              if p <= lists]
    return Side(name, f"pgvector IVFFlat, {lists} lists", "vector",
                f"ivfflat (v vector_cosine_ops) WITH (lists = {lists})",
                "ivfflat.probes", tuple(probes))


def angle(knob="probes"):
    if knob == "probes":
        return Side("angle", "angle, probes", "angle_vector", "angle (v)", "angle.probes",
                    (2, 8, 32, 64, 128, 256, 512, 1024, 2048))
    return Side("angle", "angle, recall_target", "angle_vector", "angle (v)",
                "angle.recall_target",
                (0.8, 0.9, 0.93, 0.95, 0.96, 0.97, 0.98, 0.99, 0.993, 0.995))


def chosen(names, rows):
    """The sides with these names: angle, hnsw with its ef_construction, ivfflat with
    its lists or without."""
    return [make(name, rows) for name in names]


def make(name, rows):
    kind = name.rstrip("0123456789")
    number = int(name[len(kind):] or 0)
    if kind == "hnsw" and number:
        return hnsw(number)
    if kind == "ivfflat":
        return ivfflat(rows, number)
    if name == "angle":
        return angle()
    raise SystemExit(f"bench/index: there is no side {name}")
