"""Writes Tests/PipelinesTests/Fixtures: a tiny model directory of random weights, and what the reference makes of it.

The directory holds the same classes as `mini`: an OpenCLIP dual encoder (the one of the Models tests), diffusers'
PriorTransformer, UNet2DConditionModel and AutoencoderTiny, and two schedulers. The run below drives these nets step by
step as diffusers' KandinskyPriorPipeline and KandinskyPipeline do; only the unconditional image embedding differs, which
is zero as in DALL·E 2 (Ramesh et al. 2022, section 2.1), where Kandinsky encodes a grey picture.

    OMP_NUM_THREADS=1 python -P Tools/reference/pipelines.py   # after Tools/reference/models_clip.py
"""

import json
import os
import pathlib
import shutil
import sys
from functools import partial

import numpy as np
import open_clip
import torch
from diffusers import AutoencoderTiny, DDIMScheduler, PriorTransformer, UNet2DConditionModel, UnCLIPScheduler
from PIL import Image
from safetensors.torch import load_file, save_file
from timm.models import register_model
from timm.models._efficientnet_builder import decode_arch_def, round_channels
from timm.models.efficientnet import EfficientNet

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from tiny import randomised

TESTS = pathlib.Path(__file__).parents[2] / "Tests"
CLIP = TESTS / "ModelsTests/Fixtures/clip"
OUT = TESTS / "PipelinesTests/Fixtures"
MODEL = OUT / "tiny"

PROMPT, SEED = "a red apple", 7
PRIOR_STEPS, STEPS = 5, 4
PRIOR_GUIDANCE, GUIDANCE = 2.0, 3.0


@register_model
def tf_efficientnet_lite_narrow(pretrained=False, **kwargs):
    """The narrow tower of models_clip.py."""
    stages = ["ds_r1_k3_s1_e1_c16", "ir_r2_k3_s2_e6_c24", "ir_r2_k5_s2_e6_c40", "ir_r3_k3_s2_e6_c80",
              "ir_r3_k5_s1_e6_c112", "ir_r4_k5_s2_e6_c192", "ir_r1_k3_s1_e6_c320"]
    model = EfficientNet(
        block_args=decode_arch_def([[stage] for stage in stages], 1.0, fix_first_last=True), num_features=40,
        stem_size=8, fix_stem=True, round_chs_fn=partial(round_channels, multiplier=0.1), act_layer=torch.nn.ReLU6,
        norm_layer=partial(torch.nn.BatchNorm2d, eps=1e-3), pad_type="same", num_classes=kwargs.get("num_classes", 10),
    )
    model.default_cfg = {"pool_size": (2, 2)}
    return model


def save(model, name):
    folder = MODEL / name
    model.save_pretrained(folder)
    weights = folder / "diffusion_pytorch_model.safetensors"
    save_file({k: v.half() for k, v in load_file(weights).items()}, weights)


def write_clip():
    """The dual encoder of the Models tests with text encoding and embedding of one width, as the prior wants them."""
    folder = MODEL / "clip"
    shutil.copytree(CLIP, folder, ignore=shutil.ignore_patterns("*.safetensors", "efficientnet_lite_shapes.json"))
    config = json.loads((folder / "open_clip_config.json").read_text())
    width = json.loads((folder / "config.json").read_text())["hidden_size"]
    config["model_cfg"]["embed_dim"] = width
    (folder / "open_clip_config.json").write_text(json.dumps(config, indent=2) + "\n")
    torch.manual_seed(17)
    model, _ = load_clip()
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.uniform_(-0.5, 0.5)
            module.running_var.uniform_(0.3, 2)
    randomised(model)
    save_file({name: value.half() for name, value in model.state_dict().items()
               if not name.endswith("num_batches_tracked")}, folder / "open_clip_model.safetensors")
    return width, config["model_cfg"]["text_cfg"]["context_length"]


def write_directory():
    shutil.rmtree(MODEL, ignore_errors=True)
    width, tokens = write_clip()
    prior = randomised(PriorTransformer(
        num_attention_heads=2, attention_head_dim=8, num_layers=2, embedding_dim=width, num_embeddings=tokens,
    ))
    with torch.no_grad():
        prior.clip_mean.normal_(0, 0.1).copy_(prior.clip_mean.half().float())
        prior.clip_std.uniform_(0.5, 1.5).copy_(prior.clip_std.half().float())
    unet = randomised(UNet2DConditionModel(
        sample_size=8, in_channels=4, out_channels=8, down_block_types=["ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"],
        mid_block_type="UNetMidBlock2DSimpleCrossAttn", up_block_types=["SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"],
        block_out_channels=[8, 16], layers_per_block=1, attention_head_dim=8, norm_num_groups=4,
        cross_attention_dim=width, encoder_hid_dim=width, encoder_hid_dim_type="text_image_proj",
        addition_embed_type="text_image", resnet_time_scale_shift="scale_shift",
    ))
    autoencoder = randomised(AutoencoderTiny(
        latent_channels=4, encoder_block_out_channels=[8, 8, 8, 8], decoder_block_out_channels=[8, 8, 8, 8],
        num_encoder_blocks=[1, 1, 1, 1], num_decoder_blocks=[1, 1, 1, 1], scaling_factor=0.8,
    ))
    for model, name in [(prior, "prior"), (unet, "unet"), (autoencoder, "autoencoder")]:
        save(model, name)
    UnCLIPScheduler(prediction_type="sample", clip_sample_range=5.0).save_pretrained(MODEL / "prior_scheduler")
    DDIMScheduler(prediction_type="v_prediction", beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012,
                  clip_sample=False, timestep_spacing="trailing").save_pretrained(MODEL / "scheduler")
    index = {
        "_class_name": "UnCLIPPipeline", "_diffusers_version": "0.42.1", "_name_or_path": "tiny", "_version": "0",
        "clip": ["open_clip", "CustomTextCLIP"], "prior": ["diffusers", "PriorTransformer"],
        "prior_scheduler": ["diffusers", "UnCLIPScheduler"], "unet": ["diffusers", "UNet2DConditionModel"],
        "scheduler": ["diffusers", "DDIMScheduler"], "autoencoder": ["diffusers", "AutoencoderTiny"],
    }
    (MODEL / "model_index.json").write_text(json.dumps(index, indent=2) + "\n")


