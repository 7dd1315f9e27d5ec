"""Columns and frames of anybody's making as Arrow's, without copies where Arrow can share them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from ._errors import InputError, refused

#: One value a row: a list, a NumPy array, a pandas or polars Series, an Arrow array, ...
Column = Any
#: Named columns: a pandas or polars DataFrame, an Arrow table, a mapping of names to columns, ...
Frame = Any


def _is_pandas(values: object) -> bool:
    return type(values).__module__.partition(".")[0] == "pandas"


def _is_frame(values: object) -> bool:
    """Whether something has named columns rather than values."""
    if isinstance(values, (Mapping, pa.Table, pa.RecordBatch)):
        return True
    return getattr(values, "columns", None) is not None and getattr(values, "shape", (0,))[1:] != ()


def name_of(values: Column, default: str) -> str:
    """The name that a Series has, else ``default``."""
    name = getattr(values, "name", None)
    return name if isinstance(name, str) and name else default


def column(what: str, values: Column, rows: int | None = None) -> pa.ChunkedArray:
    """One column of text, numbers, truth values or categories as Arrow's.

    ``what`` is the name that errors give it, ``rows`` the length that it must have. NaN in a column of pandas is a
    missing value, as it is there.
    """
    array = _converted(what, values)
    kind = array.type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_nested(kind) or _is_bytes(kind):
        raise refused(what, "a column of text, numbers, truth values or categories", f"values of type {kind}")
    if rows is not None and len(array) != rows:
        raise refused(what, f"{rows} values, one a row", len(array))
    return array


def _is_bytes(kind: pa.DataType) -> bool:
    tests = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary)
    return any(test(kind) for test in tests) or str(kind) == "binary_view"


def _converted(what: str, values: Column) -> pa.ChunkedArray:
    if values is None or isinstance(values, (str, bytes, bytearray)):
        raise refused(what, "a column of values", _described(values))
    if _is_frame(values):
        raise refused(what, "one column", _described(values))
    try:
        if isinstance(values, pa.ChunkedArray):
            return values
        if isinstance(values, pa.Array):
            return pa.chunked_array([values])
        if _is_pandas(values):
            found = pa.Array.from_pandas(values)
            return found if isinstance(found, pa.ChunkedArray) else pa.chunked_array([found])
        if hasattr(values, "__arrow_c_stream__"):
            return pa.chunked_array(values)
        if hasattr(values, "__arrow_c_array__"):
            return pa.chunked_array([pa.array(values)])
        if hasattr(values, "__array__"):
            return pa.chunked_array([_of_numpy(what, np.asanyarray(values))])
        if isinstance(values, Sequence):
            return pa.chunked_array([_of_list(what, list(values))])
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        if isinstance(error, InputError):
            raise
        raise refused(what, "a column that Arrow can read", f"{_described(values)}: {error}") from error
    raise refused(what, "a list, an array or a Series", _described(values))


def _of_numpy(what: str, values: np.ndarray[Any, Any]) -> pa.Array:
    if values.ndim != 1:
        raise refused(what, "an array of one dimension", f"shape {values.shape}")
    if values.dtype.kind not in "biufOUMm":
        raise refused(what, "a column of text, numbers, truth values or categories", f"dtype {values.dtype}")
    mask = None
    if isinstance(values, np.ma.MaskedArray):
        mask, values = np.ma.getmaskarray(values), values.data
    if not values.dtype.isnative:
        values = values.astype(values.dtype.newbyteorder("="))
    if values.dtype.kind == "O":
        listed = values.tolist()
        if mask is not None:
            listed = [None if hidden else value for value, hidden in zip(listed, mask, strict=True)]
        return _of_list(what, listed)
    if values.dtype.kind == "f" and values.dtype.itemsize > 8:
        raise refused(what, "floating point numbers of at most 64 bits", f"dtype {values.dtype}")
    return pa.array(values, mask=mask)


def _of_list(what: str, values: list[Any]) -> pa.Array:
    """A list whose values are all of a kind; what is of another is told by its row. NaN is a missing value."""
    first: type | None = None
    for row, value in enumerate(values, start=1):
        kind = _kind(value)
        if kind is None:
            values[row - 1] = None
        elif first is None:
            first = kind
        elif kind is not first:
            message = f"values of one kind ({first.__name__}, as in the rows before)"
            raise refused(what, message, f"{value!r}, a {kind.__name__}", row)
    if first is float and any(isinstance(value, (float, np.floating)) for value in values):
        # whole numbers among others are numbers like them
        values = [None if value is None else float(value) for value in values]
    return pa.array(values)


def _kind(value: object) -> type | None:
    """What a value of a list is; none for a missing one."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return None
    for kinds, kind in (
        ((bool, np.bool_), bool),
        ((str,), str),
        ((int, float, np.integer, np.floating), float),
    ):
        if isinstance(value, kinds):
            return None if value != value else kind
    return type(value)


def _described(values: object) -> str:
    """A value in a message: its type, and its shape where it has one."""
    if isinstance(values, (str, bytes)):
        return repr(values[:40])
    shape = getattr(values, "shape", None)
    name = type(values).__name__
    return name if shape is None else f"{name} of shape {tuple(shape)}"


def frame(what: str, values: Frame, rows: int | None = None, name: str = "group") -> dict[str, pa.ChunkedArray]:
    """Named columns; one column alone is given its own name or ``name``."""
    if not _is_frame(values):
        return {name_of(values, name): column(what, values, rows)}
    if isinstance(values, Mapping):
        pairs = [(key, values[key]) for key in values]
    else:
        pairs = _pairs(what, values)
    found: dict[str, pa.ChunkedArray] = {}
    for key, each in pairs:
        label = str(key)
        if label in found:
            raise refused(what, "every column once", f"column {label!r} twice")
        found[label] = column(f"{what}, column {label}", each, rows)
    return found


def _pairs(what: str, values: Frame) -> list[tuple[object, Column]]:
    if _is_pandas(values):
        return [(key, values.iloc[:, i]) for i, key in enumerate(values.columns)]
    table = table_of(what, values)
    return list(zip(table.column_names, table.columns, strict=True))


def table_of(what: str, values: Frame) -> pa.Table:
    """A frame as Arrow's table."""
    try:
        if isinstance(values, pa.Table):
            return values
        if isinstance(values, pa.RecordBatch):
            return pa.Table.from_batches([values])
        if isinstance(values, Mapping):
            return pa.table({key: column(f"{what}, column {key}", values[key]) for key in values})
        if _is_pandas(values):
            return pa.Table.from_pandas(values, preserve_index=False)
        if hasattr(values, "__arrow_c_stream__"):
            return pa.table(values)
    except (pa.ArrowException, TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise refused(what, "a table that Arrow can read", error) from error
    raise refused(what, "a table: a DataFrame, an Arrow table or a mapping of columns", _described(values))


def codes(what: str, values: Column) -> list[str]:
    """Values as the text that the reader of tables makes of them, so that both are one code."""
    array = column(what, values)
    if pa.types.is_dictionary(array.type):
        array = array.cast(array.type.value_type)
    texts = array.cast(pa.string()).to_pylist()
    for row, text in enumerate(texts, start=1):
        if text is None:
            raise refused(what, "a value in every place", "a missing one", row)
    return [str(text) for text in texts]
