"""The cases: latency of one question, throughput of many passages.

Every round every peer gets the same texts, one peer after the other, so that
what else the machine does meets them all, and each round gives a ratio of its
own."""
import contextlib
import statistics
import time

from driver import Driver, Ended
from peers import LEAST_COSINE


class Field:
    """All peers of one model and number of threads, running."""

    def __init__(self, peers):
        self.peers = {peer.title: peer for peer in peers}
        self.drivers = {title: Driver(peer.command)
                        for title, peer in self.peers.items()}
        self.batch = {}
        self.cosine = {}

    def close(self):
        for driver in self.drivers.values():
            driver.close()

    def reference(self):
        """PyTorch, another peer in F32, or ours."""
        single = [t for t, peer in self.peers.items() if peer.kind == "F32"]
        return min(single, key=lambda title: (
            title != "PyTorch F32", self.peers[title].ours))

    def check(self, texts):
        """Finds the lowest cosine of each peer to the reference. Where ours
        are too far off nothing is worth timing."""
        vectors = {}
        for title, driver in list(self.drivers.items()):
            try:
                vectors[title] = driver.vectors(texts)
            except Ended as ended:
                if self.peers[title].ours:
                    raise
                self.leave_out(title, ended)
        reference = vectors[self.reference()]
        for title, theirs in vectors.items():
            peer = self.peers[title]
            self.cosine[title] = float((theirs * reference).sum(1).min())
            if peer.ours and not self.agrees(title):
                raise SystemExit(
                    f"{title}: cosine {self.cosine[title]:.5f} to "
                    f"{self.reference()}, less than {LEAST_COSINE[peer.kind]}")

    def leave_out(self, title, reason):
        """A peer that cannot embed at all."""
        print(f"\n  without {title}: {reason}", flush=True)
        del self.drivers[title], self.peers[title]

    def agrees(self, title):
        return self.cosine[title] >= LEAST_COSINE[self.peers[title].kind]

    def set_batches(self, sizes):
        for title, size in sizes.items():
            self.batch[title] = size
            self.drivers[title].send(f"%{size}")

    def choose_batches(self, texts):
        """Sets each peer's batch to the size at which texts take it least."""
        for title, driver in self.drivers.items():
            sizes = self.peers[title].batches
            seconds = {}
            for size in sizes if len(sizes) > 1 else ():
                driver.send(f"%{size}")
                seconds[size] = driver.time(texts)
            if sizes:
                self.set_batches(
                    {title: min(sizes, key=lambda size: seconds.get(size))
                     if seconds else sizes[0]})


# Seconds before a peer's turn: threads of the one before, which wait for more work
# in a loop, would take processors away.
REST = 0.5


def latency(field, queries, rounds, repeats):
    """{title: milliseconds, the median of each round}"""
    found = {title: [] for title in field.drivers}
    for _ in range(rounds):
        for title, driver in field.drivers.items():
            time.sleep(REST)
            for query in queries[:4]:
                driver.time([query])
            found[title].append(1e3 * statistics.median(
                driver.time([query]) for _ in range(repeats)
                for query in queries))
    return found


def throughput(field, parts):
    """{title: passages per second, for each of the parts}"""
    found = {title: [] for title in field.drivers}
    for number, part in enumerate(parts):
        # The order changes from round to round.
        titles = list(field.drivers)
        titles = titles[number % len(titles):] + titles[:number % len(titles)]
        for title in titles:
            driver = field.drivers[title]
            time.sleep(REST)
            driver.time(part[:1])
            found[title].append(len(part) / driver.time(part))
    return found


def timed(what):
    """Prints what is being done and how long it took."""
    @contextlib.contextmanager
    def context():
        start = time.monotonic()
        print(f"  {what} …", end=" ", flush=True)
        yield
        print(f"{time.monotonic() - start:.0f} s", flush=True)
    return context()
