"""Writes Tests/PipelinesTests/Fixtures/control: tiny random ControlNets, and runs of diffusers' pipelines with them.

sd1, xl: the networks, for the pipelines of the fixture stable-diffusion; the latter in a file of the variant fp16.
expected.safetensors: for each run the last latents and the pixels; edges.png and depth.png are the hints.

    OMP_NUM_THREADS=1 python -P Tools/reference/pipelines_control.py
"""

import pathlib
import shutil

import numpy as np
import torch
from diffusers import (
    ControlNetModel, MultiControlNetModel, StableDiffusionControlNetImg2ImgPipeline,
    StableDiffusionControlNetInpaintPipeline, StableDiffusionControlNetPipeline,
    StableDiffusionXLControlNetImg2ImgPipeline, StableDiffusionXLControlNetPipeline, UniPCMultistepScheduler,
)
from PIL import Image
from safetensors.torch import load_file, save_file

FIXTURES = pathlib.Path(__file__).parents[2] / "Tests/PipelinesTests/Fixtures"
OUT = FIXTURES / "control"
MODELS = FIXTURES / "stable-diffusion"
expected = {}


@torch.no_grad()
def network(name, seed, variant=None, **changes):
    """A network that is loud enough to be heard, of numbers that float16 holds exactly."""
    torch.manual_seed(seed)
    configuration = dict(
        block_out_channels=[8, 16], norm_num_groups=4, layers_per_block=1, attention_head_dim=2,
        down_block_types=["CrossAttnDownBlock2D", "DownBlock2D"], cross_attention_dim=16,
        conditioning_embedding_out_channels=[4, 4, 8, 8],
    )
    model = ControlNetModel(**(configuration | changes))
    for key, parameter in model.named_parameters():
        parameter.add_((0.2 if key.startswith("controlnet") else 0.05) * torch.randn_like(parameter))
        parameter.copy_(parameter.half().float())
    model.save_pretrained(OUT / name, variant=variant)
    for file in (OUT / name).glob("*.safetensors"):
        save_file({key: tensor.half() for key, tensor in load_file(file).items()}, file)
        file.chmod(0o644)
    return model.eval()


@torch.no_grad()
def run(name, pipeline, **arguments):
    last = {}

    def keep(pipeline, step, timestep, values):
        last["latents"] = values["latents"].clone()
        return values

    # The pipelines differ in the scale that they take where none is said.
    output = pipeline(
        prompt="a red apple", generator=torch.Generator("cpu").manual_seed(7), callback_on_step_end=keep,
        **dict(controlnet_conditioning_scale=1.0) | arguments,
    )
    expected[f"{name}.latents"] = last["latents"]
    expected[f"{name}.pixels"] = torch.from_numpy(np.array(output.images[0]))
    print(name, output.images[0].size, last["latents"].abs().max().item(), np.array(output.images[0]).std())


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    x, y = np.arange(44)[None, :, None], np.arange(54)[:, None, None]
    edges = ((np.abs(np.hypot(x - 20, y - 30) - 15) < 2) * 255 + 0 * np.arange(3)).astype(np.uint8)
    depth = (255 - 4 * x - y * np.array([0, 1, 2])).clip(0, 255).astype(np.uint8)
    for name, pixels in [("edges", edges), ("depth", depth)]:
        Image.fromarray(pixels).save(OUT / f"{name}.png")
    edges, depth = Image.fromarray(edges), Image.fromarray(depth)
    picture, mask = (Image.open(MODELS / f"{name}.png").convert("RGB") for name in ["picture", "mask"])
    size = dict(width=32, height=40)
    usual = dict(num_inference_steps=5, guidance_scale=7.5)

    one = network("sd1", 51)
    parts = StableDiffusionControlNetPipeline.from_pretrained(
        MODELS / "sd1", controlnet=one, safety_checker=None, requires_safety_checker=False).components
    text = StableDiffusionControlNetPipeline(**parts, requires_safety_checker=False)
    run("sd1.text", text, image=edges, controlnet_conditioning_scale=0.8, **usual, **size)
    run("sd1.guess", text, image=edges, guess_mode=True, **usual, **size)
    run("sd1.alone", text, image=edges, num_inference_steps=4, guidance_scale=1, **size)
    # The size is that of the hint, in whole latents; each network works in a part of the steps.
    two = StableDiffusionControlNetPipeline(
        **parts | dict(controlnet=MultiControlNetModel([one, one])), requires_safety_checker=False)
    run("sd1.two", two, image=[edges, depth], controlnet_conditioning_scale=[0.7, 1.2],
        control_guidance_start=[0.0, 0.3], control_guidance_end=[0.6, 1.0], **usual)
    change = StableDiffusionControlNetImg2ImgPipeline(**parts, requires_safety_checker=False)
    # Read from the file: of a configuration in memory, keys that have their default value are not handed on.
    change.scheduler = UniPCMultistepScheduler.from_pretrained(MODELS / "sd1/scheduler")
    run("sd1.picture", change, image=picture, control_image=edges, strength=0.6, control_guidance_end=0.7,
        **usual, **size)
    inside = StableDiffusionControlNetInpaintPipeline(**parts, requires_safety_checker=False)
    run("sd1.inside", inside, image=picture, mask_image=mask, control_image=edges, strength=0.8, **usual, **size)
    nine = StableDiffusionControlNetInpaintPipeline.from_pretrained(
        MODELS / "sd-inpaint", controlnet=one, safety_checker=None, requires_safety_checker=False)
    run("sd-inpaint.inside", nine, image=picture, mask_image=mask, control_image=edges, strength=1.0,
        **usual, **size)

    large = network(
        "xl", 52, variant="fp16", down_block_types=["DownBlock2D", "CrossAttnDownBlock2D"], cross_attention_dim=40,
        use_linear_projection=True, addition_embed_type="text_time", addition_time_embed_dim=4,
        projection_class_embeddings_input_dim=36,
    )
    parts = StableDiffusionXLControlNetPipeline.from_pretrained(
        MODELS / "xl", controlnet=large, variant="fp16", add_watermarker=False).components
    run("xl.text", StableDiffusionXLControlNetPipeline(**parts, add_watermarker=False), image=depth,
        num_inference_steps=5, guidance_scale=5, **size)
    run("xl.picture", StableDiffusionXLControlNetImg2ImgPipeline(**parts, add_watermarker=False), image=picture,
        control_image=depth, strength=0.6, num_inference_steps=5, guidance_scale=5, **size)
    save_file({key: tensor.contiguous() for key, tensor in expected.items()}, OUT / "expected.safetensors")
    (OUT / "expected.safetensors").chmod(0o644)


main()
