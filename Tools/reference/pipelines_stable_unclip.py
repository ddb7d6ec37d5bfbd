"""Writes Tests/PipelinesTests/Fixtures/stable-unclip: tiny random pipelines as diffusers saves them, and their runs.

pictures: a model directory of StableUnCLIPImg2ImgPipeline. words: what StableUnCLIPPipeline has in place of its image
encoder; all other parts are those of pictures.
expected.safetensors: for each run the last latents and the pixels; picture.png is what is varied.

    OMP_NUM_THREADS=1 python -P Tools/reference/pipelines_stable_unclip.py
"""

import pathlib
import shutil
import sys

import numpy as np
import torch
from diffusers import (
    AutoencoderKL, DDIMScheduler, DDPMScheduler, EulerAncestralDiscreteScheduler, PriorTransformer,
    StableUnCLIPImg2ImgPipeline, StableUnCLIPPipeline, UNet2DConditionModel, UnCLIPScheduler,
)
from diffusers.pipelines.stable_diffusion import StableUnCLIPImageNormalizer
from PIL import Image
from safetensors.torch import save_file
from transformers import (
    CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPVisionConfig,
    CLIPVisionModelWithProjection,
)
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from tiny import clip_tokenizer, randomised, save

OUT = pathlib.Path(__file__).parents[2] / "Tests/PipelinesTests/Fixtures/stable-unclip"
WIDTH, TOKENS = 16, 77
PROMPT, SEED = "a red apple", 7


def text_encoder(model_class, tokenizer, **changes):
    configuration = dict(
        vocab_size=len(tokenizer), hidden_size=WIDTH, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2,
        projection_dim=WIDTH, eos_token_id=tokenizer.eos_token_id, bos_token_id=tokenizer.bos_token_id,
    )
    return randomised(model_class(CLIPTextConfig(**(configuration | changes))))


def parts():
    tokenizer = clip_tokenizer(TOKENS)
    unet = randomised(UNet2DConditionModel(
        sample_size=8, block_out_channels=[8, 16], norm_num_groups=4, layers_per_block=1,
        down_block_types=["CrossAttnDownBlock2D", "DownBlock2D"], up_block_types=["UpBlock2D", "CrossAttnUpBlock2D"],
        attention_head_dim=[2, 4], cross_attention_dim=24, use_linear_projection=True, class_embed_type="projection",
        projection_class_embeddings_input_dim=2 * WIDTH,
    ))
    normalizer = StableUnCLIPImageNormalizer(embedding_dim=WIDTH)
    with torch.no_grad():
        normalizer.mean.copy_((0.3 * torch.randn(1, WIDTH)).half())
        normalizer.std.copy_((0.5 + torch.rand(1, WIDTH)).half())
        # The image embedding counts for much, so that a picture tells whether it is right.
        unet.class_embedding.linear_2.weight.mul_(4)
    prior = randomised(PriorTransformer(num_attention_heads=2, attention_head_dim=8, num_layers=2,
                                        embedding_dim=WIDTH))
    with torch.no_grad():
        prior.clip_mean.normal_(0, 0.1).copy_(prior.clip_mean.half().float())
        prior.clip_std.uniform_(0.5, 1.5).copy_(prior.clip_std.half().float())
    shared = dict(
        tokenizer=tokenizer, text_encoder=text_encoder(CLIPTextModel, tokenizer, hidden_size=24, hidden_act="gelu"),
        unet=unet, image_normalizer=normalizer,
        image_noising_scheduler=DDPMScheduler(beta_schedule="squaredcos_cap_v2"),
        scheduler=DDIMScheduler(
            beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, prediction_type="v_prediction",
            clip_sample=False, set_alpha_to_one=False, steps_offset=1),
        vae=randomised(AutoencoderKL(
            block_out_channels=[8] * 4, down_block_types=["DownEncoderBlock2D"] * 4,
            up_block_types=["UpDecoderBlock2D"] * 4, layers_per_block=1, norm_num_groups=4, latent_channels=4)),
    )
    pictures = dict(
        feature_extractor=CLIPImageProcessorPil(size={"shortest_edge": 16}, crop_size={"height": 16, "width": 16}),
        image_encoder=randomised(CLIPVisionModelWithProjection(CLIPVisionConfig(
            hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=2, projection_dim=WIDTH,
            image_size=16, patch_size=8, hidden_act="gelu"))),
    )
    words = dict(
        prior_tokenizer=tokenizer, prior_text_encoder=text_encoder(CLIPTextModelWithProjection, tokenizer),
        prior=prior,
        # Karlo's, made a DDPMScheduler as the pipeline's documentation does: it does not tell a UnCLIPScheduler where a
        # step leads.
        prior_scheduler=DDPMScheduler.from_config(UnCLIPScheduler(
            variance_type="fixed_small_log", prediction_type="sample", clip_sample_range=5.0).config),
    )
    return shared, pictures, words


expected = {}


@torch.no_grad()
def run(name, pipeline, **arguments):
    last = {}

    def keep(step, timestep, latents):
        last["latents"] = latents.clone()

    output = pipeline(generator=torch.Generator("cpu").manual_seed(SEED), callback=keep, **arguments)
    expected[f"{name}.latents"] = last["latents"]
    expected[f"{name}.pixels"] = torch.from_numpy(np.array(output.images[0]))
    print(name, last["latents"].abs().max().item(), np.array(output.images[0]).std())


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    torch.manual_seed(71)
    x, y = np.arange(40)[None, :, None], np.arange(56)[:, None, None]
    picture = Image.fromarray(((x * np.array([6, 2, 1]) + y * np.array([1, 4, 2])) % 256).astype(np.uint8))
    picture.save(OUT / "picture.png")
    shared, pictures, words = parts()

    varied = StableUnCLIPImg2ImgPipeline(**shared, **pictures)
    save(varied, OUT / "pictures")
    run("pictures.varied", varied, image=picture, num_inference_steps=6, guidance_scale=4)
    run("pictures.words", varied, image=picture, prompt=PROMPT, negative_prompt="grey", num_inference_steps=4,
        guidance_scale=3, noise_level=300, height=56, width=72)
    run("pictures.unguided", varied, image=picture, num_inference_steps=4, guidance_scale=1, noise_level=50)
    ancestral = EulerAncestralDiscreteScheduler.from_pretrained(OUT / "pictures/scheduler")
    run("pictures.euler-a", StableUnCLIPImg2ImgPipeline(**shared | dict(scheduler=ancestral), **pictures),
        image=picture, num_inference_steps=5, guidance_scale=4)

    made = StableUnCLIPPipeline(**shared, **words)
    save(made, OUT / "words", without=shared)
    run("words.text", made, prompt=PROMPT, num_inference_steps=6, guidance_scale=4, prior_num_inference_steps=4,
        prior_guidance_scale=3)
    run("words.noisy", made, prompt=PROMPT, negative_prompt="grey", num_inference_steps=4, guidance_scale=3,
        prior_num_inference_steps=3, prior_guidance_scale=1, noise_level=200)
    save_file({k: v.contiguous() for k, v in expected.items()}, OUT / "expected.safetensors")


main()
