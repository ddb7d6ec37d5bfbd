"""Writes Tests/ModelsTests/Fixtures/karlo: tiny random networks that Karlo has beside the prior, and their answers.

Run with diffusers 0.42.1 and torch 2.13.0: OMP_NUM_THREADS=1 python -P Tools/reference/models_karlo.py
"""

import pathlib

import torch
from diffusers import UNet2DModel
from diffusers.pipelines.deprecated.unclip.text_proj import UnCLIPTextProjModel
from safetensors.torch import load, save_file

OUT = pathlib.Path(__file__).parents[2] / "Tests/ModelsTests/Fixtures/karlo"

UNET = dict(
    sample_size=16, in_channels=6, out_channels=3, add_attention=False, layers_per_block=1, norm_num_groups=4,
    block_out_channels=[8, 16], down_block_types=2 * ["ResnetDownsampleBlock2D"],
    up_block_types=2 * ["ResnetUpsampleBlock2D"],
)


def written(model, name):
    """Every parameter moves to a number that float16 holds exactly, and the directory is saved in float16."""
    for parameter in model.parameters():
        parameter.add_(0.1 * torch.randn_like(parameter))
        parameter.copy_(parameter.half().float())
    model.eval().save_pretrained(OUT / name)
    weights = OUT / name / "diffusion_pytorch_model.safetensors"
    tensors = load(weights.read_bytes())
    save_file({key: value.half() for key, value in tensors.items()}, weights)
    return model


def save(values, name):
    save_file({key: value.contiguous() for key, value in values.items()}, OUT / name / "expected.safetensors")
    for file in (OUT / name).iterdir():
        file.chmod(0o644)


@torch.no_grad()
def main():
    torch.manual_seed(51)
    for name, shift in [("super-resolution", "default"), ("super-resolution-scaled", "scale_shift")]:
        model = written(UNet2DModel(**UNET, resnet_time_scale_shift=shift), name)
        sample, timestep = torch.randn(2, 6, 8, 12), torch.tensor([7, 981])
        save({"sample": sample, "timestep": timestep, "output": model(sample, timestep).sample}, name)

    projection = UnCLIPTextProjModel(clip_embeddings_dim=12, time_embed_dim=20, cross_attention_dim=16)
    model = written(projection, "text-projection")
    values = {"image": torch.randn(1, 12), "text": torch.randn(2, 12), "encoding": torch.randn(2, 5, 12)}
    values["tokens"], values["time"] = model(
        image_embeddings=values["image"], prompt_embeds=values["text"], text_encoder_hidden_states=values["encoding"],
        do_classifier_free_guidance=True,
    )
    save(values, "text-projection")


main()
