"""Maps: vectors as points of a plane, and how far the picture can be trusted."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from . import _columns, _native, _threads
from ._columns import Column
from ._errors import refused


@dataclass(frozen=True, repr=False)
class Map:
    """Points of a plane, a row each, with what is known of their worth.

    Attributes:
        points: ``float32``, shape ``(vectors, 2)``, in the order of the vectors. Axes have no meaning of their own but
            for PCA, where they are in units of the vectors.
        trustworthiness: 1: every neighbour in the map is a neighbour in the table; about 0.5: chance (Venna and Kaski 2001).
        agreement: How often neighbours share a label, in the map and in the table, beside chance: ``map``, ``table``,
            ``chance``, ``chance_p95``, ``p_value``, ``neighbours``, ``vectors``, ``subjects``; None without labels.
        explained: PCA: the share of the variance on each axis; else None.
        divergence: t-SNE: divergence of the map's similarities from the table's in nats; else None.
        recipe: Every setting, defaults resolved.
        giants: Vectors more than 1,000 times as long as the median one: ``row`` (from 1) and ``times``.
    """

    points: npt.NDArray[np.float32]
    trustworthiness: float
    agreement: dict[str, Any] | None
    explained: tuple[float, float] | None
    divergence: float | None
    recipe: dict[str, Any]
    giants: list[dict[str, Any]]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        return np.array(self.points, dtype=dtype, copy=copy)

    def __repr__(self) -> str:
        method = self.recipe["method"]
        return f"<cohort.Map of {len(self.points)} vectors by {method}: trustworthiness {self.trustworthiness:.3f}>"


def map(
    vectors: Any,
    method: str = "tsne",
    *,
    metric: str = "euclidean",
    labels: Column | None = None,
    subject: Column | None = None,
    perplexity: float | None = None,
    neighbours: int | None = None,
    min_dist: float | None = None,
    iterations: int | None = None,
    seed: int = 0,
    progress: Callable[[str, int, int], object] | None = None,
    threads: int | None = None,
) -> Map:
    """Places vectors in a plane, by the vectors alone: labels are judged, they never shape the map.

    Args:
        vectors: Rows by components, four rows or more, finite; computed in ``float32``.
        method: ``pca``, ``tsne`` or ``umap``.
        metric: What "near" means: ``euclidean`` or ``cosine``.
        labels: A label a row, for the agreement of neighbours; a missing one is left out.
        subject: Whose the row is: neighbours of one subject do not count as agreement.
        perplexity: t-SNE: effective number of neighbours, from 1 to a third of the others. Default 30, or as many as fit.
        neighbours: UMAP: neighbours, the vector itself among them, from 2 to all. Default 15, or as many as fit.
        min_dist: UMAP: distance below which points are as near as can be, from 0 to below 3. Default 0.1.
        iterations: t-SNE: iterations after the exaggeration (500); UMAP: epochs (500, or 200 above 10,000 vectors).
        seed: Seed of all random numbers; the same seed gives the same points whatever the threads.
        progress: Called now and then with stage, what is done and what there is to do; what it raises ends the map.
        threads: Threads, 1 to 1024; default as in :func:`cohort.audit`.

    Raises:
        cohort.InputError: Vectors that are too few, all equal or not finite (with the row), a setting out of range.
        KeyboardInterrupt: On Ctrl-C.
    """
    try:
        values = np.asarray(vectors)
    except (TypeError, ValueError) as error:
        raise refused("vectors", "an array of rows by components", error) from error
    if values.dtype.kind not in "fiu":
        raise refused("vectors", "numbers", f"dtype {values.dtype}")
    if values.ndim != 2:
        raise refused("vectors", "an array of rows by components", f"shape {values.shape}")
    rows, dim = values.shape
    plain = np.ascontiguousarray(values, dtype=np.float32).reshape(-1)
    asked: dict[str, Any] = {
        "method": method,
        "metric": metric,
        "perplexity": perplexity,
        "neighbours": neighbours,
        "iterations": iterations,
        "seed": seed,
    }
    if min_dist is not None:
        asked["min_dist"] = min_dist
    for name in ("neighbours", "iterations", "seed"):
        value = asked[name]
        is_whole = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**64
        if value is not None and not is_whole:
            raise refused(name, "a whole number from 0 to 18446744073709551615", repr(value))
    for name in ("perplexity", "min_dist"):
        value = asked.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float))):
            raise refused(name, "a number", repr(value))
    for name in ("method", "metric"):
        if not isinstance(asked[name], str):
            raise refused(name, "a name", repr(asked[name]))
    points, said = _native.map(
        plain,
        dim,
        asked,
        None if labels is None else _numbered("labels", labels, rows, missing=-1),
        None if subject is None else _numbered("subject", subject, rows, missing=None),
        progress,
        _threads.count(threads),
    )
    told = json.loads(said)
    return Map(
        points=points.reshape(rows, 2),
        trustworthiness=told["trustworthiness"]["value"],
        agreement=told["agreement"],
        explained=None if told["explained"] is None else tuple(told["explained"]),
        divergence=told["divergence"],
        recipe=told["recipe"],
        giants=told["giants"],
    )


def _numbered(what: str, values: Column, rows: int, missing: int | None) -> list[int]:
    """A number for each distinct value, in the order of their first rows; a row without is one of its own or ``missing``."""
    array = _columns.column(what, values, rows)
    if pa.types.is_dictionary(array.type):
        array = array.cast(array.type.value_type)
    numbers: dict[object, int] = {}
    found: list[int] = []
    for row, value in enumerate(array.to_pylist()):
        if value is None or value != value:
            found.append(rows + row if missing is None else missing)
        else:
            found.append(numbers.setdefault(value, len(numbers)))
    return found
