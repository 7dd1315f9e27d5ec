"""What is asked of an audit, as the tables and settings that the native side reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from . import _columns
from ._columns import Column, Frame
from ._errors import refused

#: Columns with a meaning of their own in a table of labels or predictions.
_NAME, _TRUTH, _PREDICTION = "VideoName", "ground_truth", "prediction"


@dataclass(frozen=True)
class Tables:
    """The tables of an audit, as ``cohort audit`` would read them from files."""

    predictions: pa.Table
    labels: pa.Table
    against: pa.Table | None
    subject: str
    target: str
    groups: list[str]
    classes: list[str]


def tables(
    y_true: Column,
    y_pred: Column | None,
    *,
    subject: Column | None,
    groups: Frame | None,
    proba: Any,
    classes: Column | None,
    against: Column | None,
    against_proba: Any,
    ids: Column | None,
    target: str | None,
) -> Tables:
    """Puts columns together; every row must have a place in each of them."""
    truth = _columns.column("y_true", y_true)
    rows = len(truth)
    if rows == 0:
        raise refused("y_true", "at least one row", "none")
    stated = [] if classes is None else _columns.codes("classes", classes)
    if ids is None:
        names = pa.chunked_array([pa.array([str(row) for row in range(1, rows + 1)])])
    else:
        names = _columns.column("ids", ids, rows)
    target = target if target is not None else _columns.name_of(y_true, "target")
    labels: dict[str, pa.ChunkedArray] = {_NAME: names}
    _add(labels, "target", target, truth)
    if subject is None:
        subject_name = _NAME
    else:
        subject_name = _columns.name_of(subject, "subject")
        _add(labels, "subject", subject_name, _columns.column("subject", subject, rows))
    found = {} if groups is None else _columns.frame("groups", groups, rows)
    for name, values in found.items():
        _add(labels, "groups", name, values)
    return Tables(
        predictions=_predictions(names, truth, ("y_pred", y_pred), ("proba", proba), stated),
        labels=pa.table(labels),
        against=None
        if against is None and against_proba is None
        else _predictions(names, truth, ("against", against), ("against_proba", against_proba), stated),
        subject=subject_name,
        target=target,
        groups=list(found),
        classes=stated,
    )


def _add(labels: dict[str, pa.ChunkedArray], what: str, name: str, values: pa.ChunkedArray) -> None:
    """Adds a column whose name nothing else has, whatever its case: tables are searched without looking at that."""
    taken = [have for have in labels if have.lower() == name.lower()]
    if taken:
        raise refused(what, f"a name that no other column has ({', '.join(labels)})", repr(name))
    labels[name] = values


def _predictions(
    names: pa.ChunkedArray,
    truth: pa.ChunkedArray,
    predicted: tuple[str, Column | None],
    proba: tuple[str, Any],
    classes: list[str],
) -> pa.Table:
    rows = len(names)
    found = {_NAME: names, _TRUTH: truth}
    if predicted[1] is not None:
        found[_PREDICTION] = _columns.column(predicted[0], predicted[1], rows)
    elif proba[1] is None:
        raise refused(predicted[0], "a predicted class a row, or probabilities in its place", "neither")
    if proba[1] is not None:
        found.update(_probabilities(*proba, rows, classes, [truth, found.get(_PREDICTION)]))
    return pa.table(found)


def _probabilities(
    what: str,
    proba: Any,
    rows: int,
    classes: list[str],
    said: Sequence[pa.ChunkedArray | None],
) -> dict[str, pa.ChunkedArray]:
    """Columns of probabilities: ``p1..pK`` in the order of ``classes``, or named by their classes as a frame's are."""
    if _columns._is_frame(proba):
        named = _columns.frame(what, proba, rows)
        columns = list(named.values())
        labels = _columns.codes(what, list(named)) if named else []
    else:
        columns, labels = _matrix(what, proba, rows, classes, said), []
    for place, each in enumerate(columns, start=1):
        kind = each.type
        if not (pa.types.is_floating(kind) or pa.types.is_integer(kind)):
            raise refused(what, "numbers from 0 to 1", f"values of type {kind} in column {place}")
        if each.null_count:
            row = each.is_null().to_pylist().index(True) + 1
            raise refused(what, "a probability in [0, 1]", f"a missing value in column {place}", row)
    if len(columns) < 2:
        raise refused(what, "a column a class, two or more", len(columns))
    if classes and len(columns) != len(classes):
        raise refused(what, f"{len(classes)} columns, one a class ({', '.join(classes)})", len(columns))
    counted = [str(place) for place in range(len(columns))]
    if labels and classes and labels != counted:
        places = [labels.index(each) if each in labels else None for each in classes]
        if None in places:
            raise refused(what, f"a column a class ({', '.join(classes)})", f"columns {', '.join(labels)}")
        columns = [columns[place] for place in places if place is not None]
    elif labels and not classes:
        return {f"p_{label}": each for label, each in zip(labels, columns, strict=True)}
    return {f"p{place}": each for place, each in enumerate(columns, start=1)}


def _matrix(
    what: str,
    proba: Any,
    rows: int,
    classes: list[str],
    said: Sequence[pa.ChunkedArray | None],
) -> list[pa.ChunkedArray]:
    """The columns of an array: rows by classes, or of two classes the probability of the second."""
    try:
        values = np.asarray(proba)
    except (TypeError, ValueError) as error:
        raise refused(what, "an array of rows by classes", error) from error
    if values.dtype.kind not in "fiu" or values.dtype.itemsize > 8:
        raise refused(what, "numbers from 0 to 1", f"dtype {values.dtype}")
    if values.ndim not in (1, 2) or len(values) != rows:
        raise refused(what, f"an array of {rows} rows by classes", f"shape {values.shape}")
    values = values.astype(values.dtype.newbyteorder("="), copy=False)
    if values.ndim == 1:
        if not classes:
            texts = [pa.array(_columns.codes("classes", pc.unique(each).drop_null())) for each in said if each is not None]
            seen = len(pc.unique(pa.chunked_array(texts))) if texts else 0
            if seen != 2:
                expected = "an array of rows by classes; of one dimension it is of two classes, named by classes="
                raise refused(what, expected, f"one dimension and {seen} classes in the rows")
        second = values.astype(np.float64)
        return [pa.chunked_array([1.0 - second]), pa.chunked_array([second])]
    return [pa.chunked_array([np.ascontiguousarray(values[:, i])]) for i in range(values.shape[1])]
