"""How a typed program uses the package; checked by mypy, never run."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

import cohort
from cohort import audio

answer: cohort.Audit = cohort.audit([1, 2], [1, 2], groups={"g": ["a", "b"]}, ordered=True)
table: pa.Table = answer.metrics
picture: str = answer.plot_groups("g")
kind: str = answer.outcome
samples, rate = audio.load("a.wav", sr=None)
f0: npt.NDArray[np.float64]
f0, voiced, probability = audio.pyin(samples, fmin=65, fmax=450, sr=rate)
mel: npt.NDArray[np.float32] = audio.feature.melspectrogram(y=samples, sr=rate)
median: float = audio.acoustic_features(samples, rate).f0_median_hz
points: npt.NDArray[np.float32] = cohort.map(mel, "pca").points
try:
    cohort.audit([1], [1, 2])
except cohort.InputError as error:
    place: int | None = error.index
