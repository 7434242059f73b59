"""Curves of recall and queries per second of bench/index as SVG:

    python bench/index/plot.py RESULT.json PICTURE.svg

A curve is what the indexes of one kind reach with the best of their settings and numbers
of lists. Colours follow the reader's light or dark mode.
"""
import html
import json
import math
import pathlib
import sys

WIDTH, HEIGHT = 720, 420
LEFT, RIGHT, TOP, BOTTOM = 64, 20, 44, 46
LEAST = 0.8  # recall at the left edge
STYLE = """
text{font:12px system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif;fill:#24292f}
.title{font-size:14px;font-weight:600}.small{fill:#59636e}
.grid{stroke:#d1d9e0;stroke-width:1}
.line{fill:none;stroke-width:2}
.c0{stroke:#1f6feb}.c1{stroke:#d1242f}.c2{stroke:#bf8700}.c3{stroke:#1a7f37}
.c4{stroke:#8250df}.c5{stroke:#59636e}
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.small{fill:#9198a1}
.grid{stroke:#3d444d}.c0{stroke:#4493f8}.c1{stroke:#f85149}.c2{stroke:#d29922}
.c3{stroke:#3fb950}.c4{stroke:#a371f7}.c5{stroke:#9198a1}}
"""
KINDS = {"angle": ("c0", "angle"), "hnsw64": ("c1", "pgvector HNSW, ef_construction 64"),
         "hnsw200": ("c2", "pgvector HNSW, ef_construction 200"),
         "ivfflat": ("c3", "pgvector IVFFlat"), "vchord": ("c4", "VectorChord"),
         "diskann": ("c5", "pgvectorscale DiskANN")}


def text(x, y, words, kind="", anchor="start"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" '
            f'text-anchor="{anchor}">{html.escape(words)}</text>')


def best_of(kind, curves):
    """The points of all curves of a kind that no other one beats in both, by recall."""
    points = sorted((p for c in curves if c["kind"] == kind for p in c["points"]
                     if p["recall"] >= LEAST), key=lambda p: p["seconds"])
    best = []
    for p in points:
        if not best or p["recall"] > best[-1]["recall"]:
            best.append(p)
    return best


class Axes:
    """Recall from LEAST to 1, queries per second on a logarithmic scale."""

    def __init__(self, curves):
        speeds = [1 / p["seconds"] for points in curves.values() for p in points]
        self.low = math.floor(math.log10(min(speeds)))
        self.high = math.ceil(math.log10(max(speeds)))

    def x(self, recall):
        return LEFT + (recall - LEAST) / (1 - LEAST) * (WIDTH - LEFT - RIGHT)

    def y(self, speed):
        part = (math.log10(speed) - self.low) / (self.high - self.low)
        return HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM)

    def draw(self):
        for power in range(self.low, self.high + 1):
            y = self.y(10 ** power)
            yield f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" class="grid"/>'
            yield text(LEFT - 6, y + 4, f"{10 ** power:,}", "small", "end")
        for tick in range(round(LEAST * 100), 101, 5):
            x = self.x(tick / 100)
            yield f'<path d="M{x:.1f} {TOP}V{HEIGHT - BOTTOM}" class="grid"/>'
            yield text(x, HEIGHT - BOTTOM + 16, f"{tick / 100:.2f}", "small", "middle")
        yield text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, "recall@10", "small", "middle")


def draw_curve(axes, kind, points):
    line = "L".join(f"{axes.x(p['recall']):.1f} {axes.y(1 / p['seconds']):.1f}"
                    for p in points)
    return f'<path d="M{line}" class="line {KINDS[kind][0]}"/>'


def legend(kinds):
    for i, kind in enumerate(kinds):
        y = HEIGHT - BOTTOM - 16 - 17 * (len(kinds) - 1 - i)
        yield f'<path d="M{LEFT + 12} {y}h26" class="line {KINDS[kind][0]}"/>'
        yield text(LEFT + 44, y + 4, KINDS[kind][1])


def picture(result):
    curves = {kind: best_of(kind, result["search"]) for kind in KINDS}
    curves = {kind: points for kind, points in curves.items() if points}
    axes = Axes(curves)
    title = (f"Queries per second, one session, {result['rows']:,} ×"
             f" {result['dimensions']}")
    parts = [text(LEFT, 20, title, "title"), *axes.draw(),
             *(draw_curve(axes, kind, points) for kind, points in curves.items()),
             *legend(list(curves))]
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
            f'width="{WIDTH}" height="{HEIGHT}" role="img" aria-label="{title}">'
            f"<style>{STYLE}</style>{''.join(parts)}</svg>\n")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    target = pathlib.Path(sys.argv[2])
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(picture(json.loads(pathlib.Path(sys.argv[1]).read_text("utf-8"))),
                      encoding="utf-8")
