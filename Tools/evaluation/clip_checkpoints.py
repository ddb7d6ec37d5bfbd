"""Compares `lienzo embed` with open_clip and transformers on published CLIP architectures with random weights.

    python -P Tools/evaluation/clip_checkpoints.py [NAME …]    # with the versions of Tools/reference/requirements.txt

Each model is written by the reference itself in a form that published files have, `lienzo embed` reads it without a
hint, and the embeddings of four pictures and four texts are compared: cosine, and the largest difference over the norm.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import open_clip
import torch
from PIL import Image
from safetensors.torch import save_file
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPTokenizer

ROOT = pathlib.Path(__file__).parents[2]
LIENZO = ROOT / ".build/release/lienzo"
PICTURES = sorted((ROOT / "Tests/ImagesTests/Fixtures").glob("clip-*.jpg"))[:4]
TEXTS = ["a diagram", "una manzana roja & una pera", "two dogs\u2019 tails, 3 cats", "x " * 100]
# Published architecture, and the form in which it is written.
CASES = {
    "ViT-B-32-state": ("ViT-B-32-quickgelu", "state"),
    "ViT-B-32-script": ("ViT-B-32-quickgelu", "script"),
    "ViT-B-32-open_clip": ("ViT-B-32", "open_clip"),
    "ViT-B-32-transformers": (
        {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "patch_size": 32, "image_size": 224},
        "transformers"),
    "ViT-B-32-sharded": (
        {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "patch_size": 32, "image_size": 224},
        "sharded"),
    "RN50": ("RN50-quickgelu", "state"),
    "RN50x4": ("RN50x4-quickgelu", "state"),
    "ViT-L-14-336": ("ViT-L-14-336-quickgelu", "state"),
}


def randomise(model):
    """Weights of a size that keeps embeddings of different inputs apart, rounded to float16 as published ones are."""
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.uniform_(-0.2, 0.2)
                module.running_var.uniform_(0.5, 1.5)
                module.weight.uniform_(0.5, 1)
        for value in list(model.parameters()) + list(model.buffers()):
            if value.is_floating_point() and value.isfinite().all():
                value.copy_(value.half().float())


class Script(torch.nn.Module):
    """OpenAI's archives hold the model in float16 beside three numbers that say its sizes."""

    def __init__(self, model):
        super().__init__()
        for name, child in model.half().named_children():
            self.add_module(name, child)
        for name in ["positional_embedding", "text_projection", "logit_scale"]:
            self.register_parameter(name, getattr(model, name))
        self.register_buffer("input_resolution", torch.tensor(model.visual.image_size[0]))
        self.register_buffer("context_length", torch.tensor(77))
        self.register_buffer("vocab_size", torch.tensor(49408))

    def forward(self, pixels):
        return self.visual(pixels)


def with_open_clip(name, form, folder):
    model = open_clip.create_model(name).eval()
    randomise(model)
    size = model.visual.image_size
    size = size[0] if isinstance(size, tuple) else size  # of a ResNet one number
    preprocess = open_clip.image_transform(size, is_train=False)
    with torch.no_grad():
        images = model.encode_image(torch.stack([preprocess(Image.open(path)) for path in PICTURES]))
        texts = model.encode_text(open_clip.get_tokenizer(name)(TEXTS))
    state = {key: value.half() if value.is_floating_point() else value for key, value in model.state_dict().items()
             if key != "attn_mask"}
    path = folder / "model"
    if form == "state":
        torch.save(state, path)
    elif form == "script":
        torch.jit.save(torch.jit.trace(Script(model), torch.randn(1, 3, size, size).half(), check_trace=False), path)
    else:
        path.mkdir()
        save_file(state, path / "open_clip_model.safetensors")
        settings = open_clip.get_model_preprocess_cfg(model)
        (path / "open_clip_config.json").write_text(
            json.dumps({"model_cfg": open_clip.get_model_config(name), "preprocess_cfg": settings}))
    return path, images, texts


def with_transformers(vision, form, folder):
    vision |= {"intermediate_size": 4 * vision["hidden_size"]}
    model = CLIPModel(CLIPConfig(projection_dim=512, vision_config=vision, text_config={"eos_token_id": 49407})).eval()
    randomise(model)
    path = folder / "model"
    model.save_pretrained(path, max_shard_size="100MB" if form == "sharded" else "5GB")
    processor = CLIPImageProcessor(size={"shortest_edge": vision["image_size"]}, crop_size=vision["image_size"])
    processor.save_pretrained(path)
    vocabulary = (ROOT / ".cache/clip/merges.txt").read_text(encoding="utf-8").split("\n")[1:49152 - 256 - 2 + 1]
    open_clip_vocabulary = open_clip.tokenizer.SimpleTokenizer().encoder
    names = {"<start_of_text>": "<|startoftext|>", "<end_of_text>": "<|endoftext|>"}
    (path / "vocab.json").write_text(json.dumps({names.get(k, k): v for k, v in open_clip_vocabulary.items()}))
    (path / "merges.txt").write_text("#version: 0.2\n" + "\n".join(vocabulary) + "\n", encoding="utf-8")
    tokenizer = CLIPTokenizer.from_pretrained(path)
    with torch.no_grad():
        pixels = processor([Image.open(path) for path in PICTURES], return_tensors="pt")["pixel_values"]
        ids = tokenizer(TEXTS, padding="max_length", max_length=77, truncation=True, return_tensors="pt")
        images = model.visual_projection(model.vision_model(pixels).pooler_output)
        texts = model.text_projection(model.text_model(ids["input_ids"]).pooler_output)
    return path, images, texts


def embedded(model, folder, precision, *arguments):
    output = folder / "rows.npy"
    output.unlink(missing_ok=True)
    subprocess.run([LIENZO, "embed", "--model", model, "--precision", precision, "--raw", "--output", output,
                    *arguments], check=True, capture_output=True)
    return torch.from_numpy(np.load(output))


def main(names):
    failed = False
    for name in names or CASES:
        architecture, form = CASES[name]
        torch.manual_seed(0)
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            make = with_open_clip if isinstance(architecture, str) else with_transformers
            path, images, texts = make(architecture, form, folder)
            for kind, expected, inputs in [("pictures", images, ["--images", *PICTURES]), ("texts", texts, ["--texts", *TEXTS])]:
                for precision, least, most in [("fp32", 0.99999, 1e-4), ("bf16", 0.999, None)]:
                    found = embedded(path, folder, precision, *inputs)
                    cosine = torch.nn.functional.cosine_similarity(found, expected).min().item()
                    difference = ((found - expected).abs().amax(1) / expected.norm(dim=1)).max().item()
                    apart = torch.nn.functional.cosine_similarity(expected[:1], expected[1:]).max().item()
                    good = cosine >= least and (most is None or difference <= most)
                    failed |= not good
                    print(f"{name:22} {kind:8} {precision}  cosine {cosine:.7f}  difference {difference:.1e}  "
                          f"(others at most {apart:.4f})  {'ok' if good else 'FAILS'}", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
