"""Writes Tests/ImagesTests/Fixtures: synthetic pictures, and what Pillow makes of them.

Run with Pillow 13 and numpy: python Tools/reference/images.py. No photograph is used; everything is computed here.
Pillow writes no HEIC: small.heic is small.png by libvips, vips_heifsave(…, "Q", 90, "compression", HEVC).
"""

import pathlib
import struct
import zlib

import numpy as np
from PIL import Image

OUT = pathlib.Path(__file__).parents[2] / "Tests/ImagesTests/Fixtures"


def scene(width, height, seed=1):
    """Something like a photograph: soft gradients, hard edges, fine stripes and a little noise."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    u, v = x / width, y / height
    red = 128 + 110 * np.sin(5 * u + 2 * v)
    green = 128 + 110 * np.cos(7 * v - 3 * u)
    blue = 255 * (0.5 * u + 0.5 * v)
    planes = np.stack([red, green, blue], -1)
    disc = (u - 0.35) ** 2 + (v - 0.45) ** 2 < 0.06
    planes[disc] = planes[disc] * 0.3 + np.array([230, 40, 30]) * 0.7
    stripes = (u > 0.62) & (v > 0.55) & ((x.astype(int) // 2) % 2 == 0)
    planes[stripes] = [250, 250, 245]
    planes[(u > 0.7) & (v < 0.3)] = [10, 12, 30]
    planes += np.random.default_rng(seed).normal(0, 3, planes.shape)
    return Image.fromarray(planes.clip(0, 255).round().astype(np.uint8))


def alpha_of(width, height):
    y, x = np.mgrid[0:height, 0:width]
    return Image.fromarray(((x * 7 + y * 11) % 256).astype(np.uint8), "L")


def raw(name, image):
    """The pixels themselves, so that no decoder is trusted to say what another decoder should give."""
    (OUT / f"{name}.raw").write_bytes(image.tobytes())


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def resizing():
    filters = {
        "box": Image.BOX, "bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC, "lanczos": Image.LANCZOS,
    }
    source = scene(61, 43)
    source.save(OUT / "source.png")
    clear = source.copy()
    clear.putalpha(alpha_of(61, 43))
    clear.save(OUT / "source-alpha.png")
    for name, kernel in filters.items():
        for size in [(1, 1), (7, 5), (30, 21), (60, 43), (61, 20), (97, 101), (130, 42), (55, 13)]:
            source.resize(size, kernel).save(OUT / f"resized-{name}-{size[0]}x{size[1]}.png", optimize=True)
        clear.resize((25, 31), kernel).save(OUT / f"resized-alpha-{name}-25x31.png", optimize=True)
    for size in [(30, 21), (20, 14), (9, 40), (61, 10), (7, 5), (1, 1)]:
        stepped = source.resize(size, Image.BICUBIC, reducing_gap=1)
        stepped.save(OUT / f"in-steps-{size[0]}x{size[1]}.png", optimize=True)


def clip():
    """open_clip's preprocessing up to the bytes: shorter side to 224 by bicubic, centre crop."""
    for name, size in {"wide": (333, 247), "tall": (231, 307)}.items():
        picture = scene(*size, seed=5)
        picture.save(OUT / f"clip-{name}.jpg", quality=88)
        picture = Image.open(OUT / f"clip-{name}.jpg").convert("RGB")
        width, height = picture.size
        short, long = min(size), max(size)
        target = (224, int(224 * long / short)) if width <= height else (int(224 * long / short), 224)
        picture = picture.resize(target, Image.BICUBIC)
        left, top = round((target[0] - 224) / 2.0), round((target[1] - 224) / 2.0)
        picture = picture.crop((left, top, left + 224, top + 224))
        picture.save(OUT / f"clip-{name}-224.png", optimize=True)


