"""Writes Tests/PipelinesTests/Fixtures/kandinsky: tiny Kandinsky pipelines of random weights, as diffusers saves them,
and what diffusers makes of them.

Kandinsky 2.1 and 2.2 share the prior's directory and the autoencoder here, and an inpainting model has only the U-Net
of its own; `KandinskyModel` in the tests puts the directories together.

    OMP_NUM_THREADS=1 python -P Tools/reference/pipelines_kandinsky.py
"""

import io
import json
import pathlib
import shutil
import sys

import numpy as np
import sentencepiece
import torch
from diffusers import (
    DDIMScheduler, DDPMScheduler, KandinskyImg2ImgPipeline, KandinskyInpaintPipeline, KandinskyPipeline,
    KandinskyPriorPipeline, KandinskyV22ControlnetPipeline, KandinskyV22Img2ImgPipeline, KandinskyV22InpaintPipeline,
    KandinskyV22Pipeline, KandinskyV22PriorPipeline, PriorTransformer, UNet2DConditionModel, UnCLIPScheduler, VQModel,
)
from diffusers.pipelines.kandinsky.text_encoder import MCLIPConfig, MultilingualCLIP
from PIL import Image
from safetensors.torch import save_file
from transformers import (
    CLIPTextConfig, CLIPTextModelWithProjection, CLIPVisionConfig, CLIPVisionModelWithProjection,
    XLMRobertaTokenizer,
)
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from tiny import clip_tokenizer, randomised, save

OUT = pathlib.Path(__file__).parents[2] / "Tests/PipelinesTests/Fixtures/kandinsky"
HINT_UNET = pathlib.Path(__file__).parents[2] / "Tests/ModelsTests/Fixtures/unet/kandinsky22-hint"
WIDTH, TOKENS = 16, 77
PROMPT, NEGATIVE, SEED = "a red apple", "a photo", 7
PRIOR = dict(num_inference_steps=4, guidance_scale=3.0)
DECODER = dict(num_inference_steps=5, guidance_scale=2.0)


def xlm_roberta_tokenizer():
    corpus = [PROMPT, NEGATIVE, "una manzana roja en la mesa", "ein roter Apfel auf dem Tisch"] * 20
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(corpus), model_writer=model, vocab_size=60, model_type="unigram",
        normalization_rule_name="identity", hard_vocab_limit=False, num_threads=1,
    )
    folder = OUT / "decoder21/tokenizer"
    folder.mkdir(parents=True)
    (folder / "sentencepiece.bpe.model").write_bytes(model.getvalue())
    return XLMRobertaTokenizer.from_pretrained(folder)


def parts():
    tokenizer, multilingual = clip_tokenizer(TOKENS), xlm_roberta_tokenizer()
    text = CLIPTextModelWithProjection(CLIPTextConfig(
        vocab_size=len(tokenizer), hidden_size=WIDTH, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2,
        projection_dim=WIDTH, eos_token_id=tokenizer.eos_token_id, bos_token_id=tokenizer.bos_token_id,
    ))
    image = CLIPVisionModelWithProjection(CLIPVisionConfig(
        hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=2, projection_dim=WIDTH,
        image_size=16, patch_size=8, hidden_act="gelu",
    ))
    prior = PriorTransformer(num_attention_heads=2, attention_head_dim=8, num_layers=2, embedding_dim=WIDTH)
    multilingual_text = MultilingualCLIP(MCLIPConfig(
        vocab_size=len(multilingual), hidden_size=24, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=TOKENS + 2, type_vocab_size=1, layer_norm_eps=1e-5, transformerDimSize=24,
        imageDimSize=WIDTH, pad_token_id=1, bos_token_id=0, eos_token_id=2,
    ))
    unet = dict(
        sample_size=8, out_channels=8, down_block_types=["ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"],
        mid_block_type="UNetMidBlock2DSimpleCrossAttn", cross_attention_dim=WIDTH, block_out_channels=[8, 16],
        up_block_types=["SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"], layers_per_block=1, attention_head_dim=8,
        norm_num_groups=4, resnet_time_scale_shift="scale_shift",
    )
    text_image = unet | dict(encoder_hid_dim=24, encoder_hid_dim_type="text_image_proj",
                             addition_embed_type="text_image")
    image_only = unet | dict(encoder_hid_dim=WIDTH, encoder_hid_dim_type="image_proj", addition_embed_type="image")
    networks = dict(
        text_encoder=text, image_encoder=image, prior=prior, multilingual=multilingual_text,
        unet21=UNet2DConditionModel(in_channels=4, **text_image),
        inpaint21=UNet2DConditionModel(in_channels=9, **text_image),
        unet22=UNet2DConditionModel(in_channels=4, **image_only),
        inpaint22=UNet2DConditionModel(in_channels=9, **image_only),
        movq=VQModel(
            block_out_channels=[32, 32], down_block_types=["DownEncoderBlock2D", "AttnDownEncoderBlock2D"],
            up_block_types=["AttnUpDecoderBlock2D", "UpDecoderBlock2D"], latent_channels=4, norm_num_groups=8,
            num_vq_embeddings=12, vq_embed_dim=4, norm_type="spatial",
        ),
    )
    for network in networks.values():
        randomised(network)
    with torch.no_grad():
        # A network that denoises nothing makes rounding grow from step to step; a quiet one keeps it small.
        for name in ["unet21", "inpaint21", "unet22", "inpaint22"]:
            for parameter in networks[name].conv_out.parameters():
                parameter.mul_(0.125)
        prior.clip_mean.normal_(0, 0.1).copy_(prior.clip_mean.half().float())
        prior.clip_std.uniform_(0.5, 1.5).copy_(prior.clip_std.half().float())
    return networks | dict(
        tokenizer=tokenizer, multilingual_tokenizer=multilingual,
        image_processor=CLIPImageProcessorPil(size={"shortest_edge": 16}, crop_size={"height": 16, "width": 16}),
        prior_scheduler=UnCLIPScheduler(variance_type="fixed_small_log", prediction_type="sample",
                                        clip_sample_range=5.0),
        # Not so noisy as the published one, by whose first step a network that denoises nothing grows 25 times.
        ddim=DDIMScheduler(beta_start=0.00085, beta_end=0.003, clip_sample=False,
                           set_alpha_to_one=False, steps_offset=1),
        ddpm=DDPMScheduler(beta_start=0.00085, beta_end=0.012, clip_sample=True, clip_sample_range=2.0,
                           variance_type="learned_range"),
    )


