"""One connection through libpq, called by ctypes: what is timed is the server and libpq,
next to nothing of Python."""
import contextlib
import ctypes
import ctypes.util
import os
import time

import numpy as np

COMMAND_OK, TUPLES_OK, COPY_IN = 1, 2, 4
BINARY = 1
NOTICES = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_char_p)
PARAMETERS = 2  # of a prepared statement at most

# Of every session that is measured.
SETTINGS = ("jit = off", "max_parallel_workers_per_gather = 0", "enable_seqscan = off")


def load_library():
    library = ctypes.CDLL(ctypes.util.find_library("pq") or "libpq.so.5")
    pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
    signatures = {
        "PQconnectdb": (pointer, [text]),
        "PQstatus": (number, [pointer]),
        "PQfinish": (None, [pointer]),
        "PQerrorMessage": (text, [pointer]),
        "PQexec": (pointer, [pointer, text]),
        "PQprepare": (pointer, [pointer, text, text, number, pointer]),
        "PQexecPrepared": (pointer, [pointer, text, number, pointer, pointer, pointer,
                                     number]),
        "PQresultStatus": (number, [pointer]),
        "PQntuples": (number, [pointer]),
        "PQnfields": (number, [pointer]),
        "PQgetvalue": (pointer, [pointer, number, number]),
        "PQgetlength": (number, [pointer, number, number]),
        "PQclear": (None, [pointer]),
        "PQputCopyData": (number, [pointer, pointer, number]),
        "PQputCopyEnd": (number, [pointer, text]),
        "PQgetResult": (pointer, [pointer]),
        "PQsetNoticeProcessor": (pointer, [pointer, NOTICES, pointer]),
    }
    for name, (result, arguments) in signatures.items():
        getattr(library, name).restype = result
        getattr(library, name).argtypes = arguments
    return library


PQ = load_library()
SILENT = NOTICES(lambda _, message: None)


class Failed(Exception):
    """What the server said."""


class Connection:
    """A session; statements prepared in it take parameters in binary form."""

    def __init__(self, conninfo):
        self.handle = PQ.PQconnectdb(conninfo.encode())
        if PQ.PQstatus(self.handle) != 0:
            raise Failed(self.error())
        PQ.PQsetNoticeProcessor(self.handle, SILENT, None)

    def error(self):
        return PQ.PQerrorMessage(self.handle).decode().strip()

    def checked(self, result, wanted=(COMMAND_OK, TUPLES_OK)):
        if PQ.PQresultStatus(result) not in wanted:
            PQ.PQclear(result)
            raise Failed(self.error())
        return result

    def run(self, sql):
        """Runs sql and returns the rows of its last statement, as text."""
        result = self.checked(PQ.PQexec(self.handle, sql.encode()))
        rows = [[ctypes.string_at(PQ.PQgetvalue(result, i, j)).decode()
                 for j in range(PQ.PQnfields(result))]
                for i in range(PQ.PQntuples(result))]
        PQ.PQclear(result)
        return rows

    def settle(self, settings):
        """Makes these settings, "name = value", and those of all that is measured."""
        self.run("; ".join(f"SET {setting}" for setting in (*SETTINGS, *settings)))

    def value(self, sql):
        return self.run(sql)[0][0]

    def ask(self, name, forms):
        """Runs a prepared statement for each of forms, one after the other and with nothing
        in between; returns the lists of their seconds and of what they found."""
        answers = [self.execute(name, form) for form in forms]
        return [took for took, _ in answers], [found for _, found in answers]

    def time(self, sql):
        """The seconds that sql took."""
        start = time.perf_counter()
        self.run(sql)
        return time.perf_counter() - start

    def prepare(self, name, sql):
        PQ.PQclear(self.checked(PQ.PQprepare(self.handle, name.encode(), sql.encode(),
                                             0, None)))

    def execute(self, name, *parameters):
        """Runs a prepared statement; returns the seconds, and the integers (int4) of its
        first column."""
        count = len(parameters)
        values = (ctypes.c_char_p * PARAMETERS)(*parameters)
        lengths = (ctypes.c_int * PARAMETERS)(*map(len, parameters))
        formats = (ctypes.c_int * PARAMETERS)(*[BINARY] * count)
        name = name.encode()
        start = time.perf_counter()
        result = PQ.PQexecPrepared(self.handle, name, count, values, lengths, formats,
                                   BINARY)
        took = time.perf_counter() - start
        self.checked(result)
        found = [int.from_bytes(ctypes.string_at(PQ.PQgetvalue(result, i, 0), 4), "big")
                 for i in range(PQ.PQntuples(result))]
        PQ.PQclear(result)
        return took, found

    def copy(self, table, blocks):
        """Fills table by binary COPY from blocks of encoded rows."""
        result = PQ.PQexec(self.handle, f"COPY {table} FROM STDIN BINARY".encode())
        PQ.PQclear(self.checked(result, (COPY_IN,)))
        for block in (b"PGCOPY\n\xff\r\n\0" + bytes(8), *blocks, b"\xff\xff"):
            PQ.PQputCopyData(self.handle, block, len(block))
        PQ.PQputCopyEnd(self.handle, None)
        PQ.PQclear(self.checked(PQ.PQgetResult(self.handle)))
        PQ.PQclear(PQ.PQgetResult(self.handle))

    def close(self):
        PQ.PQfinish(self.handle)


@contextlib.contextmanager
def one_processor(*sessions):
    """This process and the backends of sessions on one processor only, meanwhile: only one
    of them works at a time, and none waits until another processor has woken up. They stay
    where they are if this process may not bind them: only root may, and the server's own
    user."""
    everywhere = os.sched_getaffinity(0)
    processes = [0] + [int(session.value("SELECT pg_backend_pid()"))
                       for session in sessions]
    with contextlib.ExitStack() as restored:
        with contextlib.suppress(PermissionError):
            for process in processes:
                os.sched_setaffinity(process, {min(everywhere)})
                restored.callback(os.sched_setaffinity, process, everywhere)
        yield


def encode_vectors(vectors):
    """Binary forms of the rows of vectors, as both types take them."""
    count, dimensions = vectors.shape
    forms = np.zeros(count, [("dims", ">i2"), ("unused", ">i2"),
                             ("x", ">f4", (dimensions,))])
    forms["dims"], forms["x"] = dimensions, vectors
    return [form.tobytes() for form in forms]


def encode_rows(identifiers, parts, vectors):
    """Rows (id int, part int, v) of COPY BINARY."""
    count, dimensions = vectors.shape
    rows = np.zeros(count, [
        ("fields", ">i2"), ("length", ">i4"), ("id", ">i4"), ("length2", ">i4"),
        ("part", ">i4"), ("length3", ">i4"), ("dims", ">i2"), ("unused", ">i2"),
        ("x", ">f4", (dimensions,))])
    rows["fields"], rows["length"], rows["length2"] = 3, 4, 4
    rows["length3"] = 4 + 4 * dimensions
    rows["id"], rows["part"] = identifiers, parts
    rows["dims"], rows["x"] = dimensions, vectors
    return rows.tobytes()
