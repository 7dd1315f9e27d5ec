"""Times and memory of the Python package beside the libraries whose calls it answers to, in one run on the same arrays.

    python scripts/python_speed.py [--resamples N] [SOUND...]

Prints a row a call: seconds here (the best of three), seconds there, the ratio; then import times and peak memory of fresh
processes. Libraries that are not installed are left out, and named.
"""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np


def best(call: Callable[[], object], times: int = 3) -> float:
    took = []
    for _ in range(times):
        begin = time.perf_counter()
        call()
        took.append(time.perf_counter() - begin)
    return min(took)


def row(name: str, ours: float, theirs: float) -> None:
    print(f"{name:40} {ours:9.4f} s {theirs:9.3f} s {theirs / ours:8.1f} times")


def audit(resamples: int) -> None:
    from fairlearn.metrics import MetricFrame
    from sklearn.metrics import accuracy_score

    import cohort

    random = np.random.default_rng(1)
    truth = random.integers(0, 4, 2000)
    guess = np.where(random.random(2000) < 0.7, truth, random.integers(0, 4, 2000))
    group = np.array(["a", "b", "c"])[random.integers(0, 3, 2000)]
    ours = best(lambda: cohort.audit(truth, guess, groups={"g": group}, resamples=resamples, permutations=5000))
    theirs = best(
        lambda: MetricFrame(
            metrics=accuracy_score,
            y_true=truth,
            y_pred=guess,
            sensitive_features=group,
            n_boot=resamples,
            ci_quantiles=[0.025, 0.975],
        ).by_group_ci,
        times=1,
    )
    row(f"whole audit; MetricFrame, {resamples} resamples", ours, theirs)


def sounds(paths: list[str]) -> None:
    import librosa
    import noisereduce

    from cohort import audio

    for path in paths:
        y, sr = audio.load(path, sr=None)
        frame = {"fmin": 65, "fmax": 450, "sr": sr, "frame_length": 1024}
        for name, ours, theirs in (
            ("pyin", lambda: audio.pyin(y, **frame), lambda: librosa.pyin(y, **frame)),
            ("mfcc", lambda: audio.feature.mfcc(y=y, sr=sr), lambda: librosa.feature.mfcc(y=y, sr=sr)),
            ("reduce_noise", lambda: audio.reduce_noise(y, sr), lambda: noisereduce.reduce_noise(y, sr)),
        ):
            theirs()  # what is compiled at the first call is not counted
            row(f"{name}, {path}", best(ours), best(theirs))


# not getrusage, whose peak is also that of the process that this one was forked from
PEAK = "print([int(l.split()[1]) // 1024 for l in open('/proc/self/status') if l.startswith('VmHWM')][0])"


def fresh(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def processes() -> None:
    bare = fresh(PEAK)
    print(f"{'an interpreter alone':51} {bare:>6} MiB at its peak")
    clock = "import time; t = time.perf_counter(); import {}; print(time.perf_counter() - t)"
    for module in ("cohort", "fairlearn.metrics", "librosa"):
        if importlib.util.find_spec(module.partition(".")[0]):
            took = min(float(fresh(clock.format(module))) for _ in range(5))
            print(f"import {module:33} {took:9.4f} s {fresh(f'import {module}; {PEAK}'):>6} MiB at its peak")
    call = "import numpy as np; t = np.arange(2000) % 4; cohort.audit(t, t, groups={'g': t % 3})"
    print(f"{'an audit of 2,000 rows':51} {fresh(f'import cohort; {call}; {PEAK}'):>6} MiB at its peak")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--resamples", type=int, default=10_000)
    parser.add_argument("sounds", nargs="*")
    asked = parser.parse_args()
    for needed, work in (
        ("fairlearn", lambda: audit(asked.resamples)),
        ("librosa", lambda: sounds(asked.sounds)),
    ):
        if importlib.util.find_spec(needed):
            work()
        else:
            print(f"left out: {needed} is not installed")
    processes()


if __name__ == "__main__":
    main()
