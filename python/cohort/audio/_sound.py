"""Files to samples, and other rates."""

from __future__ import annotations

import os
import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _native
from .._errors import refused
from ._samples import number, rate, room, samples, unsupported


def load(
    path: str | os.PathLike[str],
    *,
    sr: float | None = 22050,
    mono: bool = True,
    offset: float = 0.0,
    duration: float | None = None,
    dtype: Any = np.float32,
    res_type: str = "soxr_hq",
) -> tuple[npt.NDArray[np.float32], int]:
    """Reads a sound file: one channel (the mean of all), full scale at -1 and 1.

    WAV, FLAC, MP3, AAC, Ogg Vorbis and Opus, AIFF, AU, CAF, Matroska, MP4 and more, told apart by content.

    Args:
        path: The file.
        sr: Rate to resample to in hertz; None keeps the file's. Resampled by our own band-limited filter, whose samples
            are not those of soxr; with ``sr=None`` the samples are librosa's.
        mono: True alone is supported.
        offset: Seconds to begin at, 0 or more.
        duration: Seconds to read; None: all.
        dtype: ``float32`` alone.
        res_type: The default alone.

    Returns:
        Samples (``float32``, one dimension) and their rate in hertz.

    Raises:
        cohort.InputError: A file that cannot be read or is no sound, by name.

    Warns:
        UserWarning: What the decoder read otherwise than the file has it.
    """
    unsupported("load", mono=(mono, True), res_type=(res_type, "soxr_hq"))
    if np.dtype(dtype) != np.float32:
        raise refused("dtype", "float32", repr(dtype))
    if not isinstance(path, (str, os.PathLike)):
        raise refused("path", "the path of a file", type(path).__name__)
    begin = number("offset", offset)
    length = None if duration is None else number("duration", duration)
    if begin < 0 or (length is not None and length < 0):
        raise refused("offset and duration", "seconds from 0", f"{offset!r} and {duration!r}")
    wanted = None if sr is None else rate(sr)
    y, native, told = _native.load(os.fspath(path))
    for warning in told:
        warnings.warn(warning, stacklevel=2)
    first = int(begin * native)
    y = y[first:] if length is None else y[first : first + int(length * native)]
    if wanted is not None and wanted != native and len(y):
        y = _resampled(np.ascontiguousarray(y), native, wanted)
    return y, native if wanted is None else wanted


def resample(
    y: Any,
    *,
    orig_sr: float,
    target_sr: float,
    res_type: str = "soxr_hq",
    fix: bool = True,
    scale: bool = False,
    axis: int = -1,
) -> npt.NDArray[np.float32]:
    """The same sound at another rate, by our own band-limited filter; its samples are not those of soxr.

    ``res_type``, ``fix``, ``scale`` and ``axis`` have their defaults alone. Returns ``ceil(len(y) * target_sr / orig_sr)``
    samples. Raises :class:`cohort.InputError` for samples that are none and rates that are no whole numbers.
    """
    unsupported(
        "resample", res_type=(res_type, "soxr_hq"), fix=(fix, True), scale=(scale, False), axis=(axis, -1)
    )
    return _resampled(samples("y", y), rate(orig_sr, "orig_sr"), rate(target_sr, "target_sr"))


def _resampled(y: npt.NDArray[np.float32], before: int, after: int) -> npt.NDArray[np.float32]:
    room("resample", len(y) * (after / before))
    return _native.resample(y, before, after)
