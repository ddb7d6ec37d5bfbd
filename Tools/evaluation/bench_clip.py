"""Measures Lienzo's CLIP in alternation with its peers, on the same random weights: ViT-B/32 of transformers' CLIPModel.

    make bench-clip    # builds, then: python -P Tools/evaluation/bench_clip.py [ROUNDS]

Needs the versions of Tools/reference/requirements.txt and openvino, onnxruntime, onnx; a peer that is missing is named
and left out. All engines are loaded; then each round times each of them once on each of the works, so that what else
the machine does hits all alike. Before it is timed, an engine rests until the threads of the one before have stopped
spinning, and runs once untimed to have its weights in the cache. Printed are medians in milliseconds and how many
times as long as Lienzo each peer takes (the median of the rounds' ratios). Texts fill the 77 tokens; `short` are texts
of eight tokens, of which Lienzo computes no more than these and the others all 77.

Last comes how much of the encoder's rate `lienzo embed` reaches from 256 JPEG files of one megapixel: the time that the
same files take once more and twice more, beside that of as many batches of the encoder alone.
"""

import copy
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy
import torch

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from clip_checkpoints import ROOT, with_transformers

VISION = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "patch_size": 32, "image_size": 224}
WORKS = [("image", 1), ("image", 32), ("text", 1), ("text", 64), ("short", 1)]
THREADS = 2


