"""Writes Tests/CheckpointsTests/Fixtures with safetensors and torch.

    python Tools/reference/checkpoints.py
"""

import json
import sys
from collections import OrderedDict
from pathlib import Path

import torch
from safetensors.torch import save_file

FIXTURES = Path(__file__).resolve().parents[2] / "Tests/CheckpointsTests/Fixtures"


def expected(tensors):
    """Name -> type, shape, elements; not finite ones as text."""
    def numbers(tensor):
        values = tensor.detach().reshape(-1).double().tolist()
        return [v if v == v and abs(v) != float("inf") else str(v) for v in values]

    return {name: dict(dtype=str(t.dtype).removeprefix("torch."), shape=list(t.shape), elements=numbers(t))
            for name, t in tensors.items()}


def every_type():
    torch.manual_seed(3)
    tensors = OrderedDict()
    for dtype in [torch.float32, torch.float64, torch.float16, torch.bfloat16]:
        tensors[f"{str(dtype).removeprefix('torch.')}.weight"] = torch.randn(3, 4, dtype=torch.float64).to(dtype)
    for dtype in [torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8]:
        tensors[f"{str(dtype).removeprefix('torch.')}.bias"] = torch.randint(-100, 100, (5,)).to(dtype)
    tensors["bool"] = torch.tensor([True, False, True])
    tensors["scalar"] = torch.tensor(7.25)
    tensors["empty"] = torch.zeros(0, 3)
    tensors["special"] = torch.tensor([float("nan"), float("inf"), -float("inf"), -0.0, 1e-45])
    tensors["ein name / with \"quotes\" \\ and \n ñ 中 😀 \u0001"] = torch.arange(6.0).reshape(2, 1, 3)
    return tensors


def shared():
    """Tensors that are parts and views of others, as parameters and in nested containers."""
    base = torch.arange(24.0).reshape(4, 6)
    whole = torch.arange(10)
    state = OrderedDict(
        whole=base,
        transposed=base.t(),
        part=base[1:3, 2:5],
        column=base[:, 5],
        permuted=torch.arange(24.0).reshape(2, 3, 4).permute(2, 0, 1),
        strided=whole[1::3],
        expanded=torch.tensor([[1.5], [2.5]]).expand(2, 4),
        parameter=torch.nn.Parameter(torch.linspace(0, 1, 7)),
        half=torch.arange(3).half(),
        last=torch.tensor(True),
    )
    return {"state_dict": state, "optimizer": {"state": {0: {"step": torch.tensor(4.0)}}, "groups": [{"lr": 1e-3}]},
            "epoch": 3, "name": "ñandú", "betas": (0.9, 0.999), "best": None, "done": False, "big": 2**40, "huge": 2**80,
            "negative": -5, "list": [torch.ones(2), "text"], "size": torch.Size([1, 2])}


def flat(value, prefix=""):
    if isinstance(value, torch.Tensor):
        return {prefix: value}
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, (list, tuple)) else []
    return {k: t for key, item in items for k, t in flat(item, f"{prefix}.{key}" if prefix else str(key)).items()}


def main():
    FIXTURES.mkdir(parents=True, exist_ok=True)
    tensors = every_type()
    save_file(tensors, FIXTURES / "types.safetensors", metadata={"format": "pt"})
    torch.save(tensors, FIXTURES / "types.pth")
    torch.save(tensors, FIXTURES / "types-legacy.pth", _use_new_zipfile_serialization=False)
    nested = shared()
    torch.save(nested, FIXTURES / "nested.pth")
    torch.save(nested, FIXTURES / "nested-legacy.pth", _use_new_zipfile_serialization=False)
    torch.manual_seed(4)
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    torch.save(model.state_dict(), FIXTURES / "module.pth")
    torch.save(model, FIXTURES / "whole-module.pth")
    torch.jit.save(torch.jit.script(torch.nn.Linear(1, 1)), FIXTURES / "program.pth")
    shards = {"shard-1-of-2.safetensors": {"a.weight": torch.ones(2, 2)}, "shard-2-of-2.safetensors": {"b.weight": torch.zeros(3)}}
    for name, content in shards.items():
        save_file(content, FIXTURES / name)
    index = {"metadata": {"total_size": 28}, "weight_map": {t: f for f, c in shards.items() for t in c}}
    (FIXTURES / "sharded.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n")
    elements = {"types": expected(tensors), "nested": expected(flat(nested)), "module": expected(model.state_dict())}
    (FIXTURES / "expected.json").write_text(json.dumps(elements, separators=(",", ":"), allow_nan=False) + "\n")


main()
