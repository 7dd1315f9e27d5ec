"""Writes tests/golden/ops.txt, resize.bin and hash.txt: what Pillow, torchvision and ImageHash
make of small pictures. Run with the versions of requirements.txt:

    python scripts/golden_ops.py

Each line of ops.txt: picture width height operation arguments CRC-32 of the result's RGB bytes.
"""

import pathlib
import random
import struct
import zlib

import imagehash
import numpy as np
from PIL import Image
from torchvision.transforms import InterpolationMode, TrivialAugmentWide
from torchvision.transforms import functional as F
from torchvision.transforms.autoaugment import _apply_op

from patterns import NAMES, SIZES, pattern

OUT = pathlib.Path(__file__).parent.parent / "tests" / "golden"
MODES = {"nearest": InterpolationMode.NEAREST, "bilinear": InterpolationMode.BILINEAR}


def crc(image):
    return f"{zlib.crc32(image.tobytes()):08x}"


def trivial(image, index, bin_, negative):
    name, (magnitudes, signed) = list(TrivialAugmentWide()._augmentation_space(31).items())[index]
    magnitude = float(magnitudes[bin_].item()) if magnitudes.ndim > 0 else 0.0
    if signed and negative:
        magnitude *= -1.0
    return _apply_op(image, name, magnitude, interpolation=InterpolationMode.NEAREST, fill=None)


def tensor_crc(image):
    t = F.normalize(F.to_tensor(image), [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    return f"{zlib.crc32(t.numpy().astype('<f4').tobytes()):08x}"


def cases():
    rng = random.Random(4)
    for name in NAMES:
        for w, h in SIZES:
            full = (w, h) == (48, 40) and name == "noise"
            image = pattern(name, w, h)
            out = lambda op, result: (name, w, h, *op, crc(result))
            for index in range(14):
                bins = (0,) if index in (0, 12, 13) else range(31) if full else (0, 7, 20, 30)
                for bin_ in bins:
                    for negative in (0, 1) if 1 <= index <= 9 else (0,):
                        yield out(("trivial", index, bin_, negative), trivial(image, index, bin_, negative))
            for degrees in [0, 90, 180, 270, -90, 360, 45, 12, -12, 0.001, 133.7] + [rng.uniform(-400, 400) for _ in range(4)]:
                for mode, interpolation in MODES.items():
                    yield out(("rotate", repr(float(degrees)), mode), F.rotate(image, degrees, interpolation))
            for _ in range(6):
                angle, scale = rng.uniform(-180, 180), rng.uniform(0.2, 3)
                translate = [rng.randint(-w, w), rng.randint(-h, h)]
                shear = [rng.uniform(-60, 60), rng.uniform(-60, 60)]
                for mode, interpolation in MODES.items():
                    result = F.affine(image, angle, translate, scale, shear, interpolation)
                    yield out(("affine", repr(angle), *translate, repr(scale), *map(repr, shear), mode), result)
            result = F.affine(image, 0.0, [1, -2], 0.5, [0.0, 0.0])
            yield out(("affine", "0.0", 1, -2, "0.5", "0.0", "0.0", "nearest"), result)
            factors = [0.0, 0.3, 1.0, 1.7, 4.0, rng.uniform(0, 2)]
            for op, f in [("brightness", F.adjust_brightness), ("contrast", F.adjust_contrast),
                          ("saturation", F.adjust_saturation), ("sharpness", F.adjust_sharpness)]:
                for factor in factors:
                    yield out((op, repr(factor)), f(image, factor))
            for shift in [0.0, 0.5, -0.5, 1 / 3, -0.005, 0.005, 0.1, rng.uniform(-0.5, 0.5)]:
                yield out(("hue", repr(shift)), F.adjust_hue(image, shift))
            yield out(("hflip",), F.hflip(image))
            yield out(("vflip",), F.vflip(image))
            yield name, w, h, "normalise", tensor_crc(image)


def main():
    with open(OUT / "ops.txt", "w") as f:
        for case in cases():
            print(*case, file=f)
    # Resized pictures, whole: u16 width and height of source and target, then the target's bytes.
    with open(OUT / "resize.bin", "wb") as f:
        for name in NAMES:
            for w, h, w2, h2 in [(48, 40, 24, 24), (48, 40, 60, 17), (33, 33, 8, 8), (7, 5, 16, 16), (48, 40, 3, 40), (2, 5, 9, 4), (1, 1, 4, 4)]:
                result = pattern(name, w, h).resize((w2, h2), Image.BILINEAR)
                f.write(struct.pack("<4H", w, h, w2, h2) + result.tobytes())
    with open(OUT / "hash.txt", "w") as f:
        for name in NAMES:
            for w, h in SIZES + [(32, 32), (200, 150), (31, 300)]:
                print(name, w, h, imagehash.phash(pattern(name, w, h)), file=f)


main()
