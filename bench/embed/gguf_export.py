"""A model directory of BERT with WordPiece as GGUF for llama.cpp, its matrices
in Q8_0, as llama-quantize makes it."""
import json
import re

import gguf
import numpy
import safetensors.numpy

# llama.cpp's names of what comes once and of what each layer has.
GLOBAL = {
    "embeddings.word_embeddings.weight": "token_embd.weight",
    "embeddings.position_embeddings.weight": "position_embd.weight",
    "embeddings.token_type_embeddings.weight": "token_types.weight",
    "embeddings.LayerNorm": "token_embd_norm",
}
LAYER = {
    "attention.self.query": "attn_q",
    "attention.self.key": "attn_k",
    "attention.self.value": "attn_v",
    "attention.output.dense": "attn_output",
    "attention.output.LayerNorm": "attn_output_norm",
    "intermediate.dense": "ffn_up",
    "output.dense": "ffn_down",
    "output.LayerNorm": "layer_output_norm",
}
SPECIAL = {"[CLS]": "bos", "[SEP]": "sep", "[PAD]": "pad", "[UNK]": "unk",
           "[MASK]": "mask"}


def tensor_name(name):
    """llama.cpp's name; None for what it does not read (the pooler)."""
    name = name.removeprefix("bert.")
    if name in GLOBAL:
        return GLOBAL[name]
    module, _, kind = name.rpartition(".")
    if module in GLOBAL:
        return f"{GLOBAL[module]}.{kind}"
    match = re.fullmatch(r"encoder\.layer\.(\d+)\.(.*)", module)
    if match and match[2] in LAYER:
        return f"blk.{match[1]}.{LAYER[match[2]]}.{kind}"
    return None


def is_quantized(name, tensor):
    return tensor.ndim == 2 and name not in ("position_embd.weight",
                                             "token_types.weight")


def write_vocabulary(writer, directory):
    tokens = (directory / "vocab.txt").read_text(
        encoding="utf-8").rstrip("\n").split("\n")
    writer.add_tokenizer_model("bert")
    # llama.cpp marks the start of a word instead of its continuation.
    writer.add_token_list([
        token if re.fullmatch(r"\[.*\]", token)
        else token[2:] if token.startswith("##") else "\u2581" + token
        for token in tokens])
    writer.add_token_types([
        gguf.TokenType.CONTROL if token in SPECIAL else gguf.TokenType.NORMAL
        for token in tokens])
    for token, name in SPECIAL.items():
        getattr(writer, f"add_{name}_token_id")(tokens.index(token))
    writer.add_eos_token_id(tokens.index("[SEP]"))


def write_config(writer, config):
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_layer_norm_eps(config["layer_norm_eps"])
    writer.add_causal_attention(False)
    writer.add_pooling_type(gguf.PoolingType.MEAN)
    writer.add_token_type_count(config["type_vocab_size"])
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)


def write_tensors(writer, weights):
    q8 = gguf.GGMLQuantizationType.Q8_0
    for name, tensor in weights.items():
        name = tensor_name(name)
        if name is None or tensor.dtype != numpy.float32:
            continue
        if is_quantized(name, tensor):
            writer.add_tensor(name, gguf.quants.quantize(tensor, q8),
                              raw_dtype=q8)
        else:
            writer.add_tensor(name, tensor)


def export(directory, path):
    writer = gguf.GGUFWriter(path, "bert")
    write_config(writer, json.loads((directory / "config.json").read_text()))
    write_vocabulary(writer, directory)
    write_tensors(writer, safetensors.numpy.load_file(
        directory / "model.safetensors"))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
