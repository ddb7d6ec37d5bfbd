"""One contrastive training step of CLIP ViT-B/32 (W5 of the engine's table): Lienzo beside torch, in turn.

    make bench-training        # or python3 -P Tools/evaluation/training_step.py [--batch 16] [--tokens 77] [--rounds 7]

Each round takes one step of each engine with the same random pairs, one after the other, so that what else the machine
does weighs on all of them: torch eager in float32 (what most people run), torch with bfloat16 autocast, Lienzo in
bfloat16 and in float32. Prints the median milliseconds, the best, the processor's (which a busy machine changes less,
above all with --threads 1), and torch's float32 step over each: the median of the rounds' own ratios. Ends with exit code 1
where Lienzo in bfloat16 is not three times as fast as torch's float32.

The model is open_clip's, with the versions of Tools/reference/requirements.txt.
"""

import argparse
import math
import os
import pathlib
import statistics
import subprocess
import sys
import time

BAR = 3.0
THREADS = None
ROOT = pathlib.Path(__file__).parents[2]


class Torch:
    """open_clip's own training step, in a process of its own so that memory and settings are its own."""

    def __init__(self, options, autocast):
        self.process = start([sys.executable, "-P", __file__, "--peer", "bf16" if autocast else "fp32",
                              "--batch", str(options.batch), "--tokens", str(options.tokens)])

    def step(self):
        return step(self.process)


class Lienzo:
    def __init__(self, options, precision):
        self.process = start([ROOT / ".build/release/LienzoTrainingBenchmark", "--batch", str(options.batch),
                              "--tokens", str(options.tokens), "--precision", precision])

    def step(self):
        return step(self.process)


def start(command):
    threads = THREADS and {"OMP_NUM_THREADS": str(THREADS)} or {}
    return subprocess.Popen(command, env=os.environ | threads, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)


def step(process):
    process.stdin.write("\n")
    line = process.stdout.readline().split()
    if not line:
        sys.exit("training_step: an engine ended before its step; its own words are above")
    return float(line[0]), float(line[2])


def peer(options):
    import open_clip
    import torch

    torch.manual_seed(0)
    model = open_clip.create_model("ViT-B-32").train()
    decayed = [p for n, p in model.named_parameters() if p.ndim >= 2]
    others = [p for n, p in model.named_parameters() if p.ndim < 2]
    optimizer = torch.optim.AdamW([{"params": others, "weight_decay": 0.0}, {"params": decayed, "weight_decay": 0.2}],
                                  lr=1e-6, betas=(0.9, 0.98), eps=1e-6)
    loss_function = open_clip.ClipLoss()
    pixels = torch.randn(options.batch, 3, 224, 224)
    ids = torch.zeros(options.batch, 77, dtype=torch.long)
    ids[:, :options.tokens] = torch.randint(1, 49405, (options.batch, options.tokens))
    ids[:, options.tokens - 1] = 49407
    for _ in sys.stdin:
        begin, used = time.perf_counter(), time.process_time()
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=options.peer == "bf16"):
            image, text, scale = model(pixels, ids)
            loss = loss_function(image, text, scale)
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            model.logit_scale.clamp_(0, math.log(100))
        wall, processor = time.perf_counter() - begin, time.process_time() - used
        print(f"{wall * 1000:.1f} {loss.item():.4f} {processor * 1000:.1f}", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--tokens", type=int, default=77, help="tokens of a caption that are not padding")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, help="of each engine (default: as many as it takes)")
    parser.add_argument("--only", nargs="*", help="leave out the other engines")
    parser.add_argument("--peer", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peer:
        return peer(options)
    global THREADS
    THREADS = options.threads
    engines = {
        "torch fp32": lambda: Torch(options, autocast=False),
        "torch bf16 autocast": lambda: Torch(options, autocast=True),
        "lienzo fp32": lambda: Lienzo(options, "fp32"),
        "lienzo bf16": lambda: Lienzo(options, "bf16"),
    }
    names = options.only or list(engines)
    running = {name: engines[name]() for name in names}
    for _ in range(2):  # the first steps make memory and kernels
        for engine in running.values():
            engine.step()
    rounds = [{name: engine.step() for name, engine in running.items()} for _ in range(options.rounds)]
    for engine in running.values():
        engine.process.stdin.close()
    print(f"ViT-B/32, batch {options.batch}, {options.tokens} tokens, {options.rounds} rounds, "
          f"{THREADS or 'all'} threads, load {os.getloadavg()[0]:.1f}")
    ratio = 0.0
    for name in names:
        times, processor = zip(*(one[name] for one in rounds))
        line = (f"{name:20} median {statistics.median(times):7.0f} ms  best {min(times):7.0f} ms  "
                f"processor {statistics.median(processor):7.0f} ms")
        if "torch fp32" in running:
            ratio, work = (statistics.median(one["torch fp32"][k] / one[name][k] for one in rounds) for k in (0, 1))
            line += f"  {ratio:5.2f}× torch fp32, by processor {work:5.2f}×"
        print(line)
    return names[-1] == "lienzo bf16" and "torch fp32" in running and ratio < BAR


sys.exit(main())
