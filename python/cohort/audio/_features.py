"""The acoustic description of a voice."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _native
from .._errors import refused
from ._samples import count, number, rate
from ._samples import samples as _samples


@dataclass(frozen=True, eq=False)
class AcousticFeatures:
    """What :func:`acoustic_features` computes. No value but ``f0_hz`` is ever NaN: what silence leaves undefined is 0.

    Attributes:
        seconds: Length in seconds.
        onsets_per_second: Onsets a second, of the denoised sound.
        tempo_bpm: Tempo in beats a minute; depends strongly on its prior.
        f0_mean_hz: Mean fundamental frequency over the voiced frames in hertz; 0 without any.
        f0_median_hz: Their median.
        f0_sd_hz: Their standard deviation.
        f0_p5_hz: Their 5th percentile.
        f0_p95_hz: Their 95th percentile.
        voiced_fraction: Voiced frames over all frames, 0 to 1.
        silent: Whether there is no sound; all values but ``seconds`` are then 0.
        onset_times_s: Times of the onsets in seconds.
        f0_hz: Fundamental frequency of each frame in hertz; NaN: unvoiced.
        f0_step_s: Seconds between these frames; the first is centred at 0.
        extended: More descriptors by name, with the preset ``speech-extended``; else None.
        vector: The values as ``float32``, in the order of :func:`feature_names`.
    """

    seconds: float
    onsets_per_second: float
    tempo_bpm: float
    f0_mean_hz: float
    f0_median_hz: float
    f0_sd_hz: float
    f0_p5_hz: float
    f0_p95_hz: float
    voiced_fraction: float
    silent: bool
    onset_times_s: npt.NDArray[np.float64]
    f0_hz: npt.NDArray[np.float64]
    f0_step_s: float
    extended: dict[str, Any] | None
    vector: npt.NDArray[np.float32]


def acoustic_features(
    samples: Any,
    sr: float,
    *,
    preset: str = "speech",
    fmin: float | None = None,
    fmax: float | None = None,
    frame_length: int | None = None,
    denoise: bool | None = None,
) -> AcousticFeatures:
    """Describes a voice: onsets, tempo, fundamental frequency and, where asked for, voice quality, pauses and spectrum.

    What ``cohort audio features`` computes of a file.

    Args:
        samples: One channel of samples.
        sr: Sample rate in hertz, 4,000 to 192,000.
        preset: ``speech``, ``speech-extended`` or ``first-impressions``.
        fmin: Lowest fundamental frequency in hertz; default the preset's (65; ``first-impressions`` 10).
        fmax: Highest fundamental frequency in hertz; default the preset's (450).
        frame_length: Samples of a pitch frame, even; default the preset's. Doubled until a period of ``fmin`` fits.
        denoise: Whether noise is reduced before onsets and tempo; default the preset's (yes).

    Raises:
        cohort.InputError: Samples that are empty or not finite, a setting out of range, a preset that is none.
    """
    if not isinstance(preset, str):
        raise refused("preset", "the name of a preset", repr(preset))
    text, vector = _native.acoustic_features(
        _samples("samples", samples),
        rate(sr),
        preset,
        None if fmin is None else number("fmin", fmin),
        None if fmax is None else number("fmax", fmax),
        None if frame_length is None else count("frame_length", frame_length),
        None if denoise is None else bool(denoise),
    )
    found = json.loads(text)
    return AcousticFeatures(
        **{
            **found,
            "onset_times_s": np.array(found["onset_times_s"], dtype=np.float64),
            "f0_hz": np.array(found["f0_hz"], dtype=np.float64),
            "extended": found.get("extended"),
            "vector": vector,
        }
    )


def feature_names(preset: str = "speech") -> list[str]:
    """Names of the values in :attr:`AcousticFeatures.vector`, in order."""
    if not isinstance(preset, str):
        raise refused("preset", "the name of a preset", repr(preset))
    return _native.feature_names(preset)
