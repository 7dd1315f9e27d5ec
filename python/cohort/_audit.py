"""Audits: how good a model is, for whom, and whether the differences are more than chance."""

from __future__ import annotations

import html
import json
import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import pyarrow as pa

from . import _ask, _columns, _native, _threads
from ._columns import Column, Frame
from ._errors import refused


class Svg(str):
    """A picture as text, which notebooks show."""

    def _repr_svg_(self) -> str:
        return str(self)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the picture into a file."""
        Path(path).write_text(self, encoding="utf-8")


class Audit:
    """The answer of :func:`audit`: the document ``cohort.audit/1`` in every form.

    Tables are :class:`pyarrow.Table`; ``.to_pandas()`` and ``polars.from_arrow(...)`` lead on from there. What cannot be
    estimated is null, with the reason in ``caution``.
    """

    def __init__(self, document: _native.AuditDocument) -> None:
        self._document = document

    def _table(self, name: str) -> pa.Table:
        return pa.table(_Stream(self._document, name))

    @cached_property
    def metrics(self) -> pa.Table:
        """Every metric over everything, a row each: ``unit`` (``clip``: a row of the input, or ``subject``: one decision
        a subject), ``attribute``, ``group``, ``name``, ``metric``, ``value``, ``low`` and ``high`` (the interval),
        ``standard_error``, ``method``, ``clips``, ``subjects``, ``caution``."""
        return self._table("metrics")

    @cached_property
    def groups(self) -> pa.Table:
        """Every metric of every group, with the columns of :attr:`metrics`."""
        return self._table("groups")

    @cached_property
    def disparities(self) -> pa.Table:
        """Gaps between the groups of an attribute beside what random relabelling of subjects gives: ``attribute``,
        ``metric``, ``measure``, ``scheme``, ``groups``, ``subjects``, ``observed``, ``null_mean``, ``null_p95``,
        ``p_value``, ``p_holm``, ``p_bh``, ``minimum_detectable``."""
        return self._table("disparities")

    @cached_property
    def class_gaps(self) -> pa.Table:
        """Equal opportunity and equalised odds, each class against the rest."""
        return self._table("class_gaps")

    @cached_property
    def findings(self) -> pa.Table:
        """Disadvantages that are shown at the family-wise error rate ``alpha``; no row where none is."""
        return self._table("findings")

    @cached_property
    def comparison(self) -> pa.Table:
        """Paired differences, this model minus the one of ``against``, over everything and by group; no row without."""
        return self._table("comparison")

    @cached_property
    def _parsed(self) -> dict[str, Any]:
        return cast("dict[str, Any]", json.loads(self._document.json()))

    @property
    def outcome(self) -> str:
        """``shown``, ``suspected``, ``not_shown`` or ``not_testable``: whether a group is at a disadvantage."""
        return cast(str, self._parsed["fairness"]["outcome"])

    @property
    def notes(self) -> list[str]:
        """What a reader should know, a sentence each. They name the options of the command: ``--order`` is ``classes=``
        with ``ordered=True`` here, ``--unordered`` is ``ordered=False``, ``--schema`` is ``schema=``."""
        return list(self._parsed["notes"])

    def to_dict(self) -> dict[str, Any]:
        """The whole document, as ``cohort audit --json`` prints it."""
        return cast("dict[str, Any]", json.loads(self._document.json()))

    def to_json(self) -> str:
        """The whole document as text."""
        return self._document.json()

    def to_text(self) -> str:
        """The document as ``cohort audit`` prints it."""
        return self._document.text()

    def to_html(self) -> str:
        """The page that ``cohort audit --out`` writes: one file, light and dark, without scripts from elsewhere."""
        return self._document.html()

    def _figure(self, kind: str, attribute: str | None, group: object, width: float) -> Svg:
        code = "" if group is None else _columns.codes("group", [group])[0]
        if (attribute is None) != (group is None) and kind in ("confusion", "calibration"):
            raise refused(kind, "attribute and group together, or neither", f"{attribute!r} and {group!r}")
        return Svg(self._document.figure(kind, attribute or "", code, float(width)))

    def plot_groups(self, attribute: str, *, width: float = 640) -> Svg:
        """Accuracy of an attribute's groups with intervals, as SVG; ``width`` in pixels, 240 to 4000."""
        return self._figure("groups", attribute, None, width)

    def plot_gaps(self, attribute: str, *, width: float = 640) -> Svg:
        """Gaps between an attribute's groups beside those of random shuffles, as SVG."""
        return self._figure("gaps", attribute, None, width)

    def plot_confusion(self, attribute: str | None = None, group: object = None, *, width: float = 640) -> Svg:
        """Confusion matrix of a group, or of everything, as SVG."""
        return self._figure("confusion", attribute, group, width)

    def plot_calibration(self, attribute: str | None = None, group: object = None, *, width: float = 640) -> Svg:
        """Share right against stated confidence of a group, or of everything, as SVG; needs probabilities."""
        return self._figure("calibration", attribute, group, width)

    def __repr__(self) -> str:
        accuracy = self._parsed["metrics"]["accuracy"]
        interval = f" [{accuracy['low']:.3f}, {accuracy['high']:.3f}]" if "low" in accuracy else ""
        return (
            f"<cohort.Audit of {self._parsed['clips']} rows of {self._parsed['subjects']} subjects: "
            f"accuracy {accuracy['value']:.3f}{interval}, disadvantage {self.outcome.replace('_', ' ')}>"
        )

    def _repr_html_(self) -> str:
        page = html.escape(self.to_html(), quote=True)
        return f'<iframe srcdoc="{page}" title="Audit" style="width:100%;height:640px;border:0"></iframe>'


