"""Fixtures of LoRA: files in the four namings that are published, and what diffusers 0.42.1 with peft 0.21.2 merges.

Run: python Tools/reference/models_lora.py
Writes Tests/ModelsTests/Fixtures/lora/: the weights that change (base-*.safetensors), a file in each naming, and the
weights after diffusers has merged it at scale 0.7 (merged-*.safetensors). Names of merged weights begin with their part.
"""
import pathlib
import shutil

import torch
from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline, UNet2DConditionModel
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict
from safetensors.torch import load_file, save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

OUT = pathlib.Path(__file__).parents[2] / "Tests/ModelsTests/Fixtures/lora"
SCALE = 0.7
TARGETS = ["to_q", "to_k", "to_v", "to_out.0", "proj_in", "ff.net.0.proj", "conv1", "conv_shortcut", "time_emb_proj",
           "downsamplers.0.conv", "upsamplers.0.conv", "conv_in"]


def text_encoder(kind):
    torch.manual_seed(1)
    return kind(CLIPTextConfig(vocab_size=20, hidden_size=8, intermediate_size=16, num_hidden_layers=1,
                               num_attention_heads=2, projection_dim=8))


def unet(xl):
    torch.manual_seed(2)
    options = dict(addition_embed_type="text_time", addition_time_embed_dim=8, projection_class_embeddings_input_dim=56,
                   transformer_layers_per_block=[1, 2], use_linear_projection=True) if xl else {}
    return UNet2DConditionModel(
        sample_size=8, block_out_channels=(4, 8), norm_num_groups=2, layers_per_block=2 if xl else 1,
        cross_attention_dim=4, attention_head_dim=2,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D") if xl else ("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D") if xl else ("UpBlock2D", "CrossAttnUpBlock2D"), **options)


def pipeline(xl):
    from diffusers import AutoencoderKL, EulerDiscreteScheduler

    parts = dict(vae=AutoencoderKL(block_out_channels=(4,), norm_num_groups=2), tokenizer=None, unet=unet(xl),
                 scheduler=EulerDiscreteScheduler(), text_encoder=text_encoder(CLIPTextModel))
    if xl:
        return StableDiffusionXLPipeline(text_encoder_2=text_encoder(CLIPTextModelWithProjection), tokenizer_2=None,
                                         **parts)
    return StableDiffusionPipeline(safety_checker=None, feature_extractor=None, requires_safety_checker=False, **parts)


def parts_of(pipe, xl):
    return {name: getattr(pipe, name) for name in ["unet", "text_encoder"] + (["text_encoder_2"] if xl else [])}


def random_adapters(pipe, xl):
    """peft's own state dict of random adapters, by part."""
    found = {}
    torch.manual_seed(3)
    for part, module in parts_of(pipe, xl).items():
        targets = TARGETS if part == "unet" else ["q_proj", "k_proj", "v_proj", "out_proj", "fc1"]
        module.add_adapter(LoraConfig(r=3, lora_alpha=2, target_modules=targets, init_lora_weights=False))
        found[part] = {k: v.clone() for k, v in get_peft_model_state_dict(module).items()}
        module.delete_adapters("default") if hasattr(module, "delete_adapters") else module.delete_adapter("default")
    return found


def merge(xl, name, file):
    pipe = pipeline(xl)
    before = {f"{part}.{k}": v.clone() for part, m in parts_of(pipe, xl).items() for k, v in m.state_dict().items()}
    pipe.load_lora_weights(str(OUT), weight_name=file)
    pipe.fuse_lora(components=list(parts_of(pipe, xl)), lora_scale=SCALE)
    pipe.unload_lora_weights()
    after = {f"{part}.{k}": v.clone() for part, m in parts_of(pipe, xl).items() for k, v in m.state_dict().items()}
    assert before.keys() == after.keys()
    changed = {k for k in before if not torch.equal(before[k], after[k])}
    # Every file of a family changes weights of the same model; the one that changes most comes first.
    base = OUT / f"base-{name.split('-')[0]}.safetensors"
    if not base.exists():
        save_file({k: before[k].contiguous() for k in changed}, base)
    save_file({k: after[k].contiguous() for k in changed}, OUT / f"merged-{name}.safetensors")
    print(name, len(changed), "weights")
    return changed


KOHYA = {"unet": "lora_unet_", "text_encoder": "lora_te1_", "text_encoder_2": "lora_te2_"}


def kohya(found, xl, rename=lambda part, module: module):
    prefix = dict(KOHYA) if xl else {"unet": "lora_unet_", "text_encoder": "lora_te_"}
    tensors = {}
    for part, state in found.items():
        for key, value in state.items():
            module, kind = key.rsplit(".lora_", 1)
            stem = prefix[part] + rename(part, module).replace(".", "_")
            tensors[f"{stem}.lora_{ {'A.weight': 'down.weight', 'B.weight': 'up.weight'}[kind] }"] = value
            tensors[f"{stem}.alpha"] = torch.tensor(2.0)
    return tensors


def sgm(part, module):
    """The name that the original code of SD XL has for a module of the U-Net; two residual blocks a level."""
    if part != "unet":
        return module
    words = module.split(".")
    inner = {"conv1": "in_layers.2", "conv2": "out_layers.3", "time_emb_proj": "emb_layers.1",
             "conv_shortcut": "skip_connection"}
    if words[0] == "conv_in":
        return "input_blocks.0.0"
    if words[0] == "mid_block":
        place = {("resnets", "0"): 0, ("attentions", "0"): 1, ("resnets", "1"): 2}[words[1], words[2]]
        head, rest = f"middle_block.{place}", words[3:]
    else:
        level = int(words[1])
        index = int(words[3])
        if words[0] == "down_blocks":
            if words[2] == "downsamplers":
                return f"input_blocks.{3 * level + 3}.0.op"
            head = f"input_blocks.{3 * level + 1 + index}.{1 if words[2] == 'attentions' else 0}"
        else:
            if words[2] == "upsamplers":
                return f"output_blocks.{3 * level + 2}.{2 if level == 0 else 1}.conv"
            head = f"output_blocks.{3 * level + index}.{1 if words[2] == 'attentions' else 0}"
        rest = words[4:]
    if rest[0] in inner:
        rest = [inner[rest[0]]] + rest[1:]
    return ".".join([head] + rest)


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    for xl in [False, True]:
        size = "xl" if xl else "sd"
        found = random_adapters(pipeline(xl), xl)
        # peft's naming, as save_lora_weights writes it; alpha is then in metadata or equal to the rank.
        save_file({f"{part}.{k}": v for part, state in found.items() for k, v in state.items()},
                  OUT / f"lora-{size}-peft.safetensors")
        save_file(kohya(found, xl), OUT / f"lora-{size}-kohya.safetensors")
        merge(xl, f"{size}-peft", f"lora-{size}-peft.safetensors")
        merge(xl, f"{size}-kohya", f"lora-{size}-kohya.safetensors")
        if xl:
            save_file(kohya(found, xl, sgm), OUT / "lora-xl-sgm.safetensors")
            merge(xl, "xl-sgm", "lora-xl-sgm.safetensors")
        else:
            attention = {k: v for k, v in found["unet"].items() if ".attn" in k}
            old = {}
            for key, value in attention.items():
                module, kind = key.rsplit(".lora_", 1)
                head, projection = module.split(".to_", 1)
                side = {"A.weight": "down", "B.weight": "up"}[kind]
                old[f"unet.{head}.processor.to_{projection.removesuffix('.0')}_lora.{side}.weight"] = value
            save_file(old, OUT / "lora-sd-processor.safetensors")
            merge(xl, "sd-processor", "lora-sd-processor.safetensors")


main()