class Lienzo:
    """The pipeline of the library in a process that answers with milliseconds."""

    def __init__(self, model, precision):
        self.name = f"lienzo {precision}"
        self.process = subprocess.Popen([ROOT / ".build/release/LienzoBenchmark", "encoder", model, precision],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def time(self, kind, count):
        self.process.stdin.write(f"{kind} {count}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())


class Peer:
    """An engine in this process: functions of pixels and of ids."""

    def __init__(self, name, image, text):
        self.name, self.image, self.text = name, image, text

    def time(self, kind, count):
        inputs = (numpy.random.rand(count, 3, 224, 224).astype(numpy.float32) if kind == "image" else
                  numpy.concatenate([numpy.full((count, 1), 49406), numpy.random.randint(1, 40000, (count, 75)),
                                     numpy.full((count, 1), 49407)], 1).astype(numpy.int64))
        run = self.image if kind == "image" else self.text
        start = time.perf_counter()
        run(inputs)
        return (time.perf_counter() - start) * 1000


class Tower(torch.nn.Module):
    def __init__(self, model, kind):
        super().__init__()
        self.tower = model.vision_model if kind == "image" else model.text_model
        self.projection = model.visual_projection if kind == "image" else model.text_projection

    def forward(self, x):
        return self.projection(self.tower(x).pooler_output)


def transformers_peers(model):
    for name, dtype in [("fp32", torch.float32), ("bf16", torch.bfloat16)]:
        towers = [Tower(copy.deepcopy(model), kind).to(dtype).eval() for kind in ["image", "text"]]

        def image(x, tower=towers[0], dtype=dtype):
            with torch.inference_mode():
                return tower(torch.from_numpy(x).to(dtype)).float().numpy()

        def text(x, tower=towers[1]):
            with torch.inference_mode():
                return tower(torch.from_numpy(x)).float().numpy()

        yield Peer(f"transformers {name}", image, text)


def openvino_peers(model, folder):
    import openvino

    examples = {"image": torch.zeros(1, 3, 224, 224), "text": torch.full((1, 77), 49407)}
    graphs = {kind: openvino.convert_model(Tower(model, kind), example_input=example,
                                           input=[-1, *example.shape[1:]])
              for kind, example in examples.items()}
    core = openvino.Core()
    for name, precision in [("fp32", "f32"), ("bf16", "bf16")]:
        settings = {"INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": "LATENCY",
                    "INFERENCE_NUM_THREADS": THREADS}
        compiled = {kind: core.compile_model(graph, "CPU", settings) for kind, graph in graphs.items()}
        yield Peer(f"openvino {name}", *(lambda x, run=compiled[kind]: run([x])[0] for kind in ["image", "text"]))


def onnxruntime_peers(model, folder):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    runs = []
    for kind, example in [("image", torch.zeros(1, 3, 224, 224)), ("text", torch.full((1, 77), 49407))]:
        path = folder / f"{kind}.onnx"
        torch.onnx.export(Tower(model, kind), (example,), path, input_names=["x"], dynamo=False, opset_version=18,
                          dynamic_axes={"x": {0: "batch"}})
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        runs.append(lambda x, session=session: session.run(None, {"x": x})[0])
    yield Peer("onnxruntime fp32", *runs)


def from_files(path, encoders, folder, rounds):
    """Prints the share of the pure encoder's rate that is reached from JPEG files."""
    from PIL import Image

    width, height, count, batch = 1152, 868, 256, 32
    pictures = folder / "pictures"
    pictures.mkdir()
    noise = numpy.random.default_rng(0)
    for index in range(count):
        # Colours at 96 × 72 points and a little grain: 206 KiB, about as many as a photograph of this quality has.
        image = Image.fromarray(noise.integers(0, 256, (72, 96, 3), numpy.uint8)).resize((width, height), Image.BICUBIC)
        grain = noise.normal(0, 4, (height, width, 1))
        image = Image.fromarray((numpy.asarray(image) + grain).clip(0, 255).astype(numpy.uint8))
        image.save(pictures / f"{index:03}.jpg", quality=80)

    def embed(times, precision):
        start = time.perf_counter()
        output = folder / "embeddings.npy"
        subprocess.run([ROOT / ".build/release/lienzo", "embed", "--images", *[pictures] * times, "--model", path,
                        "--precision", precision, "--output", output], check=True, stdout=subprocess.DEVNULL)
        output.unlink()
        return time.perf_counter() - start

    bytes_each = sum(file.stat().st_size for file in pictures.iterdir()) // count
    print(f"from {width} × {height} JPEG files ({bytes_each // 1024} KiB each), ms a picture; share of encoder's rate")
    for encoder, precision in zip(encoders, ["fp32", "bf16"]):
        found = []
        for _ in range(rounds):
            time.sleep(0.1)
            pure = statistics.median(encoder.time("image", batch) for _ in range(8)) / batch
            found.append((pure, (embed(3, precision) - embed(1, precision)) * 1000 / (2 * count)))
        pure, whole = (statistics.median(values) for values in zip(*found))
        share = statistics.median(a / b for a, b in found)
        print(f"lienzo {precision}   encoder {pure:6.2f}   from files {whole:6.2f}   {share:5.0%}")


def main(rounds):
    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        path, _, _ = with_transformers(dict(VISION), "transformers", folder)
        from transformers import CLIPModel

        engines = [Lienzo(path, precision) for precision in ["fp32", "bf16"]]
        for make in [lambda: transformers_peers(CLIPModel.from_pretrained(path).eval()),
                     lambda: openvino_peers(CLIPModel.from_pretrained(path).eval(), folder),
                     lambda: onnxruntime_peers(CLIPModel.from_pretrained(path).eval(), folder)]:
            try:
                engines += list(make())
            except ImportError as error:
                print(f"left out: {error}", file=sys.stderr)
        times = {}
        for _ in range(rounds):
            for work in WORKS:
                for engine in engines:
                    time.sleep(0.1)
                    engine.time(*work)
                    times.setdefault((engine.name, work), []).append(engine.time(*work))
        print(f"{rounds} rounds in alternation, medians in ms; in brackets: times as long as lienzo, same precision")
        print(" " * 18 + "".join(f"{kind + ' ' + str(count):>18}" for kind, count in WORKS))
        for engine in engines:
            cells = []
            for work in WORKS:
                own = times[engine.name, work]
                base = times[f"lienzo {engine.name[-4:]}", work]
                ratio = statistics.median(a / b for a, b in zip(own, base))
                cells.append(f"{statistics.median(own):10.1f} ({ratio:4.2f})")
            print(f"{engine.name:18}" + "".join(f"{cell:>18}" for cell in cells))
        from_files(path, engines[:2], folder, max(rounds // 3, 1))


if __name__ == "__main__": main(int(sys.argv[1]) if len(sys.argv) > 1 else 9)