class _Stream:
    """A table of a document as Arrow's consumers ask for it."""

    def __init__(self, document: _native.AuditDocument, name: str) -> None:
        self._document = document
        self._name = name

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._document.table(self._name)


def audit(
    y_true: Column,
    y_pred: Column | None = None,
    *,
    subject: Column | None = None,
    groups: Frame | None = None,
    proba: Any = None,
    classes: Column | None = None,
    ordered: bool | None = None,
    against: Column | None = None,
    against_proba: Any = None,
    against_name: str = "against",
    favourable: object = None,
    intersections: bool = False,
    ids: Column | None = None,
    target: str | None = None,
    schema: str | os.PathLike[str] | None = None,
    resamples: int = 10_000,
    permutations: int = 5_000,
    level: float = 0.95,
    alpha: float = 0.05,
    seed: int = 1,
    threads: int | None = None,
) -> Audit:
    """Audits predictions: skill first, intervals by subject, gaps between groups against chance.

    Columns have one value a row and may be lists, NumPy arrays, pandas or polars Series, Arrow arrays, or anything with
    ``__arrow_c_stream__``, ``__arrow_c_array__`` or ``__array__``. Values are compared as codes: ``1``, ``1.0`` and
    ``"1"`` are one; missing values (None, NaN, NA) are none.

    Args:
        y_true: The true class of each row.
        y_pred: The predicted class; None takes the most probable one of ``proba``.
        subject: Whose the row is. Rows of one subject are not independent: intervals resample subjects and relabelling
            moves them whole. None (default) takes every row for a subject of its own.
        groups: Who the rows are: one column, or several as a DataFrame, an Arrow table or a mapping of names to columns.
            A missing value is a group of its own.
        proba: Probabilities in [0, 1], rows by classes: an array with its columns in the order of ``classes``, or a frame
            whose columns are named by class. One dimension: the probability of the second of two classes. Rows that do
            not sum to 1 are divided by their sum, and counted.
        classes: The classes in order, that of the columns of ``proba``. Default: those that occur, by their numbers where
            all are numbers or ranges, else as text, as scikit-learn's ``classes_`` are.
        ordered: Whether the classes are ordered, which adds quadratic kappa, errors in classes and the like. Default:
            whether they are numbers or ranges of numbers.
        against: Predictions of a second model for the same rows, for paired differences.
        against_proba: Its probabilities.
        against_name: Its name in the document.
        favourable: The class that people want: adds selection rates and the four-fifths rule.
        intersections: Whether the groups of every pair of columns are compared too.
        ids: Names of the rows, each once. Default: their numbers from 1. They decide nothing but the order in which rows
            are looked at, and so which random numbers fall on which.
        target: What ``y_true`` is called in the document. Default: the name of the Series, else ``target``.
        schema: What codes mean: a schema file (``cohort.toml``), or ``first-impressions``.
        resamples: Bootstrap resamples, 100 to 1,000,000.
        permutations: Random relabellings a test, 100 to 1,000,000.
        level: Level of the intervals, above 0 and below 1.
        alpha: Chance of any false alarm among the findings, above 0 and below 1.
        seed: Seed of all random numbers, from 0; the same seed gives the same document whatever the threads.
        threads: Threads, 1 to 1024. Default: see :mod:`cohort._threads`: as ``RAYON_NUM_THREADS`` or
            ``OMP_NUM_THREADS`` says, 1 in a worker of :mod:`multiprocessing`, else one a core.

    Returns:
        An :class:`Audit`: tables, the JSON document, text, a page, pictures.

    Raises:
        cohort.InputError: Columns of different lengths or of types that are no classes, a missing truth or prediction,
            probabilities outside [0, 1], a class without a column, a setting out of range; with the row where it is one.
        KeyboardInterrupt: On Ctrl-C, at once; the threads of the call finish unseen.

    Methods, formulas and their sources: ``docs/statistics.md`` of the crate ``cohort-eval``.
    """
    found = _ask.tables(
        y_true,
        y_pred,
        subject=subject,
        groups=groups,
        proba=proba,
        classes=classes,
        against=against,
        against_proba=against_proba,
        ids=ids,
        target=target,
    )
    asked = _asked(
        schema=schema,
        classes=found.classes,
        ordered=ordered,
        subject=found.subject,
        target=found.target,
        groups=found.groups,
        intersections=intersections,
        favourable=favourable,
        resamples=resamples,
        permutations=permutations,
        level=level,
        alpha=alpha,
        seed=seed,
    )
    second = None if found.against is None else (against_name, found.against)
    answer = _native.audit(found.predictions, [found.labels], second, asked, [], _threads.count(threads))
    return Audit(answer)