def load_clip():
    text_cfg = json.loads((MODEL / "clip/open_clip_config.json").read_text())["model_cfg"]["text_cfg"]
    text_cfg |= {"hf_model_name": str(MODEL / "clip"), "hf_model_pretrained": False}
    model, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{MODEL / 'clip'}", text_cfg=text_cfg)
    model.text.output_tokens = True
    return model.eval(), preprocess


@torch.no_grad()
def generate():
    """One picture, classifier-free guidance in prior and decoder, one generator for all noise."""
    clip, _ = load_clip()
    prior = PriorTransformer.from_pretrained(MODEL / "prior").eval()
    unet = UNet2DConditionModel.from_pretrained(MODEL / "unet").eval()
    autoencoder = AutoencoderTiny.from_pretrained(MODEL / "autoencoder").eval()
    scheduler = UnCLIPScheduler.from_pretrained(MODEL / "prior_scheduler")
    ids = open_clip.get_tokenizer(f"local-dir:{MODEL / 'clip'}")(["", PROMPT])
    text_embeds, text_encoding = clip.text(ids)
    mask = ids != 0
    generator = torch.Generator("cpu").manual_seed(SEED)
    expected = {"ids": ids, "text_embeds": text_embeds, "text_encoding": text_encoding}

    scheduler.set_timesteps(PRIOR_STEPS)
    sample = torch.randn(1, prior.config.embedding_dim, generator=generator)
    for i, t in enumerate(scheduler.timesteps):
        unconditional, conditional = prior(
            torch.cat([sample] * 2), t, proj_embedding=text_embeds, encoder_hidden_states=text_encoding,
            attention_mask=mask,
        ).predicted_image_embedding.chunk(2)
        output = unconditional + PRIOR_GUIDANCE * (conditional - unconditional)
        following = scheduler.timesteps[i + 1] if i + 1 < PRIOR_STEPS else None
        sample = scheduler.step(output, t, sample, prev_timestep=following, generator=generator).prev_sample
        expected[f"prior.{i}"] = sample
    image_embeds = prior.post_process_latents(sample)
    expected["image_embeds"] = image_embeds

    scheduler = DDIMScheduler.from_pretrained(MODEL / "scheduler")
    scheduler.set_timesteps(STEPS)
    sample = torch.randn(1, 4, 8, 8, generator=generator)
    conditions = {"text_embeds": text_embeds, "image_embeds": torch.cat([torch.zeros_like(image_embeds), image_embeds])}
    for i, t in enumerate(scheduler.timesteps):
        output = unet(torch.cat([sample] * 2), t, encoder_hidden_states=text_encoding,
                      added_cond_kwargs=conditions).sample
        unconditional, conditional = output[:, :4].chunk(2)
        output = unconditional + GUIDANCE * (conditional - unconditional)
        sample = scheduler.step(output, t, sample, generator=generator).prev_sample
        expected[f"decoder.{i}"] = sample
    picture = autoencoder.decode(sample / autoencoder.config.scaling_factor).sample
    expected["picture"] = picture
    pixels = ((picture / 2 + 0.5).clamp(0, 1)[0].permute(1, 2, 0) * 255).round().byte()
    expected["pixels"] = pixels
    return expected


@torch.no_grad()
def compare():
    """Two pictures against three texts: cosine and the model's own probabilities."""
    clip, preprocess = load_clip()
    clip.text.output_tokens = False
    x = np.arange(100)[None, :, None], np.arange(90)[:, None, None]
    pictures = [
        ((x[0] * 2 + x[1] * np.array([1, 2, 3])) % 256).astype(np.uint8),
        ((x[0] * x[1] // 30 + np.array([200, 100, 0])) % 256).astype(np.uint8),
    ]
    texts = ["a red apple", "a lion", "una apple roja"]
    for i, picture in enumerate(pictures):
        Image.fromarray(picture).save(OUT / f"picture{i}.png")
    images = clip.encode_image(torch.stack([preprocess(Image.fromarray(p)) for p in pictures]))
    words = clip.encode_text(open_clip.get_tokenizer(f"local-dir:{MODEL / 'clip'}")(texts))
    images, words = (torch.nn.functional.normalize(e, dim=-1) for e in (images, words))
    cosine = images @ words.T
    return dict(image_embeddings=images, text_embeddings=words, cosine=cosine,
                probability=(clip.logit_scale.exp() * cosine).softmax(dim=-1))


def main():
    os.makedirs(OUT, exist_ok=True)
    write_directory()
    save_file({k: v.contiguous() for k, v in (generate() | compare()).items()}, OUT / "expected.safetensors")
    print(sum(f.stat().st_size for f in OUT.rglob("*") if f.is_file()), "bytes")


main()
