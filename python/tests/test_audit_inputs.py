"""Columns of every make give one answer, and what is no column is refused by name and row."""

from __future__ import annotations

import array
import datetime
import pickle

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import cohort

QUICK = {"resamples": 100, "permutations": 100}


@pytest.fixture(scope="module")
def expected(predicted):
    p = predicted
    return cohort.audit(p.truth, p.predicted, subject=p.subject, groups={"g": p.gender}, **QUICK).to_json()


def read_only(values):
    values = values.copy()
    values.flags.writeable = False
    return values


class OnlyArray:
    """Something that NumPy can read."""

    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.values, dtype=dtype)

    def __len__(self):
        return len(self.values)


class OnlyStream:
    """Something that Arrow can read."""

    def __init__(self, values):
        self.values = pa.chunked_array([values[:100], values[100:]])

    def __arrow_c_stream__(self, requested_schema=None):
        return self.values.__arrow_c_stream__(requested_schema)


class OnlyCArray:
    """Something that Arrow can read in one piece."""

    def __init__(self, values):
        self.values = pa.array(values)

    def __arrow_c_array__(self, requested_schema=None):
        return self.values.__arrow_c_array__(requested_schema)


MAKES = {
    "list": list,
    "list of Python's numbers": lambda v: v.tolist(),
    "tuple": lambda v: tuple(v.tolist()),
    "array": lambda v: array.array("q", v.tolist()) if v.dtype.kind == "i" else v,
    "other byte order": lambda v: v.astype(v.dtype.newbyteorder(">")),
    "not contiguous": lambda v: np.repeat(v, 2)[::2],
    "reversed": lambda v: v[::-1].copy()[::-1],
    "read-only": read_only,
    "objects": lambda v: v.astype(object),
    "floats": lambda v: v.astype(float) if v.dtype.kind == "i" else v,
    "small": lambda v: v.astype(np.int8) if v.dtype.kind == "i" else v,
    "float16": lambda v: v.astype(np.float16) if v.dtype.kind == "i" else v,
    "text": lambda v: v.astype(str),
    "masked": lambda v: np.ma.masked_array(v, mask=False),
    "pandas": pd.Series,
    "pandas with another index": lambda v: pd.Series(v, index=np.arange(len(v))[::-1]),
    "pandas nullable": lambda v: pd.Series(v).convert_dtypes(),
    "pandas category": lambda v: pd.Series(v).astype("category"),
    "pandas categorical": pd.Categorical,
    "pandas index": pd.Index,
    "arrow": pa.array,
    "arrow chunked": lambda v: pa.chunked_array([v[:7], v[7:]]),
    "arrow dictionary": lambda v: pa.array(v).dictionary_encode(),
    "arrow large": lambda v: pa.array(v).cast(pa.large_string()),
    "array protocol": OnlyArray,
    "stream": OnlyStream,
    "c array": OnlyCArray,
}


@pytest.mark.parametrize("make", MAKES)
def test_every_make_of_column_gives_the_same_document(predicted, expected, make):
    p, make = predicted, MAKES[make]
    found = cohort.audit(
        make(p.truth), make(p.predicted), subject=make(p.subject), groups={"g": make(p.gender)}, **QUICK
    )
    assert found.to_json() == expected


def test_polars_gives_the_same_document(predicted, expected):
    polars = pytest.importorskip("polars")
    p = predicted
    frame = polars.DataFrame(
        {"target": p.truth, "predicted": p.predicted, "subject": p.subject, "g": p.gender}
    )
    for groups in (frame.select("g"), frame["g"], frame["g"].cast(polars.Categorical).alias("g")):
        found = cohort.audit(
            frame["target"], frame["predicted"], subject=frame["subject"], groups=groups, **QUICK
        )
        assert found.to_json() == expected
    with pytest.raises(cohort.InputError, match="expected one column, found DataFrame"):
        cohort.audit(frame, p.predicted)


def test_frames_of_groups(predicted):
    p = predicted
    makes = (
        {"gender": p.gender, "region": p.region},
        pd.DataFrame({"gender": p.gender, "region": p.region}),
        pa.table({"gender": p.gender, "region": p.region}),
        pa.record_batch({"gender": pa.array(p.gender), "region": pa.array(p.region)}),
    )
    found = {cohort.audit(p.truth, p.predicted, groups=groups, **QUICK).to_json() for groups in makes}
    assert len(found) == 1
    named = cohort.audit(p.truth, p.predicted, groups=pd.Series(p.gender, name="sex"), **QUICK)
    assert set(named.groups["attribute"].to_pylist()) == {"sex", "target"}


