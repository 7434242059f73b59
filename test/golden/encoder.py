#!/usr/bin/env python3
"""Makes the model directories and golden embeddings below test/golden/encoder.

    encoder.py --english VOCAB --chinese VOCAB OUTPUT

VOCAB are the vocab.txt of bert-base-uncased and bert-base-chinese, of which
each model keeps a small part. Run by hand, never by the tests, with
    torch 2.15.0, transformers 5.23.0, sentence-transformers 6.2.0,
    tokenizers 0.23.3, safetensors from the same day.

OUTPUT/ORGANISATION/NAME is a directory with the files of that repository on the
Hugging Face hub, number for number but for the sizes: the weights are random
(seeded by the name) and small. OUTPUT/local/* are layouts that no repository of
the list has: shards, BF16, other modules. Beside each directory lie its goldens:
    NAME.json   {"how": …, "cases": [{"text", "prompt", "dimensions", "ids"}]}
    NAME.f32    the embeddings of the cases, one after another, little-endian
The weights are read back from the directory and computed in F32 with eager
attention on one thread. Where modules.json exists the embedding is that of
sentence-transformers, and transformers with the pooling written out below must
agree; elsewhere it is the latter alone.
"""
import argparse
import collections
import json
import pathlib
import zlib

import numpy
import safetensors.torch
import torch
from sentence_transformers import SentenceTransformer
from transformers import AutoModel, AutoTokenizer, BertConfig, BertModel
from transformers import BertTokenizer

import encoder_layouts as layouts

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


# ---- vocabulary ------------------------------------------------------------

def small_vocabulary(vocab_path, texts, size, letters):
    """The special tokens, the letters, and the whole pieces that the texts use
    most, in the order of the full vocabulary."""
    full = pathlib.Path(vocab_path).read_text(encoding="utf-8").split("\n")
    tokenizer = BertTokenizer(str(vocab_path))
    counts = collections.Counter()
    for text in texts:
        counts.update(tokenizer.tokenize(text))
    keep = dict.fromkeys(SPECIAL)
    keep.update(dict.fromkeys(letters))
    for piece, _ in sorted(counts.items(), key=lambda kv: (-kv[1], kv[0])):
        if len(keep) == size:
            break
        keep[piece] = None
    rank = {piece: i for i, piece in enumerate(full)}
    rest = sorted((p for p in keep if p not in SPECIAL), key=lambda p: rank[p])
    return SPECIAL + rest


def write_tokenizer(model, directory, vocabulary):
    (directory / "vocab.txt").write_text("\n".join(vocabulary) + "\n",
                                         encoding="utf-8")
    tokenizer = BertTokenizer(str(directory / "vocab.txt"))
    if model.tokenizer_json:
        backend = tokenizer.backend_tokenizer
        backend.no_truncation()
        backend.no_padding()
        if model.tokenizer_truncates:
            backend.enable_truncation(model.tokenizer_truncates)
            backend.enable_padding(length=model.tokenizer_truncates)
        backend.save(str(directory / "tokenizer.json"), pretty=False)
    if not model.vocab_txt:
        (directory / "vocab.txt").unlink()


# ---- weights ---------------------------------------------------------------

def random_weights(config, seed):
    """Weights under which tokens differ, attention is far from uniform and
    every bias and LayerNorm matters; trained ones would do no more."""
    generator = torch.Generator().manual_seed(seed)
    module = BertModel(config)
    state = {}
    for name, tensor in module.state_dict().items():
        noise = torch.randn(tensor.shape, generator=generator)
        if name.endswith("LayerNorm.weight"):
            state[name] = 1 + 0.2 * noise
        elif name.endswith("bias"):
            state[name] = 0.2 * noise
        elif "embeddings" in name:
            state[name] = noise if "word" in name else 0.5 * noise
        else:
            state[name] = noise * (1.5 / tensor.shape[1] ** 0.5)
    return state


