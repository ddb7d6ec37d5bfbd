"""Writes Tests/PipelinesTests/Fixtures/mini.safetensors: what open_clip and diffusers make of mini's own weights.

Loads `mini` from its files alone, as a user of the reference would, and runs each network in float32 on small inputs.

    OMP_NUM_THREADS=1 python -P Tools/reference/mini.py [MODEL_DIRECTORY]    # with the versions in requirements.txt
"""

import json
import pathlib
import sys

import open_clip
import torch
from diffusers import AutoencoderTiny, DDIMScheduler, PriorTransformer, UNet2DConditionModel, UnCLIPScheduler
from safetensors.torch import save_file

ROOT = pathlib.Path(__file__).parents[2]
MODEL = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "mini").resolve()
OUT = ROOT / "Tests/PipelinesTests/Fixtures/mini.safetensors"
TEXTS = ["a red apple", "una casa con un árbol", ""]


def load_clip(folder):
    """The dual encoder, with its text tower's configuration from the folder itself."""
    text = json.loads((folder / "open_clip_config.json").read_text())["model_cfg"]["text_cfg"]
    text |= {"hf_model_name": str(folder), "hf_tokenizer_name": str(folder), "hf_model_pretrained": False}
    model, _, _ = open_clip.create_model_and_transforms(f"local-dir:{folder}", text_cfg=text)
    return model.eval(), open_clip.get_tokenizer(f"local-dir:{folder}")


@torch.no_grad()
def main():
    generator = torch.Generator().manual_seed(0)
    noise = lambda *shape: torch.randn(*shape, generator=generator)
    clip, tokenizer = load_clip(MODEL / "clip")
    clip = clip.float()
    ids = tokenizer(TEXTS)
    mask = ids != clip.text.config.pad_token_id
    states = clip.text.transformer(input_ids=ids, attention_mask=mask).last_hidden_state
    pixels = noise(2, 3, 64, 64)
    result = {"ids": ids, "mask": mask, "pixels": pixels, "states": states[:2, :4].contiguous()}
    result["texts"], result["images"] = clip.encode_text(ids), clip.encode_image(pixels)

    prior = PriorTransformer.from_pretrained(MODEL / "prior").float().eval()
    sample = noise(2, prior.config.embedding_dim)
    text = clip.encode_text(ids[:2])
    encoding = clip.text.transformer(input_ids=ids[:2], attention_mask=mask[:2]).last_hidden_state
    made = prior(sample, torch.tensor([500, 20]), text, encoding, mask[:2]).predicted_image_embedding
    result |= {"prior.sample": sample, "prior.made": made, "prior.embedding": prior.post_process_latents(made)}

    unet = UNet2DConditionModel.from_pretrained(MODEL / "unet").float().eval()
    size = unet.config.sample_size
    latents = noise(2, unet.config.in_channels, size, size)
    condition = {"text_embeds": text, "image_embeds": prior.post_process_latents(made)}
    output = unet(latents, torch.tensor([900, 100]), encoder_hidden_states=encoding, added_cond_kwargs=condition).sample
    result |= {"unet.sample": latents, "unet.made": output}

    autoencoder = AutoencoderTiny.from_pretrained(MODEL / "autoencoder").float().eval()
    picture = noise(1, 3, 64, 64).clamp(-1, 1)
    encoded = autoencoder.encode(picture).latents
    result |= {"autoencoder.picture": picture, "autoencoder.latents": encoded}
    result["autoencoder.made"] = autoencoder.decode(encoded).sample

    # The schedulers load too; their steps have fixtures of their own.
    UnCLIPScheduler.from_pretrained(MODEL / "prior_scheduler")
    DDIMScheduler.from_pretrained(MODEL / "scheduler")
    save_file({name: tensor.contiguous() for name, tensor in result.items()}, OUT)
    print(OUT, sum(tensor.nbytes for tensor in result.values()) // 1024, "KiB")


main()
