"""Writes tests/golden/filters.txt: CRC-32 of what Pillow's filters make of small pictures of odd sizes, and of pictures
prepared by the steps of transformers' and OpenCLIP's image processors, written here with Pillow alone.

    pip install pillow==12.3.0 numpy
    python scripts/golden_filters.py
"""
import pathlib, zlib
import numpy as np
from PIL import Image
from patterns import NAMES, pattern

OUT = pathlib.Path(__file__).parent.parent / "tests" / "golden" / "filters.txt"
crc = lambda image: f"{zlib.crc32(image.tobytes()):08x}"
SIZES = [(48, 40), (33, 47), (7, 5), (2, 5), (1, 1), (101, 13)]
lines = []
for name in NAMES:
    for w, h in SIZES:
        for w2, h2 in [(24, 24), (60, 17), (8, 9), (16, 90), (3, 40), (1, 1), (97, 101)]:
            for f in ("BOX", "BILINEAR", "HAMMING", "BICUBIC", "LANCZOS"):
                lines.append(("resize", name, w, h, w2, h2, f.lower(), crc(pattern(name, w, h).resize((w2, h2), Image.Resampling[f]))))
even = lambda over: int(round(over / 2.0))  # torchvision's CenterCrop
floor = lambda over: over // 2  # transformers
for name in NAMES:
    for w, h in [(64, 48), (48, 64), (53, 37), (37, 53), (20, 20), (31, 90), (90, 31), (33, 35)]:
        image = pattern(name, w, h)
        for side in (24, 31):
            rw, rh = (side, int(side * h / w)) if w <= h else (int(side * w / h), side)
            resized = image.resize((rw, rh), Image.BICUBIC)
            for kind, half in (("transformers", floor), ("openclip", even)):
                l, t = half(rw - side), half(rh - side)
                lines.append((kind, name, w, h, side, side, "shortest", crc(resized.crop((l, t, l + side, t + side)))))
            lines.append(("transformers", name, w, h, side, 20, "squash", crc(image.resize((20, side), Image.BICUBIC))))
        for th, tw in ((24, 24), (20, 31)):
            for kind, pick in (("longest", max), ("shortest", min)):
                if kind == "shortest" and th == tw:
                    continue
                ratio = pick(h / th, w / tw)
                rh, rw = round(h / ratio), round(w / ratio)
                resized = image.resize((rw, rh), Image.BICUBIC)
                if kind == "longest":
                    canvas = Image.new("RGB", (max(tw, rw), max(th, rh)), (7, 7, 7))
                    canvas.paste(resized, (max(tw - rw, 0) // 2, max(th - rh, 0) // 2))
                    resized, rw, rh = canvas, *canvas.size
                l, t = even(rw - tw), even(rh - th)
                lines.append(("openclip", name, w, h, th, tw, kind, crc(resized.crop((l, t, l + tw, t + th)))))
OUT.write_text("".join(" ".join(map(str, line)) + "\n" for line in lines))
