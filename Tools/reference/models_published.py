"""Writes Tests/ModelsTests/Fixtures/published: names and shapes of the published networks' tensors, without numbers.

Each network is built from its published configuration on torch's meta device, which holds no memory. A file has the
configuration and the tensors as a tree; branches that are alike stand once, under all of their names.

Run with diffusers 0.42.1 and transformers 5.23: python -P Tools/reference/models_published.py
"""

import json
import pathlib

import torch
from diffusers import PriorTransformer, UNet2DConditionModel, UNet2DModel, VQModel
from diffusers.pipelines.deprecated.unclip.text_proj import UnCLIPTextProjModel
from diffusers.pipelines.kandinsky.text_encoder import MCLIPConfig, MultilingualCLIP
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
from transformers import (
    CLIPConfig, CLIPTextConfig, CLIPTextModelWithProjection, CLIPVisionConfig, CLIPVisionModelWithProjection,
)

OUT = pathlib.Path(__file__).parents[2] / "Tests/ModelsTests/Fixtures/published"

UNET = dict(
    attention_head_dim=64, block_out_channels=[384, 768, 1152, 1536], cross_attention_dim=768, in_channels=4,
    out_channels=8, layers_per_block=3, norm_num_groups=32, resnet_time_scale_shift="scale_shift", sample_size=64,
    down_block_types=["ResnetDownsampleBlock2D"] + 3 * ["SimpleCrossAttnDownBlock2D"],
    mid_block_type="UNetMidBlock2DSimpleCrossAttn",
    up_block_types=3 * ["SimpleCrossAttnUpBlock2D"] + ["ResnetUpsampleBlock2D"],
)
UNET_21 = UNET | dict(encoder_hid_dim=1024, encoder_hid_dim_type="text_image_proj", addition_embed_type="text_image")
UNET_22 = UNET | dict(encoder_hid_dim=1280, encoder_hid_dim_type="image_proj", addition_embed_type="image")
MOVQ = dict(
    block_out_channels=[128, 256, 256, 512], latent_channels=4, layers_per_block=2, norm_type="spatial",
    num_vq_embeddings=16384, vq_embed_dim=4, down_block_types=3 * ["DownEncoderBlock2D"] + ["AttnDownEncoderBlock2D"],
    up_block_types=["AttnUpDecoderBlock2D"] + 3 * ["UpDecoderBlock2D"],
)
XLM_R = dict(
    vocab_size=250002, hidden_size=1024, num_hidden_layers=24, num_attention_heads=16, intermediate_size=4096,
    max_position_embeddings=514, type_vocab_size=1, layer_norm_eps=1e-5, transformerDimSize=1024, imageDimSize=768,
)
KARLO_DECODER = UNET | dict(
    in_channels=3, out_channels=6, block_out_channels=[320, 640, 960, 1280], cross_attention_dim=1536,
    class_embed_type="identity",
)
# Both of Karlo's U-Nets of super-resolution; its encoders are those of Kandinsky 2.1's prior.
SUPER_RESOLUTION = dict(
    sample_size=256, layers_per_block=3, block_out_channels=[320, 640, 960, 1280], in_channels=6, out_channels=3,
    add_attention=False, down_block_types=4 * ["ResnetDownsampleBlock2D"], up_block_types=4 * ["ResnetUpsampleBlock2D"],
)
TEXT_L = dict(hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12,
              projection_dim=768, hidden_act="quick_gelu")
VISION_L = dict(hidden_size=1024, intermediate_size=4096, num_hidden_layers=24, num_attention_heads=16, patch_size=14,
                projection_dim=768, hidden_act="quick_gelu")
# The towers of ViT-bigG have 32 and 48 layers; all are alike, and three of them are enough to look at.
TEXT_G = dict(hidden_size=1280, intermediate_size=5120, num_hidden_layers=3, num_attention_heads=20,
              projection_dim=1280, hidden_act="gelu")
VISION_G = dict(hidden_size=1664, intermediate_size=8192, num_hidden_layers=3, num_attention_heads=16, patch_size=14,
                projection_dim=1280, hidden_act="gelu")

NETWORKS = {
    "kandinsky21-prior": (PriorTransformer, dict(embedding_dim=768)),
    "kandinsky22-prior": (PriorTransformer, dict(embedding_dim=1280)),
    "kandinsky21-unet": (UNet2DConditionModel, UNET_21),
    "kandinsky21-inpaint-unet": (UNet2DConditionModel, UNET_21 | dict(in_channels=9)),
    "kandinsky22-unet": (UNet2DConditionModel, UNET_22),
    "kandinsky22-inpaint-unet": (UNet2DConditionModel, UNET_22 | dict(in_channels=9)),
    "kandinsky22-depth-unet": (UNet2DConditionModel, UNET_22 | dict(in_channels=8, addition_embed_type="image_hint")),
    "kandinsky-movq": (VQModel, MOVQ),
    "kandinsky21-text": (CLIPTextModelWithProjection, CLIPTextConfig(**TEXT_L)),
    "kandinsky21-image": (CLIPVisionModelWithProjection, CLIPVisionConfig(**VISION_L)),
    "kandinsky22-text": (CLIPTextModelWithProjection, CLIPTextConfig(**TEXT_G)),
    "kandinsky22-image": (CLIPVisionModelWithProjection, CLIPVisionConfig(**VISION_G)),
    "kandinsky21-multilingual": (MultilingualCLIP, MCLIPConfig(**XLM_R)),
    "karlo-prior": (PriorTransformer, dict(embedding_dim=768)),
    "karlo-decoder": (UNet2DConditionModel, KARLO_DECODER),
    "karlo-super-resolution": (UNet2DModel, SUPER_RESOLUTION),
    "karlo-projection": (UnCLIPTextProjModel, dict(time_embed_dim=1280, cross_attention_dim=1536)),
    "safety-checker": (
        StableDiffusionSafetyChecker, CLIPConfig(vision_config=VISION_L, text_config=TEXT_L, projection_dim=768)),
}


def tree(tensors):
    """Names and shapes, a level for each dot."""
    root = {}
    for name, tensor in tensors.items():
        *path, leaf = name.split(".")
        node = root
        for part in path:
            node = node.setdefault(part, {})
        node[leaf] = list(tensor.shape)
    return root


def joined(node):
    """The same where numbered branches that are alike stand once: `{"0 1 2": …}`."""
    if isinstance(node, list):
        return node
    groups = {}
    for name, branch in node.items():
        branch = joined(branch)
        key = json.dumps(branch) if name.isdigit() else name
        groups.setdefault(key, ([], branch))[0].append(name)
    return {" ".join(names): branch for names, branch in groups.values()}


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    for name, (network, configuration) in NETWORKS.items():
        with torch.device("meta"):
            model = network(**configuration) if isinstance(configuration, dict) else network(configuration)
        if isinstance(configuration, dict):
            written = {key: value for key, value in model.config.items() if value is not None and key[0] != "_"}
        else:
            written = configuration.to_dict()
        content = {"config": written, "tensors": joined(tree(model.state_dict()))}
        (OUT / f"{name}.json").write_text(json.dumps(content, separators=(",", ":"), default=str) + "\n")


main()
