#!/usr/bin/env python3
"""Gradients of the cosine and of AnglE's angle, pair by pair, as SVG.

    bench/method/gradients.py --angle PROGRAM --model FILE --pairs TSV --output SVG

TSV has text1 and text2, or sentence1 and sentence2; FILE is a model for angle
embed. For each pair (u, v) of embeddings of length 1 it computes the norm of the
gradient of either similarity with respect to u,

    cosine  s = u.v                    ds/du = v - s u
    angle   p = u.Jv, v = (c, d),      dp/du = Jv - p u
            Jv = (c - d, c + d)

draws both against the cosine, and prints what the page docs/method.md quotes: means
over bins of the cosine, and over whole batches the gradient of the ranking loss
log(1 + sum exp(tau (s_i - s_j))) over pairs ranked wrongly or rightly by their labels.
"""
import argparse
import html
import lzma
import pathlib
import subprocess
import tempfile

import numpy

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 720, 340, 56, 48, 44
STYLE = """
text{font:12px system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif;
fill:#24292f}
.title{font-size:14px;font-weight:600}.small{fill:#59636e}
.grid{stroke:#8c959f;opacity:.25}
.cosine{fill:#d1730a}.angle{fill:#1f6feb}
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.small{fill:#9198a1}
.cosine{fill:#e3963e}.angle{fill:#4493f8}}
"""
LOW, TOP_VALUE = -0.2, 1.6   # of the axes: cosine, norm
BINS = [(-1, 0.2), (0.2, 0.5), (0.5, 0.8), (0.8, 0.9), (0.9, 0.95), (0.95, 0.99),
        (0.99, 1.01)]
BATCH, TAUS = 32, {"cosine": 20, "angle": 1}


def read_pairs(path):
    opener = lzma.open if path.endswith(".xz") else open
    with opener(path, "rt", encoding="utf-8", newline="\n") as lines:
        header = next(lines).rstrip("\n").split("\t")
        rows = [dict(zip(header, line.rstrip("\n").split("\t"))) for line in lines]
    return ([row.get("text1", row.get("sentence1")) for row in rows],
            [row.get("text2", row.get("sentence2")) for row in rows],
            numpy.array([float(row.get("label", row.get("score"))) for row in rows]))


def embed(program, model, texts):
    with tempfile.TemporaryDirectory() as folder:
        lines, out = pathlib.Path(folder, "texts"), pathlib.Path(folder, "out.npy")
        lines.write_text("".join(text + "\n" for text in texts), encoding="utf-8")
        subprocess.run([program, "embed", "--model", model, "--threads", "1", "--format",
                        "npy", "--output", out, lines], check=True)
        vectors = numpy.load(out).astype(float)
    return vectors / numpy.linalg.norm(vectors, axis=1, keepdims=True)


def turned(v):
    """Jv, the factor of u in the angle."""
    c, d = numpy.split(v, 2, axis=1)
    return numpy.hstack([c - d, c + d])


def values(u, v):
    """Similarity, and its gradient in u, of both kinds."""
    cosine = (u * v).sum(1)
    angle = (u * turned(v)).sum(1)
    sign = numpy.sign(angle)[:, None]
    return {"cosine": (cosine, v - cosine[:, None] * u),
            "angle": (abs(angle), sign * (turned(v) - angle[:, None] * u))}


def ranking_gradient(similarity, gradient, labels, tau):
    """The norm of the gradient of the ranking loss in all u of a batch."""
    lower = labels[:, None] < labels[None, :]
    terms = numpy.where(lower, numpy.exp(tau * (similarity[:, None]
                                                - similarity[None, :])), 0)
    weights = tau * (terms.sum(1) - terms.sum(0)) / (1 + terms.sum())
    return numpy.linalg.norm(weights[:, None] * gradient)


def batches(kinds, labels):
    """Of each kind the norms of the gradients of the batches."""
    return {kind: numpy.array([
        ranking_gradient(similarity[i:i + BATCH], gradient[i:i + BATCH],
                         labels[i:i + BATCH], TAUS[kind])
        for i in range(0, len(labels) - BATCH + 1, BATCH)])
        for kind, (similarity, gradient) in kinds.items()}


