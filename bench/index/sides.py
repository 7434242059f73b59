"""What is compared: an index, how it is made, and the settings that trade recall for
speed."""
import dataclasses
import math

import libpq


@dataclasses.dataclass
class Sweep:
    """A setting, and its values from fast to thorough, while others are fixed."""
    title: str
    setting: str
    values: tuple
    fixed: tuple = ()     # "name = value"


@dataclasses.dataclass
class Side:
    """An index on a table of its own."""
    name: str             # of the table
    title: str
    kind: str             # sides of one kind differ in the number of lists alone
    maker: str            # angle, pgvector, …
    extension: str
    column: str           # type of the column
    using: str            # access method, column and options of the index
    sweeps: tuple
    # names of ways to ask with a filter, and their settings, "name = value"; the default is
    # what the manual has for filters, or nothing
    filtering: dict = dataclasses.field(default_factory=lambda: {"default": ()})

    @property
    def ours(self):
        return self.maker == "angle"

    def create_table(self, session, dimensions, suffix=""):
        session.run(f"CREATE TABLE {self.name}{suffix} (id int PRIMARY KEY,"
                    f" part int NOT NULL, v {self.column}({dimensions}))")

    def load(self, session, data, start, stop, suffix=""):
        ranges = [(i, min(i + 5000, stop)) for i in range(start, stop, 5000)]
        session.copy(self.name + suffix, (
            libpq.encode_rows(range(i, j), data.parts[i:j], data.rows[i:j])
            for i, j in ranges))

    def create_index(self, session, suffix=""):
        """Builds the index and returns the seconds."""
        return session.time(f"CREATE INDEX {self.name}{suffix}_v"
                            f" ON {self.name}{suffix} USING {self.using}")

    def question(self, where="", suffix=""):
        return (f"SELECT id FROM {self.name}{suffix} {where}"
                f" ORDER BY v <=> $1::{self.column} LIMIT 10")


def ladder(first, last):
    """Whole numbers from first to last, each √2 times the one before."""
    steps = math.floor(2 * math.log2(last / first)) + 1
    return tuple(sorted({round(first * 2 ** (i / 2)) for i in range(steps)} | {last}))


def angle():
    return Side(
        "angle", "angle", "angle", "angle", "angle", "angle_vector", "angle (v)", (
            Sweep("angle, probes", "angle.probes", ladder(1, 4096)),
            Sweep("angle, recall_target", "angle.recall_target",
                  (0.8, 0.85, 0.88, 0.9, 0.92, 0.93, 0.94, 0.95, 0.96, 0.97, 0.98, 0.985,
                   0.99, 0.993, 0.995))),
        {"default": (), **{f"target {target}": (f"angle.recall_target = {target}",)
                           for target in (0.5, 0.7, 0.8, 0.9, 0.98)}})


def hnsw(construction):
    title = f"pgvector HNSW efC {construction}"
    return Side(
        f"hnsw{construction}", title, f"hnsw{construction}", "pgvector", "vector",
        "vector", "hnsw (v vector_cosine_ops) WITH (m = 16, ef_construction ="
        f" {construction})", (Sweep(title, "hnsw.ef_search", ladder(10, 1000)),),
        {"default": ("hnsw.iterative_scan = strict_order",),
         "thorough": ("hnsw.iterative_scan = relaxed_order", "hnsw.ef_search = 1000",
                      "hnsw.max_scan_tuples = 500000", "hnsw.scan_mem_multiplier = 1000")})


def ivfflat(rows, lists):
    """By default with about the square root of the rows as lists, pgvector's own advice
    for large tables; for small ones a thousandth."""
    number = lists or max(10, rows // 1000 if rows < 200_000 else round(math.sqrt(rows)))
    title = f"pgvector IVFFlat, {number} lists"
    return Side(
        f"ivfflat{lists or ''}", title, "ivfflat", "pgvector", "vector", "vector",
        f"ivfflat (v vector_cosine_ops) WITH (lists = {number})",
        (Sweep(title, "ivfflat.probes", ladder(1, number)),),
        {"default": ("ivfflat.iterative_scan = relaxed_order",)})


def vchord(rows, lists, threads):
    """VectorChord's IVF with RaBitQ. Its manual has a row's list of 200 to 500 rows up to
    two millions, spherical centroids and no residual quantization for cosines, and an
    epsilon between 1.0 and 1.9, the default."""
    number = lists or max(10, rows // 300)
    title = f"VectorChord, {number} lists"
    options = (f"residual_quantization = false\n[build.internal]\nlists = [{number}]\n"
               f"spherical_centroids = true\nbuild_threads = {threads}")
    return Side(
        f"vchord{lists or ''}", title, "vchord", "VectorChord", "vchord", "vector",
        f"vchordrq (v vector_cosine_ops) WITH (options = $${options}$$)",
        tuple(Sweep(f"{title}, epsilon {epsilon}", "vchordrq.probes", ladder(1, number),
                    (f"vchordrq.epsilon = {epsilon}",)) for epsilon in (1.0, 1.4, 1.9)),
        {"default": (f"vchordrq.probes = {max(1, number // 10)}", "vchordrq.prefilter = on")})


def diskann():
    """pgvectorscale's StreamingDiskANN with its defaults: 50 neighbours, two bits for a
    dimension. Its manual advises to tune query_rescore; a shorter list than the default,
    100, finds as much and is faster."""
    title = "pgvectorscale DiskANN"
    return Side(
        "diskann", title, "diskann", "pgvectorscale", "vectorscale", "vector",
        "diskann (v vector_cosine_ops)",
        tuple(Sweep(f"{title}, list {size}", "diskann.query_rescore", ladder(10, 1000),
                    (f"diskann.query_search_list_size = {size}",))
              for size in (10, 30, 100)))


def make(name, rows, threads):
    """The side with this name, a number in which is that of its lists, or HNSW's
    ef_construction."""
    kind = name.rstrip("0123456789")
    number = int(name[len(kind):] or 0)
    if name == "angle":
        return angle()
    if kind == "hnsw" and number:
        return hnsw(number)
    if kind == "ivfflat":
        return ivfflat(rows, number)
    if kind == "vchord":
        return vchord(rows, number, threads)
    if name == "diskann":
        return diskann()
    raise SystemExit(f"bench/index: there is no side {name}")
