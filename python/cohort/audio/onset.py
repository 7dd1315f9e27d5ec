"""Onsets, as ``librosa.onset`` has them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _native
from .._errors import refused
from ._samples import count, number, rate, samples, unknown, unsupported

__all__ = ["onset_detect", "onset_strength"]


def onset_strength(
    *,
    y: Any = None,
    sr: float = 22050,
    S: Any = None,
    lag: int = 1,
    max_size: int = 1,
    ref: Any = None,
    detrend: bool = False,
    center: bool = True,
    feature: Any = None,
    aggregate: Any = None,
    hop_length: int = 512,
    n_fft: int = 2048,
    **kwargs: Any,
) -> npt.NDArray[np.float32]:
    """Onset strength (spectral flux of 128 mel bands), as ``librosa.onset.onset_strength``.

    Args:
        y: Samples, one dimension.
        sr: Sample rate in hertz.
        hop_length: Samples between frames, at least 1.

    The others have librosa's defaults alone.

    Returns:
        ``float32``, ``1 + len(y) // hop_length`` frames.

    Raises:
        cohort.InputError: Samples that are empty or not finite, a setting out of range or not supported.
    """
    unsupported(
        "onset_strength",
        S=(S, None),
        lag=(lag, 1),
        max_size=(max_size, 1),
        ref=(ref, None),
        detrend=(detrend, False),
        center=(center, True),
        feature=(feature, None),
        aggregate=(aggregate, None),
        n_fft=(n_fft, 2048),
    )
    unknown("onset_strength", kwargs)
    return _native.onset_strength(samples("y", y), rate(sr), count("hop_length", hop_length))


def _envelope(y: Any, onset_envelope: Any, sr: float, hop_length: int) -> npt.NDArray[np.float32]:
    if onset_envelope is not None:
        return samples("onset_envelope", onset_envelope)
    if y is None:
        raise refused("y", "samples, or an onset_envelope", "neither")
    return onset_strength(y=y, sr=sr, hop_length=hop_length)


_PICKED_BY = ("pre_max", "post_max", "pre_avg", "post_avg", "wait")


def onset_detect(
    *,
    y: Any = None,
    sr: float = 22050,
    onset_envelope: Any = None,
    hop_length: int = 512,
    backtrack: bool = False,
    energy: Any = None,
    units: str = "frames",
    normalize: bool = True,
    sparse: bool = True,
    **kwargs: Any,
) -> npt.NDArray[Any]:
    """Onsets, as ``librosa.onset.onset_detect``.

    Args:
        y: Samples, one dimension; or
        onset_envelope: their onset strength.
        sr: Sample rate in hertz.
        hop_length: Samples between frames.
        backtrack: Whether onsets are moved back to the minimum before them.
        units: ``frames``, ``samples`` or ``time`` (seconds).
        normalize: Whether the strength is scaled to [0, 1] first.
        **kwargs: How peaks are picked: ``pre_max``, ``post_max``, ``pre_avg``, ``post_avg``, ``wait`` (frames) and
            ``delta``; defaults are librosa's.

    ``energy`` and ``sparse`` have their defaults alone.

    Returns:
        The onsets in rising order: whole numbers, or ``float64`` for ``time``.

    Raises:
        cohort.InputError: Samples or strengths that are empty or not finite, a setting out of range or not supported.
    """
    unsupported("onset_detect", energy=(energy, None), sparse=(sparse, True))
    widths: list[int | None] = []
    for name in _PICKED_BY:
        width = kwargs.pop(name, None)
        if width is not None:
            width = count(name, math.ceil(number(name, width)), 1 if name.startswith("post") else 0)
        widths.append(width)
    delta = kwargs.pop("delta", None)
    delta = None if delta is None else number("delta", delta)
    if delta is not None and delta < 0:
        raise refused("delta", "a number from 0", repr(delta))
    unknown("onset_detect", kwargs)
    if units not in ("frames", "samples", "time"):
        raise refused("units", "'frames', 'samples' or 'time'", repr(units))
    hop, whole = count("hop_length", hop_length), rate(sr)
    strength = _envelope(y, onset_envelope, sr, hop)
    frames = _native.onset_detect(strength, whole, hop, widths, delta, bool(normalize), bool(backtrack))
    if units == "frames":
        return frames
    return frames * hop if units == "samples" else frames * hop / float(whole)
