#!/usr/bin/env python3
"""What each part of the objective does, and what scaling gradients does for the cosine.

    bench/method/ablation.py --model DIRECTORY --data PAIRS --eval TSV… [--steps N]

Trains the model on graded pairs, one thread, once for each row of the table below and
each seed: the same batches and steps for all rows of a seed. Prints Spearman x 100 at
the end of the runs (nothing is chosen by it), mean over the --eval sets, with its spread
over the seeds, the change from before training, and the norm of the gradients before
they are scaled. Build first: make.
"""
import argparse
import json
import pathlib
import shutil
import statistics
import subprocess
import tempfile

TOP = pathlib.Path(__file__).resolve().parents[2]
UNSCALED = ["--clip", "0"]
# 90 is about the median of the cosine's norms on graded NLI.
# Title, weights of cosine, in-batch negatives and angle, further options.
ROWS = [
    ("cosine", (1, 0, 0), UNSCALED),
    ("cosine + in-batch negatives", (1, 1, 0), UNSCALED),
    ("cosine + in-batch negatives + angle, τ = 1", (1, 1, 1), UNSCALED),
    ("cosine, gradients limited to norm 90", (1, 0, 0), ["--clip", "90"]),
    ("cosine, gradients all scaled to norm 1", (1, 0, 0), ["--clip", "1", "--normalize"]),
    ("cosine + in-batch negatives + angle, τ = 20", (1, 1, 1),
     [*UNSCALED, "--angle-tau", "20"]),
]


def run(args, weights, options, seed, folder):
    """Scores of one run before it and at its end, and the norms of its gradients."""
    output = folder / "model"
    shutil.rmtree(output, ignore_errors=True)
    command = [args.angle, "train", "--model", args.model, "--data", args.data, "--output",
               output, "--threads", "1", "--seed", str(seed), "--batch-size",
               str(args.batch), "--steps", str(args.steps), "--learning-rate", args.rate,
               "--max-tokens", "64", "--preset", "angle-0.1",
               "--eval-steps", str(args.steps), "--save-steps", "1000000", *options]
    for loss, weight in zip(("cosine", "in-batch", "angle"), weights):
        command += [f"--{loss}-weight", str(weight)]
    for path in args.eval:
        command += ["--eval", path]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    with open(output / "training_log.jsonl", encoding="utf-8") as log:
        records = [json.loads(line) for line in log]
    scores = [record["score"] for record in records if "score" in record]
    return scores[0], scores[-1], [r["norm"] for r in records if "norm" in r]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--angle", default=TOP / "build/release/angle")
    parser.add_argument("--model", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--eval", required=True, nargs="+")
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", default="2e-5")
    parser.add_argument("--rows", type=int, nargs="+", default=range(len(ROWS)),
                        help="some rows of the table only, from 0")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    args = parser.parse_args()

    print("| objective | Spearman × 100: mean (each seed) | change | "
          "norm of the gradient: median (5 %, 95 %) |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        for title, weights, options in (ROWS[i] for i in args.rows):
            runs = [run(args, weights, options, seed, pathlib.Path(name))
                    for seed in args.seeds]
            ends = [end for _, end, _ in runs]
            norms = sorted(norm for *_, norms in runs for norm in norms)
            each = ", ".join(f"{end:.2f}" for end in ends)
            print(f"| {title} | {statistics.mean(ends):.2f} ({each}) | "
                  f"{statistics.mean(ends) - runs[0][0]:+.2f} | "
                  f"{statistics.median(norms):.2f} ({norms[len(norms) // 20]:.2f}, "
                  f"{norms[-1 - len(norms) // 20]:.2f}) |", flush=True)


if __name__ == "__main__":
    main()
