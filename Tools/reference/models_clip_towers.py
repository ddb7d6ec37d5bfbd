"""Fixtures of CLIP's own towers: tiny random ones by open_clip 3.3.0 and transformers 5.23.

Run: OMP_NUM_THREADS=1 python -P Tools/reference/models_clip_towers.py
Writes Tests/ModelsTests/Fixtures/clip-towers/: for each tower a checkpoint in every form that published ones have, and
`<tower>-expected.safetensors` with what the reference makes of them.

    vit                 open_clip's CLIP with a ViT and QuickGELU, as OpenAI's ViT-B/32 is made
    resnet              the same with a ModifiedResNet and GELU
    huggingface         transformers' CLIPModel, end token by number
    vit-script.pt       the ViT as OpenAI published it: a TorchScript archive in float16 that says its own sizes
    resnet-state.pt     the ResNet as a plain state dictionary of torch.save
"""

import copy
import json
import pathlib

import open_clip
import torch
from open_clip.model import CLIP, CLIPTextCfg, CLIPVisionCfg
from safetensors.torch import save_file
from transformers import CLIPConfig, CLIPModel

OUT = pathlib.Path(__file__).parents[2] / "Tests/ModelsTests/Fixtures/clip-towers"
VOCABULARY, CONTEXT, DIMENSION = 64, 12, 16
GRADIENTS = ["visual.conv1.weight", "visual.class_embedding", "visual.proj", "resblocks.0.attn.in_proj_weight",
             "resblocks.1.mlp.c_fc.weight", "layer2.0.conv2.weight", "layer1.0.bn3.weight", "attnpool.q_proj.bias",
             "attnpool.positional_embedding", "token_embedding.weight", "text_projection", "ln_final.weight",
             "logit_scale"]
IDS = torch.tensor([[62, 5, 6, 7, 63, 0, 0, 0, 0, 0, 0, 0], [62, 10, 7, 11, 8, 9, 5, 3, 1, 2, 4, 63]])


def open_clip_model(vision, quick_gelu):
    text = CLIPTextCfg(context_length=CONTEXT, vocab_size=VOCABULARY, width=24, heads=3, layers=2)
    return CLIP(DIMENSION, CLIPVisionCfg(**vision), text, quick_gelu=quick_gelu).eval()


def randomise(model):
    """Weights that every layer shows, rounded to numbers that float16 holds, so that files are small and equal."""
    for name, parameter in model.named_parameters():
        if parameter.ndim < 2 and "scale" not in name:
            parameter.data += torch.randn_like(parameter) * 0.2
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.uniform_(-0.5, 0.5)
            module.running_var.uniform_(0.3, 2)
    with torch.no_grad():
        for value in list(model.parameters()) + list(model.buffers()):
            if value.is_floating_point() and value.isfinite().all():
                value.copy_(value.half().float())


def write(name, tensors):
    tensors = {key: value.detach().clone().contiguous() for key, value in tensors.items()}
    save_file(tensors, OUT / f"{name}.safetensors")


def expectations(model, size):
    pixels = torch.randn(2, 3, size, size)
    image, text = model.encode_image(pixels), model.encode_text(IDS)
    loss = open_clip.ClipLoss()(
        torch.nn.functional.normalize(image, dim=-1), torch.nn.functional.normalize(text, dim=-1),
        model.logit_scale.exp(),
    )
    loss.backward()
    result = {"pixels": pixels, "ids": IDS, "image": image, "text": text, "loss": loss}
    for key, parameter in model.named_parameters():
        if any(key.endswith(name) for name in GRADIENTS):
            result[f"gradient.{key}"] = parameter.grad
    return result


def state(model):
    return {key: value.half() if value.is_floating_point() else value for key, value in model.state_dict().items()
            if not key.endswith("num_batches_tracked") and key != "attn_mask"}


class Published(torch.nn.Module):
    """OpenAI's archives hold the model in float16 beside three numbers that say its sizes."""

    def __init__(self, model):
        super().__init__()
        for name, child in copy.deepcopy(model).half().named_children():
            self.add_module(name, child)
        for name in ["positional_embedding", "text_projection", "logit_scale"]:
            self.register_parameter(name, copy.deepcopy(getattr(model, name)))
        self.register_buffer("input_resolution", torch.tensor(model.visual.image_size[0]))
        self.register_buffer("context_length", torch.tensor(CONTEXT))
        self.register_buffer("vocab_size", torch.tensor(VOCABULARY))

    def forward(self, pixels):
        return self.visual(pixels)


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(5)
    vit = open_clip_model(
        {"layers": 2, "width": 32, "head_width": 16, "patch_size": 8, "image_size": 32}, quick_gelu=True)
    randomise(vit)
    write("vit", state(vit))
    write("vit-expected", expectations(vit, 32))
    script = torch.jit.trace(Published(vit), torch.randn(1, 3, 32, 32).half(), check_trace=False)
    torch.jit.save(script, OUT / "vit-script.pt")

    resnet = open_clip_model({"layers": (1, 2, 1, 1), "width": 8, "image_size": 64}, quick_gelu=False)
    randomise(resnet)
    write("resnet", state(resnet))
    write("resnet-expected", expectations(resnet, 64))
    torch.save(state(resnet), OUT / "resnet-state.pt")

    config = CLIPConfig(
        projection_dim=DIMENSION,
        vision_config={"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2,
                       "image_size": 32, "patch_size": 8, "hidden_act": "quick_gelu"},
        text_config={"hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 2, "num_attention_heads": 3,
                     "vocab_size": VOCABULARY, "max_position_embeddings": CONTEXT, "eos_token_id": 3,
                     "bos_token_id": 62, "pad_token_id": 1, "hidden_act": "gelu"},
    )
    huggingface = CLIPModel(config).eval()
    randomise(huggingface)
    ids = torch.tensor([[62, 5, 6, 7, 3, 1, 1, 1, 1, 1, 1, 1], [62, 10, 63, 11, 8, 9, 5, 7, 3, 1, 1, 1]])
    pixels = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        output = huggingface(input_ids=ids, pixel_values=pixels)
        image = huggingface.visual_projection(huggingface.vision_model(pixels).pooler_output)
        text = huggingface.text_projection(huggingface.text_model(ids).pooler_output)
    assert torch.allclose(torch.nn.functional.normalize(image, dim=-1), output.image_embeds, atol=1e-6)
    write("huggingface", {key: value.half() if value.is_floating_point() else value
                          for key, value in huggingface.state_dict().items()})
    write("huggingface-expected", {"pixels": pixels, "ids": ids, "image": image, "text": text,
                                   "logits": output.logits_per_image})
    written = json.loads(config.to_json_string())
    (OUT / "huggingface-config.json").write_text(json.dumps(written, indent=2) + "\n")


main()