def write_shards(state, directory):
    names = sorted(state)
    cuts = [names[0::3], names[1::3], names[2::3]]
    index = {"metadata": {"total_size": sum(
        t.numel() * t.element_size() for t in state.values())},
        "weight_map": {}}
    for i, part in enumerate(cuts):
        file = f"model-{i + 1:05d}-of-{len(cuts):05d}.safetensors"
        safetensors.torch.save_file({n: state[n] for n in part},
                                    directory / file,
                                    metadata={"format": "pt"})
        index["weight_map"].update({n: file for n in part})
    (directory / "model.safetensors.index.json").write_text(
        json.dumps(index, indent=2, sort_keys=True) + "\n")


def write_weights(model, directory):
    config = BertConfig.from_pretrained(directory)
    seed = zlib.crc32(model.name.encode())
    state = random_weights(config, seed)
    state = {n: t.to(model.dtype).contiguous() for n, t in state.items()}
    if model.position_ids:
        state["embeddings.position_ids"] = torch.arange(
            config.max_position_embeddings).reshape(1, -1)
    if model.weights == "bin":
        torch.save(state, directory / "pytorch_model.bin")
    elif model.weights == "shards":
        write_shards(state, directory)
    else:
        safetensors.torch.save_file(state, directory / "model.safetensors",
                                    metadata={"format": "pt"})


def write_dense(model, directory):
    folder = directory / "2_Dense"
    dense = json.loads((folder / "config.json").read_text())
    generator = torch.Generator().manual_seed(7)
    rows, columns = dense["out_features"], dense["in_features"]
    safetensors.torch.save_file({
        "linear.weight": torch.randn(rows, columns, generator=generator)
        / columns ** 0.5,
        "linear.bias": 0.1 * torch.randn(rows, generator=generator)},
        folder / "model.safetensors", metadata={"format": "pt"})


def write_directory(model, directory, vocabulary):
    directory.mkdir(parents=True)
    for path, content in model.files(len(vocabulary)).items():
        (directory / path).parent.mkdir(exist_ok=True)
        (directory / path).write_text(
            json.dumps(content, indent=2, ensure_ascii=False) + "\n",
            encoding="utf-8")
    write_tokenizer(model, directory, vocabulary)
    write_weights(model, directory)
    if model.dense:
        write_dense(model, directory)


# ---- goldens ---------------------------------------------------------------

class Reference:
    """transformers alone, with prompts, truncation, pooling and the modules
    written out as docs describe them."""

    def __init__(self, model, directory):
        self.model = model
        self.tokenizer = AutoTokenizer.from_pretrained(directory)
        self.tokenizer.backend_tokenizer.no_truncation()
        self.tokenizer.backend_tokenizer.no_padding()
        self.bert = AutoModel.from_pretrained(
            directory, dtype=torch.float32, attn_implementation="eager").eval()
        self.dense = None
        if model.dense:
            self.dense = safetensors.torch.load_file(
                directory / "2_Dense" / "model.safetensors")

    def encode_ids(self, prefix, text, suffix):
        """Ids, and how many of them precede the text ([CLS] and the prefix)."""
        encoding = self.tokenizer.backend_tokenizer.encode(
            prefix + text + suffix)
        start, stop = len(prefix), len(prefix) + len(text)
        kept = list(range(len(encoding.ids)))
        inside = [i for i in kept if encoding.special_tokens_mask[i] == 0
                  and encoding.offsets[i][0] >= start
                  and encoding.offsets[i][1] <= stop]
        excess = max(0, len(kept) - self.model.max_tokens)
        assert excess <= len(inside)
        dropped = set(inside[len(inside) - excess:])
        leading = 1 + sum(
            1 for i in kept if encoding.special_tokens_mask[i] == 0
            and encoding.offsets[i][1] <= start)
        return [encoding.ids[i] for i in kept if i not in dropped], leading

    def pool(self, states, skip):
        pooling = self.model.pooling
        if pooling == "cls":
            return states[0]
        if pooling == "mean":
            return states[skip:].mean(0)
        if pooling == "cls_avg":
            return (states[0] + states.mean(0)) / 2
        if pooling == "lasttoken":
            return states[-1]
        assert pooling == "max"
        return states.max(0).values

    def embed(self, ids, prompt_tokens):
        with torch.no_grad():
            states = self.bert(torch.tensor([ids])).last_hidden_state[0]
            skip = 0 if self.model.pool_prompt else prompt_tokens
            vector = self.pool(states, skip)
            if self.dense:
                vector = torch.tanh(self.dense["linear.weight"] @ vector
                                    + self.dense["linear.bias"])
            if self.model.normalize:
                vector = torch.nn.functional.normalize(vector, dim=0)
        return vector


