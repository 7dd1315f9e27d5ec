"""Samples as the native side takes them, and parameters that are not supported."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .._errors import InputError, refused


def samples(what: str, y: Any) -> npt.NDArray[np.float32]:
    """One channel as a contiguous ``float32`` array; no copy of what is one already."""
    try:
        values = np.asarray(y)
    except (TypeError, ValueError) as error:
        raise refused(what, "an array of samples", error) from error
    if values.dtype.kind != "f" or values.dtype.itemsize > 8:
        raise refused(what, "floating point samples, full scale at -1 and 1", f"dtype {values.dtype}")
    if values.ndim != 1:
        raise refused(what, "one channel of samples (one dimension)", f"shape {values.shape}")
    if values.dtype != np.float32 or not values.dtype.isnative or not values.flags.c_contiguous:
        with np.errstate(over="ignore"):
            values = np.ascontiguousarray(values, dtype=np.float32)
    return values if values.flags.aligned else values.copy()


def rate(sr: Any, what: str = "sr") -> int:
    """A sample rate in hertz."""
    whole = number(what, sr)
    if whole != int(whole) or not 1 <= whole <= 4_294_967_295:
        raise refused(what, "a whole number of hertz", repr(sr))
    return int(whole)


def number(what: str, value: Any) -> float:
    """A number that is finite."""
    if isinstance(value, (bool, str, bytes)) or value is None:
        raise refused(what, "a number", repr(value))
    try:
        found = float(value)
    except (TypeError, ValueError) as error:
        raise refused(what, "a number", repr(value)) from error
    if not np.isfinite(found):
        raise refused(what, "a finite number", repr(value))
    return found


#: Most values of a result: more than any sound that fits into memory needs.
_MOST_VALUES = 2**31


def room(what: str, values: float) -> None:
    """Refuses a result of more values than are worth asking the system for."""
    if values > _MOST_VALUES:
        raise refused(what, f"settings that give at most {_MOST_VALUES} values", f"{values:.0f}")


def count(what: str, value: Any, least: int = 1, most: int = 2**31) -> int:
    """A whole number."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)) or value < least:
        raise refused(what, f"a whole number from {least}", repr(value))
    if value > most:
        raise refused(what, f"a whole number up to {most}", repr(value))
    return int(value)


def unsupported(function: str, **given: tuple[Any, Any]) -> None:
    """Refuses parameters that have another value than the one that is computed, each a pair of both."""
    for name, (value, supported) in given.items():
        same = value is supported
        if not same and not isinstance(value, np.ndarray):
            try:
                same = type(value) in (int, float, str, tuple) and bool(value == supported)
            except (TypeError, ValueError):
                same = False
        if not same:
            message = f"{function}: parameter {name}: expected {supported!r}, the one value that is supported, found {value!r}"
            raise InputError(message, file=name, expected=repr(supported), found=repr(value))


def unknown(function: str, names: Any) -> None:
    """Refuses keywords that are passed on in librosa and are none here."""
    for name in names:
        raise InputError(
            f"{function}: parameter {name}: expected a parameter that is supported, found {name}",
            file=name,
            expected="a parameter that is supported",
            found=name,
        )
