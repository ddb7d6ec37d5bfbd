"""Writes Tests/ModelsTests/Fixtures: what the networks of Stable Diffusion answer, and the names in published files.

unet/sd1, unet/sd2, unet/xl, autoencoder-kl, clip-text, clip-text-projection: tiny random networks as the reference
saves them, each with expected.safetensors: inputs, what each block gives, the output.
control/sd1, control/xl: the same for ControlNets, and what they add where they guess and where they pool.
autoencoder-kl/tiled.safetensors: what the autoencoder answers in tiles.
published/single-*.txt: for single files of Stable Diffusion 1.5, 2.1, XL and its refiner, and of a ControlNet for 1.5,
each tensor's name and shape in the file and the name that diffusers' own conversion gives it, in the same form; of the
text encoder of 2.1 OpenCLIP's name. What becomes three tensors has the name of the first.
Tests/PipelinesTests/Fixtures/single-tiny.txt and single-xl/names.txt: the same for files of a few channels, and
single-xl: the configurations of a model directory with the same weights.
published/*.json and *.txt: the published configurations, and every tensor of the networks that the reference builds of
them, on torch's meta device: name and shape, sorted; a line begins with how many characters it shares with the one
before.

Run: OMP_NUM_THREADS=1 python -P Tools/reference/models_stable_diffusion.py
"""

import json
import os
import pathlib
import shutil

import torch
from diffusers import AutoencoderKL, ControlNetModel, EulerDiscreteScheduler, UNet2DConditionModel
from diffusers.loaders.single_file_utils import (
    convert_controlnet_checkpoint, convert_ldm_unet_checkpoint, convert_ldm_vae_checkpoint, convert_open_clip_checkpoint,
)
from safetensors.torch import load_file, save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

OUT = pathlib.Path(__file__).parents[2] / "Tests/ModelsTests/Fixtures"

