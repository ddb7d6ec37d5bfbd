"""Writes Tests/PipelinesTests/Fixtures/stable-diffusion: tiny random pipelines as diffusers saves them, and their runs.

sd1, sd-inpaint (nine channels), lcm (a latent consistency model), xl (weights of the variant fp16), refiner: model
directories.
expected.safetensors: for each run the last latents and the pixels; picture.png and mask.png are what runs begin with.

    OMP_NUM_THREADS=1 python -P Tools/reference/pipelines_stable_diffusion.py
"""

import json
import pathlib
import shutil
import sys

import numpy as np
import torch
from diffusers import (
    AutoencoderKL, DPMSolverMultistepScheduler, EulerAncestralDiscreteScheduler, EulerDiscreteScheduler, LatentConsistencyModelPipeline,
    LCMScheduler, PNDMScheduler,
    StableDiffusionImg2ImgPipeline, StableDiffusionInpaintPipeline, StableDiffusionPipeline,
    StableDiffusionXLImg2ImgPipeline, StableDiffusionXLInpaintPipeline, StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from tiny import randomised

OUT = pathlib.Path(__file__).parents[2] / "Tests/PipelinesTests/Fixtures/stable-diffusion"
PROMPT = "a red apple"
SCHEDULE = dict(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, steps_offset=1)
LCM = dict(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012)


def tokenizer_folder(folder, pad):
    """Bytes, a few merges and the two special tokens, in the files of published repositories."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = [chr(byte) for byte in printable] + [chr(256 + i) for i in range(256 - len(printable))]
    merges = [("r", "e"), ("re", "d</w>"), ("a", "p"), ("ap", "p"), ("l", "e</w>"), ("app", "le</w>")]
    pieces = letters + [letter + "</w>" for letter in letters] + ["".join(pair) for pair in merges]
    pieces += ["<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({piece: i for i, piece in enumerate(pieces)}))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))
    names = dict(bos_token="<|startoftext|>", eos_token="<|endoftext|>", unk_token="<|endoftext|>", pad_token=pad)
    (folder / "special_tokens_map.json").write_text(json.dumps(names))
    (folder / "tokenizer_config.json").write_text(
        json.dumps(names | dict(model_max_length=77, do_lower_case=True, errors="replace",
                                tokenizer_class="CLIPTokenizer")))
    return CLIPTokenizer.from_pretrained(folder), len(pieces)


def text_encoder(model_class, vocabulary, **changes):
    configuration = dict(
        vocab_size=vocabulary, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=77, projection_dim=12, bos_token_id=vocabulary - 2, eos_token_id=2,
    )
    return randomised(model_class(CLIPTextConfig(**(configuration | changes))))


def autoencoder(**changes):
    configuration = dict(
        block_out_channels=[8] * 4, down_block_types=["DownEncoderBlock2D"] * 4,
        up_block_types=["UpDecoderBlock2D"] * 4, layers_per_block=1, norm_num_groups=4, latent_channels=4,
    )
    return randomised(AutoencoderKL(**(configuration | changes)))


def unet(**changes):
    configuration = dict(
        sample_size=8, block_out_channels=[8, 16], norm_num_groups=4, layers_per_block=1,
        down_block_types=["CrossAttnDownBlock2D", "DownBlock2D"], up_block_types=["UpBlock2D", "CrossAttnUpBlock2D"],
        attention_head_dim=2, cross_attention_dim=16,
    )
    return randomised(UNet2DConditionModel(**(configuration | changes)))


def save(pipeline, name, variant=None):
    folder = OUT / name
    # As published repositories have them, not as the reference saves them.
    tokenizers = {file: file.read_bytes() for file in folder.glob("tokenizer*/*")}
    pipeline.save_pretrained(folder, variant=variant)
    for part in {file.parent for file in tokenizers}:
        shutil.rmtree(part)
        part.mkdir()
    for file, content in tokenizers.items():
        file.write_bytes(content)
    for file in folder.rglob("*.safetensors"):
        save_file({k: v.half() for k, v in load_file(file).items()}, file)


def stable_diffusion(name, channels):
    torch.manual_seed(41 + channels)
    tokenizer, vocabulary = tokenizer_folder(OUT / name / "tokenizer", "<|endoftext|>" if channels == 4 else "!")
    pipeline = StableDiffusionPipeline(
        vae=autoencoder(), text_encoder=text_encoder(CLIPTextModel, vocabulary), tokenizer=tokenizer,
        unet=unet(in_channels=channels), scheduler=PNDMScheduler(skip_prk_steps=True, **SCHEDULE),
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    )
    if channels == 9:
        pipeline = StableDiffusionInpaintPipeline(**pipeline.components, requires_safety_checker=False)
    save(pipeline, name)
    return pipeline


def xl(name, refiner):
    torch.manual_seed(61 + refiner)
    folder = OUT / name
    second, vocabulary = tokenizer_folder(folder / "tokenizer_2", "!")
    second_encoder = text_encoder(CLIPTextModelWithProjection, vocabulary, hidden_act="gelu", hidden_size=24)
    numbers = 5 if refiner else 6
    network = unet(
        down_block_types=["DownBlock2D", "CrossAttnDownBlock2D"], up_block_types=["CrossAttnUpBlock2D", "UpBlock2D"],
        transformer_layers_per_block=[1, 2], use_linear_projection=True, addition_embed_type="text_time",
        addition_time_embed_dim=4, projection_class_embeddings_input_dim=12 + 4 * numbers,
        cross_attention_dim=24 if refiner else 40,
    )
    first, first_encoder = None, None
    if not refiner:
        first, _ = tokenizer_folder(folder / "tokenizer", "<|endoftext|>")
        first_encoder = text_encoder(CLIPTextModel, vocabulary)
    parts = dict(
        vae=autoencoder(scaling_factor=0.13025), text_encoder=first_encoder, text_encoder_2=second_encoder,
        tokenizer=first, tokenizer_2=second, unet=network,
        scheduler=EulerDiscreteScheduler(timestep_spacing="leading", **SCHEDULE),
    )
    if refiner:
        pipeline = StableDiffusionXLImg2ImgPipeline(
            **parts, requires_aesthetics_score=True, force_zeros_for_empty_prompt=False, add_watermarker=False)
    else:
        pipeline = StableDiffusionXLPipeline(**parts, force_zeros_for_empty_prompt=True, add_watermarker=False)
    save(pipeline, name, variant="fp16")
    return pipeline


expected = {}


@torch.no_grad()
def run(name, pipeline, **arguments):
    last = {}

    def keep(pipeline, step, timestep, values):
        last["latents"] = values["latents"].clone()
        return values

    output = pipeline(
        prompt=PROMPT, generator=torch.Generator("cpu").manual_seed(7), callback_on_step_end=keep, output_type="pil",
        **arguments,
    )
    expected[f"{name}.latents"] = last["latents"]
    expected[f"{name}.pixels"] = torch.from_numpy(np.array(output.images[0]))
    print(name, last["latents"].abs().max().item(), np.array(output.images[0]).std())


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    for made in OUT.iterdir():
        if made.is_file():
            made.unlink()
        elif made.name != "checked":  # which pipelines_safety_checker.py writes
            shutil.rmtree(made)
    x, y = np.arange(64)[None, :, None], np.arange(64)[:, None, None]
    picture = Image.fromarray(((x * np.array([4, 2, 1]) + y * np.array([1, 3, 2])) % 256).astype(np.uint8))
    light = ((np.hypot(x - 40, y - 28) < 18) * 200 + 20 + 0 * np.arange(3)).astype(np.uint8)
    mask = Image.fromarray(light)
    picture.save(OUT / "picture.png")
    mask.save(OUT / "mask.png")
    given = dict(image=picture, strength=0.6)
    whole = dict(image=picture, mask_image=mask, height=64, width=64)

    one = stable_diffusion("sd1", 4)
    run("sd1.text", one, num_inference_steps=6, guidance_scale=7.5, height=64, width=48)
    run("sd1.odd", one, num_inference_steps=4, guidance_scale=5, guidance_rescale=0.7, height=56, width=72,
        negative_prompt="grey")
    change = StableDiffusionImg2ImgPipeline(**one.components, requires_safety_checker=False)
    run("sd1.picture", change, num_inference_steps=6, guidance_scale=7.5, **given)
    inpaint = StableDiffusionInpaintPipeline(**one.components, requires_safety_checker=False)
    run("sd1.inside", inpaint, num_inference_steps=6, guidance_scale=7.5, strength=1.0, **whole)
    # Read from the file: of a configuration in memory, keys that have their default value are not handed on.
    inpaint.scheduler = EulerAncestralDiscreteScheduler.from_pretrained(OUT / "sd1/scheduler")
    run("sd1.inside-euler-a", inpaint, num_inference_steps=6, guidance_scale=7.5, strength=0.7, **whole)
    one.scheduler = DPMSolverMultistepScheduler.from_pretrained(OUT / "sd1/scheduler", use_karras_sigmas=True)
    run("sd1.dpm", one, num_inference_steps=6, guidance_scale=7.5, height=64, width=64)

    consistency = LatentConsistencyModelPipeline(
        **one.components | dict(unet=unet(in_channels=4, time_cond_proj_dim=6), scheduler=LCMScheduler(**LCM)),
        requires_safety_checker=False,
    )
    save(consistency, "lcm")
    run("lcm.text", consistency, num_inference_steps=4, guidance_scale=8.5, height=64, width=64)

    nine = stable_diffusion("sd-inpaint", 9)
    run("sd-inpaint.inside", nine, num_inference_steps=6, guidance_scale=7.5, strength=1.0, **whole)
    run("sd-inpaint.strength", nine, num_inference_steps=6, guidance_scale=7.5, strength=0.6, **whole)

    large = xl("xl", refiner=False)
    run("xl.text", large, num_inference_steps=6, guidance_scale=5, height=64, width=48)
    run("xl.negative", large, num_inference_steps=4, guidance_scale=5, height=64, width=64, negative_prompt="grey")
    run("xl.picture", StableDiffusionXLImg2ImgPipeline(**large.components, add_watermarker=False),
        num_inference_steps=6, guidance_scale=5, **given)
    run("xl.inside", StableDiffusionXLInpaintPipeline(**large.components, add_watermarker=False),
        num_inference_steps=6, guidance_scale=5, strength=0.8, **whole)

    refiner = xl("refiner", refiner=True)
    run("refiner.picture", refiner, num_inference_steps=6, guidance_scale=5, negative_prompt="grey", **given)
    save_file({k: v.contiguous() for k, v in expected.items()}, OUT / "expected.safetensors")


main()
