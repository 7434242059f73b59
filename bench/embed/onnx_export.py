"""A model directory as ONNX: plain, fused by onnxruntime's own optimizer for
BERT, and either of them quantised dynamically to int8."""
import torch
import transformers

INPUTS = ("input_ids", "attention_mask", "token_type_ids")


class States(torch.nn.Module):
    def __init__(self, bert):
        super().__init__()
        self.bert = bert

    def forward(self, input_ids, attention_mask, token_type_ids):
        return self.bert(input_ids=input_ids, attention_mask=attention_mask,
                         token_type_ids=token_type_ids).last_hidden_state


def plain(directory, path):
    # eager: the attention whose operators the optimizer knows
    bert = transformers.AutoModel.from_pretrained(
        directory, dtype=torch.float32, attn_implementation="eager",
        add_pooling_layer=False).eval()
    example = tuple(torch.ones((2, 8), dtype=torch.int64) for _ in INPUTS)
    axes = {name: {0: "batch", 1: "tokens"} for name in (*INPUTS, "states")}
    torch.onnx.export(States(bert), example, path, input_names=list(INPUTS),
                      output_names=["states"], dynamic_axes=axes,
                      opset_version=17, dynamo=False)


def fused(source, config, path):
    from onnxruntime.transformers import optimizer
    optimizer.optimize_model(
        str(source), model_type="bert",
        num_heads=config["num_attention_heads"],
        hidden_size=config["hidden_size"]).save_model_to_file(str(path))


def quantized(source, path):
    from onnxruntime.quantization import QuantType, quantize_dynamic
    # A scale for each channel: as fast, and far nearer to F32.
    quantize_dynamic(source, path, weight_type=QuantType.QInt8,
                     per_channel=True,
                     extra_options={"DefaultTensorType": 1})  # FLOAT
