"""Noise reduction."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _native
from ._samples import count, number, rate, samples, unsupported


def reduce_noise(
    y: Any,
    sr: float,
    stationary: bool = False,
    y_noise: Any = None,
    prop_decrease: float = 1.0,
    time_constant_s: float = 2.0,
    freq_mask_smooth_hz: float = 500,
    time_mask_smooth_ms: float = 50,
    thresh_n_mult_nonstationary: float = 2,
    sigmoid_slope_nonstationary: float = 10,
    n_std_thresh_stationary: float = 1.5,
    tmp_folder: Any = None,
    chunk_size: int = 600_000,
    padding: int = 30_000,
    n_fft: int = 1024,
    win_length: int | None = None,
    hop_length: int | None = None,
    clip_noise_stationary: bool = True,
    use_tqdm: bool = False,
    n_jobs: int = 1,
    use_torch: bool = False,
    device: str = "cuda",
) -> npt.NDArray[np.float32]:
    """Removes noise by spectral gating, as ``noisereduce.reduce_noise`` 3.0.3.

    Args:
        y: Samples, one dimension.
        sr: Sample rate in hertz, 4,000 to 192,000.
        stationary: Whether the noise stays the same; else the floor follows the sound.
        y_noise: A recording of the noise, for the stationary gate; default the sound itself.
        prop_decrease: How much of the noise is removed, 0 to 1.
        time_constant_s: Non-stationary: time constant of the floor in seconds.
        freq_mask_smooth_hz: Width in hertz over which the mask is smoothed.
        time_mask_smooth_ms: Width in milliseconds over which the mask is smoothed.
        thresh_n_mult_nonstationary: Times above the floor for a mask of one half, less 1.
        sigmoid_slope_nonstationary: Steepness of the mask around there.
        n_std_thresh_stationary: Standard deviations above the noise in decibel.
        n_fft: Samples of a frame, a multiple of 4 from 64 to 32,768.

    ``tmp_folder``, ``chunk_size``, ``padding``, ``win_length``, ``hop_length``, ``clip_noise_stationary``, ``use_tqdm``,
    ``n_jobs``, ``use_torch`` and ``device`` have their defaults alone.

    Returns:
        As many samples, ``float32``. Silence stays silence, where noisereduce gives NaN.

    Raises:
        cohort.InputError: Samples that are empty or not finite, a setting out of range or not supported.
    """
    unsupported(
        "reduce_noise",
        tmp_folder=(tmp_folder, None),
        chunk_size=(chunk_size, 600_000),
        padding=(padding, 30_000),
        win_length=(win_length, None),
        hop_length=(hop_length, None),
        clip_noise_stationary=(clip_noise_stationary, True),
        use_tqdm=(use_tqdm, False),
        n_jobs=(n_jobs, 1),
        use_torch=(use_torch, False),
        device=(device, "cuda"),
    )
    if not stationary:
        unsupported("reduce_noise with stationary=False", y_noise=(y_noise, None))
    gate = (
        count("n_fft", n_fft),
        number("prop_decrease", prop_decrease),
        number("freq_mask_smooth_hz", freq_mask_smooth_hz),
        number("time_mask_smooth_ms", time_mask_smooth_ms),
    )
    return _native.reduce_noise(
        samples("y", y),
        rate(sr),
        bool(stationary),
        None if y_noise is None else samples("y_noise", y_noise),
        gate,
        number("time_constant_s", time_constant_s),
        number("thresh_n_mult_nonstationary", thresh_n_mult_nonstationary),
        number("sigmoid_slope_nonstationary", sigmoid_slope_nonstationary),
        number("n_std_thresh_stationary", n_std_thresh_stationary),
    )
