"""Writes Tests/ModelsTests/Fixtures/unet: tiny random U-Nets of diffusers, what each block answers, and gradients.

Run with diffusers 0.42.1 and torch 2.13.0: python Tools/reference/models_unet.py
"""

import pathlib

import torch
from diffusers import UNet2DConditionModel
from safetensors.torch import load_file, save_file

OUT = pathlib.Path(__file__).parents[2] / "Tests/ModelsTests/Fixtures/unet"

# Kandinsky 2.1: text and image condition, scale-shift, one head width for all blocks.
KANDINSKY_21 = dict(
    sample_size=8,
    in_channels=4,
    out_channels=8,
    down_block_types=["ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D", "SimpleCrossAttnDownBlock2D"],
    mid_block_type="UNetMidBlock2DSimpleCrossAttn",
    up_block_types=["SimpleCrossAttnUpBlock2D", "SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"],
    block_out_channels=[8, 8, 16],
    layers_per_block=1,
    attention_head_dim=8,
    norm_num_groups=4,
    cross_attention_dim=12,
    encoder_hid_dim=10,
    encoder_hid_dim_type="text_image_proj",
    addition_embed_type="text_image",
    resnet_time_scale_shift="scale_shift",
)

# Kandinsky 2.2: image condition only. The remaining switches are turned away from their defaults, so that each of
# them is seen: lists per block (the up blocks read `attention_head_dim` in down order), cross attention without self
# attention, time and output scales, kernel sizes, sine before cosine.
KANDINSKY_22 = dict(
    sample_size=8,
    in_channels=4,
    out_channels=4,
    center_input_sample=True,
    flip_sin_to_cos=False,
    freq_shift=1,
    down_block_types=["SimpleCrossAttnDownBlock2D", "SimpleCrossAttnDownBlock2D", "ResnetDownsampleBlock2D"],
    mid_block_type="UNetMidBlock2DSimpleCrossAttn",
    up_block_types=["SimpleCrossAttnUpBlock2D", "SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"],
    only_cross_attention=[False, True, False],
    block_out_channels=[8, 8, 16],
    layers_per_block=[1, 2, 1],
    attention_head_dim=[4, 8, 2],
    norm_num_groups=4,
    norm_eps=1e-6,
    cross_attention_dim=12,
    encoder_hid_dim=10,
    encoder_hid_dim_type="image_proj",
    addition_embed_type="image",
    resnet_time_scale_shift="default",
    resnet_skip_time_act=True,
    resnet_out_scale_factor=1.4142135,
    mid_block_scale_factor=1.25,
    time_embedding_dim=20,
    conv_in_kernel=1,
    conv_out_kernel=5,
)


# Kandinsky 2.2's ControlNet: a hint picture, eight times as wide and high, joins the sample.
KANDINSKY_22_HINT = dict(
    sample_size=8,
    in_channels=8,
    out_channels=8,
    down_block_types=["ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"],
    mid_block_type="UNetMidBlock2DSimpleCrossAttn",
    up_block_types=["SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"],
    block_out_channels=[8, 16],
    layers_per_block=1,
    attention_head_dim=8,
    norm_num_groups=4,
    cross_attention_dim=8,
    encoder_hid_dim=16,
    encoder_hid_dim_type="image_proj",
    addition_embed_type="image_hint",
    resnet_time_scale_shift="scale_shift",
)


def randomise(model, generator):
    """Moves what a fresh network has at one or zero, so that no parameter is without effect."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))


def record(name, configuration, batch, text, watched, half=False):
    generator = torch.Generator().manual_seed(21)
    torch.manual_seed(21)
    model = UNet2DConditionModel(**configuration).eval()
    randomise(model, generator)
    folder = OUT / name
    if half:
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.copy_(parameter.half().float())
    model.save_pretrained(folder)
    if half:
        weights = folder / "diffusion_pytorch_model.safetensors"
        save_file({key: value.half() for key, value in load_file(weights).items()}, weights)

    draw = lambda *shape: torch.randn(*shape, generator=generator)
    values = {
        "sample": draw(batch, 4, 8, 8),
        "timestep": torch.tensor([7, 981][:batch]),
        "loss_weight": draw(batch, configuration["out_channels"], 8, 8),
    }
    width = configuration["encoder_hid_dim"]
    if text:
        values["image_embedding"] = draw(batch, configuration["cross_attention_dim"])
        values["text_embedding"] = draw(batch, configuration["cross_attention_dim"])
        values["text_encoding"] = draw(batch, 5, width)
    else:
        values["image_embedding"] = draw(batch, width)

    if configuration["addition_embed_type"] == "image_hint":
        values["hint"] = torch.rand(batch, 3, 64, 64, generator=generator)

    def keep(key):
        def hook(module, arguments, output):
            if key == "add_embedding" and isinstance(output, tuple):
                values[key], values["encoded_hint"] = (value.detach() for value in output)
            elif isinstance(output, tuple):
                for index, skip in enumerate(output[1]):
                    values[f"{key}.{index}"] = skip.detach()
            else:
                values[key] = output.detach()
        return hook

    model.conv_in.register_forward_hook(keep("conv_in"))
    model.time_embedding.register_forward_hook(keep("time_embedding"))
    model.add_embedding.register_forward_hook(keep("add_embedding"))
    model.encoder_hid_proj.register_forward_hook(keep("encoder_hid_proj"))
    for index, block in enumerate(model.down_blocks):
        block.register_forward_hook(keep(f"down_blocks.{index}"))
    model.mid_block.register_forward_hook(keep("mid_block"))
    for index, block in enumerate(model.up_blocks):
        block.register_forward_hook(keep(f"up_blocks.{index}"))

    condition = {"image_embeds": values["image_embedding"]}
    if text:
        condition["text_embeds"] = values["text_embedding"]
    if "hint" in values:
        condition["hint"] = values["hint"]
    output = model(
        values["sample"], values["timestep"], values.get("text_encoding"), added_cond_kwargs=condition
    ).sample
    values["output"] = output.detach()

    loss = (output * values["loss_weight"]).mean()
    loss.backward()
    values["loss"] = loss.detach().reshape(1)
    parameters = dict(model.named_parameters())
    for key in watched:
        values[f"gradient.{key}"] = parameters[key].grad
    save_file({key: value.contiguous().clone() for key, value in values.items()}, folder / "expected.safetensors")


record(
    "kandinsky21", KANDINSKY_21, batch=2, text=True,
    watched=[
        "conv_in.weight",
        "time_embedding.linear_1.weight",
        "add_embedding.text_norm.weight",
        "encoder_hid_proj.text_proj.weight",
        "encoder_hid_proj.image_embeds.bias",
        "down_blocks.1.attentions.0.add_k_proj.weight",
        "down_blocks.1.resnets.0.time_emb_proj.weight",
        "mid_block.attentions.0.group_norm.weight",
        "up_blocks.2.resnets.1.conv_shortcut.weight",
        "conv_norm_out.bias",
    ],
)
record(
    "kandinsky22", KANDINSKY_22, batch=2, text=False,
    watched=[
        "conv_in.weight",
        "encoder_hid_proj.norm.weight",
        "add_embedding.image_proj.weight",
        "up_blocks.1.attentions.0.to_q.weight",
        "down_blocks.0.downsamplers.0.conv1.weight",
    ],
)
record(
    "kandinsky22-hint", KANDINSKY_22_HINT, batch=2, text=False, half=True,
    watched=["conv_in.weight", "add_embedding.input_hint_block.4.weight", "add_embedding.image_norm.weight"],
)