def pictures():
    """A picture, a larger one and a mask, white where it shall be painted."""
    def waves(height, width):
        x, y = np.meshgrid(np.arange(width) / width, np.arange(height) / height)
        planes = [0.5 + 0.5 * np.sin(6 * x + 3 * y + phase) for phase in (0, 2, 4)]
        return Image.fromarray((np.stack(planes, axis=-1) * 255).astype(np.uint8))

    mask = np.zeros((16, 16), np.uint8)
    mask[5:11, 4:13] = 255
    made = {"picture": waves(16, 16), "hint": waves(64, 64), "large": waves(37, 43), "mask": Image.fromarray(mask)}
    for name, picture in made.items():
        picture.save(OUT / f"{name}.png")
    return made


@torch.no_grad()
def main():
    shutil.rmtree(OUT, ignore_errors=True)
    torch.manual_seed(41)
    p = parts()
    expected = {}
    prior_parts = {k: p[k] for k in ["prior", "image_encoder", "text_encoder", "tokenizer", "image_processor"]}
    prior = KandinskyV22PriorPipeline(scheduler=p["prior_scheduler"], **prior_parts)
    shared21 = dict(text_encoder=p["multilingual"], tokenizer=p["multilingual_tokenizer"], scheduler=p["ddim"],
                    movq=p["movq"])
    shared22 = dict(scheduler=p["ddpm"], movq=p["movq"])
    decoder21 = KandinskyPipeline(unet=p["unet21"], **shared21)
    decoder22 = KandinskyV22Pipeline(unet=p["unet22"], **shared22)
    inpaint21 = KandinskyInpaintPipeline(unet=p["inpaint21"], **shared21)
    inpaint22 = KandinskyV22InpaintPipeline(unet=p["inpaint22"], **shared22)
    save(prior, OUT / "prior")
    save(decoder22, OUT / "decoder22")
    save(decoder21, OUT / "decoder21", without=["movq"])
    save(inpaint22, OUT / "inpaint22", without=["movq", "scheduler"])
    save(inpaint21, OUT / "inpaint21", without=["movq", "scheduler", "text_encoder", "tokenizer"])
    given = pictures()
    for pipeline in [prior, decoder21, decoder22, inpaint21, inpaint22]:
        pipeline.set_progress_bar_config(disable=True)

    expected["ids"] = p["tokenizer"]([PROMPT, ""], padding="max_length", return_tensors="pt").input_ids
    states = p["multilingual"](**p["multilingual_tokenizer"](
        [PROMPT, ""], padding="max_length", max_length=TOKENS, return_tensors="pt"))
    expected["multilingual.embedding"], expected["multilingual.states"] = states
    expected["picture.embedding"] = prior.image_encoder(
        prior.image_processor(given["large"], return_tensors="pt").pixel_values).image_embeds

    def fresh():
        return torch.Generator("cpu").manual_seed(SEED)

    def sampled(generator, **arguments):
        out = prior(PROMPT, generator=generator, **PRIOR, **arguments)
        return dict(image_embeds=out.image_embeds, negative_image_embeds=out.negative_image_embeds)

    def run(name, pipeline, embeddings, generator, **arguments):
        """A whole run: its embeddings, its last latents and its picture's numbers."""
        expected[f"{name}.embedding"] = embeddings["image_embeds"]
        expected[f"{name}.negative"] = embeddings["negative_image_embeds"]
        kept = {}
        arguments = DECODER | dict(height=16, width=16) | arguments
        words = {"prompt": PROMPT} if hasattr(pipeline, "text_encoder") else {}
        pipeline(**words, **embeddings, generator=generator, output_type="pt",
                 callback=lambda step, time, latents: kept.update(latents=latents), callback_steps=1, **arguments)
        expected[f"{name}.latents"] = kept["latents"]
        expected[f"{name}.picture"] = pipeline.movq.decode(kept["latents"], force_not_quantize=True).sample

    for version, decoder, changing, inpainting in [
        ("21", decoder21, KandinskyImg2ImgPipeline(unet=p["unet21"], **shared21), inpaint21),
        ("22", decoder22, KandinskyV22Img2ImgPipeline(unet=p["unet22"], **shared22), inpaint22),
    ]:
        changing.set_progress_bar_config(disable=True)
        generator = fresh()
        run(f"{version}.text", decoder, sampled(generator), generator, width=24)
        generator = fresh()
        run(f"{version}.negative", decoder, sampled(generator, negative_prompt=NEGATIVE), generator)
        generator = fresh()
        run(f"{version}.changed", changing, sampled(generator), generator, image=given["picture"], strength=0.6)
        generator = fresh()
        run(f"{version}.inpainted", inpainting, sampled(generator), generator, image=given["picture"],
            mask_image=given["mask"])
        for name, items, weights, more in [
            ("varied", [given["large"]], [1.0], {}),
            ("blended", [given["large"], PROMPT, given["picture"]], [0.5, 0.3, 0.2], {}),
            ("blended-negative", [given["large"], PROMPT], [0.4, 0.6], dict(negative_prior_prompt=NEGATIVE)),
        ]:
            generator = fresh()
            out = prior.interpolate(items, weights, generator=generator, **PRIOR, **more)
            embeddings = dict(image_embeds=out.image_embeds, negative_image_embeds=out.negative_image_embeds)
            run(f"{version}.{name}", decoder, embeddings, generator)
    generator = fresh()
    run("22.large", KandinskyV22Img2ImgPipeline(unet=p["unet22"], **shared22), sampled(generator), generator,
        image=given["large"], strength=0.4)

    # diffusers has no way along a difference of texts; this is section 3.3 of DALL·E 2 in a few lines of numpy.
    texts = prior.text_encoder(p["tokenizer"]([NEGATIVE, PROMPT], padding="max_length", return_tensors="pt").input_ids)
    start, (a, b) = expected["picture.embedding"][0].double().numpy(), texts.text_embeds.double().numpy()
    unit = lambda vector: vector / np.linalg.norm(vector)
    direction = unit(unit(b) - unit(a))
    angle = np.arccos(unit(start) @ direction)
    for share in (0.3, 1.0):
        turned = np.sin((1 - share) * angle) * unit(start) + np.sin(share * angle) * direction
        expected[f"shifted.{share}"] = torch.from_numpy(turned / np.sin(angle) * np.linalg.norm(start)).float()
    # An embedding that was made before: the prior's noise is not drawn.
    given_before = {part: expected[f"22.text.{name}"]
                    for part, name in [("image_embeds", "embedding"), ("negative_image_embeds", "negative")]}
    run("22.given", decoder22, given_before, fresh())
    # The U-Net of the Models tests that reads a hint, which is eight times as wide as the latents.
    hint_unet = UNet2DConditionModel.from_pretrained(HINT_UNET).eval()
    hinted = KandinskyV22ControlnetPipeline(unet=hint_unet, **shared22)
    hinted.set_progress_bar_config(disable=True)
    hint = torch.from_numpy(np.array(given["hint"])).permute(2, 0, 1)[None].float() / 255
    run("22.hinted", hinted, given_before, fresh(), hint=hint)

    save_file({k: v.contiguous().clone() for k, v in expected.items()}, OUT / "expected.safetensors")
    (OUT / "expected.safetensors").chmod(0o644)
    print(sum(f.stat().st_size for f in OUT.rglob("*") if f.is_file()), "bytes")


main()
