"""Fixtures of the OpenCLIP dual encoder: tiny random towers by timm 1.0.31, transformers 5.23 and open_clip 3.3.0.

Run: OMP_NUM_THREADS=1 python Tools/reference/models_clip.py
Writes Tests/ModelsTests/Fixtures/clip/: a model directory that open_clip itself loads, and expected.safetensors.

Run: OMP_NUM_THREADS=1 python Tools/reference/models_clip.py mini/clip
Writes Tests/ModelsTests/Fixtures/mini/clip.safetensors: what open_clip makes of the shipped directory.

How open_clip 3.3.0 loads a directory with a Hugging Face text tower, offline
----------------------------------------------------------------------------
`create_model('local-dir:DIR')` reads DIR/open_clip_config.json and the weights DIR/open_clip_model.safetensors
(strictly: every name must be there, BatchNorm's num_batches_tracked apart). Because weights are found, it sets
`hf_model_pretrained = False`, so of the text tower only the configuration is read:
`AutoConfig.from_pretrained(text_cfg.hf_model_name)`. That name is looked up as a path relative to the *working
directory* first and as a repository of the hub second; `local-dir:` does not change it. Therefore a directory that
must load without network holds the tower's own `config.json` beside `open_clip_config.json`, gives
`"hf_model_name": "."`, and is loaded in one of two ways:

    os.chdir(DIR); open_clip.create_model_and_transforms('local-dir:.')              # from inside, or
    open_clip.create_model_and_transforms('local-dir:DIR', text_cfg=text_cfg)        # from anywhere, where text_cfg is
        # model_cfg.text_cfg of the file with hf_model_name = DIR and hf_model_pretrained = False

`load_open_clip(DIR)` below does the second. `get_tokenizer('local-dir:DIR')` always takes the tokenizer from DIR when
`hf_tokenizer_name` is not empty. So the files a directory needs are:

    open_clip_config.json          model_cfg, preprocess_cfg
    open_clip_model.safetensors    visual.trunk.*, visual.head.proj.weight, text.transformer.*, text.proj.*, logit_scale
    config.json                    of the text tower ("model_type": "bert")
    tokenizer.json, tokenizer_config.json, vocab.txt
"""
import json
import os
import sys
from functools import partial

import open_clip
import timm
import torch
from safetensors.torch import save_file
from timm.models import register_model
from timm.models._efficientnet_builder import decode_arch_def, round_channels
from timm.models.efficientnet import EfficientNet

OUT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../Tests/ModelsTests/Fixtures/clip"))

# timm.models.efficientnet._gen_efficientnet_lite, line for line; only stem and head widths are arguments here.
LITE = ["ds_r1_k3_s1_e1_c16", "ir_r2_k3_s2_e6_c24", "ir_r2_k5_s2_e6_c40", "ir_r3_k3_s2_e6_c80",
        "ir_r3_k5_s1_e6_c112", "ir_r4_k5_s2_e6_c192", "ir_r1_k3_s1_e6_c320"]


@register_model
def tf_efficientnet_lite_narrow(pretrained=False, **kwargs):
    """EfficientNet-Lite0 at a tenth of its width, stem 8, head 40."""
    model = EfficientNet(
        block_args=decode_arch_def([[stage] for stage in LITE], 1.0, fix_first_last=True),
        num_features=40,
        stem_size=8,
        fix_stem=True,
        round_chs_fn=partial(round_channels, multiplier=0.1),
        act_layer=torch.nn.ReLU6,
        norm_layer=partial(torch.nn.BatchNorm2d, eps=1e-3),
        pad_type="same",
        num_classes=kwargs.get("num_classes", 10),
    )
    model.default_cfg = {"pool_size": (2, 2)}
    return model


def load_open_clip(directory, **kwargs):
    """The model and its evaluation transform of an OpenCLIP directory whose text tower's config.json lies beside."""
    with open(os.path.join(directory, "open_clip_config.json")) as file:
        text_cfg = json.load(file)["model_cfg"]["text_cfg"]
    text_cfg |= {"hf_model_name": os.path.abspath(directory), "hf_model_pretrained": False}
    model, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{directory}", text_cfg=text_cfg, **kwargs)
    return model.eval(), preprocess