def text(x, y, words, kind="", anchor="start"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" '
            f'text-anchor="{anchor}">{html.escape(words)}</text>')


def place(cosine, norm):
    return (LEFT + (cosine - LOW) / (1 - LOW) * (WIDTH - LEFT - 16),
            HEIGHT - BOTTOM - norm / TOP_VALUE * (HEIGHT - BOTTOM - TOP))


def axes():
    parts = [text(LEFT, 18, "Gradient of a pair's similarity, by how similar it is",
                  "title"),
             text((LEFT + WIDTH) / 2, HEIGHT - 10, "cosine of the pair", "small",
                  "middle"),
             text(LEFT, 36, "norm of the gradient in u, both of length 1", "small")]
    for norm in (0, 0.5, 1, 1.5):
        (x, y), (end, _) = place(LOW, norm), place(1, norm)
        parts += [f'<path d="M{x:.1f} {y:.1f}H{end:.1f}" class="grid"/>',
                  text(x - 8, y + 4, f"{norm:g}", "small", "end")]
    for cosine in (0, 0.2, 0.4, 0.6, 0.8, 1):
        x, y = place(cosine, 0)
        parts.append(text(x, y + 18, f"{cosine:g}", "small", "middle"))
    return parts


def draw(kinds, path):
    parts = axes()
    cosine = kinds["cosine"][0]
    for kind, (_, gradient) in kinds.items():
        norms = numpy.linalg.norm(gradient, axis=1)
        dots = (place(*pair) for pair in zip(cosine, norms) if pair[0] >= LOW)
        parts.append(f'<g class="{kind}" opacity=".45">' + "".join(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="1.6"/>' for x, y in dots) + "</g>")
    for words, norm in (("angle", 1.52), ("cosine", 0.84)):
        x, y = place(-0.12, norm)
        parts += [f'<circle cx="{x:.1f}" cy="{y - 4:.1f}" r="4" class="{words}"/>',
                  text(x + 10, y, words)]
    pathlib.Path(path).write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'role="img"><style>{STYLE}</style>' + "".join(parts) + "</svg>\n",
        encoding="utf-8")


def report(kinds, labels):
    cosine = kinds["cosine"][0]
    norms = {kind: numpy.linalg.norm(gradient, axis=1)
             for kind, (_, gradient) in kinds.items()}
    print("| cosine of the pair | pairs | gradient of the cosine | of the angle |")
    print("|---|---|---|---|")
    for low, high in BINS:
        within = (cosine >= low) & (cosine < high)
        if within.any():
            print(f"| {max(low, -1):g} to {min(high, 1):g} | {within.sum()} | " + " | ".join(
                f"{norms[kind][within].mean():.3f}" for kind in ("cosine", "angle"))
                + " |")
    for kind, found in batches(kinds, labels).items():
        print(f"batches of {BATCH}, {kind}, tau {TAUS[kind]}: median "
              f"{numpy.median(found):.3f}, {found.min():.3f} to {found.max():.3f}")
    cosine, angle = kinds["cosine"][0], kinds["angle"][0]
    print(f"angle: {angle.min():.3f} to {angle.max():.3f}; correlation with the cosine "
          f"{numpy.corrcoef(cosine, angle)[0, 1]:.4f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--angle", default="build/release/angle")
    parser.add_argument("--model", required=True)
    parser.add_argument("--pairs", required=True)
    parser.add_argument("--output", required=True)
    args = parser.parse_args()
    first, second, labels = read_pairs(args.pairs)
    vectors = embed(args.angle, args.model, first + second)
    u, v = vectors[:len(first)], vectors[len(first):]
    kinds = values(u, v)
    draw(kinds, args.output)
    report(kinds, labels)
    swapped = values(v, u)["angle"][0]
    print(f"the angle of (u, v) and of (v, u) differ by "
          f"{abs(kinds['angle'][0] - swapped).mean():.3f} in the mean")


if __name__ == "__main__":
    main()
