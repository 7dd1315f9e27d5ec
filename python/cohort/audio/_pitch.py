"""Fundamental frequency."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _native
from .._errors import refused
from ._samples import count, number, rate, samples, unsupported


def _hop(frame_length: int, hop_length: int | None) -> int:
    return frame_length // 4 if hop_length is None else count("hop_length", hop_length)


def pyin(
    y: Any,
    *,
    fmin: float,
    fmax: float,
    sr: float = 22050,
    frame_length: int = 2048,
    hop_length: int | None = None,
    n_thresholds: int = 100,
    beta_parameters: tuple[float, float] = (2, 18),
    boltzmann_parameter: float = 2,
    resolution: float = 0.1,
    max_transition_rate: float = 35.92,
    switch_prob: float = 0.01,
    no_trough_prob: float = 0.01,
    fill_na: float | None = np.nan,
    center: bool = True,
    pad_mode: str = "constant",
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_], npt.NDArray[np.float64]]:
    """Fundamental frequency by probabilistic YIN (Mauch and Dixon 2014), as ``librosa.pyin``.

    Args:
        y: Samples, one dimension.
        fmin: Lowest frequency in hertz, above 0.
        fmax: Highest frequency in hertz, above ``fmin`` and at most ``sr / 2``.
        sr: Sample rate in hertz.
        frame_length: Samples of a frame, even, longer than a period of ``fmin``.
        hop_length: Samples between frames; default a quarter of a frame.
        fill_na: What stands for an unvoiced frame, a number or NaN; None (the most probable pitch) is not supported.

    The others have librosa's defaults alone.

    Returns:
        ``f0`` in hertz, ``voiced_flag`` and ``voiced_prob``, each of ``1 + len(y) // hop_length`` frames.

    Raises:
        cohort.InputError: Samples that are empty or not finite, a setting out of range or not supported.
    """
    unsupported(
        "pyin",
        n_thresholds=(n_thresholds, 100),
        beta_parameters=(tuple(beta_parameters), (2, 18)),
        boltzmann_parameter=(boltzmann_parameter, 2),
        resolution=(resolution, 0.1),
        max_transition_rate=(max_transition_rate, 35.92),
        switch_prob=(switch_prob, 0.01),
        no_trough_prob=(no_trough_prob, 0.01),
        center=(center, True),
        pad_mode=(pad_mode, "constant"),
    )
    if fill_na is None:
        raise refused("fill_na", "a number or NaN", None)
    frame = count("frame_length", frame_length)
    low, high = number("fmin", fmin), number("fmax", fmax)
    f0, probability = _native.pyin(
        samples("y", y), rate(sr), low, high, frame, _hop(frame, hop_length)
    )
    voiced = ~np.isnan(f0)
    if not np.isnan(fill_na):
        f0[~voiced] = fill_na
    return f0, voiced, probability


def yin(
    y: Any,
    *,
    fmin: float,
    fmax: float,
    sr: float = 22050,
    frame_length: int = 2048,
    hop_length: int | None = None,
    trough_threshold: float = 0.1,
    center: bool = True,
    pad_mode: str = "constant",
) -> npt.NDArray[np.float64]:
    """Fundamental frequency by YIN (de Cheveigné and Kawahara 2002) in hertz, as ``librosa.yin``.

    Parameters as :func:`pyin`; ``trough_threshold`` is the height below which the first trough is taken. Returns
    ``1 + len(y) // hop_length`` frames.
    """
    unsupported("yin", center=(center, True), pad_mode=(pad_mode, "constant"))
    frame = count("frame_length", frame_length)
    return _native.yin(
        samples("y", y),
        rate(sr),
        number("fmin", fmin),
        number("fmax", fmax),
        frame,
        _hop(frame, hop_length),
        number("trough_threshold", trough_threshold),
    )