def audit_tables(
    predictions: Frame | str | os.PathLike[str],
    labels: Frame | str | os.PathLike[str] | Sequence[Frame | str | os.PathLike[str]],
    *,
    against: Frame | str | os.PathLike[str] | None = None,
    against_name: str | None = None,
    columns: Mapping[str, str] | None = None,
    subject: str | None = None,
    target: str | None = None,
    groups: Sequence[str] = (),
    intersections: bool = False,
    classes: Column | None = None,
    ordered: bool | None = None,
    schema: str | os.PathLike[str] | None = None,
    favourable: object = None,
    resamples: int = 10_000,
    permutations: int = 5_000,
    level: float = 0.95,
    alpha: float = 0.05,
    seed: int = 1,
    threads: int | None = None,
) -> Audit:
    """Audits tables of predictions and labels, joined by ``VideoName``: what ``cohort audit`` does, on frames or files.

    Args:
        predictions: ``VideoName``, ``ground_truth``, ``prediction`` and perhaps probabilities (``p1..pK``, ``p_CLASS``, or
            a list ``probabilities``): a frame, or the path of a CSV or Parquet file.
        labels: ``VideoName``, subject and attributes of every row; several tables are one below another.
        against: Predictions of a second model.
        against_name: Its name in the document. Default: the name of its file, else ``against``.
        columns: Columns that the tables call otherwise: ``{"ground_truth": "y_true"}``.
        subject: Column of the labels with the subject; ``VideoName`` takes every row for one of its own. Default: the
            schema's, else ``UserID``.
        target: Column that the model predicts. Default: the schema's, else ``AgeGroup``.
        groups: Columns whose groups are compared. Default: every other column.

    The others, what is returned and what is raised: as :func:`audit`.
    """
    asked = _asked(
        schema=schema,
        classes=[] if classes is None else _columns.codes("classes", classes),
        ordered=ordered,
        subject=subject,
        target=target,
        groups=[groups] if isinstance(groups, str) else list(groups),
        intersections=intersections,
        favourable=favourable,
        resamples=resamples,
        permutations=permutations,
        level=level,
        alpha=alpha,
        seed=seed,
    )
    several = labels if isinstance(labels, (list, tuple)) else [labels]
    second = None
    if against is not None:
        is_file = isinstance(against, (str, os.PathLike))
        name = against_name or (Path(against).name if is_file else "against")
        second = (name, _source("against", against))
    answer = _native.audit(
        _source("predictions", predictions),
        [_source("labels", each) for each in several],
        second,
        asked,
        list((columns or {}).items()),
        _threads.count(threads),
    )
    return Audit(answer)


def _source(what: str, given: Any) -> object:
    if isinstance(given, (str, os.PathLike)):
        return os.fspath(given)
    return _columns.table_of(what, given)


def _is_whole(value: object) -> bool:
    """Whether a value is a whole number that 64 bits hold."""
    index = getattr(value, "__index__", None)
    return index is not None and not isinstance(value, bool) and 0 <= index() < 2**64


def _asked(*, schema: str | os.PathLike[str] | None, favourable: object, **others: Any) -> dict[str, Any]:
    """Settings in the types that the native side takes; what is of another type is told by name."""
    whole = {"resamples", "permutations", "seed"}
    for name, value in others.items():
        if name in whole and not _is_whole(value):
            raise refused(name, "a whole number from 0 to 18446744073709551615", repr(value))
        if name in ("level", "alpha") and not isinstance(value, (int, float)):
            raise refused(name, "a number above 0 and below 1", repr(value))
        if name == "ordered" and value not in (None, True, False):
            raise refused(name, "True, False or None", repr(value))
    return {
        **others,
        "schema": None if schema is None else os.fspath(schema),
        "favourable": None if favourable is None else _columns.codes("favourable", [favourable])[0],
    }
