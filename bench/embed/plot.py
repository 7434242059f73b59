"""Results of bench/embed as SVG, a picture for each number of threads:

    python bench/embed/plot.py RESULT.json… DIRECTORY

Several results are parts of one, such as --models and --threads make.

One panel for each model and case, one bar for each peer, with a line from the
lowest round to the highest. Colours follow the reader's light or dark mode.
"""
import html
import json
import pathlib
import sys

WIDTH, GAP = 900, 36
PANEL = (WIDTH - GAP) / 2
NAMES = 176       # for the peers' names
ROW, BAR = 21, 13
HEAD = 46
STYLE = """
text{font:12px system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif;
fill:#24292f}
.title{font-size:14px;font-weight:600}
.small{fill:#59636e}
.theirs{fill:#b6bec8}.ours{fill:#1f6feb}.f32{fill:#79b0ff}
.mine{font-weight:600}
.spread{stroke:#24292f;stroke-width:1.2;opacity:.75}
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.small{fill:#9198a1}
.theirs{fill:#4d5663}.ours{fill:#4493f8}.f32{fill:#2b5f9e}
.spread{stroke:#e6edf3}}
"""
MODELS = {"minilm": "MiniLM-L6", "bert-large": "BERT-large shape"}
CASES = {"latency": ("one question", "ms, shorter is better"),
         "throughput": ("passages of 100 tokens",
                        "passages/s, longer is better")}


def text(x, y, words, kind="", anchor="start"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" '
            f'text-anchor="{anchor}">{html.escape(words)}</text>')


def ordered(record):
    return sorted(record["rows"].items(), key=lambda item: item[1]["median"],
                  reverse=record["case"] == "throughput")


def bar(x, y, title, row, scale):
    kind = "theirs" if not row["ours"] else (
        "ours" if row["kind"] == "int8" else "f32")
    start, middle = x + NAMES, y + BAR / 2
    width = max(1.5, row["median"] * scale)
    low, high = start + row["low"] * scale, start + row["high"] * scale
    mine = "mine" if row["ours"] else ""
    value = row["median"]
    label = f"{value:.2f}" if value < 10 else (
        f"{value:.1f}" if value < 100 else f"{value:.0f}")
    return "".join([
        text(start - 6, middle + 4, title, mine, "end"),
        f'<rect x="{start:.1f}" y="{y:.1f}" width="{width:.1f}" '
        f'height="{BAR}" rx="2" class="{kind}"/>',
        f'<path d="M{low:.1f} {middle:.1f}H{high:.1f}" class="spread"/>',
        text(max(start + width, high) + 5, middle + 4, label, mine)])


def panel(x, y, record):
    case, unit = CASES[record["case"]]
    longest = max(row["high"] for row in record["rows"].values())
    scale = (PANEL - NAMES - 42) / longest
    parts = [text(x, y + 16, f"{MODELS[record['model']]}, {case}", "title"),
             text(x, y + 33, unit, "small")]
    parts += [bar(x, y + HEAD + number * ROW, title, row, scale)
              for number, (title, row) in enumerate(ordered(record))]
    return "".join(parts)


def height(record):
    return HEAD + len(record["rows"]) * ROW + 18


def picture(records, threads):
    models = [m for m in MODELS if any(r["model"] == m for r in records)]
    y, parts = 0, []
    for model in models:
        row = [r for r in records if r["model"] == model]
        row.sort(key=lambda record: list(CASES).index(record["case"]))
        for column, record in enumerate(row):
            parts.append(panel(column * (PANEL + GAP), y, record))
        y += max(map(height, row))
    name = f"Speed of the encoder with {threads} thread" + "s" * (threads > 1)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" '
            f'viewBox="0 0 {WIDTH} {y}" width="{WIDTH}" height="{y}" '
            f'role="img" aria-label="{name}"><style>{STYLE}</style>'
            + "".join(parts) + "</svg>\n")


def draw(cases, directory):
    directory.mkdir(parents=True, exist_ok=True)
    for threads in sorted({r["threads"] for r in cases}):
        records = [r for r in cases if r["threads"] == threads]
        path = directory / f"encoder-{threads}-thread{'s' * (threads > 1)}.svg"
        path.write_text(picture(records, threads), encoding="utf-8")
        print(path)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    draw([case for name in sys.argv[1:-1] for case in json.loads(
        pathlib.Path(name).read_text(encoding="utf-8"))["cases"]],
         pathlib.Path(sys.argv[-1]))