def write_directory():
    """A directory with random weights, written with nothing but its configuration files and a state dictionary."""
    os.makedirs(OUT, exist_ok=True)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "red", "apple", "##s", "lion", "una", "roja"]
    config = {
        "model_cfg": {
            "embed_dim": 16,
            "vision_cfg": {
                "timm_model_name": "tf_efficientnet_lite_narrow", "timm_model_pretrained": False, "timm_pool": "avg",
                "timm_proj": "linear", "image_size": 75,
            },
            "text_cfg": {
                "hf_model_name": ".", "hf_tokenizer_name": ".", "hf_proj_type": "linear",
                "hf_pooler_type": "mean_pooler", "context_length": 12,
            },
        },
        "preprocess_cfg": {
            "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5], "interpolation": "bicubic", "resize_mode": "shortest",
        },
    }
    bert = {
        "architectures": ["BertModel"], "model_type": "bert", "hidden_act": "gelu", "hidden_size": 24,
        "intermediate_size": 40, "layer_norm_eps": 1e-12, "max_position_embeddings": 16, "num_attention_heads": 3,
        "num_hidden_layers": 2, "pad_token_id": 0, "type_vocab_size": 2, "vocab_size": len(words),
        "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1, "initializer_range": 0.3,
    }
    tokenizer = {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": 12}
    for name, value in [
        ("open_clip_config.json", config), ("config.json", bert), ("tokenizer_config.json", tokenizer),
    ]:
        with open(os.path.join(OUT, name), "w") as file:
            json.dump(value, file, indent=2)
            file.write("\n")
    with open(os.path.join(OUT, "vocab.txt"), "w") as file:
        file.writelines(word + "\n" for word in words)

    torch.manual_seed(21)
    weights = os.path.join(OUT, "open_clip_model.safetensors")
    # open_clip takes any safetensors file of the directory for the weights.
    for stale in [weights, os.path.join(OUT, "expected.safetensors")]:
        if os.path.exists(stale):
            os.remove(stale)
    model, _ = load_open_clip(OUT)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.uniform_(-0.5, 0.5)
            module.running_mean.uniform_(-0.5, 0.5)
            module.running_var.uniform_(0.3, 2)
    # Numbers that float16 holds exactly: the file is half as long and the reference and Lienzo read the same values.
    save_file({name: value.half() for name, value in model.state_dict().items()
               if not name.endswith("num_batches_tracked")}, weights)


def main():
    write_directory()
    model, preprocess = load_open_clip(OUT)
    expected = {}

    def record(name, module):
        def hook(_, inputs, output):
            output = output[0] if isinstance(output, tuple) else output
            expected[name] = output.detach().clone()
        module.register_forward_hook(hook)

    trunk = model.visual.trunk
    record("trunk.stem", trunk.bn1)
    for s, stage in enumerate(trunk.blocks):
        for b, block in enumerate(stage):
            record(f"trunk.blocks.{s}.{b}", block)
    record("trunk.head", trunk.bn2)
    record("trunk", trunk)
    record("text.embeddings", model.text.transformer.embeddings)
    for index, layer in enumerate(model.text.transformer.encoder.layer):
        record(f"text.layer.{index}", layer)
    record("text.pooled", model.text.pooler)

    pixels = torch.randn(2, 3, 75, 75)
    ids = torch.tensor([[2, 5, 6, 7, 3, 0, 0, 0, 0, 0, 0, 0], [2, 10, 7, 11, 8, 9, 5, 3, 0, 0, 0, 0]])
    image = model.encode_image(pixels)
    text = model.encode_text(ids)
    expected["text.unpadded"] = model.encode_text(ids[:1, :5]).detach().clone()
    model.encode_text(ids)
    logits, _ = model.get_logits(pixels, ids)
    loss = open_clip.ClipLoss()(
        torch.nn.functional.normalize(image, dim=-1), torch.nn.functional.normalize(text, dim=-1),
        model.logit_scale.exp(),
    )
    loss.backward()
    parameters = dict(model.named_parameters())
    for name in [
        "visual.head.proj.weight", "visual.trunk.conv_stem.weight", "visual.trunk.blocks.3.1.conv_dw.weight",
        "visual.trunk.blocks.6.0.bn3.weight", "visual.trunk.bn1.bias", "text.proj.weight",
        "text.transformer.encoder.layer.0.attention.self.query.weight",
        "text.transformer.embeddings.word_embeddings.weight", "logit_scale",
    ]:
        expected[f"gradient.{name}"] = parameters[name].grad
    expected |= {"pixels": pixels, "ids": ids, "image": image, "text": text, "logits": logits, "loss": loss}
    save_file({k: v.detach().contiguous() for k, v in expected.items()}, os.path.join(OUT, "expected.safetensors"))

    # The proof of the recipe: from inside the directory nothing has to be said at all.
    here = os.getcwd()
    os.chdir(OUT)
    inside, _, _ = open_clip.create_model_and_transforms("local-dir:.")
    tokens = open_clip.get_tokenizer("local-dir:.")(["a red apple", "una apple rojas lion a"])
    os.chdir(here)
    assert torch.equal(inside.eval().encode_image(pixels), image)
    assert tokens[0].tolist() == ids[0].tolist(), tokens


def write_names():
    """The names and shapes of EfficientNet-Lite 0 to 4 in timm, for the width and depth rules."""
    shapes = {}
    for variant in range(5):
        model = timm.create_model(f"tf_efficientnet_lite{variant}", num_classes=0)
        shapes[f"tf_efficientnet_lite{variant}"] = {
            name: list(value.shape) for name, value in model.state_dict().items() if value.ndim == 4
        }
    with open(os.path.join(OUT, "efficientnet_lite_shapes.json"), "w") as file:
        json.dump(shapes, file, separators=(",", ":"))


def write_outputs_of(directory):
    """What open_clip makes of a real directory: embeddings of two noise pictures and two texts, and the logits."""
    model, _ = load_open_clip(directory)
    tokenizer = open_clip.get_tokenizer(f"local-dir:{directory}")
    size = model.visual.image_size[0]
    # Drawn again by the test from the same seed, so that the fixture stays small.
    pixels = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(7))
    ids = tokenizer(["a red apple", "una bicicleta azul junto a un gato dormido"])
    with torch.no_grad():
        image, text = model.encode_image(pixels), model.encode_text(ids)
        logits, _ = model.get_logits(pixels, ids)
    out = os.path.join(OUT, "../mini")
    os.makedirs(out, exist_ok=True)
    save_file({"ids": ids, "image": image, "text": text, "logits": logits}, os.path.join(out, "clip.safetensors"))


if len(sys.argv) > 1:
    write_outputs_of(sys.argv[1])
else:
    main()
    write_names()
