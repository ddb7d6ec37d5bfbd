"""Writes Tests/PipelinesTests/Fixtures/karlo: tiny random pipelines as diffusers saves them, and their runs.

words: a model directory of UnCLIPPipeline. pictures: what UnCLIPImageVariationPipeline has in place of its prior; all
other parts are those of words.
expected.safetensors: for each run the decoder's last sample, the last sample of super-resolution and the pixels;
picture.png is what is varied.

    OMP_NUM_THREADS=1 python -P Tools/reference/pipelines_karlo.py
"""

import pathlib
import shutil
import sys

import numpy as np
import torch
from diffusers import (
    PriorTransformer, UNet2DConditionModel, UNet2DModel, UnCLIPImageVariationPipeline, UnCLIPPipeline, UnCLIPScheduler,
)
from diffusers.pipelines.deprecated.unclip.text_proj import UnCLIPTextProjModel
from PIL import Image
from safetensors.torch import save_file
from transformers import (
    CLIPTextConfig, CLIPTextModelWithProjection, CLIPVisionConfig, CLIPVisionModelWithProjection,
)
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from tiny import clip_tokenizer, randomised, save

OUT = pathlib.Path(__file__).parents[2] / "Tests/PipelinesTests/Fixtures/karlo"
WIDTH, TOKENS, SMALL, LARGE = 16, 77, 16, 32
PROMPT, SEED = "a red apple", 7


def quiet(network):
    """A network that denoises nothing makes rounding grow from step to step; a small last layer keeps it small."""
    with torch.no_grad():
        for parameter in network.conv_out.parameters():
            parameter.mul_(0.125).copy_(parameter.half().float())
    return network


def super_resolution():
    network = UNet2DModel(
        sample_size=LARGE, in_channels=6, out_channels=3, add_attention=False, layers_per_block=1, norm_num_groups=4,
        block_out_channels=[8, 8], down_block_types=2 * ["ResnetDownsampleBlock2D"],
        up_block_types=2 * ["ResnetUpsampleBlock2D"], resnet_time_scale_shift="scale_shift",
    )
    return quiet(randomised(network))


def parts():
    tokenizer = clip_tokenizer(TOKENS)
    decoder = UNet2DConditionModel(
        sample_size=SMALL, in_channels=3, out_channels=6, layers_per_block=1, block_out_channels=[8, 16],
        down_block_types=["ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"],
        mid_block_type="UNetMidBlock2DSimpleCrossAttn", attention_head_dim=4, cross_attention_dim=12,
        up_block_types=["SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"], norm_num_groups=4,
        resnet_time_scale_shift="scale_shift", class_embed_type="identity",
    )
    shared = dict(
        tokenizer=tokenizer,
        text_encoder=randomised(CLIPTextModelWithProjection(CLIPTextConfig(
            vocab_size=len(tokenizer), hidden_size=WIDTH, intermediate_size=24, num_hidden_layers=2,
            num_attention_heads=2, projection_dim=WIDTH, eos_token_id=tokenizer.eos_token_id,
            bos_token_id=tokenizer.bos_token_id))),
        text_proj=randomised(UnCLIPTextProjModel(
            clip_embeddings_dim=WIDTH, time_embed_dim=32, cross_attention_dim=12)),
        decoder=quiet(randomised(decoder)),
        super_res_first=super_resolution(), super_res_last=super_resolution(),
        # The published ones predict the noise; a network that denoises nothing would have every sample clipped.
        decoder_scheduler=UnCLIPScheduler(variance_type="learned_range", prediction_type="sample",
                                          num_train_timesteps=1000),
        super_res_scheduler=UnCLIPScheduler(variance_type="fixed_small_log", prediction_type="sample",
                                            num_train_timesteps=1000),
    )
    prior = randomised(PriorTransformer(num_attention_heads=2, attention_head_dim=8, num_layers=2,
                                        embedding_dim=WIDTH))
    with torch.no_grad():
        prior.clip_mean.normal_(0, 0.1).copy_(prior.clip_mean.half().float())
        prior.clip_std.uniform_(0.5, 1.5).copy_(prior.clip_std.half().float())
    words = dict(prior=prior, prior_scheduler=UnCLIPScheduler(
        variance_type="fixed_small_log", prediction_type="sample", clip_sample_range=5.0))
    pictures = dict(
        feature_extractor=CLIPImageProcessorPil(size={"shortest_edge": 16}, crop_size={"height": 16, "width": 16}),
        image_encoder=randomised(CLIPVisionModelWithProjection(CLIPVisionConfig(
            hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=2, projection_dim=WIDTH,
            image_size=16, patch_size=8))),
    )
    return shared, words, pictures


expected = {}


@torch.no_grad()
def run(name, pipeline, **arguments):
    samples = {}

    def keep(scheduler, kind):
        step = type(scheduler).step

        def kept(*positional, **named):
            output = step(scheduler, *positional, **named)
            samples[kind] = output.prev_sample.clone()
            return output

        scheduler.step = kept

    keep(pipeline.decoder_scheduler, "small")
    keep(pipeline.super_res_scheduler, "large")
    output = pipeline(generator=torch.Generator("cpu").manual_seed(SEED), **arguments)
    for kind, sample in samples.items():
        expected[f"{name}.{kind}"] = sample
        print(name, kind, sample.abs().max().item())
    expected[f"{name}.pixels"] = torch.from_numpy(np.array(output.images[0]))
    print(name, np.array(output.images[0]).std())


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    torch.manual_seed(81)
    x, y = np.arange(40)[None, :, None], np.arange(56)[:, None, None]
    picture = Image.fromarray(((x * np.array([6, 2, 1]) + y * np.array([1, 4, 2])) % 256).astype(np.uint8))
    picture.save(OUT / "picture.png")
    shared, words, pictures = parts()

    made = UnCLIPPipeline(**shared, **words)
    save(made, OUT / "words")
    run("words.text", made, prompt=PROMPT, prior_num_inference_steps=4, decoder_num_inference_steps=5,
        prior_guidance_scale=3.0, decoder_guidance_scale=3.0)
    run("words.unguided", made, prompt=PROMPT, prior_num_inference_steps=3, decoder_num_inference_steps=4,
        prior_guidance_scale=2.0, decoder_guidance_scale=1.0)
    varied = UnCLIPImageVariationPipeline(**shared, **pictures)
    save(varied, OUT / "pictures", without=shared)
    run("pictures.varied", varied, image=picture, decoder_num_inference_steps=5, decoder_guidance_scale=3.0)
    save_file({k: v.contiguous() for k, v in expected.items()}, OUT / "expected.safetensors")
    (OUT / "expected.safetensors").chmod(0o644)


main()