# Every switch of the family is turned away from its default in one of the three.
SD1 = dict(
    sample_size=8, in_channels=4, out_channels=4, norm_num_groups=4, block_out_channels=[8, 16, 16],
    down_block_types=["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"],
    up_block_types=["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"],
    layers_per_block=1, attention_head_dim=4, cross_attention_dim=12, time_cond_proj_dim=6,
)
SD2 = dict(
    sample_size=8, in_channels=9, out_channels=4, norm_num_groups=4, block_out_channels=[8, 16],
    down_block_types=["CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
    up_block_types=["CrossAttnUpBlock2D", "CrossAttnUpBlock2D"], only_cross_attention=[True, False],
    layers_per_block=[2, 1], attention_head_dim=[2, 4], cross_attention_dim=12, use_linear_projection=True,
    upcast_attention=True, class_embed_type="projection", projection_class_embeddings_input_dim=10,
)
XL = dict(
    sample_size=8, in_channels=4, out_channels=4, norm_num_groups=4, block_out_channels=[8, 8, 16],
    down_block_types=["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
    up_block_types=["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
    layers_per_block=1, attention_head_dim=[2, 2, 4], transformer_layers_per_block=[1, 1, 2], cross_attention_dim=12,
    use_linear_projection=True, addition_embed_type="text_time", addition_time_embed_dim=4,
    projection_class_embeddings_input_dim=30,
)
SD1_CONTROL = dict(
    norm_num_groups=4, block_out_channels=[4, 8], down_block_types=["CrossAttnDownBlock2D", "DownBlock2D"],
    layers_per_block=2, attention_head_dim=2, cross_attention_dim=6, conditioning_embedding_out_channels=[2, 4, 4],
)
XL_CONTROL = dict(
    norm_num_groups=4, block_out_channels=[4, 8], down_block_types=["DownBlock2D", "CrossAttnDownBlock2D"],
    layers_per_block=1, attention_head_dim=[1, 2], transformer_layers_per_block=[1, 2], cross_attention_dim=6,
    use_linear_projection=True, addition_embed_type="text_time", addition_time_embed_dim=4,
    projection_class_embeddings_input_dim=30, conditioning_embedding_out_channels=[2, 4],
    controlnet_conditioning_channel_order="bgr", mid_block_scale_factor=1.25,
)
AUTOENCODER = dict(
    block_out_channels=[8, 8, 16], down_block_types=["DownEncoderBlock2D"] * 3, up_block_types=["UpDecoderBlock2D"] * 3,
    layers_per_block=1, latent_channels=4, norm_num_groups=4, sample_size=16, scaling_factor=0.3, shift_factor=0.1,
)
TEXT = dict(
    vocab_size=60, hidden_size=12, intermediate_size=24, num_hidden_layers=3, num_attention_heads=2,
    max_position_embeddings=9, projection_dim=10, bos_token_id=58, eos_token_id=2,
)


def randomised(model, generator):
    """Moves what a fresh network has at one or zero, so that no parameter is without effect."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return model.eval()


def save(name, values):
    save_file({k: v.detach().contiguous().clone() for k, v in values.items()}, OUT / name / "expected.safetensors")


def watch(values, modules):
    """Keeps what each module gives; a block on the way down gives one map for each layer."""
    def hook(key):
        def keep(module, arguments, output):
            if isinstance(output, tuple):
                values.update({f"{key}.{i}": skip for i, skip in enumerate(output[1])})
            else:
                values[key] = output
        return keep
    return [module.register_forward_hook(hook(key)) for key, module in modules.items()]


@torch.no_grad()
def unet(name, configuration, size):
    torch.manual_seed(31)
    generator = torch.Generator().manual_seed(32)
    draw = lambda *shape: torch.randn(*shape, generator=generator)
    model = randomised(UNet2DConditionModel(**configuration), generator)
    model.save_pretrained(OUT / name)
    values = {
        "sample": draw(2, configuration["in_channels"], *size), "timestep": torch.tensor([7, 981]),
        "text_encoding": draw(2, 5, 12),
    }
    condition = dict(encoder_hidden_states=values["text_encoding"])
    if "time_cond_proj_dim" in configuration:
        values["guidance"] = condition["timestep_cond"] = draw(2, 6)
    if "class_embed_type" in configuration:
        values["label"] = condition["class_labels"] = draw(2, 10)
    if "addition_embed_type" in configuration:
        values["text_embedding"] = draw(2, 6)
        values["numbers"] = torch.tensor([[64., 64, 0, 0, 64, 64], [64, 48, 8, 0, 32, 16]])
        condition["added_cond_kwargs"] = dict(text_embeds=values["text_embedding"], time_ids=values["numbers"])
    modules = {"conv_in": model.conv_in, "time_embedding": model.time_embedding, "mid_block": model.mid_block}
    modules |= {f"down_blocks.{i}": block for i, block in enumerate(model.down_blocks)}
    modules |= {f"up_blocks.{i}": block for i, block in enumerate(model.up_blocks)}
    if "addition_embed_type" in configuration:
        modules["add_embedding"] = model.add_embedding
    if "class_embed_type" in configuration:
        modules["add_embedding"] = model.class_embedding
    handles = watch(values, modules)
    values["output"] = model(values["sample"], values["timestep"], **condition).sample
    for handle in handles:
        handle.remove()
    skips = [values["conv_in"]] + [values[k] for k in sorted(values) if k.startswith("down_blocks.")]
    controls = {f"control.{i}": draw(*skip.shape) for i, skip in enumerate(skips)}
    middle = draw(*values["mid_block"].shape)
    values |= controls | {"control.middle": middle}
    values["controlled"] = model(
        values["sample"], values["timestep"], **condition,
        down_block_additional_residuals=list(controls.values()), mid_block_additional_residual=middle,
    ).sample
    save(name, values)


@torch.no_grad()
def control(name, configuration):
    torch.manual_seed(38)
    generator = torch.Generator().manual_seed(39)
    draw = lambda *shape: torch.randn(*shape, generator=generator)
    model = randomised(ControlNetModel(**configuration), generator).half().float()
    model.save_pretrained(OUT / name)
    weights = OUT / name / "diffusion_pytorch_model.safetensors"
    save_file({key: tensor.half() for key, tensor in load_file(weights).items()}, weights)
    factor = 2 ** (len(configuration["conditioning_embedding_out_channels"]) - 1)
    values = {
        "sample": draw(2, 4, 6, 4), "timestep": torch.tensor([7, 981]), "text_encoding": draw(2, 5, 6),
        "hint": torch.rand(1, 3, 6 * factor, 4 * factor, generator=generator),
    }
    condition = dict(encoder_hidden_states=values["text_encoding"], controlnet_cond=values["hint"])
    if "addition_embed_type" in configuration:
        values["text_embedding"] = draw(2, 6)
        values["numbers"] = torch.tensor([[64., 64, 0, 0, 64, 64], [64, 48, 8, 0, 32, 16]])
        condition["added_cond_kwargs"] = dict(text_embeds=values["text_embedding"], time_ids=values["numbers"])
    handles = watch(values, {"encoded_hint": model.controlnet_cond_embedding, "mid_block": model.mid_block})
    for kind, pools, arguments in [("plain", False, {}), ("scaled", False, dict(conditioning_scale=0.7)),
                                   ("guessing", False, dict(conditioning_scale=0.7, guess_mode=True)),
                                   ("pooling", True, dict(conditioning_scale=0.7, guess_mode=True))]:
        model.register_to_config(global_pool_conditions=pools)
        output = model(values["sample"], values["timestep"], **condition, **arguments)
        values |= {f"{kind}.{i}": skip for i, skip in enumerate(output.down_block_res_samples)}
        values[f"{kind}.middle"] = output.mid_block_res_sample
        for handle in handles:
            handle.remove()
    save(name, values)


@torch.no_grad()
def autoencoder():
    torch.manual_seed(33)
    generator = torch.Generator().manual_seed(34)
    model = randomised(AutoencoderKL(**AUTOENCODER), generator)
    model.save_pretrained(OUT / "autoencoder-kl")
    values = {"pixels": torch.rand(2, 3, 16, 24, generator=generator) * 2 - 1,
              "latents": torch.randn(2, 4, 4, 6, generator=generator)}
    modules = {}
    for half in ["encoder", "decoder"]:
        network = getattr(model, half)
        modules |= {f"{half}.conv_in": network.conv_in, f"{half}.mid_block": network.mid_block}
        for i, block in enumerate(network.down_blocks if half == "encoder" else network.up_blocks):
            modules[f"{half}.{i}"] = block
    watch(values, modules)
    distribution = model.encode(values["pixels"]).latent_dist
    values |= {"mean": distribution.mean, "deviation": distribution.std,
               "decoded": model.decode(values["latents"]).sample}
    save("autoencoder-kl", values)


@torch.no_grad()
def tiled():
    """Two tiles down and three across, of which the last ones are narrow."""
    generator = torch.Generator().manual_seed(37)
    model = AutoencoderKL.from_pretrained(OUT / "autoencoder-kl").eval()
    model.enable_tiling()
    values = {"pixels": torch.rand(1, 3, 20, 40, generator=generator) * 2 - 1,
              "latents": torch.randn(1, 4, 5, 10, generator=generator)}
    distribution = model.encode(values["pixels"]).latent_dist
    values |= {"mean": distribution.mean, "deviation": distribution.std,
               "decoded": model.decode(values["latents"]).sample}
    save_file({k: v.contiguous().clone() for k, v in values.items()}, OUT / "autoencoder-kl/tiled.safetensors")


@torch.no_grad()
def text(name, model_class, **changes):
    torch.manual_seed(35)
    generator = torch.Generator().manual_seed(36)
    model = randomised(model_class(CLIPTextConfig(**(TEXT | changes))), generator)
    model.save_pretrained(OUT / name)
    ids = torch.tensor([[58, 3, 59, 1, 1, 1, 1, 1, 1], [58, 8, 20, 57, 4, 31, 12, 59, 1]])
    output = model(ids, output_hidden_states=True)
    embedding = output.text_embeds if "text_embeds" in output else output.pooler_output
    save(name, {"ids": ids, "embedding": embedding, "last": output.last_hidden_state,
                "penultimate": output.hidden_states[-2]})


SD15_UNET = dict(
    act_fn="silu", attention_head_dim=8, block_out_channels=[320, 640, 1280, 1280], center_input_sample=False,
    cross_attention_dim=768,
    down_block_types=["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"],
    downsample_padding=1, flip_sin_to_cos=True, freq_shift=0, in_channels=4, layers_per_block=2,
    mid_block_scale_factor=1, norm_eps=1e-05, norm_num_groups=32, out_channels=4, sample_size=64,
    up_block_types=["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"],
)
SD21_UNET = SD15_UNET | dict(
    attention_head_dim=[5, 10, 20, 20], cross_attention_dim=1024, dual_cross_attention=False, num_class_embeds=None,
    only_cross_attention=False, sample_size=96, upcast_attention=True, use_linear_projection=True,
)
# Stable unCLIP 2.1 reads an image embedding of ViT-H, its small form one of ViT-L, and the noise on it.
UNCLIP_UNET = SD21_UNET | dict(class_embed_type="projection", projection_class_embeddings_input_dim=2048)
SMALL_UNCLIP_UNET = UNCLIP_UNET | dict(projection_class_embeddings_input_dim=1536)
INPAINT_UNET = SD15_UNET | dict(in_channels=9)
LATENT_CONSISTENCY_UNET = SD15_UNET | dict(time_cond_proj_dim=256)
XL_UNET = dict(
    act_fn="silu", addition_embed_type="text_time", addition_embed_type_num_heads=64, addition_time_embed_dim=256,
    attention_head_dim=[5, 10, 20], block_out_channels=[320, 640, 1280], center_input_sample=False,
    class_embed_type=None, class_embeddings_concat=False, conv_in_kernel=3, conv_out_kernel=3,
    cross_attention_dim=2048, cross_attention_norm=None,
    down_block_types=["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"], downsample_padding=1,
    dual_cross_attention=False, encoder_hid_dim=None, encoder_hid_dim_type=None, flip_sin_to_cos=True, freq_shift=0,
    in_channels=4, layers_per_block=2, mid_block_only_cross_attention=None, mid_block_scale_factor=1,
    mid_block_type="UNetMidBlock2DCrossAttn", norm_eps=1e-05, norm_num_groups=32, num_attention_heads=None,
    num_class_embeds=None, only_cross_attention=False, out_channels=4, projection_class_embeddings_input_dim=2816,
    resnet_out_scale_factor=1.0, resnet_skip_time_act=False, resnet_time_scale_shift="default", sample_size=128,
    time_cond_proj_dim=None, time_embedding_act_fn=None, time_embedding_dim=None, time_embedding_type="positional",
    timestep_post_act=None, transformer_layers_per_block=[1, 2, 10],
    up_block_types=["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"], upcast_attention=None,
    use_linear_projection=True,
)
REFINER_UNET = XL_UNET | dict(
    attention_head_dim=[6, 12, 24, 24], block_out_channels=[384, 768, 1536, 1536], cross_attention_dim=1280,
    down_block_types=["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"],
    projection_class_embeddings_input_dim=2560, transformer_layers_per_block=4,
    up_block_types=["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
)
# What the U-Net's configuration does not have, and what it has beyond the network's.
SD15_CONTROL = {key: SD15_UNET[key] for key in SD15_UNET
                if key not in ("center_input_sample", "out_channels", "sample_size", "up_block_types")} | dict(
    class_embed_type=None, conditioning_embedding_out_channels=[16, 32, 96, 256],
    controlnet_conditioning_channel_order="rgb", num_class_embeds=None, only_cross_attention=False,
    projection_class_embeddings_input_dim=None, resnet_time_scale_shift="default", upcast_attention=False,
    use_linear_projection=False,
)
XL_CONTROL_PUBLISHED = SD15_CONTROL | dict(
    addition_embed_type="text_time", addition_embed_type_num_heads=64, addition_time_embed_dim=256,
    attention_head_dim=[5, 10, 20], block_out_channels=[320, 640, 1280], conditioning_channels=3,
    cross_attention_dim=2048, down_block_types=["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
    encoder_hid_dim=None, encoder_hid_dim_type=None, global_pool_conditions=False,
    mid_block_type="UNetMidBlock2DCrossAttn", num_attention_heads=None, projection_class_embeddings_input_dim=2816,
    transformer_layers_per_block=[1, 2, 10], upcast_attention=None, use_linear_projection=True,
)
VAE = dict(
    act_fn="silu", block_out_channels=[128, 256, 512, 512], down_block_types=["DownEncoderBlock2D"] * 4, in_channels=3,
    latent_channels=4, layers_per_block=2, norm_num_groups=32, out_channels=3, sample_size=512,
    up_block_types=["UpDecoderBlock2D"] * 4,
)
VIT_L = dict(
    attention_dropout=0.0, bos_token_id=0, dropout=0.0, eos_token_id=2, hidden_act="quick_gelu", hidden_size=768,
    initializer_factor=1.0, initializer_range=0.02, intermediate_size=3072, layer_norm_eps=1e-05,
    max_position_embeddings=77, model_type="clip_text_model", num_attention_heads=12, num_hidden_layers=12,
    pad_token_id=1, projection_dim=768, vocab_size=49408,
)
# Of ViT-H the last of its 24 layers is left away, because its states are not read.
VIT_H = VIT_L | dict(hidden_act="gelu", hidden_size=1024, intermediate_size=4096, num_attention_heads=16,
                     num_hidden_layers=23, projection_dim=512)
VIT_BIG_G = VIT_L | dict(hidden_act="gelu", hidden_size=1280, intermediate_size=5120, num_attention_heads=20,
                         num_hidden_layers=32, projection_dim=1280)


def published(name, configuration, build):
    folder = OUT / "published"
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(configuration, indent=1, sort_keys=True) + "\n")
    with torch.device("meta"):
        tensors = build(configuration).state_dict()
    write_lines(name, [f"{key} {','.join(str(size) for size in tensors[key].shape)}" for key in sorted(tensors)])


def write_lines(name, lines, folder=OUT / "published"):
    shortened, before = [], []
    for line in lines:
        words = line.split(" ")
        before = before or ["" for word in words]
        # The shape, in the middle, is written out.
        for place in range(0, len(words), 2):
            shared = len(os.path.commonprefix([before[place], words[place]]))
            before[place], words[place] = words[place], f"{shared} {words[place][shared:]}"
        shortened.append(" ".join(words) + "\n")
    (folder / f"{name}.txt").write_text("".join(shortened))


def original_unet(name, attended, layers=2):
    """The name in CompVis' network: blocks are counted through, and a layer's parts are numbers of a sequence."""
    fixed = {"time_embedding.linear_1": "time_embed.0", "time_embedding.linear_2": "time_embed.2",
             "conv_in": "input_blocks.0.0", "conv_norm_out": "out.0", "conv_out": "out.2"}
    fixed |= {"add_embedding.linear_1": "label_emb.0.0", "add_embedding.linear_2": "label_emb.0.2"}
    inner = {"norm1": "in_layers.0", "conv1": "in_layers.2", "time_emb_proj": "emb_layers.1", "norm2": "out_layers.0",
             "conv2": "out_layers.3", "conv_shortcut": "skip_connection"}
    head, kind = name.rsplit(".", 1)
    if head in fixed:
        return f"{fixed[head]}.{kind}"
    parts = name.split(".")
    resnet = lambda rest: ".".join([inner[rest[0]], *rest[1:]])
    if parts[0] == "mid_block":
        i, rest = int(parts[2]), parts[3:]
        return f"middle_block.{2 * i}.{resnet(rest)}" if parts[1] == "resnets" else f"middle_block.1.{'.'.join(rest)}"
    block, layer, i, rest = int(parts[1]), parts[2], int(parts[3]), parts[4:]
    if parts[0] == "down_blocks":
        place = f"input_blocks.{block * (layers + 1) + i + 1}"
        if layer == "downsamplers":
            return f"input_blocks.{(block + 1) * (layers + 1)}.0.op.{kind}"
    else:
        place = f"output_blocks.{block * (layers + 1) + i}"
        if layer == "upsamplers":
            return f"output_blocks.{block * (layers + 1) + layers}.{1 + attended[-1 - block]}.conv.{kind}"
    return f"{place}.0.{resnet(rest)}" if layer == "resnets" else f"{place}.1.{'.'.join(rest)}"


def original_vae(name, blocks=4):
    parts = name.split(".")
    if parts[0] not in ("encoder", "decoder"):
        return name
    half, rest = parts[0], parts[1:]
    rename = {"conv_shortcut": "nin_shortcut"}
    if rest[0] == "conv_norm_out":
        return f"{half}.norm_out.{rest[1]}"
    if rest[0] == "mid_block" and rest[1] == "resnets":
        return ".".join([half, "mid", f"block_{int(rest[2]) + 1}", *rest[3:]])
    if rest[0] == "mid_block":
        part = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out": "proj_out"}[rest[3]]
        return f"{half}.mid.attn_1.{part}.{rest[-1]}"
    if rest[0] in ("down_blocks", "up_blocks"):
        down = rest[0] == "down_blocks"
        place = f"{half}.down.{rest[1]}" if down else f"{half}.up.{blocks - 1 - int(rest[1])}"
        if rest[2] == "resnets":
            return ".".join([place, "block", rest[3], *[rename.get(part, part) for part in rest[4:]]])
        return f"{place}.{'downsample' if down else 'upsample'}.{'.'.join(rest[4:])}"
    return name


def open_clip_shapes(c):
    """Names and shapes of a text encoder of OpenCLIP."""
    width = c["hidden_size"]
    layer = {
        "attn.in_proj_bias": [3 * width], "attn.in_proj_weight": [3 * width, width], "attn.out_proj.bias": [width],
        "attn.out_proj.weight": [width, width], "ln_1.bias": [width], "ln_1.weight": [width], "ln_2.bias": [width],
        "ln_2.weight": [width], "mlp.c_fc.bias": [4 * width], "mlp.c_fc.weight": [4 * width, width],
        "mlp.c_proj.bias": [width], "mlp.c_proj.weight": [width, 4 * width],
    }
    own = {"ln_final.bias": [width], "ln_final.weight": [width], "positional_embedding": [77, width],
           "token_embedding.weight": [49408, width], "text_projection": [width, c["projection_dim"]]}
    return own | {f"transformer.resblocks.{i}.{key}": shape
                  for i in range(c["num_hidden_layers"]) for key, shape in layer.items()}


def original_control(name, layers=2):
    """The name in the program of ControlNet's authors."""
    parts = name.split(".")
    kind = parts[-1]
    if parts[0] == "controlnet_cond_embedding":
        place = {"conv_in": 0, "conv_out": 14}[parts[1]] if parts[1] != "blocks" else 2 * int(parts[2]) + 2
        return f"input_hint_block.{place}.{kind}"
    if parts[0] == "controlnet_down_blocks":
        return f"zero_convs.{parts[1]}.0.{kind}"
    if parts[0] == "controlnet_mid_block":
        return f"middle_block_out.0.{kind}"
    return original_unet(name, layers)


def single_control(name, configuration):
    """What diffusers' conversion makes of a file with the authors' names."""
    with torch.device("meta"):
        tensors = ControlNetModel(**configuration).state_dict()
    # Each is a view of one number, told from others by the number.
    originals = [original_control(key) for key in tensors]
    numbers = {key: torch.full((1,), float(i)).expand(tensor.shape)
               for i, (key, tensor) in enumerate(zip(originals, tensors.values()))}
    converted = convert_controlnet_checkpoint(dict(numbers), configuration)
    origins = {originals[int(tensor.flatten()[0])]: new for new, tensor in converted.items()}
    assert set(converted) == set(tensors) and len(origins) == len(tensors)
    write_lines(name, [f"{key} {','.join(map(str, numbers[key].shape))} {origins[key]}" for key in sorted(origins)])


def single(name, unet_configuration, texts, vae_configuration=VAE, folder=OUT / "published"):
    """What diffusers' conversion makes of a file with the names of CompVis and Stability.

    `texts`: for each text encoder what its names begin with and its configuration.
    """
    with torch.device("meta"):
        unet = UNet2DConditionModel(**unet_configuration).state_dict()
        vae = AutoencoderKL(**vae_configuration).state_dict()
    numbers, lines = {}, {}

    def add(original, shape, new="-"):
        # Each is a view of one number, told from others by the number.
        numbers[original] = torch.full((1,), len(numbers), dtype=torch.int16).expand(shape)
        lines[original] = [",".join(map(str, shape)), new]

    def take(converted, expected):
        assert {new: list(tensor.shape) for new, tensor in converted.items()} == \
            {new: list(tensor.shape) for new, tensor in expected.items()}
        originals = list(numbers)
        for new, tensor in converted.items():
            line = lines[originals[tensor[(0,) * tensor.dim()].item()]]
            line[1] = new if line[1] == "-" else line[1]

    attended = ["CrossAttn" in block for block in unet_configuration["down_block_types"]]
    for key, tensor in unet.items():
        original = original_unet(key, attended, unet_configuration["layers_per_block"])
        add("model.diffusion_model." + original, tensor.shape)
    for key, tensor in vae.items():
        is_convolution = "attentions" in key and "to_" in key and key.endswith("weight")
        add("first_stage_model." + original_vae(key, len(vae_configuration["block_out_channels"])),
            (*tensor.shape, 1, 1) if is_convolution else tensor.shape)
    take(convert_ldm_unet_checkpoint(dict(numbers), unet_configuration | {"class_embed_type": None}), unet)
    take(convert_ldm_vae_checkpoint(dict(numbers), vae_configuration), vae)
    for start, c in texts:
        with torch.device("meta"):
            network = (CLIPTextModel if "transformer" in start else CLIPTextModelWithProjection)(CLIPTextConfig(**c))
        if "transformer" in start:
            for key, tensor in network.state_dict().items():
                key = f"text_model.{key.removeprefix('text_model.')}"
                add(start + key, tensor.shape, key)
        elif start.startswith("cond_stage"):
            # OpenCLIP's encoder keeps its names; what its last layer gives is not read.
            layers = c["num_hidden_layers"]
            own = open_clip_shapes(c | {"num_hidden_layers": layers + 1, "projection_dim": c["hidden_size"]})
            for key, shape in own.items():
                unread = key == "text_projection" or f"resblocks.{layers}." in key
                add(start + key, shape, "-" if unread else key)
        else:
            for key, shape in open_clip_shapes(c).items():
                add(start + key, shape)
            take(convert_open_clip_checkpoint(network, dict(numbers), prefix=start), network.state_dict())
    write_lines(name, [f"{key} {' '.join(lines[key])}" for key in sorted(lines)], folder)


def single_xl(folder):
    """A file of a few channels, and the configurations of the directory that has the same weights."""
    shutil.rmtree(folder, ignore_errors=True)
    small = VIT_L | dict(hidden_size=64, intermediate_size=256, num_hidden_layers=2, num_attention_heads=1)
    second = VIT_BIG_G | dict(hidden_size=128, intermediate_size=512, num_hidden_layers=2, num_attention_heads=2,
                              projection_dim=64)
    network = XL_UNET | dict(
        block_out_channels=[32, 64], layers_per_block=1, attention_head_dim=[1, 1], cross_attention_dim=192,
        down_block_types=["DownBlock2D", "CrossAttnDownBlock2D"], up_block_types=["CrossAttnUpBlock2D", "UpBlock2D"],
        transformer_layers_per_block=[1, 2], addition_time_embed_dim=8, projection_class_embeddings_input_dim=112,
    )
    vae = VAE | dict(block_out_channels=[32, 32], layers_per_block=1, down_block_types=["DownEncoderBlock2D"] * 2,
                     up_block_types=["UpDecoderBlock2D"] * 2, sample_size=1024, scaling_factor=0.13025)
    with torch.device("meta"):
        UNet2DConditionModel(**network).save_config(folder / "unet")
        AutoencoderKL(**vae).save_config(folder / "vae")
    CLIPTextConfig(**small).save_pretrained(folder / "text_encoder")
    CLIPTextConfig(**second).save_pretrained(folder / "text_encoder_2")
    EulerDiscreteScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1,
                           timestep_spacing="leading").save_pretrained(folder / "scheduler")
    index = dict(
        _class_name="StableDiffusionXLPipeline", force_zeros_for_empty_prompt=True,
        scheduler=["diffusers", "EulerDiscreteScheduler"], text_encoder=["transformers", "CLIPTextModel"],
        text_encoder_2=["transformers", "CLIPTextModelWithProjection"], tokenizer=["transformers", "CLIPTokenizer"],
        tokenizer_2=["transformers", "CLIPTokenizer"], unet=["diffusers", "UNet2DConditionModel"],
        vae=["diffusers", "AutoencoderKL"],
    )
    (folder / "model_index.json").write_text(json.dumps(index, indent=1) + "\n")
    texts = [("conditioner.embedders.0.transformer.", small), ("conditioner.embedders.1.model.", second)]
    single("names", network, texts, vae, folder)


unet("unet/sd1", SD1, (7, 6))
unet("unet/sd2", SD2, (8, 4))
unet("unet/xl", XL, (8, 8))
control("control/sd1", SD1_CONTROL)
control("control/xl", XL_CONTROL)
autoencoder()
tiled()
text("clip-text", CLIPTextModel, hidden_act="gelu", eos_token_id=59)
text("clip-text-projection", CLIPTextModelWithProjection)
for name, configuration in [("unet-sd15", SD15_UNET), ("unet-sd21", SD21_UNET), ("unet-xl", XL_UNET),
                            ("unet-refiner", REFINER_UNET), ("unet-unclip", UNCLIP_UNET),
                            ("unet-unclip-small", SMALL_UNCLIP_UNET), ("unet-inpaint", INPAINT_UNET),
                            ("unet-lcm", LATENT_CONSISTENCY_UNET)]:
    published(name, configuration, lambda c: UNet2DConditionModel(**c))
published("control-sd15", SD15_CONTROL, lambda c: ControlNetModel(**c))
published("control-xl", XL_CONTROL_PUBLISHED, lambda c: ControlNetModel(**c))
single_control("single-control-sd15", SD15_CONTROL)
published("vae", VAE, lambda c: AutoencoderKL(**c))
published("text-vit-l", VIT_L, lambda c: CLIPTextModel(CLIPTextConfig(**c)))
published("text-vit-h", VIT_H, lambda c: CLIPTextModel(CLIPTextConfig(**c)))
single("single-sd15", SD15_UNET, [("cond_stage_model.transformer.", VIT_L)])
single("single-sd21", SD21_UNET, [("cond_stage_model.model.", VIT_H)])
single("single-xl", XL_UNET,
       [("conditioner.embedders.0.transformer.", VIT_L), ("conditioner.embedders.1.model.", VIT_BIG_G)])
single("single-refiner", REFINER_UNET, [("conditioner.embedders.0.model.", VIT_BIG_G)])
single_xl(OUT.parents[1] / "PipelinesTests/Fixtures/single-xl")
single(
    "single-tiny",
    SD15_UNET | dict(block_out_channels=[32, 32], layers_per_block=1, cross_attention_dim=64,
                     down_block_types=["CrossAttnDownBlock2D", "DownBlock2D"],
                     up_block_types=["UpBlock2D", "CrossAttnUpBlock2D"]),
    [("cond_stage_model.transformer.",
      VIT_L | dict(hidden_size=64, intermediate_size=256, num_hidden_layers=2, num_attention_heads=1))],
    VAE | dict(block_out_channels=[32, 32], layers_per_block=1, down_block_types=["DownEncoderBlock2D"] * 2,
               up_block_types=["UpDecoderBlock2D"] * 2),
    folder=OUT.parents[1] / "PipelinesTests/Fixtures",
)
published("text-vit-bigg", VIT_BIG_G, lambda c: CLIPTextModelWithProjection(CLIPTextConfig(**c)))
