"""A process that obeys the commands of bench/driver.h."""
import os
import subprocess

import numpy


class Ended(SystemExit):
    """The process has ended, for whatever reason."""


class Driver:
    def __init__(self, command):
        self.name = os.path.basename(str(command[0]))
        self.errors = subprocess.DEVNULL if "python" in self.name else None
        self.process = subprocess.Popen(
            [str(part) for part in command], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=self.errors, text=True)

    def send(self, *lines):
        self.process.stdin.write("".join(line + "\n" for line in lines))

    def ask(self, line):
        self.send(line)
        self.process.stdin.flush()
        return self.answer()

    def answer(self):
        answer = self.process.stdout.readline()
        if not answer:
            raise Ended(
                f"{' '.join(map(str, self.process.args))} ended with status "
                f"{self.process.wait()}")
        return answer

    def load(self, texts):
        """Makes texts the batch of the commands that follow."""
        self.send("-", *("+" + text for text in texts))

    def time(self, texts):
        """Seconds to embed texts as one batch."""
        self.load(texts)
        return float(self.ask("=")) / 1e6

    def vectors(self, texts):
        self.load(texts)
        first = self.ask("?")
        lines = [first] + [self.answer() for _ in texts[1:]]
        return numpy.array([line.strip("[]\n").replace(",", " ").split()
                            for line in lines], dtype=numpy.float32)

    def close(self):
        self.process.stdin.close()
        self.process.wait()
