"""The models of the benchmark, in the form that each peer reads.

Everything is made once from one directory of safetensors and kept in the work
directory, so that all peers compute with the same weights.
"""
import json
import pathlib
import shutil
import subprocess

VOCABULARY = (pathlib.Path(__file__).parents[2]
              / "test/golden/bert-base-uncased.vocab.txt")
SEED = 20

# mxbai-embed-large-v1 and UAE-Large-V1 have this shape.
LARGE = {
    "architectures": ["BertModel"], "model_type": "bert",
    "hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16,
    "intermediate_size": 4096, "hidden_act": "gelu",
    "max_position_embeddings": 512, "type_vocab_size": 2,
    "vocab_size": 30522, "layer_norm_eps": 1e-12, "pad_token_id": 0,
}


class Model:
    """Paths of a model's files below work."""

    def __init__(self, name, directory, work):
        self.name = name
        self.directory = pathlib.Path(directory)
        self.files = pathlib.Path(work) / name
        self.packed = {kind: self.files / f"{name}-{kind}.angle"
                       for kind in ("f32", "int8")}
        self.onnx = {kind: self.files / f"{kind}.onnx"
                     for kind in ("plain-f32", "fused-f32",
                                  "plain-int8", "fused-int8")}
        self.gguf = self.files / "q8_0.gguf"

    def config(self):
        return json.loads((self.directory / "config.json").read_text())


def write_json(path, value):
    path.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")


def random_weights(config):
    """Weights as BERT's initialisation draws them, but with enough spread in
    norms and biases that every one of them shows in the result."""
    import torch
    import transformers
    torch.manual_seed(SEED)
    model = transformers.BertModel(transformers.BertConfig(**config),
                                   add_pooling_layer=False)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("bias"):
                parameter.normal_(0, 0.05)
            elif "LayerNorm" in name:
                parameter.normal_(1, 0.1)
    return model


def write_tokenizer(directory):
    import tokenizers
    shutil.copy(VOCABULARY, directory / "vocab.txt")
    tokenizers.BertWordPieceTokenizer(
        str(VOCABULARY), lowercase=True).save(
            str(directory / "tokenizer.json"))
    write_json(directory / "tokenizer_config.json", {
        "tokenizer_class": "BertTokenizer", "do_lower_case": True,
        "model_max_length": 512})
    write_json(directory / "sentence_bert_config.json", {
        "max_seq_length": 512, "do_lower_case": False})


def write_pooling(directory, width):
    (directory / "1_Pooling").mkdir(exist_ok=True)
    write_json(directory / "1_Pooling/config.json", {
        "word_embedding_dimension": width, "pooling_mode_mean_tokens": True,
        "pooling_mode_cls_token": False, "pooling_mode_max_tokens": False,
        "pooling_mode_mean_sqrt_len_tokens": False})
    types = [("", "Transformer"), ("1_Pooling", "Pooling"),
             ("2_Normalize", "Normalize")]
    (directory / "2_Normalize").mkdir(exist_ok=True)
    write_json(directory / "modules.json", [
        {"idx": index, "name": str(index), "path": path,
         "type": f"sentence_transformers.models.{name}"}
        for index, (path, name) in enumerate(types)])


def make_large(directory, config=None):
    """A model directory of the shape of BERT-large with seeded random
    weights."""
    config = config or LARGE
    if (directory / "complete").exists():
        return
    directory.mkdir(parents=True, exist_ok=True)
    random_weights(config).save_pretrained(directory)
    write_json(directory / "config.json", config)
    write_tokenizer(directory)
    write_pooling(directory, config["hidden_size"])
    (directory / "complete").touch()


def once(path, make):
    """make(temporary path) unless path is there."""
    if path.exists():
        return
    print(f"making {path}", flush=True)
    temporary = path.with_name("new-" + path.name)
    make(temporary)
    temporary.rename(path)


def prepare(model, angle, exports):
    """Makes the files of model that are missing. angle: the command line
    tool. exports: which of "onnx" and "gguf"."""
    model.files.mkdir(parents=True, exist_ok=True)
    for kind, path in model.packed.items():
        once(path, lambda new, kind=kind: subprocess.run(
            [angle, "convert", f"--quantize={kind}", model.directory, new],
            check=True, stdout=subprocess.DEVNULL))
    if "onnx" in exports:
        import onnx_export
        once(model.onnx["plain-f32"],
             lambda new: onnx_export.plain(model.directory, new))
        once(model.onnx["fused-f32"],
             lambda new: onnx_export.fused(model.onnx["plain-f32"],
                                           model.config(), new))
        for kind in ("plain", "fused"):
            once(model.onnx[f"{kind}-int8"],
                 lambda new, kind=kind: onnx_export.quantized(
                     model.onnx[f"{kind}-f32"], new))
    if "gguf" in exports:
        import gguf_export
        once(model.gguf, lambda new: gguf_export.export(model.directory, new))
