"""Compares Lienzo's generator networks with diffusers at their published sizes, on the same random weights in fp32.

    make parity-full    # builds, then: python -P Tools/evaluation/parity_full.py [NAME …]

Needs the versions of Tools/reference/requirements.txt and, for the U-Net of SD XL, 15 GB of memory and 6 GB of disk.
One network at a time: its weights are written in bfloat16, the reference reads them into fp32, answers and leaves, then
Lienzo does. Printed is the least cosine of a sample's answers; beside it, as a measure of what the numbers can tell,
the cosine of the reference's answers to two different samples. Ends with exit code 1 where a cosine is below 0.9999.
"""

import pathlib
import subprocess
import sys
import tempfile

import torch
from safetensors.torch import load_file, save_file

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from generators import BENCHMARK, NETWORKS, inputs, load, works, write

BAR = 0.9999
# The autoencoders' maps are eight times as large as these latents.
SIDES = {"sd-vae": 32, "movq": 32}


def cosine(a, b):
    return torch.nn.functional.cosine_similarity(a.double().flatten(1), b.double().flatten(1)).min().item()


def reference(name, folder, given):
    model = load(name, folder)
    with torch.inference_mode():
        return {work: run().clone() for work, run in works(name, model, given).items()}


def main(names):
    failed = False
    for name in names or NETWORKS:
        torch.manual_seed(0)
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            weights = write(name, folder / "network")
            given = inputs(name, side=SIDES.get(name, 64))
            save_file(given, folder / "inputs.safetensors")
            expected = reference(name, weights, given)
            subprocess.run([BENCHMARK, "network", weights, "fp32", folder / "inputs.safetensors",
                            folder / "outputs.safetensors"], check=True)
            found = load_file(folder / "outputs.safetensors")
        for work, answer in expected.items():
            own = found[work]
            least, apart = cosine(answer, own), cosine(answer[:1], answer[1:])
            difference = ((own - answer).abs().max() / answer.abs().max()).item()
            good = least >= BAR and own.shape == answer.shape
            failed |= not good
            print(f"{name:18} {work:7} cosine {least:.8f}  difference {difference:.1e}  "
                  f"(of two samples {apart:.4f})  {'ok' if good else 'FAILS'}", flush=True)
    return failed


if __name__ == "__main__":
    unknown = set(sys.argv[1:]) - set(NETWORKS)
    sys.exit(f"unknown: {unknown}; there are {list(NETWORKS)}" if unknown else main(sys.argv[1:]))
