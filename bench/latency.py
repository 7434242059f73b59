#!/usr/bin/env python3
"""Latency of one short query, side by side with the peers, on one thread.

Every round lets every peer embed every query, so that what else the machine
does meets them all. The table shows the median of the rounds' medians, the
smallest and the largest of those, and the ratio to --baseline. How to run it:
bench/README.md.
"""
import argparse
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["HF_HUB_OFFLINE"] = "1"

import numpy  # noqa: E402
import onnxruntime  # noqa: E402
import sentence_transformers  # noqa: E402
import tokenizers  # noqa: E402
import torch  # noqa: E402
import transformers  # noqa: E402
from onnxruntime.quantization import QuantType, quantize_dynamic  # noqa: E402

# 9 to 12 tokens each with the model's tokenizer, special tokens included.
QUERIES = [
    "a person who studies insects for a living",
    "how do I reset my forgotten password",
    "the study of the stars and the planets",
    "what is the capital city of australia",
    "unable to read or to write a letter",
    "best way to cook rice without a lid",
    "a shape with eight sides and eight corners",
    "symptoms of a cold in small children",
    "when was the first railway line opened",
    "cheap flights from london to new york",
    "a word that means the opposite of another",
    "why does my computer start so slowly",
]


class Process:
    """A driver that answers each line with the microseconds it took."""

    def __init__(self, *command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def measure(self, text):
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            sys.exit(f"{self.process.args[0]} ended")
        return float(answer)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Function:
    """A function of the prepared query, timed here."""

    def __init__(self, run, prepare=lambda text: text):
        self.run = run
        self.prepare = prepare

    def measure(self, text):
        prepared = self.prepare(text)
        start = time.perf_counter()
        self.run(prepared)
        return (time.perf_counter() - start) * 1e6

    def close(self):
        pass


def mean_normalized(states):
    vector = states[0].mean(axis=0)
    return vector / numpy.linalg.norm(vector)


class Tokenize:
    def __init__(self, directory):
        self.tokenizer = tokenizers.Tokenizer.from_file(
            str(directory / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(256)

    def __call__(self, text):
        ids = numpy.array([self.tokenizer.encode(text).ids], dtype=numpy.int64)
        return {"input_ids": ids, "attention_mask": numpy.ones_like(ids),
                "token_type_ids": numpy.zeros_like(ids)}


class States(torch.nn.Module):
    def __init__(self, bert):
        super().__init__()
        self.bert = bert

    def forward(self, input_ids, attention_mask, token_type_ids):
        return self.bert(input_ids=input_ids, attention_mask=attention_mask,
                         token_type_ids=token_type_ids).last_hidden_state


def export(directory, work):
    """model.onnx, fused.onnx (BERT's operators fused by onnxruntime's own
    optimizer) and both quantised dynamically to int8."""
    plain, fused = work / "model.onnx", work / "fused.onnx"
    if (work / "fused-int8.onnx").exists():
        return
    bert = transformers.AutoModel.from_pretrained(
        directory, dtype=torch.float32, attn_implementation="eager").eval()
    inputs = {k: torch.from_numpy(v)
              for k, v in Tokenize(directory)(QUERIES[0]).items()}
    axes = {name: {0: "batch", 1: "tokens"}
            for name in [*inputs, "states"]}
    torch.onnx.export(States(bert), tuple(inputs.values()), plain,
                      input_names=list(inputs), output_names=["states"],
                      dynamic_axes=axes, opset_version=17, dynamo=False)
    from onnxruntime.transformers import optimizer
    config = bert.config
    optimizer.optimize_model(
        str(plain), model_type="bert", num_heads=config.num_attention_heads,
        hidden_size=config.hidden_size).save_model_to_file(str(fused))
    for path in (plain, fused):
        quantize_dynamic(path, work / f"{path.stem}-int8.onnx",
                         weight_type=QuantType.QInt8,
                         extra_options={"DefaultTensorType": 1})  # FLOAT


def onnx_peers(directory, work):
    export(directory, work)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    tokenize = Tokenize(directory)
    for file, title in (("model", "onnxruntime F32"),
                        ("fused", "onnxruntime F32, fused"),
                        ("model-int8", "onnxruntime int8"),
                        ("fused-int8", "onnxruntime int8, fused")):
        session = onnxruntime.InferenceSession(
            str(work / f"{file}.onnx"), options,
            providers=["CPUExecutionProvider"])

        def run(inputs, session=session):
            return mean_normalized(session.run(None, inputs)[0])

        yield title, Function(lambda text, run=run: run(tokenize(text)))
        yield f"{title}, ids given", Function(run, tokenize)


def torch_peers(directory):
    torch.set_num_threads(1)
    bert = transformers.AutoModel.from_pretrained(
        directory, dtype=torch.float32).eval()
    tokenize = Tokenize(directory)

    def run(text):
        inputs = {k: torch.from_numpy(v) for k, v in tokenize(text).items()}
        with torch.inference_mode():
            states = bert(**inputs).last_hidden_state
            return torch.nn.functional.normalize(states[0].mean(0), dim=0)

    yield "PyTorch F32", Function(run)
    model = sentence_transformers.SentenceTransformer(str(directory),
                                                      device="cpu")
    yield "sentence-transformers F32", Function(
        lambda text: model.encode(text, show_progress_bar=False))


def ours(args):
    drivers = pathlib.Path(args.drivers)
    if args.connection:
        yield "angle, SELECT angle_embed($1)", Process(
            drivers / "sql-latency", args.connection, "SELECT angle_embed($1)")
    for path in args.packed:
        yield f"angle, C call, {path.name}", Process(
            drivers / "embed-latency", path)


def measure(peers, rounds, repeats):
    """{title: [median of each round]}"""
    medians = {title: [] for title in peers}
    for _ in range(rounds):
        for title, peer in peers.items():
            for text in QUERIES:
                peer.measure(text)
            medians[title].append(statistics.median(
                peer.measure(text) for _ in range(repeats)
                for text in QUERIES))
    return medians


def report(medians, args):
    baseline = statistics.median(medians[args.baseline])
    print(f"{'':<40}{'median ms':>10}{'lowest':>9}{'highest':>9}{'ratio':>8}")
    for title, values in medians.items():
        median = statistics.median(values)
        print(f"{title:<40}{median / 1e3:>10.3f}{min(values) / 1e3:>9.3f}"
              f"{max(values) / 1e3:>9.3f}{median / baseline:>8.2f}")
    print(f"ratio: to {args.baseline}; {args.rounds} rounds of "
          f"{args.repeats} x {len(QUERIES)} queries, one thread")
    cpu = next((line.split(":")[1].strip()
                for line in open("/proc/cpuinfo", encoding="ascii")
                if line.startswith("model name")), platform.machine())
    print(f"{cpu}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; "
          + ", ".join(f"{m.__name__} {m.__version__}"
                      for m in (onnxruntime, torch, transformers,
                                sentence_transformers, tokenizers)))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=pathlib.Path,
                        help="hub directory of all-MiniLM-L6-v2")
    parser.add_argument("--packed", type=pathlib.Path, action="append",
                        default=[], help="packed model for the C call")
    parser.add_argument("--connection",
                        help="libpq connection string of a database with "
                             "the extension")
    parser.add_argument("--drivers", default="build/release/bench")
    parser.add_argument("--work", help="keep the exported ONNX files here")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--baseline", default="onnxruntime int8")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = pathlib.Path(args.work or temporary)
        work.mkdir(exist_ok=True)
        peers = dict(ours(args))
        peers.update(onnx_peers(args.model, work))
        peers.update(torch_peers(args.model))
        report(measure(peers, args.rounds, args.repeats), args)
        for peer in peers.values():
            peer.close()


if __name__ == "__main__":
    main()
