#!/usr/bin/env python3
"""Makes test/golden/torch: folders with pytorch_model.bin as torch.save()
writes it, the same tensors as safetensors where they must be read, and files
that must be refused; and the seeds of the fuzz targets pickle and torch_file
from them. Made with torch 2.15.0 and safetensors 0.8.0."""

import collections
import io
import json
import os
import pathlib
import pickle
import zipfile

import torch
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).parent / "torch"
CORPUS = HERE.parent.parent / "fuzz/corpus"


def folder(name):
    path = HERE / name
    path.mkdir(parents=True, exist_ok=True)
    return path


def expect(path, tensors):
    save_file({k: v.detach().clone().contiguous() for k, v in tensors.items()},
              path / "expected.safetensors", metadata={"format": "pt"})


def rewrite(source, path, change, method=zipfile.ZIP_STORED):
    """Copies an archive; change(name, bytes) gives a record's new bytes."""
    with zipfile.ZipFile(source) as old, \
            zipfile.ZipFile(path / "pytorch_model.bin", "w", method) as new:
        for info in old.infolist():
            new.writestr(zipfile.ZipInfo(info.filename),
                         change(info.filename, old.read(info)), method)


def every_kind():
    """Each element type, and views that are not contiguous."""
    torch.manual_seed(1)
    base = torch.arange(24, dtype=torch.float32).reshape(4, 6)
    tied = torch.randn(3, 5)
    tensors = collections.OrderedDict()
    for dtype in (torch.float32, torch.float16, torch.bfloat16, torch.float64):
        tensors[f"real.{dtype}"] = torch.randn(2, 3).to(dtype)
    for dtype in (torch.int64, torch.int32, torch.int16, torch.int8,
                  torch.uint8):
        tensors[f"whole.{dtype}"] = torch.arange(5).to(dtype)
    tensors["bool"] = torch.tensor([True, False, True])
    tensors["scalar"] = torch.tensor(2.5)
    tensors["empty"] = torch.zeros(0, 4)
    tensors["four"] = torch.randn(2, 3, 1, 2)
    tensors["transposed"] = base.t()
    tensors["columns"] = base[:, 1:5:2]
    tensors["rows"] = base[2:]
    tensors["permuted"] = torch.randn(2, 3, 4).permute(2, 0, 1)
    tensors["position_ids"] = torch.arange(8).expand((1, -1))
    tensors["tied.a"] = tied
    tensors["tied.b"] = tied
    tensors["parameter"] = torch.nn.Parameter(torch.randn(4))
    tensors["ünï"] = torch.ones(1)
    return tensors


class System:
    """What pickles of attackers do."""

    def __reduce__(self):
        return os.system, ("echo owned",)


def accepted():
    tensors = every_kind()
    for protocol in (2, 4):
        path = folder(f"protocol-{protocol}")
        torch.save(tensors, path / "pytorch_model.bin", pickle_protocol=protocol)
        expect(path, tensors)

    path = folder("module")
    torch.manual_seed(2)
    module = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.LayerNorm(4))
    torch.save(module.state_dict(), path / "pytorch_model.bin")
    expect(path, module.state_dict())

    path = folder("sharded")
    shards = {"pytorch_model-00001-of-00002.bin": ["0.weight", "1.bias"],
              "pytorch_model-00002-of-00002.bin": ["0.bias", "1.weight"]}
    state = module.state_dict()
    for name, keys in shards.items():
        torch.save({k: state[k].clone() for k in keys}, path / name)
    index = {"metadata": {"total_size": 96},
             "weight_map": {k: s for s, keys in shards.items() for k in keys}}
    (path / "pytorch_model.bin.index.json").write_text(
        json.dumps(index, indent=1) + "\n")
    expect(path, state)


def refused():
    good = {"weight": torch.arange(6, dtype=torch.float32).reshape(2, 3)}
    buffer = io.BytesIO()
    torch.save(good, buffer)

    torch.save({"weight": System()}, folder("refused-system") / "pytorch_model.bin")
    torch.save({"weight": torch.ones(1).expand(1000)},
               folder("refused-expanded") / "pytorch_model.bin")
    torch.save({"epoch": 3, "model": good},
               folder("refused-nested") / "pytorch_model.bin")
    torch.save({"weight": torch.ones(2, dtype=torch.complex64)},
               folder("refused-complex") / "pytorch_model.bin")
    torch.save({"weight": torch.ones(1, 1, 1, 1, 2)},
               folder("refused-rank") / "pytorch_model.bin")
    torch.save(good, folder("refused-legacy") / "pytorch_model.bin",
               _use_new_zipfile_serialization=False)
    torch.save(list(good.values()), folder("refused-list") / "pytorch_model.bin")
    (folder("refused-pickle") / "pytorch_model.bin").write_bytes(
        pickle.dumps({"weight": System()}))

    rewrite(buffer, folder("refused-compressed"), lambda name, data: data,
            zipfile.ZIP_DEFLATED)
    rewrite(buffer, folder("refused-big-endian"),
            lambda name, data: b"big" if name.endswith("/byteorder") else data)
    rewrite(buffer, folder("refused-short-storage"),
            lambda name, data: data[:20] if "/data/" in name else data)

    damaged = bytearray(buffer.getvalue())
    floats = good["weight"].numpy().tobytes()
    damaged[damaged.index(floats) + 5] ^= 0x40
    (folder("refused-damaged") / "pytorch_model.bin").write_bytes(damaged)


def seeds():
    for kind in ("pickle", "torch_file"):
        (CORPUS / kind).mkdir(parents=True, exist_ok=True)
    for path in sorted(HERE.glob("*/pytorch_model.bin")):
        name = path.parent.name
        link = CORPUS / "torch_file" / name
        link.unlink(missing_ok=True)
        link.symlink_to(f"../../../golden/torch/{name}/pytorch_model.bin")
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                record = next(record for record in archive.namelist()
                              if record.endswith("/data.pkl"))
                (CORPUS / "pickle" / name).write_bytes(archive.read(record))


accepted()
refused()
seeds()
