"""Measures Lienzo's generator networks beside diffusers and OpenVINO, on published sizes and the same random weights.

    make bench-diffusion    # builds, then: python -P Tools/evaluation/bench_diffusion.py [ROUNDS] [NAME …]

Needs the versions of Tools/reference/requirements.txt and openvino, which is left out where it is missing; 16 GB of
memory. Each engine is loaded beside Lienzo with its default settings, the two are timed in turn, and the engine leaves;
so no more than two are in memory, and what else the machine does hits both alike. Before it is timed, an engine rests
until the threads of the one before have stopped spinning, and runs once untimed to have its weights in the cache.
Printed are medians in milliseconds and how many times as long as Lienzo an engine takes (the median of the rounds).

Last comes the whole of SD 1.5, 20 steps at 512 px, by the tool: its time from process start to process end over that of
20 steps, text encoder and decoder, and its peak memory, also with 8-bit weights and low memory. Ends with exit code 1
where a bar is missed.
"""

import gc
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import torch
from safetensors.torch import save_file

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from generators import BENCHMARK, PUBLISHED, ROOT, fill, inputs, load, works, write

# What is measured: network, work, batch; a step with guidance has two samples.
CASES = {"sd15-unet": ("step", 2), "sd-vae": ("decode", 1), "kandinsky22-unet": ("step", 2),
         "kandinsky22-prior": ("step", 2)}
# How many times as long as Lienzo's default an engine must take.
BARS = {"diffusers fp32": 3.5, "openvino bf16": 1 / 1.1}
WHOLE_BARS = {"times as long": 1.1, "gigabytes": 3.2, "gigabytes with int8 and low memory": 1.9}
THREADS = 2


