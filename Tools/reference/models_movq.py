"""Writes Tests/ModelsTests/Fixtures/movq: a tiny random MoVQ of diffusers and what each of its blocks answers.

Run with diffusers 0.42.1 and torch 2.13.0: OMP_NUM_THREADS=1 python -P Tools/reference/models_movq.py
"""

import pathlib

import torch
from diffusers import VQModel
from safetensors.torch import load_file, save_file

OUT = pathlib.Path(__file__).parents[2] / "Tests/ModelsTests/Fixtures/movq"

# The reference's spatial normalisation has 32 groups whatever the configuration says.
CONFIGURATION = dict(
    block_out_channels=[64, 32],
    down_block_types=["DownEncoderBlock2D", "AttnDownEncoderBlock2D"],
    up_block_types=["AttnUpDecoderBlock2D", "UpDecoderBlock2D"],
    latent_channels=4,
    layers_per_block=1,
    norm_num_groups=8,
    norm_type="spatial",
    num_vq_embeddings=12,
    vq_embed_dim=4,
)


@torch.no_grad()
def main():
    torch.manual_seed(31)
    model = VQModel(**CONFIGURATION).eval()
    for parameter in model.parameters():
        parameter.add_(0.05 * torch.randn_like(parameter))
        parameter.copy_(parameter.half().float())
    model.save_pretrained(OUT)
    weights = OUT / "diffusion_pytorch_model.safetensors"
    save_file({name: value.half() for name, value in load_file(weights).items()}, weights)

    values = {}
    parts = {"encoder.conv_in": model.encoder.conv_in, "encoder.mid_block": model.encoder.mid_block,
             "decoder.conv_in": model.decoder.conv_in, "decoder.mid_block": model.decoder.mid_block}
    parts |= {f"encoder.down_blocks.{i}": block for i, block in enumerate(model.encoder.down_blocks)}
    parts |= {f"decoder.up_blocks.{i}": block for i, block in enumerate(model.decoder.up_blocks)}
    for name, part in parts.items():
        part.register_forward_hook(lambda _, inputs, output, name=name: values.__setitem__(name, output.clone()))

    values["pixels"] = torch.rand(2, 3, 8, 12) * 2 - 1
    values["latents"] = model.encode(values["pixels"]).latents
    values["given"] = torch.randn(2, 4, 4, 6)
    values["output"] = model.decode(values["given"], force_not_quantize=True).sample
    save_file({name: value.contiguous() for name, value in values.items()}, OUT / "expected.safetensors")


main()
