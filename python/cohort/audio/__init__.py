"""Sounds: what librosa and noisereduce compute, with their names, parameters and results, in a fraction of the time.

``import cohort.audio as librosa`` suffices for the functions that are here: :func:`load`, :func:`pyin`, :func:`yin`,
:func:`resample`, ``onset.onset_strength``, ``onset.onset_detect``, ``feature.melspectrogram``, ``feature.mfcc``,
``feature.tempo``; ``import cohort.audio as nr`` for :func:`reduce_noise`. A parameter that is not supported is refused by
name unless it has its default; ``docs/python.md`` has the table.

Samples are one channel, computed in ``float32``; a contiguous ``float32`` array is read where it lies.
"""

from __future__ import annotations

from . import feature, onset
from ._features import AcousticFeatures, acoustic_features, feature_names
from ._noise import reduce_noise
from ._pitch import pyin, yin
from ._sound import load, resample
from .feature import melspectrogram, mfcc, tempo
from .onset import onset_detect, onset_strength

#: The short name of :func:`melspectrogram`.
mel = melspectrogram

__all__ = [
    "AcousticFeatures",
    "acoustic_features",
    "feature",
    "feature_names",
    "load",
    "mel",
    "melspectrogram",
    "mfcc",
    "onset",
    "onset_detect",
    "onset_strength",
    "pyin",
    "reduce_noise",
    "resample",
    "tempo",
    "yin",
]
