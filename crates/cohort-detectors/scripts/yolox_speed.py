"""YOLOX by this crate and by onnxruntime, in turns in one run: milliseconds a picture (median, least; of processor time) and their ratio.

    cargo build --release -p cohort-detectors --example yolox_speed
    python yolox_speed.py EXAMPLE WEIGHTS.onnx PICTURE [THREADS] [TURNS]

Needs onnxruntime, numpy and Pillow. Both work on THREADS threads (2), on the same picture, TURNS times (10) for 20 rounds each;
the first three rounds of a turn are not counted. Time on the clock is worth something on a quiet machine alone; processor time is that of all
threads together (onnxruntime's without waiting in a loop for work; this crate's less what an empty run takes).
"""
import os
import resource
import statistics
import subprocess
import sys
import time

import numpy
import onnxruntime
from PIL import Image

example, weights, picture = sys.argv[1:4]
threads = int(sys.argv[4]) if len(sys.argv) > 4 else 2
turns = int(sys.argv[5]) if len(sys.argv) > 5 else 10
ROUNDS, WARM = 20, 3

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = threads
session = onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])
side = session.get_inputs()[0].shape[2]
name = session.get_inputs()[0].name
image = Image.open(picture).convert("RGB")
ratio = min(side / image.width, side / image.height)
fitted = image.resize((int(image.width * ratio), int(image.height * ratio)), Image.BILINEAR)
square = numpy.full((side, side, 3), 114, numpy.uint8)
square[: fitted.height, : fitted.width] = numpy.asarray(fitted)
planes = numpy.ascontiguousarray(square[:, :, ::-1].transpose(2, 0, 1)[None].astype(numpy.float32))


def theirs():
    times = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        session.run(None, {name: planes})
        times.append(1e3 * (time.perf_counter() - begun))
    return times[WARM:]


options.add_session_config_entry("session.intra_op.allow_spinning", "0")
sparing = onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])


def their_work():
    begun = time.process_time()
    for _ in range(ROUNDS):
        sparing.run(None, {name: planes})
    return 1e3 * (time.process_time() - begun) / ROUNDS


def our_work():
    environment = dict(os.environ, RAYON_NUM_THREADS=str(threads))
    spent = []
    for rounds in (0, ROUNDS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([example, weights, picture, str(rounds)], env=environment, check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return 1e3 * (spent[1] - spent[0]) / ROUNDS


def ours():
    environment = dict(os.environ, RAYON_NUM_THREADS=str(threads))
    command = [example, weights, picture, str(ROUNDS)]
    printed = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return [float(line.split()[0]) for line in printed.stdout.splitlines()][WARM:]


found = {"onnxruntime": [], "cohort": []}
ratios, work = [], []
for _ in range(turns):
    pair = {"onnxruntime": theirs(), "cohort": ours()}
    ratios.append(statistics.median(pair["cohort"]) / statistics.median(pair["onnxruntime"]))
    work.append((their_work(), our_work()))
    for who, times in pair.items():
        found[who] += times
print(f"onnxruntime {onnxruntime.__version__}, {threads} threads, {turns} turns of {ROUNDS - WARM}, load {os.getloadavg()[0]:.1f}")
for who, times in found.items():
    print(f"{who:12} median {statistics.median(times):7.2f} ms, least {min(times):7.2f} ms")
low, high = min(ratios), max(ratios)
print(f"cohort / onnxruntime: {statistics.median(ratios):.2f} (median of turns; {low:.2f} to {high:.2f})")
print(f"of the least times:   {min(found['cohort']) / min(found['onnxruntime']):.2f}")
their_median, own = (statistics.median(times) for times in zip(*work))
least, own_least = (min(times) for times in zip(*work))
print(f"processor time: onnxruntime {their_median:.1f} ms (least {least:.1f}), cohort {own:.1f} ms (least {own_least:.1f}), ratio {own / their_median:.2f} ({own_least / least:.2f})")
