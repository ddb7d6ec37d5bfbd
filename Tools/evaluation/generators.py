"""Networks of generators at their published sizes with random weights, for parity_full.py and bench_diffusion.py."""

import json
import pathlib

import torch
from diffusers import AutoencoderKL, PriorTransformer, UNet2DConditionModel, VQModel
from safetensors.torch import save_file

ROOT = pathlib.Path(__file__).parents[2]
BENCHMARK = ROOT / ".build/release/LienzoBenchmark"
PUBLISHED = ROOT / "Tests/ModelsTests/Fixtures/published"
NETWORKS = {
    "sd15-unet": (UNet2DConditionModel, "unet-sd15"),
    "sd-vae": (AutoencoderKL, "vae"),
    "xl-unet": (UNet2DConditionModel, "unet-xl"),
    "kandinsky22-prior": (PriorTransformer, "kandinsky22-prior"),
    "kandinsky22-unet": (UNet2DConditionModel, "kandinsky22-unet"),
    "movq": (VQModel, "kandinsky-movq"),
    "karlo-decoder": (UNet2DConditionModel, "karlo-decoder"),
}


def configuration(file):
    """A published configuration; those with names of tensors beside them have it inside."""
    content = json.loads((PUBLISHED / f"{file}.json").read_text())
    return {key: value for key, value in content.get("config", content).items() if not key.startswith("_")}


def fill(model, dtype):
    """Values for a model on torch's meta device: weights that keep the size of what they multiply, scales about one."""
    values = {}
    for name, tensor in model.state_dict().items():
        if not tensor.is_floating_point():
            values[name] = torch.arange(tensor.numel()).reshape(tensor.shape)  # positions
        elif tensor.dim() < 2:
            value = torch.empty(tensor.shape).uniform_(-0.1, 0.1)
            values[name] = (value + (1 if name.endswith("weight") else 0)).to(dtype)
        else:
            bound = (3 / tensor[0].numel()) ** 0.5
            values[name] = torch.empty(tensor.shape).uniform_(-bound, bound).to(dtype)
    return values


def write(name, folder, dtype=torch.bfloat16):
    """Saves a network as the reference does, without ever having it in memory twice."""
    network, file = NETWORKS[name]
    with torch.device("meta"):
        model = network.from_config(configuration(file))
    folder.mkdir(parents=True)
    model.save_config(folder)
    save_file(fill(model, dtype), folder / "diffusion_pytorch_model.safetensors")
    return folder


def load(name, folder, dtype=torch.float32):
    """The reference's network, in this type."""
    return NETWORKS[name][0].from_pretrained(folder, torch_dtype=dtype, low_cpu_mem_usage=True).eval()


def inputs(name, batch=2, side=64):
    """Arguments for a step or, of an autoencoder, pixels and latents; `side` is that of the latents."""
    network, file = NETWORKS[name]
    sizes = configuration(file)
    if network in (AutoencoderKL, VQModel):
        return {"pixels": torch.rand(batch, 3, 8 * side, 8 * side) * 2 - 1,
                "latents": torch.randn(batch, sizes["latent_channels"], side, side)}
    if network is PriorTransformer:
        mask = torch.arange(77)[None] < torch.tensor([2, 9])[torch.arange(batch) % 2, None]
        return {"hidden_states": torch.randn(batch, sizes["embedding_dim"]), "timestep": torch.full((batch,), 500.0),
                "proj_embedding": torch.randn(batch, sizes["embedding_dim"]),
                "encoder_hidden_states": torch.randn(batch, 77, sizes["embedding_dim"]), "attention_mask": mask}
    given = {"sample": torch.randn(batch, sizes["in_channels"], side, side), "timestep": torch.full((batch,), 500.0)}
    if sizes.get("encoder_hid_dim_type") == "image_proj":
        return given | {"image_embeds": torch.randn(batch, sizes["encoder_hid_dim"])}
    given["encoder_hidden_states"] = torch.randn(batch, 77, sizes["cross_attention_dim"])
    if sizes.get("class_embed_type") == "identity":
        given["class_labels"] = torch.randn(batch, 4 * sizes["block_out_channels"][0])
    if sizes.get("addition_embed_type") == "text_time":
        size = torch.tensor([8.0 * side] * 2 + [0, 0] + [8.0 * side] * 2)
        given |= {"text_embeds": torch.randn(batch, 1280), "time_ids": size.expand(batch, 6).contiguous()}
    return given


def works(name, model, given):
    """What there is to do with the reference's network, by the names that LienzoBenchmark has for it."""
    given = {key: value.to(model.dtype) if value.is_floating_point() and key != "timestep" else value
             for key, value in given.items()}
    if isinstance(model, AutoencoderKL):
        return {"encode": lambda: model.encode(given["pixels"]).latent_dist.mean,
                "decode": lambda: model.decode(given["latents"]).sample}
    if isinstance(model, VQModel):
        return {"encode": lambda: model.encode(given["pixels"]).latents,
                "decode": lambda: model.decode(given["latents"], force_not_quantize=True).sample}
    if isinstance(model, PriorTransformer):
        return {"step": lambda: model(**given).predicted_image_embedding}
    beside = {key: given.pop(key) for key in ["image_embeds", "text_embeds", "time_ids"] if key in given}
    given.setdefault("encoder_hidden_states", None)
    return {"step": lambda: model(**given, added_cond_kwargs=beside).sample}
