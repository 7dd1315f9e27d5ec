"""Mel spectrogram, cepstrum and tempo, as ``librosa.feature`` has them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _native
from .._errors import refused
from ._samples import count, number, rate, room, samples, unknown, unsupported
from .onset import _envelope

__all__ = ["melspectrogram", "mfcc", "tempo"]

#: Most samples of a frame, and most filters.
_LONGEST, _MOST_FILTERS = 2**22, 2**16


def _filters(n_mels: int, fmin: float, fmax: float | None, htk: bool, norm: Any) -> tuple[Any, ...]:
    if norm is not None and not (isinstance(norm, str) and norm == "slaney"):
        raise refused("norm", "'slaney' or None", repr(norm))
    high = None if fmax is None else number("fmax", fmax)
    return count("n_mels", n_mels, most=_MOST_FILTERS), number("fmin", fmin), high, bool(htk), norm is not None


def melspectrogram(
    *,
    y: Any = None,
    sr: float = 22050,
    S: Any = None,
    n_fft: int = 2048,
    hop_length: int = 512,
    win_length: int | None = None,
    window: Any = "hann",
    center: bool = True,
    pad_mode: str = "constant",
    power: float = 2.0,
    n_mels: int = 128,
    fmin: float = 0.0,
    fmax: float | None = None,
    htk: bool = False,
    norm: str | None = "slaney",
    dtype: Any = np.float32,
    **kwargs: Any,
) -> npt.NDArray[np.float32]:
    """Mel spectrogram in powers, as ``librosa.feature.melspectrogram``.

    Args:
        y: Samples, one dimension.
        sr: Sample rate in hertz.
        n_fft: Samples of a frame, even, 2 to 4,194,304.
        hop_length: Samples between frames.
        n_mels: Filters, 1 to 65,536.
        fmin: Lower edge of the first filter in hertz, from 0.
        fmax: Upper edge of the last; default ``sr / 2``.
        htk: The HTK formula in place of Slaney's.
        norm: ``slaney`` divides each filter by half its width; None does not.

    ``S``, ``win_length``, ``window``, ``center``, ``pad_mode``, ``power`` and ``dtype`` have their defaults alone.

    Returns:
        ``float32``, shape ``(n_mels, 1 + len(y) // hop_length)``; a view whose columns are contiguous.

    Raises:
        cohort.InputError: Samples that are empty or not finite, a setting out of range or not supported.
    """
    unsupported(
        "melspectrogram",
        S=(S, None),
        win_length=(win_length, None),
        window=(window, "hann"),
        center=(center, True),
        pad_mode=(pad_mode, "constant"),
        power=(power, 2.0),
        dtype=(dtype, np.float32),
    )
    unknown("melspectrogram", kwargs)
    filters = _filters(n_mels, fmin, fmax, htk, norm)
    frame, hop = count("n_fft", n_fft, 2, _LONGEST), count("hop_length", hop_length)
    sound = samples("y", y)
    room("melspectrogram", (1 + len(sound) // hop) * n_mels)
    flat = _native.mel_spectrogram(sound, rate(sr), frame, hop, *filters)
    return flat.reshape(-1, n_mels).T


def mfcc(
    *,
    y: Any = None,
    sr: float = 22050,
    S: Any = None,
    n_mfcc: int = 20,
    dct_type: int = 2,
    norm: str = "ortho",
    lifter: float = 0,
    mel_norm: str | None = "slaney",
    n_fft: int = 2048,
    hop_length: int = 512,
    n_mels: int = 128,
    fmin: float = 0.0,
    fmax: float | None = None,
    htk: bool = False,
    **kwargs: Any,
) -> npt.NDArray[np.float32]:
    """Mel-frequency cepstral coefficients, as ``librosa.feature.mfcc``.

    Args:
        y: Samples, one dimension; or
        S: a mel spectrogram in decibel, mels by frames.
        n_mfcc: Coefficients, 1 to the number of filters.

    The filters' parameters are those of :func:`melspectrogram`, ``mel_norm`` its ``norm``; ``dct_type``, ``norm`` and
    ``lifter`` have their defaults alone.

    Returns:
        ``float32``, shape ``(n_mfcc, frames)``.

    Raises:
        cohort.InputError: Samples that are empty or not finite, a setting out of range or not supported.
    """
    unsupported("mfcc", dct_type=(dct_type, 2), norm=(norm, "ortho"), lifter=(lifter, 0))
    unknown("mfcc", kwargs)
    wanted = count("n_mfcc", n_mfcc)
    if S is not None:
        spectrum = np.asarray(S)
        if spectrum.ndim != 2 or spectrum.dtype.kind != "f":
            raise refused("S", "a mel spectrogram in decibel, mels by frames", f"{spectrum.dtype} of shape {spectrum.shape}")
        mels = spectrum.shape[0]
        wanted = min(wanted, mels)
        flat = _native.mfcc_of(samples("S", spectrum.T.reshape(-1)), mels, wanted)
        return flat.reshape(-1, wanted).T
    if y is None:
        raise refused("y", "samples, or a spectrogram S", "neither")
    filters = _filters(n_mels, fmin, fmax, htk, mel_norm)
    wanted = min(wanted, n_mels)
    frame, hop = count("n_fft", n_fft, 2, _LONGEST), count("hop_length", hop_length)
    sound = samples("y", y)
    room("mfcc", (1 + len(sound) // hop) * n_mels)
    flat = _native.mfcc(sound, rate(sr), wanted, frame, hop, *filters)
    return flat.reshape(-1, wanted).T


def tempo(
    *,
    y: Any = None,
    sr: float = 22050,
    onset_envelope: Any = None,
    tg: Any = None,
    hop_length: int = 512,
    start_bpm: float = 120,
    std_bpm: float = 1.0,
    ac_size: float = 8.0,
    max_tempo: float | None = 320.0,
    aggregate: Any = np.mean,
    prior: Any = None,
) -> npt.NDArray[np.float64]:
    """Tempo in beats a minute, as ``librosa.feature.tempo``.

    Args:
        y: Samples, one dimension; or
        onset_envelope: their onset strength.
        sr: Sample rate in hertz.
        hop_length: Samples between frames.
        start_bpm: Centre of the prior, above 0.
        std_bpm: Its width in octaves, above 0.
        ac_size: Length of the auto-correlation window in seconds.
        max_tempo: Tempi from here on are ruled out; None: none.

    ``tg``, ``aggregate`` and ``prior`` have their defaults alone.

    Returns:
        One value, shape ``(1,)``.

    Raises:
        cohort.InputError: Samples or strengths that are empty or not finite, a setting out of range or not supported.
    """
    unsupported("tempo", tg=(tg, None), aggregate=(aggregate, np.mean), prior=(prior, None))
    hop = count("hop_length", hop_length)
    found = _native.tempo(
        _envelope(y, onset_envelope, sr, hop),
        rate(sr),
        hop,
        number("start_bpm", start_bpm),
        number("std_bpm", std_bpm),
        number("ac_size", ac_size),
        float("inf") if max_tempo is None else number("max_tempo", max_tempo),
    )
    return np.array([found])
