"""Writes Tests/ModelsTests/Fixtures/prior: tiny random prior transformers of diffusers, what each block answers, and
gradients.

Run with diffusers 0.42.1 and torch 2.13.0: python Tools/reference/models_prior.py
"""

import pathlib

import torch
from diffusers import PriorTransformer
from diffusers.models.attention import FeedForward
from safetensors.torch import save_file

OUT = pathlib.Path(__file__).parents[2] / "Tests/ModelsTests/Fixtures/prior"

# Kandinsky 2.1, 2.2 and Karlo: one width, no input norms.
KANDINSKY = dict(
    num_attention_heads=2, attention_head_dim=8, num_layers=2, embedding_dim=12, num_embeddings=6,
)

# Every switch that may differ.
NORMED = dict(
    num_attention_heads=4, attention_head_dim=4, num_layers=3, embedding_dim=12, num_embeddings=5,
    norm_in_type="layer", embedding_proj_norm_type="layer", time_embed_act_fn="gelu",
    time_embed_dim=24, embedding_proj_dim=10, clip_embed_dim=14,
)


def record(name, configuration, watched):
    generator = torch.Generator().manual_seed(1)
    torch.manual_seed(1)
    model = PriorTransformer(**configuration).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn(parameter.shape, generator=generator))
    folder = OUT / name
    model.save_pretrained(folder)

    draw = lambda *shape: torch.randn(*shape, generator=generator)
    batch, width, tokens = 3, configuration["embedding_dim"], configuration["num_embeddings"]
    values = {
        "sample": draw(batch, width),
        "timestep": torch.tensor([3, 500, 999]),
        "text_embedding": draw(batch, configuration.get("embedding_proj_dim", width)),
        "text_encoding": draw(batch, tokens, width),
        "text_mask": torch.arange(tokens)[None] < torch.tensor([1, 3, tokens])[:, None],
        "loss_weight": draw(batch, configuration.get("clip_embed_dim", width)),
    }

    def keep(key):
        def hook(module, arguments, output):
            values[key] = output.detach()
        return hook

    model.time_embedding.register_forward_hook(keep("time_embedding"))
    model.transformer_blocks[0].register_forward_pre_hook(
        lambda module, arguments: values.update(tokens=arguments[0].detach())
    )
    for index, block in enumerate(model.transformer_blocks):
        block.register_forward_hook(keep(f"transformer_blocks.{index}"))

    output = model(
        values["sample"], values["timestep"], values["text_embedding"], values["text_encoding"], values["text_mask"]
    ).predicted_image_embedding
    values["output"] = output.detach()
    values["processed"] = model.post_process_latents(output).detach()

    loss = (output * values["loss_weight"]).mean()
    loss.backward()
    values["loss"] = loss.detach().reshape(1)
    parameters = dict(model.named_parameters())
    for key in watched:
        values[f"gradient.{key}"] = parameters[key].grad
    save_file({key: value.contiguous().clone() for key, value in values.items()}, folder / "expected.safetensors")


def record_feed_forward():
    torch.manual_seed(2)
    x = torch.randn(2, 3, 8)
    values = {"input": x}
    for activation in ["gelu", "geglu"]:
        model = FeedForward(8, activation_fn=activation)
        values |= {f"{activation}.{key}": value for key, value in model.state_dict().items()}
        values[f"{activation}.output"] = model(x).detach()
    save_file(values, OUT / "feed_forward.safetensors")


record(
    "kandinsky", KANDINSKY,
    watched=[
        "positional_embedding",
        "prd_embedding",
        "time_embedding.linear_1.weight",
        "embedding_proj.weight",
        "encoder_hidden_states_proj.weight",
        "proj_in.weight",
        "transformer_blocks.0.attn1.to_k.weight",
        "transformer_blocks.1.ff.net.0.proj.weight",
        "norm_out.weight",
    ],
)
record("normed", NORMED, watched=["norm_in.weight", "embedding_proj_norm.bias", "transformer_blocks.2.attn1.to_v.bias"])
record_feed_forward()
