"""How many threads a call takes."""

from __future__ import annotations

import os
import sys

from ._errors import refused

_MOST = 1024


def count(threads: int | None) -> int:
    """The threads of one call: as asked, else as the surroundings say.

    Without ``threads``: 1 in a child of :mod:`multiprocessing` (a worker of a DataLoader or of a pool, which has
    brothers), else what ``RAYON_NUM_THREADS`` or ``OMP_NUM_THREADS`` says (Ray sets the latter to the cores of a task),
    else one for each core that the process may use.
    """
    if threads is not None:
        if isinstance(threads, bool) or not isinstance(threads, int) or not 1 <= threads <= _MOST:
            raise refused("threads", f"a whole number from 1 to {_MOST}", repr(threads))
        return threads
    multiprocessing = sys.modules.get("multiprocessing")
    if multiprocessing is not None and multiprocessing.parent_process() is not None:
        return 1
    for name in ("RAYON_NUM_THREADS", "OMP_NUM_THREADS"):
        said = os.environ.get(name, "")
        if said.isdigit() and 1 <= int(said) <= _MOST:
            return int(said)
    if hasattr(os, "sched_getaffinity"):
        return min(len(os.sched_getaffinity(0)), _MOST)
    return min(os.cpu_count() or 1, _MOST)