def test_names_of_series_name_columns(predicted):
    p = predicted
    found = cohort.audit(
        pd.Series(p.truth, name="age"), p.predicted, subject=pd.Series(p.subject, name="who"), **QUICK
    )
    settings = found.to_dict()["settings"]
    assert (settings["target"], settings["subject"]) == ("age", "who")


def test_missing_groups_are_a_group_and_missing_truths_an_error(predicted):
    p = predicted
    gender = pd.Series(p.gender).where(np.arange(600) % 3 > 0)
    for groups in (gender, pd.Series(gender).astype("category"), gender.tolist(), pa.array(gender, from_pandas=True)):
        found = cohort.audit(p.truth, p.predicted, groups={"g": groups}, **QUICK)
        names = {row["name"] for row in found.groups.to_pylist() if row["attribute"] == "g"}
        assert names == {"f", "m", "(no value)"}
    for missing in (None, float("nan"), pd.NA, pd.NaT):
        holes = p.predicted.astype(object)
        holes[4] = missing
        with pytest.raises(cohort.InputError, match="row 5: expected a prediction") as caught:
            cohort.audit(p.truth, holes)
        assert (caught.value.row, caught.value.index, caught.value.file) == (5, 4, "predictions")
        assert caught.value.expected == "a prediction"
        with pytest.raises(cohort.InputError, match="row 5: expected a ground truth in every row"):
            cohort.audit(holes, p.predicted)
    with pytest.raises(cohort.InputError, match="expected"):
        cohort.audit([None] * 4, [1, 2, 1, 2])
    masked = np.ma.masked_array(p.predicted, mask=np.arange(600) == 9)
    with pytest.raises(cohort.InputError, match="row 10: expected a prediction"):
        cohort.audit(p.truth, masked)
    with pytest.raises(cohort.InputError, match="a subject for every clip"):
        cohort.audit(p.truth, p.predicted, subject=[None, *p.subject[1:]])


HOSTILE = [
    ("a text", "abc", "found 'abc'"),
    ("bytes", b"abc", "found b'abc'"),
    ("a number", 3, "found int"),
    ("nothing", None, "found NoneType"),
    ("a set", {1, 2}, "found set"),
    ("a mapping", {"a": [1]}, "found dict"),
    ("a generator", (i for i in range(3)), "found generator"),
    ("two dimensions", np.zeros((4, 2), int), "found shape (4, 2)"),
    ("no dimension", np.array(3), "found shape ()"),
    ("complex", np.zeros(4, complex), "found dtype complex128"),
    ("structured", np.zeros(4, [("a", int)]), "found dtype"),
    ("raw bytes", np.array([b"a"] * 4), "found dtype |S1"),
    ("long double", np.zeros(4, np.longdouble), "64 bits"),
    ("a frame", pd.DataFrame({"a": [1] * 4}), "expected one column, found DataFrame of shape (4, 1)"),
    ("an arrow table", pa.table({"a": [1] * 4}), "expected one column"),
    ("mixed", [1, 2, "a", 3], "row 3: expected values of one kind (float, as in the rows before), found 'a', a str"),
    ("mixed with truth values", [1, True, 1, 1], "row 2: expected values of one kind"),
    ("objects of a kind", [object()] * 4, "a column that Arrow can read"),
    ("lists", [[1], [2], [3], [4]], "found values of type list"),
    ("structs", [{"a": 1}] * 4, "found values of type struct"),
    ("arrow lists", pa.array([[1]] * 4), "found values of type list"),
    ("arrow bytes", pa.array([b"a"] * 4), "found values of type binary"),
    ("too short", [1, 2, 3], "expected 4 values, one a row, found 3"),
    ("too long", [1, 2, 3, 4, 5], "expected 4 values, one a row, found 5"),
    ("beyond 64 bits", [2**70] * 4, "a column that Arrow can read"),
]


@pytest.mark.parametrize("name, values, message", HOSTILE, ids=[case[0] for case in HOSTILE])
def test_what_is_no_column_is_refused_wherever_it_stands(name, values, message):
    truth = [1, 2, 1, 2]
    for given in ({"y_pred": values}, {"y_pred": truth, "subject": values}, {"y_pred": truth, "ids": values}):
        if values is None:
            given = {"y_pred": truth, "groups": {"g": None}}
        elif name == "a generator":
            given = {"y_pred": values}
        with pytest.raises(cohort.InputError) as caught:
            cohort.audit(truth, **given)
        assert message in str(caught.value)
        assert isinstance(caught.value, ValueError)
        assert caught.value.file and caught.value.expected and caught.value.found


