"""Writes Tests/PipelinesTests/Fixtures/textual-inversion: learned tokens, and what diffusers 0.42.1 makes of them.

Run: OMP_NUM_THREADS=1 python -P Tools/reference/pipelines_textual_inversion.py
Needs the pipelines of pipelines_stable_diffusion.py. cat.safetensors has two vectors under the name <my-cat>, hat.pt one
in the form of the first web interface under the name hat*; expected.safetensors has ids and encodings of PROMPTS.
"""
import pathlib

import torch
from diffusers import StableDiffusionPipeline
from safetensors.torch import save_file

FIXTURES = pathlib.Path(__file__).parents[2] / "Tests/PipelinesTests/Fixtures"
OUT = FIXTURES / "textual-inversion"
PROMPTS = ["a red <my-cat> with a hat*", "<my-cat><my-cat>, red", "a red apple"]


def main():
    OUT.mkdir(exist_ok=True)
    pipe = StableDiffusionPipeline.from_pretrained(FIXTURES / "stable-diffusion/sd1", safety_checker=None)
    width = pipe.text_encoder.config.hidden_size
    torch.manual_seed(4)
    save_file({"<my-cat>": torch.randn(2, width)}, OUT / "cat.safetensors")
    torch.save({"string_to_param": {"*": torch.randn(1, width)}, "name": "hat*", "step": 3}, OUT / "hat.pt")
    pipe.load_textual_inversion(str(OUT / "cat.safetensors"))
    pipe.load_textual_inversion(str(OUT / "hat.pt"))
    expected = {}
    for index, prompt in enumerate(PROMPTS):
        text = pipe.maybe_convert_prompt(prompt, pipe.tokenizer)
        expected[f"ids.{index}"] = torch.tensor(pipe.tokenizer(text, padding="max_length", max_length=77, truncation=True).input_ids)
        expected[f"encoding.{index}"] = pipe.encode_prompt(prompt, "cpu", 1, False)[0].detach().clone()
    save_file(expected, OUT / "expected.safetensors")
    for index in range(len(PROMPTS)):
        print(expected[f"ids.{index}"][:16].tolist(), len(pipe.tokenizer))


main()
