"""Runs torchvision with PIL and this crate, one thread each, on the same files, in turn, and prints
pictures a second of processor time, by the fastest pass, and the ratio for the whole way and each step.

    python benches/loading.py FOLDER [COUNT]     (with the packages of scripts/requirements.txt)

Two races over COUNT pictures below FOLDER, chosen by a fixed seed: the files as they are, resized first and then
augmented, as this project trains; and their middle squares made JPEGs of 256 x 256 by Pillow (LANCZOS, quality 90, in a
folder that is deleted), augmented first and then resized, as a chain of torchvision's transforms usually is.
"""

import io
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time

import torch
from PIL import Image, ImageOps
from torchvision import transforms as T

torch.set_num_threads(1)
PASSES = 5
ROUNDS = 8
SIDE = 224
CRATE = pathlib.Path(__file__).parent.parent
# what the program tells the C library when it starts (crates/cohort/src/memory.rs)
KEEP = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(1 << 30)}


def fastest(items, work):
    best = float("inf")
    for _ in range(PASSES):
        torch.manual_seed(0)  # the same operations in every pass, as on our side
        start = time.process_time()
        for item in items:
            work(item)
        best = min(best, time.process_time() - start)
    return best


def peer(paths, first):
    """Seconds of each step with torchvision."""
    resize, augment = T.Resize((SIDE, SIDE)), T.TrivialAugmentWide()
    normalise = T.Compose([T.ToTensor(), T.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])])
    read = lambda source: Image.open(source).convert("RGB")
    whole = T.Compose([read, *((augment, resize) if first == "augment" else (resize, augment)), normalise])
    seconds = {"all": fastest(paths, whole)}
    files = [pathlib.Path(p).read_bytes() for p in paths]
    seconds["decode"] = fastest(files, lambda b: read(io.BytesIO(b)))
    pictures = [read(p) for p in paths]
    small = [resize(p) for p in pictures]
    seconds["augment"] = fastest(pictures if first == "augment" else small, augment)
    seconds["resize"] = fastest(pictures, resize)
    seconds["normalise"] = fastest(small, normalise)
    return seconds


def ours(paths, first):
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as listing:
        listing.write("\n".join(paths))
        listing.flush()
        command = ["cargo", "bench", "-q", "-p", "cohort-vision", "--bench", "loading", "--"]
        command += [listing.name, str(PASSES), first]
        out = subprocess.run(command, cwd=CRATE, env=os.environ | KEEP, check=True, capture_output=True, text=True).stdout
    return {step: float(seconds) for step, seconds, _ in map(str.split, out.splitlines())}


def race(paths, first):
    theirs, mine = {}, {}
    for _ in range(ROUNDS):  # in turn, so that a busy machine meets both
        for best, side in ((theirs, peer), (mine, ours)):
            for step, seconds in side(paths, first).items():
                best[step] = min(best.get(step, seconds), seconds)
    width, height = Image.open(paths[0]).size
    print(f"{len(paths)} pictures ({width} x {height} the first), {first} first, to {SIDE} x {SIDE}")
    print(f"{'step':10} {'torchvision/s':>14} {'cohort/s':>10} {'ratio':>7}")
    for step, seconds in theirs.items():
        if step != "resize" or (width, height) != (SIDE, SIDE):  # a picture of the right size is not resized
            print(f"{step:10} {len(paths) / seconds:14.0f} {len(paths) / mine[step]:10.0f} {seconds / mine[step]:7.1f}")


def main():
    folder, count = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 150
    paths = sorted(map(str, pathlib.Path(folder).rglob("*.jpg")))
    paths = random.Random(0).sample(paths, min(count, len(paths)))
    ours(paths[:1], "resize")  # builds
    print(f"processor time of one core, fastest of {ROUNDS * PASSES} passes")
    race(paths, "resize")
    with tempfile.TemporaryDirectory() as squares:
        made = [os.path.join(squares, f"{i}.jpg") for i in range(len(paths))]
        for path, target in zip(paths, made):
            square = ImageOps.fit(Image.open(path).convert("RGB"), (256, 256), Image.Resampling.LANCZOS)
            square.save(target, quality=90)
        race(made, "augment")


main()
