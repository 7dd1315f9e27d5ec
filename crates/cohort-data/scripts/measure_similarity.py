#!/usr/bin/env python3
"""Measures the limits for nearly identical pictures on real faces: false alarms among different pictures, and
how many altered copies are found. The figures stand in the documentation of `CheckSettings`.

    pip install numpy pillow imagehash
    measure_similarity.py 'FACES/train/*.jpg' [pictures, default 3000]
"""
import glob, io, random, sys
import numpy as np
from PIL import Image, ImageEnhance
import imagehash

DISTANCE, CORRELATION, COPIES = 10, 0.98, 400


def print_of(picture):
    grey = np.asarray(picture.convert("L").resize((32, 32), Image.BILINEAR)).astype(np.float32)
    grey -= grey.mean()
    return imagehash.phash(picture).hash.flatten(), (grey / (np.linalg.norm(grey) + 1e-6)).flatten()


def jpeg(picture, quality):
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return Image.open(io.BytesIO(buffer.getvalue())).convert("RGB")


def crop(picture, share):
    x, y = int(picture.width * share), int(picture.height * share)
    return picture.crop((x, y, picture.width - x, picture.height - y))


files = sorted(glob.glob(sys.argv[1]))
random.Random(1).shuffle(files)
files = files[: int(sys.argv[2]) if len(sys.argv) > 2 else 3000]
prints = [print_of(Image.open(name).convert("RGB")) for name in files]
bits = np.array([p[0] for p in prints], dtype=np.float32)
greys = np.array([p[1] for p in prints])
upper = np.triu_indices(len(files), 1)
distance = (bits @ (1 - bits).T + (1 - bits) @ bits.T)[upper]
alike = (greys @ greys.T)[upper]
print(f"{len(distance)} pairs of different pictures: distance {distance.mean():.1f} +- {distance.std():.1f}")
for limit in range(4, 17, 2):
    near = distance <= limit
    print(f"  within {limit:2d} bits: {near.sum():6d}, and correlation >= {CORRELATION}: {(near & (alike >= CORRELATION)).sum()}")
alterations = {
    "JPEG quality 50": lambda p: jpeg(p, 50),
    "JPEG quality 20": lambda p: jpeg(p, 20),
    "half size": lambda p: p.resize((p.width // 2, p.height // 2), Image.BICUBIC),
    "96 pixels, JPEG quality 60": lambda p: jpeg(p.resize((96, 96), Image.LANCZOS), 60),
    "20 % brighter": lambda p: ImageEnhance.Brightness(p).enhance(1.2),
    "20 % less contrast": lambda p: ImageEnhance.Contrast(p).enhance(0.8),
    "grey": lambda p: p.convert("L").convert("RGB"),
    "cropped by 1 % a side": lambda p: crop(p, 0.01),
    "cropped by 2 % a side": lambda p: crop(p, 0.02),
    "cropped by 5 % a side": lambda p: crop(p, 0.05),
}
for name, alter in alterations.items():
    found = 0
    for i, file in enumerate(files[:COPIES]):
        b, g = print_of(alter(Image.open(file).convert("RGB")))
        found += int((b != (bits[i] > 0.5)).sum() <= DISTANCE and float(g @ greys[i]) >= CORRELATION)
    print(f"  {name:28s} found {100 * found / min(COPIES, len(files)):.1f} %")
