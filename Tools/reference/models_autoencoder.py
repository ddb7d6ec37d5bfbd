"""Fixtures of AutoencoderTiny: a tiny random model by diffusers 0.42.1, every layer's output, two gradients.

Run: OMP_NUM_THREADS=1 python Tools/reference/models_autoencoder.py
Writes Tests/ModelsTests/Fixtures/autoencoder/: the model directory as diffusers saves it, and expected.safetensors.
"""
import os

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


main()