def resolve(model, prompt):
    """(prefix, suffix) of a prompt's name, a template, or the default."""
    if prompt is None:
        prompt = model.default_prompt
    if prompt is None:
        return "", ""
    template = prompt if "{text}" in prompt else model.prompts[prompt] + "{text}"
    prefix, suffix = template.split("{text}")
    return prefix, suffix


def cases_of(model):
    for text in model.texts:
        yield {"text": text, "prompt": None, "dimensions": 0}
    long = max(model.texts, key=len)
    for text in (model.texts[2], long, ""):
        for prompt in model.try_prompts:
            yield {"text": text, "prompt": prompt, "dimensions": 0}
    for dimensions in model.try_dimensions:
        yield {"text": model.texts[2], "prompt": None,
               "dimensions": dimensions}


def check_against_sentence_transformers(directory, cases, vectors, model):
    """Replaces each vector that sentence-transformers can make by its own."""
    st = SentenceTransformer(str(directory), device="cpu", model_kwargs={
        "dtype": torch.float32, "attn_implementation": "eager"})
    worst = 0
    for i, case in enumerate(cases):
        prefix, suffix = resolve(model, case["prompt"])
        if suffix or case["dimensions"]:
            continue
        named = case["prompt"] in model.prompts
        kwargs = {"prompt_name": case["prompt"]} if named else {}
        if case["prompt"] is not None and not named:
            kwargs = {"prompt": prefix}
        vector = torch.from_numpy(st.encode(case["text"], **kwargs))
        worst = max(worst, (vector - vectors[i]).abs().max().item())
        vectors[i] = vector
    assert worst < 2e-6, (model.name, worst)
    return f"sentence-transformers (transformers differs by {worst:.1e})"


def write_goldens(model, directory):
    reference = Reference(model, directory)
    cases = list(cases_of(model))
    vectors = []
    for case in cases:
        prefix, suffix = resolve(model, case["prompt"])
        case["ids"], leading = reference.encode_ids(
            prefix, case["text"], suffix)
        skip = leading if prefix else 0
        vector = reference.embed(case["ids"], skip)
        if case["dimensions"]:
            vector = torch.nn.functional.normalize(
                vector[:case["dimensions"]], dim=0)
        vectors.append(vector)
    how = "transformers"
    if (directory / "modules.json").exists():
        how = check_against_sentence_transformers(directory, cases, vectors,
                                                  model)
    base = directory.parent / model.name.split("/")[1]
    data = numpy.concatenate([v.numpy() for v in vectors])
    data.astype("<f4").tofile(f"{base}.f32")
    lines = ",\n".join(json.dumps(c, ensure_ascii=False) for c in cases)
    pathlib.Path(f"{base}.json").write_text(
        f'{{"how": {json.dumps(how)},\n"cases": [\n{lines}\n]}}\n',
        encoding="utf-8")
    tokens = [len(c["ids"]) for c in cases]
    print(f"{model.name}: {len(cases)} cases of {min(tokens)} to "
          f"{max(tokens)} tokens, {how}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--english", required=True)
    parser.add_argument("--chinese", required=True)
    parser.add_argument("output", type=pathlib.Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    for model in layouts.MODELS:
        chinese = model.texts is layouts.CHINESE
        letters = layouts.LETTERS if not chinese else []
        vocabulary = small_vocabulary(
            args.chinese if chinese else args.english, model.texts,
            model.vocabulary_size, letters)
        directory = args.output / model.name
        write_directory(model, directory, vocabulary)
        write_goldens(model, directory)


if __name__ == "__main__":
    main()