class Lienzo:
    """A network in a process that answers with milliseconds."""

    def __init__(self, folder, precision, given):
        self.process = subprocess.Popen([BENCHMARK, "network", folder, precision, given], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def time(self, work):
        self.process.stdin.write(f"{work}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def close(self):
        self.process.communicate()


class Peer:
    """An engine in this process: a function for each work."""

    def __init__(self, runs):
        self.runs = runs

    def time(self, work):
        start = time.perf_counter()
        with torch.inference_mode():
            self.runs[work]()
        return (time.perf_counter() - start) * 1000

    def close(self):
        self.runs = None
        gc.collect()


def openvino(name, folder, given):
    """The U-Net of SD 1.5 in bfloat16."""
    import openvino

    class Step(torch.nn.Module):
        def __init__(self, model):
            super().__init__()
            self.model = model

        def forward(self, sample, timestep, encoding):
            return self.model(sample, timestep, encoding, return_dict=False)[0]

    example = tuple(given[key] for key in ["sample", "timestep", "encoder_hidden_states"])
    with torch.no_grad():
        graph = openvino.convert_model(Step(load(name, folder)), example_input=example,
                                       input=[tuple(value.shape) for value in example])
    compiled = openvino.Core().compile_model(graph, "CPU", {
        "INFERENCE_PRECISION_HINT": "bf16", "PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": THREADS})
    return Peer({"step": lambda: compiled([value.numpy() for value in example])[0]})


def peers(name, folder, given, path):
    """Names of engines, and how each is loaded."""
    yield "lienzo fp32", lambda: Lienzo(folder, "fp32", path)
    for precision, dtype in [("fp32", torch.float32), ("bf16", torch.bfloat16)]:
        yield f"diffusers {precision}", lambda dtype=dtype: Peer(works(name, load(name, folder, dtype), given))
    if name == "sd15-unet":
        yield "openvino bf16", lambda: openvino(name, folder, given)


def timed(engine, work):
    time.sleep(0.1)
    engine.time(work)
    return engine.time(work)


def compare(name, folder, rounds):
    """Prints the lines of a network; how many bars are missed."""
    work, batch = CASES[name]
    torch.manual_seed(0)
    weights = write(name, folder / name)
    given = inputs(name, batch)
    path = folder / f"{name}.safetensors"
    save_file(given, path)
    own, misses = Lienzo(weights, "default", path), 0
    print(f"\n{name} {work}, batch {batch}")
    for peer, make in peers(name, weights, given, path):
        try:
            engine = make()
        except ImportError as error:
            print(f"left out: {error}", file=sys.stderr)
            continue
        pairs = [(timed(own, work), timed(engine, work)) for _ in range(rounds)]
        engine.close()
        engine = None
        gc.collect()
        ratio = statistics.median(other / base for base, other in pairs)
        base, other = (statistics.median(column) for column in zip(*pairs))
        bar = BARS.get(peer)
        misses += bar is not None and ratio < bar
        print(f"{peer:16} {other:9.1f} ms   lienzo {base:8.1f} ms   times as long {ratio:5.2f}"
              + (f"   bar {bar:4.2f} {'ok' if ratio >= bar else 'MISSED'}" if bar else ""), flush=True)
    own.close()
    return misses


def stable_diffusion(folder):
    """A whole model directory in float16, as it is published."""
    from diffusers import PNDMScheduler
    from transformers import CLIPTextConfig, CLIPTextModel

    parts = {"unet": "UNet2DConditionModel", "vae": "AutoencoderKL", "scheduler": "PNDMScheduler"}
    for part, name in [("unet", "sd15-unet"), ("vae", "sd-vae")]:
        write(name, folder / part, torch.float16)
    PNDMScheduler(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, steps_offset=1,
                  skip_prk_steps=True).save_config(folder / "scheduler")
    configuration = CLIPTextConfig(**json.loads((PUBLISHED / "text-vit-l.json").read_text()))
    with torch.device("meta"):
        text = CLIPTextModel(configuration)
    configuration.save_pretrained(folder / "text_encoder")
    save_file(fill(text, torch.float16), folder / "text_encoder/model.safetensors")

    tokenizer = folder / "tokenizer"
    tokenizer.mkdir()
    merges = (ROOT / ".cache/clip/merges.txt").read_text(encoding="utf-8").split("\n")[1:49152 - 256 - 2 + 1]
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = [chr(byte) for byte in printable] + [chr(256 + i) for i in range(256 - len(printable))]
    pieces = letters + [letter + "</w>" for letter in letters] + [merge.replace(" ", "") for merge in merges]
    pieces += ["<|startoftext|>", "<|endoftext|>"]
    (tokenizer / "vocab.json").write_text(json.dumps({piece: index for index, piece in enumerate(pieces)}))
    (tokenizer / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n", encoding="utf-8")
    index = {part: ["diffusers", name] for part, name in parts.items()}
    index |= {"text_encoder": ["transformers", "CLIPTextModel"], "tokenizer": ["transformers", "CLIPTokenizer"],
              "safety_checker": [None, None], "feature_extractor": [None, None]}
    (folder / "model_index.json").write_text(json.dumps({"_class_name": "StableDiffusionPipeline"} | index))
    return folder


def generated(model, output, *options, steps=20):
    """Seconds from process start to process end, what the tool says of its stages, and the peak memory in GB."""
    # PLMS, the model's own, evaluates the U-Net once more than there are steps.
    command = [ROOT / ".build/release/lienzo", "generate", "a red apple", "--model", model, "--steps", str(steps),
               "--width", "512", "--height", "512", "--scheduler", "ddim", "--output", output, "--json", *options]
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    peak = 0
    while process.poll() is None:
        status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
        peak = max([peak] + [int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")])
        time.sleep(0.02)
    seconds = time.perf_counter() - start
    if process.returncode:
        sys.exit("lienzo generate failed")
    return seconds, json.loads(process.stdout.read())["seconds"], peak * 1024 / 1e9


def whole(folder, rounds):
    """Prints the lines of the whole run; how many bars are missed."""
    torch.manual_seed(0)
    model = stable_diffusion(folder / "stable-diffusion")
    found = []
    for _ in range(rounds):
        parts = {}
        for part, name in [("unet", "sd15-unet"), ("vae", "sd-vae")]:
            work, batch = CASES[name]
            path = folder / f"whole-{part}.safetensors"
            save_file(inputs(name, batch), path)
            engine = Lienzo(model / part, "default", path)
            engine.time(work)
            parts[part] = statistics.median(engine.time(work) for _ in range(3)) / 1000
            engine.close()
        seconds, stages, peak = generated(model, folder / "apple.png")
        parts["text"] = stages["text"]
        found.append((seconds, seconds / (20 * parts["unet"] + parts["vae"] + parts["text"]), peak, parts, stages))
    small = generated(model, folder / "apple.png", "--storage", "int8", "--memory", "low", steps=2)[2]
    seconds, ratio, peak, parts, stages = sorted(found, key=lambda run: run[1])[len(found) // 2]
    print(f"\nsd15 whole, 20 steps, 512 px: {seconds:.2f} s")
    print("parts alone: " + ", ".join(f"{part} {value:.3f} s" for part, value in parts.items()))
    print("stages in the run: " + ", ".join(f"{stage} {value:.3f} s" for stage, value in stages.items()))
    misses = 0
    for (words, bar), value in zip(WHOLE_BARS.items(), [ratio, peak, small]):
        misses += value > bar
        print(f"{words} {value:.2f}   bar {bar} {'ok' if value <= bar else 'MISSED'}", flush=True)
    return misses


def main(rounds, name):
    torch.set_num_threads(THREADS)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        if name == "whole":
            return whole(folder, max(1, rounds // 3))
        print(f"{rounds} rounds in alternation, medians; lienzo is that of the same rounds, by default settings")
        return compare(name, folder, rounds)


if __name__ == "__main__":
    words = sys.argv[1:]
    count = int(words.pop(0)) if words and words[0].isdigit() else 5
    unknown = set(words) - {*CASES, "whole"}
    if unknown:
        sys.exit(f"unknown: {unknown}; there are {[*CASES, 'whole']}")
    if len(words) == 1:
        sys.exit(main(count, words[0]) > 0)
    # Each in a process of its own: what an engine leaves behind, such as how memory is reused, changes the next's time.
    command = [sys.executable, "-P", __file__, str(count)]
    sys.exit(any([subprocess.run(command + [name]).returncode for name in words or [*CASES, "whole"]]))
