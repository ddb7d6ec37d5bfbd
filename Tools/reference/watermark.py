"""Writes what the invisible watermark of Stable Diffusion XL makes of pictures.

Tests/ImagesTests/Fixtures/watermark.png: a picture of a formula with the watermark, from floating-point pixels.
Tests/PipelinesTests/Fixtures/watermark.safetensors: the upper rows of a picture that the tiny Stable Diffusion XL of
Tools/reference/pipelines_stable_diffusion.py makes with it.

Run: OMP_NUM_THREADS=1 python -P Tools/reference/watermark.py
"""

import pathlib

import numpy as np
import torch
from diffusers import StableDiffusionXLPipeline
from diffusers.image_processor import VaeImageProcessor
from diffusers.pipelines.stable_diffusion_xl.watermark import StableDiffusionXLWatermarker
from PIL import Image
from safetensors.torch import save_file

TESTS = pathlib.Path(__file__).parents[2] / "Tests"
WIDTH, HEIGHT = 264, 252


def planes():
    """Slopes up and down, in steps that a float has exactly, here and there beyond -1 to 1."""
    x, y = np.arange(WIDTH)[None], np.arange(HEIGHT)[:, None]
    wave = lambda n, length: np.abs(n % (2 * length) - length)
    red = wave(3 * x + y, 130) + wave(2 * y, 60)
    green = wave(2 * x - y, 90) + wave(x + 3 * y, 70)
    blue = wave(x + y, 150) + wave(3 * x, 110) - wave(5 * y, 40)
    return torch.from_numpy(np.stack([red, green, blue]) - 110).float()[None] / 128


def main():
    marked = StableDiffusionXLWatermarker().apply_watermark(planes())
    picture = VaeImageProcessor().postprocess(marked, output_type="pil")[0]
    picture.save(TESTS / "ImagesTests/Fixtures/watermark.png", optimize=True)

    fixtures = TESTS / "PipelinesTests/Fixtures"
    pipeline = StableDiffusionXLPipeline.from_pretrained(
        fixtures / "stable-diffusion/xl", variant="fp16", torch_dtype=torch.float32, add_watermarker=True)
    made = pipeline(
        prompt="a red apple", generator=torch.Generator("cpu").manual_seed(7), num_inference_steps=2, guidance_scale=5,
        height=256, width=256, output_type="pil")
    save_file({"pixels": torch.from_numpy(np.array(made.images[0])[:64])}, fixtures / "watermark.safetensors")


main()