def formats():
    picture = scene(24, 16, seed=2)
    raw("small", picture)
    picture.save(OUT / "small.png")
    clear = picture.copy()
    clear.putalpha(alpha_of(24, 16))
    raw("small-alpha", clear)
    clear.save(OUT / "small-alpha.png")
    clear.save(OUT / "small-alpha.webp", lossless=True, exact=True)
    picture.save(OUT / "small.webp", lossless=True)
    picture.save(OUT / "small.avif", quality=95)
    grey = picture.convert("L")
    raw("small-grey", grey.convert("RGB"))
    grey.save(OUT / "small-grey.png")
    grey.save(OUT / "small-grey.jpg", quality=100)
    grey.point(lambda value: 255 if value > 127 else 0).convert("1").save(OUT / "small-bilevel.png")
    raw("small-bilevel", Image.open(OUT / "small-bilevel.png").convert("RGB"))
    Image.merge("LA", [grey, alpha_of(24, 16)]).save(OUT / "small-grey-alpha.png")
    raw("small-grey-alpha", Image.open(OUT / "small-grey-alpha.png").convert("RGBA"))
    palette = picture.quantize(16)
    palette.save(OUT / "small-palette.png", transparency=3)
    raw("small-palette", Image.open(OUT / "small-palette.png").convert("RGBA"))
    other = scene(24, 16, seed=9).quantize(16)
    palette.save(OUT / "small.gif", save_all=True, append_images=[other], duration=100)
    palette.save(OUT / "still.gif")
    raw("small-gif", Image.open(OUT / "small.gif").convert("RGB"))

    # 16 bits: the high byte is the 8-bit picture, the low byte is anything.
    wide = np.asarray(picture).astype(">u2") * 256 + np.arange(24 * 16 * 3).reshape(16, 24, 3) % 256
    wide_grey = np.asarray(grey).astype(">u2") * 256 + np.arange(24 * 16).reshape(16, 24) % 256
    for name, color_type, samples in [("small-16", 2, wide), ("small-grey-16", 0, wide_grey)]:
        rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
        header = struct.pack(">IIBBBBB", 24, 16, 16, color_type, 0, 0, 0)
        (OUT / f"{name}.png").write_bytes(
            b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
        )

    for color, ink in {"red": (0, 255, 255, 0), "white": (0, 0, 0, 0), "black": (0, 0, 0, 255)}.items():
        Image.new("CMYK", (16, 16), ink).save(OUT / f"cmyk-{color}.jpg", quality=95)
    picture.save(OUT / "small.jpg", quality=92)
    raw("small-jpg", Image.open(OUT / "small.jpg"))
    picture.save(OUT / "small-progressive.jpg", quality=92, progressive=True)
    raw("small-progressive-jpg", Image.open(OUT / "small-progressive.jpg"))

    # One picture stored in all eight EXIF orientations; upright they are all the same.
    blocks = Image.new("RGB", (24, 16))
    for index, color in enumerate([(220, 30, 30), (30, 200, 40), (40, 60, 220), (240, 230, 40), (250, 250, 250), (0, 0, 0)]):
        blocks.paste(color, (8 * (index % 3), 8 * (index // 3), 8 * (index % 3) + 8, 8 * (index // 3) + 8))
    turned = {
        1: None, 2: Image.FLIP_LEFT_RIGHT, 3: Image.ROTATE_180, 4: Image.FLIP_TOP_BOTTOM,
        5: Image.TRANSPOSE, 6: Image.ROTATE_90, 7: Image.TRANSVERSE, 8: Image.ROTATE_270,
    }
    for orientation, turn in turned.items():
        exif = Image.Exif()
        exif[0x0112] = orientation
        stored = blocks if turn is None else blocks.transpose(turn)
        stored.save(OUT / f"orientation-{orientation}.jpg", quality=95, subsampling=0, exif=exif)
    raw("orientation", blocks)


def text():
    from PIL import PngImagePlugin

    info = PngImagePlugin.PngInfo()
    info.add_text("prompt", "a red apple")
    info.add_itxt("title", "una manzana roja 🍎")
    info.add_text("Latin", "señor".encode("latin-1"))
    info.add_text("compressed", "left out " * 40, zip=True)
    Image.new("RGB", (4, 4)).save(OUT / "text.png", pnginfo=info)


if __name__ == "__main__":
    OUT.mkdir(parents=True, exist_ok=True)
    resizing()
    clip()
    formats()
    text()
