"""What the scripts that write tiny pipelines share."""

import shutil

import torch
from safetensors.torch import load, save_file
from tokenizers import pre_tokenizers
from transformers import CLIPTokenizer


def randomised(model):
    """Parameters that a fresh network has at one or zero move too; every value is one that float16 holds exactly."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
            parameter.copy_(parameter.half().float())
    return model.eval()


def clip_tokenizer(tokens):
    """CLIP's with bytes and a few merges."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = [("r", "e"), ("re", "d</w>"), ("a", "p"), ("l", "e</w>")]
    pieces = letters + [f"{letter}</w>" for letter in letters] + ["".join(pair) for pair in merges]
    pieces += ["<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={piece: i for i, piece in enumerate(pieces)}, merges=merges, model_max_length=tokens)


def save(pipeline, folder, without=()):
    """Saves a pipeline in float16, but for the parts that another folder has."""
    pipeline.save_pretrained(folder)
    for part in without:
        shutil.rmtree(folder / part)
    for weights in folder.rglob("*.safetensors"):
        tensors = load(weights.read_bytes())
        save_file({k: v.half() if v.is_floating_point() else v for k, v in tensors.items()}, weights,
                  metadata={"format": "pt"})
        weights.chmod(0o644)
