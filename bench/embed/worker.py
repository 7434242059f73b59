"""One peer in a process of its own, which obeys the commands of bench/driver.h
on standard input:

    python worker.py PEER MODEL-DIRECTORY MODEL-FILE THREADS

and, besides, "%N": sets the number of texts that are computed together. Peers
are in processes of their own so that the threads of one, which spin for a
while after their work, are not there while another is timed.
"""
import os
import sys
import time

THREADS = int(sys.argv[4])
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = str(THREADS)
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"

import json  # noqa: E402
import pathlib  # noqa: E402

import numpy  # noqa: E402

MAX_TOKENS = 256


def load_tokenizer(directory):
    import tokenizers
    tokenizer = tokenizers.Tokenizer.from_file(
        str(directory / "tokenizer.json"))
    pad = json.loads((directory / "config.json").read_text())["pad_token_id"]
    tokenizer.enable_padding(pad_id=pad)
    tokenizer.enable_truncation(MAX_TOKENS)
    return tokenizer


def in_batches(texts, size, embed):
    """embed(part) of the texts by length, size at a time, so that little is
    padded; the embeddings in the order of the texts."""
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    parts = [order[i:i + size] for i in range(0, len(order), size)]
    found = [embed([texts[i] for i in part]) for part in parts]
    result = numpy.empty((len(texts), found[0].shape[1]), numpy.float32)
    for part, vectors in zip(parts, found):
        result[part] = vectors
    return result


class Onnx:
    def __init__(self, directory, file):
        import onnxruntime
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = THREADS
        options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(
            file, options, providers=["CPUExecutionProvider"])
        self.tokenizer = load_tokenizer(directory)

    def embed(self, texts):
        encodings = self.tokenizer.encode_batch(texts)
        ids = numpy.array([e.ids for e in encodings], dtype=numpy.int64)
        mask = numpy.array([e.attention_mask for e in encodings],
                           dtype=numpy.int64)
        states, = self.session.run(["states"], {
            "input_ids": ids, "attention_mask": mask,
            "token_type_ids": numpy.zeros_like(ids)})
        weights = mask[:, :, None].astype(numpy.float32)
        vectors = (states * weights).sum(1) / weights.sum(1)
        return vectors / numpy.linalg.norm(vectors, axis=1, keepdims=True)


class PyTorch:
    def __init__(self, directory, _):
        import torch
        import transformers
        torch.set_num_threads(THREADS)
        self.torch = torch
        self.bert = transformers.AutoModel.from_pretrained(
            directory, dtype=torch.float32, add_pooling_layer=False).eval()
        self.tokenizer = load_tokenizer(directory)

    def embed(self, texts):
        torch = self.torch
        encodings = self.tokenizer.encode_batch(texts)
        ids = torch.tensor([e.ids for e in encodings])
        mask = torch.tensor([e.attention_mask for e in encodings])
        padded = not bool(mask.all())
        with torch.inference_mode():
            # Without a mask the attention takes a faster path.
            states = self.bert(
                input_ids=ids,
                attention_mask=mask if padded else None).last_hidden_state
            weights = mask[:, :, None].to(torch.float32)
            vectors = (states * weights).sum(1) / weights.sum(1)
            return torch.nn.functional.normalize(vectors, dim=1).numpy()


class SentenceTransformers:
    def __init__(self, directory, _):
        import sentence_transformers
        import torch
        torch.set_num_threads(THREADS)
        self.model = sentence_transformers.SentenceTransformer(
            str(directory), device="cpu",
            model_kwargs={"dtype": torch.float32})
        self.model.max_seq_length = MAX_TOKENS

    def embed(self, texts):
        return self.model.encode(texts, batch_size=len(texts),
                                 show_progress_bar=False)


def make(name, directory, file):
    if name.startswith("onnxruntime"):
        return Onnx(directory, file)
    if name.startswith("llama.cpp"):
        import llama_worker
        return llama_worker.LlamaCpp(file, THREADS, MAX_TOKENS)
    return {"PyTorch": PyTorch,
            "sentence-transformers": SentenceTransformers}[
                name.removesuffix(" F32")](directory, file)


def serve(peer, answers):
    texts, size = [], 32
    for line in sys.stdin:
        line = line.rstrip("\n")
        if line.startswith("+"):
            texts.append(line[1:])
            continue
        if line.startswith("-"):
            texts = []
            continue
        if line.startswith("%"):
            size = int(line[1:])
            continue
        start = time.perf_counter()
        vectors = in_batches(texts, size, peer.embed)
        micros = (time.perf_counter() - start) * 1e6
        if line.startswith("="):
            print(f"{micros:.2f}", file=answers)
        elif line.startswith("?"):
            for vector in vectors:
                print(*(f"{x:.9g}" for x in vector), file=answers)
        else:
            sys.exit(f"unknown command \"{line}\"")
        answers.flush()


def main():
    # Libraries print; what they print goes to standard error.
    answers = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)
    serve(make(sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]), answers)


if __name__ == "__main__":
    main()
