"""Recognition one can answer for: audits, acoustic features and maps, by the engine of the program ``cohort``.

- :func:`audit`: how good a model's predictions are, for whom, and whether the differences are more than chance;
  :func:`audit_tables` of tables and files.
- :mod:`cohort.audio`: fundamental frequency, onsets, tempo, mel, MFCC and noise reduction with the parameters and results
  of librosa and noisereduce.
- :func:`map`: vectors as points of a plane, and how far the picture can be trusted.

Nothing heavy is imported before it is needed.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ._errors import CohortError, InputError, InternalError
from ._native import __version__

if TYPE_CHECKING:
    from . import audio as audio
    from ._audit import Audit as Audit
    from ._audit import Svg as Svg
    from ._audit import audit as audit
    from ._audit import audit_tables as audit_tables
    from ._map import Map as Map
    from ._map import map as map

_LAZY = {
    "Audit": "_audit",
    "Map": "_map",
    "Svg": "_audit",
    "audit": "_audit",
    "audit_tables": "_audit",
    "map": "_map",
}

__all__ = [
    "Audit",
    "CohortError",
    "InputError",
    "InternalError",
    "Map",
    "Svg",
    "__version__",
    "audio",
    "audit",
    "audit_tables",
    "map",
]


def __getattr__(name: str) -> Any:
    if name == "audio":
        return importlib.import_module(".audio", __name__)
    if name in _LAZY:
        found = getattr(importlib.import_module("." + _LAZY[name], __name__), name)
        globals()[name] = found
        return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