def test_nothing_at_all_is_refused():
    for empty in ([], np.array([]), pd.Series([], dtype=object), pa.array([], pa.int64())):
        with pytest.raises(cohort.InputError, match="y_true: expected at least one row, found none"):
            cohort.audit(empty, empty)
    with pytest.raises(cohort.InputError, match="y_pred: expected a predicted class a row, or probabilities"):
        cohort.audit([1, 2])


def test_names_of_columns_are_told_apart(predicted):
    p = predicted
    frame = pd.DataFrame(np.array([p.gender, p.region]).T, columns=["a", "a"])
    with pytest.raises(cohort.InputError, match="groups: expected every column once, found column 'a' twice"):
        cohort.audit(p.truth, p.predicted, groups=frame)
    for name in ("target", "Target", "VideoName", "subject"):
        with pytest.raises(cohort.InputError, match="groups: expected a name that no other column has"):
            cohort.audit(p.truth, p.predicted, subject=p.subject, groups={name: p.gender})
    with pytest.raises(cohort.InputError, match="groups, column g: expected 600 values"):
        cohort.audit(p.truth, p.predicted, groups={"g": p.gender[:5]})


def test_dates_and_truth_values_are_codes():
    days = [datetime.date(2024, 1, 1 + i % 2) for i in range(40)]
    found = cohort.audit(days, days, **QUICK).to_dict()
    assert [each["code"] for each in found["classes"]] == ["2024-01-01", "2024-01-02"]
    truth = np.arange(40) % 2 == 0
    found = cohort.audit(truth, ~truth, classes=[False, True], favourable=True, **QUICK).to_dict()
    assert [each["code"] for each in found["classes"]] == ["false", "true"]
    assert found["metrics"]["accuracy"]["value"] == 0.0 and found["selection"] is not None


def test_probabilities_of_every_make(predicted):
    p = predicted
    def told(proba):
        """The document; that columns named by class were taken for that is a note."""
        document = cohort.audit(p.truth, p.predicted, proba=proba, **QUICK).to_dict()
        notes = document.pop("notes")
        assert notes == (["predictions: columns p_1 to p_4 are read as the probabilities of 4 classes"] if named(proba) else [])
        return document

    def named(proba):
        return isinstance(proba, (pd.DataFrame, pa.Table))

    expected = told(p.proba)
    for proba in (
        p.proba.tolist(),
        np.asfortranarray(p.proba),
        p.proba.astype(">f8"),
        read_only(p.proba),
        np.repeat(p.proba, 2, axis=0)[::2],
        pd.DataFrame(p.proba, columns=[1, 2, 3, 4]),
        pd.DataFrame(p.proba[:, ::-1], columns=["4", "3", "2", "1"]),
        pa.table({str(i + 1): p.proba[:, i] for i in range(4)}),
    ):
        assert told(proba) == expected
    most = cohort.audit(p.truth, proba=p.proba, **QUICK).to_dict()
    assert most["metrics"]["accuracy"]["value"] == float((p.predicted == p.truth).mean())


def test_the_order_of_probabilities_is_that_of_the_stated_classes(predicted):
    p = predicted
    classes = [3, 1, 4, 2]
    shuffled = p.proba[:, [2, 0, 3, 1]]
    expected = cohort.audit(p.truth, p.predicted, proba=p.proba, **QUICK).to_dict()["metrics"]["nll"]
    for proba in (shuffled, pd.DataFrame(p.proba, columns=[1, 2, 3, 4])):
        found = cohort.audit(p.truth, p.predicted, proba=proba, classes=classes, ordered=False, **QUICK)
        document = found.to_dict()
        assert document["metrics"]["nll"]["value"] == pytest.approx(expected["value"], abs=1e-12)
        assert [each["code"] for each in document["classes"]] == ["3", "1", "4", "2"]
        assert "class_columns" not in document or not document["class_columns"]["put_right"]
    # and where the caller is wrong, the predictions tell
    told = cohort.audit(p.truth, p.predicted, proba=p.proba, classes=[4, 3, 2, 1], **QUICK)
    assert told.to_dict()["class_columns"]["put_right"] or any("probabilit" in note for note in told.notes)


