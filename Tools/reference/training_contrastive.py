"""Fixtures of contrastive training: a tiny ViT and a tiny ResNet by open_clip 3.3.0 and torch 2.13.

Run: OMP_NUM_THREADS=1 python -P Tools/reference/training_contrastive.py
Writes Tests/TrainingTests/Fixtures/contrastive/:

    <tower>.safetensors             the weights that a step begins with, in float16, whose numbers they are
    <tower>-expected.safetensors    six pairs, ClipLoss, its gradients, and the parameters after one step of AdamW with
                                    open_clip's groups; of the ResNet, which is in training mode, only some of them, and
                                    the running statistics after the step
    start.json                      the standard deviation with which open_clip starts each larger parameter
"""

import json
import math
import pathlib

import open_clip
import torch
from open_clip.model import CLIP, CLIPTextCfg, CLIPVisionCfg
from safetensors.torch import save_file

OUT = pathlib.Path(__file__).parents[2] / "Tests/TrainingTests/Fixtures/contrastive"
VOCABULARY, CONTEXT, DIMENSION, PAIRS = 64, 12, 16, 6
RATE = 1e-2
SOME = ["visual.conv1.weight", "layer1.0.bn3.weight", "layer2.0.conv2.weight", "layer4.0.downsample.0.weight",
        "attnpool.positional_embedding", "attnpool.k_proj.weight", "attnpool.c_proj.bias", "ln_final.weight",
        "token_embedding.weight", "resblocks.1.mlp.c_fc.weight", "text_projection", "logit_scale", "bn1.bias"]


def model(vision, text):
    return CLIP(DIMENSION, CLIPVisionCfg(**vision), CLIPTextCfg(**text), quick_gelu=False)


def round_to_half(model):
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim < 2 and "scale" not in name:
                parameter += torch.randn_like(parameter) * 0.2
        for value in list(model.parameters()) + list(model.buffers()):
            if value.is_floating_point() and value.isfinite().all():
                value.copy_(value.half().float())


def groups(model):
    """open_clip_train/main.py: no decay on gains, biases and the logit scale."""
    named = list(model.named_parameters())
    def excluded(name, parameter):
        return parameter.ndim < 2 or "bn" in name or "ln" in name or "bias" in name or "logit_scale" in name
    return [{"params": [p for n, p in named if excluded(n, p)], "weight_decay": 0.0},
            {"params": [p for n, p in named if not excluded(n, p)], "weight_decay": 0.2}]


def pairs(size):
    ids = torch.zeros(PAIRS, CONTEXT, dtype=torch.long)
    for row in range(PAIRS):
        words = 2 + row
        ids[row, 0], ids[row, words + 1] = VOCABULARY - 2, VOCABULARY - 1
        ids[row, 1:words + 1] = torch.randint(1, VOCABULARY - 2, (words,))
    return torch.randn(PAIRS, 3, size, size), ids


def write(name, model, size, some=None):
    state = {key: value.half().contiguous() for key, value in model.state_dict().items()
             if value.is_floating_point() and key != "attn_mask"}
    save_file(state, OUT / f"{name}.safetensors")
    pixels, ids = pairs(size)
    model.train()
    optimizer = torch.optim.AdamW(groups(model), lr=RATE, betas=(0.9, 0.98), eps=1e-6)
    image, text, scale = model(pixels, ids)
    loss = open_clip.ClipLoss()(image, text, scale)
    loss.backward()
    result = {"pixels": pixels, "ids": ids, "loss": loss}
    chosen = {key: parameter for key, parameter in model.named_parameters()
              if some is None or any(key.endswith(end) for end in some)}
    result |= {f"gradient.{key}": parameter.grad for key, parameter in chosen.items()}
    result = {key: value.detach().clone().contiguous() for key, value in result.items()}
    optimizer.step()
    with torch.no_grad():
        model.logit_scale.clamp_(0, math.log(100))
    after = {f"after.{key}": value for key, value in chosen.items()}
    after |= {f"after.{key}": value for key, value in model.named_buffers() if "running" in key and some}
    result |= {key: value.detach().clone().contiguous() for key, value in after.items()}
    save_file(result, OUT / f"{name}-expected.safetensors")


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(11)
    text = {"context_length": CONTEXT, "vocab_size": VOCABULARY, "width": 24, "heads": 3, "layers": 2}
    vit = model({"layers": 2, "width": 32, "head_width": 16, "patch_size": 8, "image_size": 32}, text)
    round_to_half(vit)
    write("vit", vit, 32)
    # Four channels after the stem; heads of 32, because there are only 128 at the end.
    resnet = model({"layers": (1, 1, 1, 1), "width": 4, "head_width": 32, "image_size": 64}, text)
    round_to_half(resnet)
    write("resnet", resnet, 64, SOME)

    torch.manual_seed(12)
    wide = {"context_length": 16, "vocab_size": 512, "width": 128, "heads": 2, "layers": 3}
    start = {}
    for tower, vision in [("vit", {"layers": 2, "width": 128, "patch_size": 16, "image_size": 64}),
                          ("resnet", {"layers": (1, 1, 1, 1), "width": 16, "image_size": 64})]:
        fresh = model(vision, wide)
        start[tower] = {key: parameter.std().item() for key, parameter in fresh.named_parameters()
                        if parameter.numel() >= 2048 or "bn3.weight" in key or key.endswith("proj_bias")}
    (OUT / "start.json").write_text(json.dumps(start, indent=1, sort_keys=True) + "\n")


main()
