"""The PyTorch side of `cargo xtask peers views`: what benches/view_rate.rs does, as a PyTorch user writes it.

A JPEG face is decoded by Pillow and becomes three views as tensors, weak, weak and strong, with the chain that LEAF's
authors use: for the strong one three random operations and a gray box at the file's own size, then for all of
them the shorter side resized, half of the time a crop with a black border of 8 pixels, mirrored half of the
time, normalized.

Prints a JSON object, {"images_per_s", "cpu_ms", "images", "version"}. `--make` writes the folder of faces
instead: drawn ones from the library's pack, 100 pixels as RAF-DB's aligned photographs have.
"""

import argparse
import json
import random
import time
from pathlib import Path

import PIL
import torch
import torchvision
import torchvision.transforms.v2 as T
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

WARM_UP = 32


def mapped(matrix):
    """An affine operation; its matrix is a function of the face's size and the value."""
    return lambda face, value: face.transform(face.size, Image.Transform.AFFINE, matrix(face.size, value))


def enhanced(kind):
    return lambda face, value: kind(face).enhance(value)


OPERATIONS = [
    (lambda face, value: ImageOps.autocontrast(face), 0, 0),
    (enhanced(ImageEnhance.Brightness), 0.05, 0.95),
    (enhanced(ImageEnhance.Color), 0.05, 0.95),
    (enhanced(ImageEnhance.Contrast), 0.05, 0.95),
    (lambda face, value: ImageOps.equalize(face), 0, 0),
    (lambda face, value: face, 0, 0),
    (lambda face, value: ImageOps.posterize(face, int(value)), 4, 8),
    (lambda face, value: face.rotate(value), -30, 30),
    (enhanced(ImageEnhance.Sharpness), 0.05, 0.95),
    (mapped(lambda size, value: (1, value, 0, 0, 1, 0)), -0.3, 0.3),
    (mapped(lambda size, value: (1, 0, 0, value, 1, 0)), -0.3, 0.3),
    (lambda face, value: ImageOps.solarize(face, value), 0, 256),
    (mapped(lambda size, value: (1, 0, value * size[0], 0, 1, 0)), -0.3, 0.3),
    (mapped(lambda size, value: (1, 0, 0, 0, 1, value * size[1])), -0.3, 0.3),
]


def strong(face):
    for operation, low, high in random.choices(OPERATIONS, k=3):
        face = operation(face, random.uniform(low, high))
    width, height = face.size
    side = random.uniform(0, 0.5) * width
    left = max(0, random.uniform(1, width) - side / 2)
    top = max(0, random.uniform(1, height) - side / 2)
    box = (left, top, min(width, left + side), min(height, top + side))
    face = face.copy()
    ImageDraw.Draw(face).rectangle(box, (125, 123, 114))
    return face


def make(folder, pack):
    folder.mkdir(parents=True, exist_ok=True)
    atlas = Image.open(pack).convert("RGB")
    tiles = [(x, y) for y in range(0, atlas.height, 64) for x in range(0, atlas.width, 64)]
    for number, (x, y) in enumerate(tiles):
        face = atlas.crop((x, y, x + 64, y + 64)).resize((100, 100), Image.Resampling.BICUBIC)
        face.save(folder / f"{number:05}.jpg", quality=90)


def measure(folder, size, seconds):
    torch.set_num_threads(1)
    to_tensor = T.Compose([
        T.Resize(size),
        T.RandomApply([T.RandomCrop(size, padding=8)], p=0.5),
        T.RandomHorizontalFlip(),
        T.ToImage(),
        T.ToDtype(torch.float32, scale=True),
        T.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    ])
    files = sorted(folder.glob("*.jpg"))
    images, begun, cpu = -WARM_UP, 0.0, 0.0
    while images <= 0 or time.perf_counter() - begun < seconds:
        if images == 0:
            begun, cpu = time.perf_counter(), time.process_time()
        face = Image.open(files[images % len(files)]).convert("RGB")
        to_tensor(face), to_tensor(face), to_tensor(strong(face))
        images += 1
    taken = time.perf_counter() - begun
    print(json.dumps({
        "images_per_s": images / taken,
        "cpu_ms": (time.process_time() - cpu) * 1e3 / images,
        "images": images,
        "version": f"PyTorch {torch.__version__}, torchvision {torchvision.__version__}, Pillow {PIL.__version__}",
    }))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--size", type=int, default=48)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--make", type=Path, metavar="PACK")
    given = parser.parse_args()
    if given.make:
        make(given.folder, given.make)
    else:
        measure(given.folder, given.size, given.seconds)