def test_binary_probabilities_of_one_dimension():
    random = np.random.default_rng(3)
    truth = np.arange(200) % 2
    score = np.clip(0.5 + 0.3 * (truth - 0.5) + 0.2 * random.normal(size=200), 0, 1)
    names = np.array(["no", "yes"])[truth]
    for y, classes in ((truth, None), (names, ["no", "yes"]), (names, None)):
        found = cohort.audit(y, proba=score, classes=classes, **QUICK).to_dict()
        accuracy = float(((score > 0.5).astype(int) == truth).mean())
        assert found["metrics"]["accuracy"]["value"] == pytest.approx(accuracy, abs=0.01)
    with pytest.raises(cohort.InputError, match="of one dimension it is of two classes"):
        cohort.audit([1, 1, 1], [1, 1, 1], proba=[0.1, 0.2, 0.3])


@pytest.mark.parametrize(
    "proba, message",
    [
        (np.full((4, 2), 1.5), "row 1: expected a probability in [0, 1], found 1.5"),
        (np.array([[0.5, 0.5], [np.nan, 0.5], [0, 1], [1, 0]]), "row 2: expected a probability in [0, 1]"),
        (np.array([[0.5, 0.5], [0.0, 0.0], [0, 1], [1, 0]]), "row 2: expected probabilities of which one"),
        (np.full((4, 1), 0.5), "expected a column a class, two or more, found 1"),
        (np.full((4, 3), 0.3), "expected 2 columns, one a class (a, b), found 3"),
        (np.full((3, 2), 0.5), "expected an array of 4 rows by classes, found shape (3, 2)"),
        (np.full((4, 2, 1), 0.5), "found shape (4, 2, 1)"),
        (np.full((4, 2), 0.5 + 0j), "found dtype complex128"),
        (np.full((4, 2), "x"), "expected numbers from 0 to 1"),
        ([[0.5, 0.5], [0.5]], "an array of rows by classes"),
        (pd.DataFrame({"a": [0.5] * 4, "c": [0.5] * 4}), "expected a column a class (a, b), found columns a, c"),
        (pd.DataFrame({"a": [0.5] * 4, "b": ["x"] * 4}), "expected numbers from 0 to 1"),
        (pd.DataFrame({"a": [0.5] * 4, "b": [0.5, None, 0.5, 0.5]}), "row 2: expected a probability in [0, 1]"),
    ],
)
def test_bad_probabilities_are_refused(proba, message):
    with pytest.raises(cohort.InputError) as caught:
        cohort.audit(["a", "b", "a", "b"], ["a", "b", "a", "b"], proba=proba, classes=["a", "b"])
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "given, message",
    [
        ({"resamples": 99}, "resamples: expected 100 to 1000000, found 99"),
        ({"resamples": 2.5}, "resamples: expected a whole number"),
        ({"permutations": -1}, "permutations: expected a whole number"),
        ({"level": 1.0}, "level"),
        ({"level": "high"}, "level: expected a number"),
        ({"alpha": 0}, "alpha"),
        ({"seed": -1}, "seed: expected a whole number from 0"),
        ({"seed": True}, "seed: expected a whole number from 0"),
        ({"seed": 2**64}, "seed: expected a whole number from 0"),
        ({"resamples": 2**70}, "resamples: expected a whole number from 0"),
        ({"target": "VideoName"}, "target: expected a name that no other column has"),
        ({"threads": 0}, "threads: expected a whole number from 1 to 1024"),
        ({"ordered": "yes"}, "ordered: expected True, False or None"),
        ({"classes": ["a", "b", "a"]}, "expected every class once, found \"a\" twice"),
        ({"classes": ["a"]}, "expected one of the classes a, found \"b\""),
        ({"ordered": True}, "expected classes in their order, for none is evident from numbers, found a, b"),
        ({"favourable": "c"}, "c"),
        ({"schema": "none.toml"}, "none.toml"),
        ({"ids": ["x", "x", "y", "z"]}, "every clip once"),
        ({"against": ["a", "b", "c", "a"]}, "expected one of the classes a, b, found \"c\""),
    ],
)
def test_bad_settings_are_refused(given, message):
    with pytest.raises(cohort.InputError) as caught:
        cohort.audit(["a", "b", "a", "b"], ["a", "b", "b", "b"], **given)
    assert message in str(caught.value)


def test_errors_survive_pickling():
    with pytest.raises(cohort.InputError) as caught:
        cohort.audit([1, 2], [1, None])
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.row, again.expected) == (str(caught.value), 2, "a prediction")
