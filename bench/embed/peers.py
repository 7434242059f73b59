"""Who is compared: how each peer is started, and what its numbers must be."""
import dataclasses
import importlib.util
import pathlib
import sys

WORKER = pathlib.Path(__file__).with_name("worker.py")

# The least cosine to PyTorch in F32 that any text may have. What is further off
# does not compute the same: it is timed, but marked.
LEAST_COSINE = {"F32": 0.9999, "int8": 0.99}


@dataclasses.dataclass
class Peer:
    title: str
    kind: str            # "F32" or "int8"
    command: list
    ours: bool = False
    batches: tuple = ()  # sizes to choose from; empty: it batches by itself


def ours(model, kinds, drivers, threads):
    for kind in kinds:
        yield Peer(f"angle {'F32' if kind == 'f32' else kind}",
                   "F32" if kind == "f32" else kind,
                   [drivers / "embed-latency", model.packed[kind],
                    str(threads)], ours=True)


def installed(module):
    return importlib.util.find_spec(module) is not None


def exports():
    """The forms of a model that the installed peers read."""
    return ([] if not installed("onnxruntime") else ["onnx"]) + (
        [] if not installed("llama_cpp") else ["gguf"])


def theirs(model, threads, batches):
    def worker(title, kind, file=""):
        return Peer(title, kind,
                    [sys.executable, WORKER, title, model.directory, file,
                     str(threads)], batches=batches)

    if installed("onnxruntime"):
        for kind in ("F32", "int8"):
            for form in ("plain", "fused"):
                suffix = ", fused" if form == "fused" else ""
                yield worker(f"onnxruntime {kind}{suffix}", kind,
                             model.onnx[f"{form}-{kind.lower()}"])
    if installed("torch"):
        yield worker("PyTorch F32", "F32")
    if installed("sentence_transformers"):
        yield worker("sentence-transformers F32", "F32")
    if installed("llama_cpp"):
        yield worker("llama.cpp Q8_0", "int8", model.gguf)
