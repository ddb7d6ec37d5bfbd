"""Fixtures of AutoencoderTiny: a tiny random model by diffusers 0.42.1, every layer's output, two gradients.

Run: OMP_NUM_THREADS=1 python Tools/reference/models_autoencoder.py
Writes Tests/ModelsTests/Fixtures/autoencoder/: the model directory as diffusers saves it, and expected.safetensors.

Run: OMP_NUM_THREADS=1 python Tools/reference/models_autoencoder.py mini/autoencoder
Writes Tests/ModelsTests/Fixtures/mini/autoencoder.safetensors: what diffusers makes of the shipped directory.
"""
import os
import sys

import torch
from diffusers import AutoencoderTiny
from safetensors.torch import save_file

OUT = os.path.join(os.path.dirname(__file__), "../../Tests/ModelsTests/Fixtures/autoencoder")


def main():
    torch.manual_seed(20)
    model = AutoencoderTiny(
        encoder_block_out_channels=(8, 8, 8),
        decoder_block_out_channels=(8, 8, 8),
        num_encoder_blocks=(1, 2, 1),
        num_decoder_blocks=(1, 2, 1),
        latent_channels=5,
        scaling_factor=0.75,
        shift_factor=0.125,
    )
    model.save_pretrained(OUT, safe_serialization=True)

    expected = {}

    def record(prefix, layers):
        for index, layer in enumerate(layers):
            layer.register_forward_hook(
                lambda _, inputs, output, name=f"{prefix}.{index}": expected.__setitem__(name, output.detach().clone())
            )

    record("encoder.layers", model.encoder.layers)
    record("decoder.layers", model.decoder.layers)

    pixels = torch.rand(2, 3, 16, 24) * 2 - 1
    latents = model.encode(pixels).latents
    output = model.decode(latents).sample
    loss = (output - pixels).square().mean()
    loss.backward()
    for name in ["encoder.layers.0.weight", "encoder.layers.2.weight", "decoder.layers.2.conv.2.bias"]:
        expected[f"gradient.{name}"] = dict(model.named_parameters())[name].grad
    expected |= {
        "pixels": pixels,
        "latents": latents,
        "scaled": model.scale_latents(latents * 9),
        "unscaled": model.unscale_latents(model.scale_latents(latents * 9)),
        "output": output,
        "loss": loss,
    }
    save_file({k: v.detach().contiguous() for k, v in expected.items()}, os.path.join(OUT, "expected.safetensors"))


def write_outputs_of(directory):
    """What diffusers makes of a real directory: the latents of a noise picture, and the picture of noise latents."""
    model = AutoencoderTiny.from_pretrained(directory).float().eval()
    # Drawn again by the test from the same seed, so that the fixture stays small.
    generator = torch.Generator().manual_seed(7)
    pixels = torch.rand(1, 3, 64, 64, generator=generator) * 2 - 1
    latents = torch.randn(1, model.config.latent_channels, 4, 4, generator=generator)
    with torch.no_grad():
        outputs = {"latents": model.encode(pixels).latents, "output": model.decode(latents).sample}
    out = os.path.join(OUT, "../mini")
    os.makedirs(out, exist_ok=True)
    save_file(outputs, os.path.join(out, "autoencoder.safetensors"))


if len(sys.argv) > 1:
    write_outputs_of(sys.argv[1])
else:
    main()
