"""Writes Tests/PipelinesTests/Fixtures/stable-diffusion/checked: a tiny random safety checker, and what it answers.

safety_checker, feature_extractor: as diffusers saves them, the weights as float16 holds them exactly.
expected.safetensors: for each picture its embedding, the scores to three decimals, and whether it becomes black. The
pictures are those that the runs of pipelines_stable_diffusion.py begin with and one that they end with.

    OMP_NUM_THREADS=1 python -P Tools/reference/pipelines_safety_checker.py
"""

import pathlib
import shutil

import numpy as np
import torch
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import CLIPConfig
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

RUNS = pathlib.Path(__file__).parents[2] / "Tests/PipelinesTests/Fixtures/stable-diffusion"
OUT = RUNS / "checked"
WIDTH = 12


def checker():
    torch.manual_seed(71)
    vision = dict(hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2, image_size=16,
                  patch_size=8)
    text = dict(hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2)
    model = StableDiffusionSafetyChecker(CLIPConfig(vision_config=vision, text_config=text, projection_dim=WIDTH))
    for name, parameter in model.named_parameters():
        parameter.data = parameter + 0.3 * torch.randn_like(parameter)
        if name.endswith("embeds"):
            parameter.data = torch.randn_like(parameter)
        parameter.data = parameter.half().float()
    return model.eval()


@torch.no_grad()
def main():
    shutil.rmtree(OUT, ignore_errors=True)
    runs = load_file(RUNS / "expected.safetensors")
    pictures = {name: Image.open(RUNS / f"{name}.png").convert("RGB") for name in ["picture", "mask"]}
    pictures["sd1.text"] = Image.fromarray(runs["sd1.text.pixels"].numpy())
    processor = CLIPImageProcessorPil(size={"shortest_edge": 16}, crop_size={"height": 16, "width": 16})
    pixels = processor(list(pictures.values()), return_tensors="pt").pixel_values
    model = checker()
    embeddings = model.visual_projection(model.vision_model(pixels)[1])
    unit = torch.nn.functional.normalize
    cosines = {name: unit(embeddings) @ unit(getattr(model, name)).T
               for name in ["concept_embeds", "special_care_embeds"]}
    print(cosines)
    # The first picture is near to nothing, the second to a special concept and only with its 0.01 to a concept, the
    # third to a concept.
    special, concepts = cosines["special_care_embeds"], cosines["concept_embeds"]
    care = (special[1] - torch.maximum(special[0], special[2])).argmax().item()
    near = (concepts[2] - torch.maximum(concepts[0], concepts[1])).argmax().item()
    barely = (concepts[1] - torch.maximum(concepts[0], concepts[2])).argmax().item()
    model.special_care_embeds_weights.data = special.amax(0) + 0.1
    model.special_care_embeds_weights.data[care] = special[1, care] - 0.02
    model.concept_embeds_weights.data = concepts.amax(0) + 0.05
    model.concept_embeds_weights.data[near] = concepts[2, near] - 0.02
    model.concept_embeds_weights.data[barely] = concepts[1, barely] + 0.004
    for name in ["special_care_embeds_weights", "concept_embeds_weights"]:
        getattr(model, name).data = getattr(model, name).half().float()
    expected = {}
    for index, name in enumerate(pictures):
        images, flags = model(clip_input=pixels[index:index + 1], images=np.ones((1, 4, 4, 3)))
        assert (images.max() == 0) == flags[0]
        print(name, flags)
        special_scores, concept_scores = scores(model, pixels[index:index + 1])
        assert flags[0] == (max(concept_scores) > 0)
        expected[f"{name}.special"] = torch.tensor(special_scores)
        expected[f"{name}.concepts"] = torch.tensor(concept_scores)
        expected[f"{name}.flagged"] = torch.tensor(flags)
        expected[f"{name}.pixels"] = pixels[index].clone()
        print(name, special_scores, concept_scores)
    model.save_pretrained(OUT / "safety_checker")
    processor.save_pretrained(OUT / "feature_extractor")
    weights = OUT / "safety_checker/model.safetensors"
    save_file({k: v.half() for k, v in load_file(weights).items()}, weights)
    save_file(expected, OUT / "expected.safetensors")


def scores(model, pixels):
    """The scores that the reference keeps to itself: its own lists, taken on their way into `any`."""
    import builtins
    from diffusers.pipelines.stable_diffusion import safety_checker
    seen = []
    keep = lambda number, digits: seen.append(builtins.round(number, digits)) or seen[-1]
    safety_checker.round = keep
    model(clip_input=pixels, images=np.ones((1, 4, 4, 3)))
    del safety_checker.round
    numbers = [float(number) for number in seen]
    return numbers[:3], numbers[3:]


main()
