"""The document is the one that the program prints, digit for digit, and every form says the same."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import cohort
from cohort import _ask

QUICK = {"resamples": 200, "permutations": 200}
QUICK_OPTIONS = ("--resamples", 200, "--permutations", 200)


def written(folder, tables: _ask.Tables):
    """The tables of an audit as files."""
    paths = {}
    for name in ("predictions", "labels", "against"):
        table = getattr(tables, name)
        if table is not None:
            paths[name] = folder / f"{name}.parquet"
            pq.write_table(table, paths[name])
    return paths


def tables_of(y_true, y_pred, **given):
    asked = dict.fromkeys(
        ("subject", "groups", "proba", "classes", "against", "against_proba", "ids", "target")
    )
    return _ask.tables(y_true, y_pred, **{**asked, **given})


def both(run, folder, y_true, y_pred, options=(), settings=None, **columns):
    """The documents of the package and of the program on the same columns."""
    tables = tables_of(y_true, y_pred, **columns)
    paths = written(folder, tables)
    options = [*options, "--subject", tables.subject, "--target", tables.target]
    for group in tables.groups:
        options += ["--group", group]
    if "against" in paths:
        options += ["--against", paths["against"]]
        columns["against_name"] = "against.parquet"
    printed = run(
        "audit", paths["predictions"], "--labels", paths["labels"], "--json", *QUICK_OPTIONS, *options
    )
    ours = cohort.audit(y_true, y_pred, **columns, **QUICK, **(settings or {}))
    return ours, json.loads(printed)


def test_equals_the_program_with_subjects_groups_and_probabilities(run, tmp_path, predicted):
    p = predicted
    groups = pd.DataFrame({"gender": p.gender, "region": p.region})
    ours, theirs = both(
        run, tmp_path, p.truth, p.predicted, subject=p.subject, groups=groups, proba=p.proba
    )
    assert ours.to_dict() == theirs
    assert ours.to_json() == json.dumps(theirs, indent=2, ensure_ascii=False)
    assert theirs["schema"] == "cohort.audit/1" and theirs["clips"] == 600 and theirs["subjects"] == 60
    assert ours.outcome == "shown" and "east" in ours.findings["group"].to_pylist()


def test_equals_the_program_with_a_second_model(run, tmp_path, predicted):
    p = predicted
    ours, theirs = both(run, tmp_path, p.truth, p.predicted, subject=p.subject, against=p.other)
    assert ours.to_dict() == theirs
    assert theirs["comparison"]["against"] == "against.parquet"
    row = ours.comparison.filter(pa.compute.equal(ours.comparison["metric"], "accuracy"))
    expected = float((p.predicted == p.truth).mean() - (p.other == p.truth).mean())
    assert row["value"].to_pylist()[0] == pytest.approx(expected, abs=1e-12)


def test_equals_the_program_with_stated_classes_and_every_setting(run, tmp_path, predicted):
    p = predicted
    names = {1: "low", 2: "mid", 3: "high", 4: "top"}
    truth = [names[i] for i in p.truth]
    guess = [names[i] for i in p.predicted]
    ours, theirs = both(
        run,
        tmp_path,
        truth,
        guess,
        subject=p.subject,
        groups={"gender": p.gender, "region": p.region},
        proba=p.proba.astype("float32"),
        classes=list(names.values()),
        options=[
            "--order", "low,mid,high,top", "--intersections", "--favourable", "top",
            "--level", 0.9, "--alpha", 0.1, "--seed", 11,
        ],
        settings={
            "ordered": True, "intersections": True, "favourable": "top",
            "level": 0.9, "alpha": 0.1, "seed": 11,
        },
    )
    assert ours.to_dict() == theirs
    assert theirs["settings"]["ordered"] and theirs["selection"] is not None


def test_equals_the_program_without_order_and_without_subjects(run, tmp_path, predicted):
    p = predicted
    truth = [["cat", "dog", "owl", "ape"][i - 1] for i in p.truth]
    guess = [["cat", "dog", "owl", "ape"][i - 1] for i in p.predicted]
    ours, theirs = both(run, tmp_path, truth, guess, groups={"gender": p.gender})
    assert ours.to_dict() == theirs
    assert not theirs["settings"]["ordered"]
    assert any("no order that is stated" in note for note in ours.notes)
    ours, theirs = both(
        run, tmp_path, p.truth, p.predicted, options=["--unordered"], settings={"ordered": False}
    )
    assert ours.to_dict() == theirs and not theirs["settings"]["ordered"]


def test_tables_of_the_programs_form_are_read_from_frames_and_from_files(run, tmp_path, predicted):
    p = predicted
    labels = pd.DataFrame(
        {"clip": [f"c{i}.wav" for i in range(600)], "speaker": p.subject, "gender": p.gender}
    )
    predictions = pd.DataFrame(
        {"clip": [f"x/c{i}" for i in range(600)], "y_true": p.truth, "prediction": p.predicted}
    )
    for i in range(4):
        predictions[f"p{i + 1}"] = p.proba[:, i]
    labels_path, predictions_path = tmp_path / "labels.csv", tmp_path / "predictions.parquet"
    labels.to_csv(labels_path, index=False)
    predictions.to_parquet(predictions_path)
    theirs = run(
        "audit", predictions_path, "--labels", labels_path, "--subject", "speaker",
        "--column", "ground_truth=y_true", "--json", *QUICK_OPTIONS,
    )
    given = {"subject": "speaker", "columns": {"ground_truth": "y_true"}, **QUICK}
    ours = cohort.audit_tables(str(predictions_path), labels_path, **given)
    assert ours.to_dict() == json.loads(theirs)
    halves = [labels[:200], pa.Table.from_pandas(labels[200:], preserve_index=False)]
    again = cohort.audit_tables(predictions, halves, **given)
    document = again.to_dict()
    # notes of reading name the table
    said = [note for note in document.pop("notes")]
    expected = {key: value for key, value in json.loads(theirs).items() if key != "notes"}
    assert document == expected and said
    with pytest.raises(cohort.InputError, match="columns: ground_truth=true_y: expected a column true_y"):
        cohort.audit_tables(predictions, labels, subject="speaker", columns={"ground_truth": "true_y"})
    with pytest.raises(cohort.InputError, match="cannot read") as caught:
        cohort.audit_tables(tmp_path / "none.csv", labels_path)
    assert caught.value.file == str(tmp_path / "none.csv")


@pytest.fixture(scope="module")
def audited(predicted):
    p = predicted
    return cohort.audit(
        p.truth,
        p.predicted,
        subject=p.subject,
        groups={"gender": p.gender, "region": p.region},
        proba=p.proba,
        against=p.other,
        **QUICK,
    )


def test_tables_say_what_the_document_says(audited):
    document = audited.to_dict()
    rows = audited.metrics.to_pylist()
    for row in rows:
        of = document["metrics" if row["unit"] == "clip" else "subject_metrics"][row["metric"]]
        assert row["value"] == of["value"] and row["clips"] == of["clips"]
        assert (row["low"], row["high"]) == (of.get("low"), of.get("high"))
        assert row["method"] == of.get("method") and row["caution"] == of.get("caution", of.get("reason"))
    assert len(rows) == len(document["metrics"]) + len(document["subject_metrics"])
    for table, key in (
        (audited.disparities, "disparities"),
        (audited.findings, "findings"),
        (audited.class_gaps, "class_gaps"),
    ):
        assert len(table) == len(document[key]) > 0
        for row, of in zip(table.to_pylist(), document[key], strict=True):
            assert {name: of.get(name) for name in row} == row
    groups = {(row["attribute"], row["group"], row["metric"]): row for row in audited.groups.to_pylist() if row["unit"] == "clip"}
    for group in document["groups"]:
        row = groups[group["attribute"], group["group"], "accuracy"]
        assert row["value"] == group["accuracy"]["value"]
    assert audited.metrics.to_pandas()["metric"].notna().all()


def test_tables_go_to_polars(audited):
    polars = pytest.importorskip("polars")
    frame = polars.from_arrow(audited.groups)
    assert frame.height == len(audited.groups) and "value" in frame.columns


def test_text_page_and_pictures(audited):
    assert "accuracy" in audited.to_text().lower()
    page = audited.to_html()
    assert page.startswith("<!") and "prefers-color-scheme: dark" in page
    notebook = audited._repr_html_()
    assert notebook.startswith("<iframe srcdoc=") and "<html" not in notebook.replace("&lt;html", "")
    for svg in (
        audited.plot_groups("gender"),
        audited.plot_gaps("region", width=500),
        audited.plot_confusion(),
        audited.plot_confusion("region", "east"),
        audited.plot_calibration(),
        audited.plot_calibration("gender", "f"),
    ):
        assert ElementTree.fromstring(svg._repr_svg_()).tag.endswith("svg")
    with pytest.raises(cohort.InputError, match="groups of an attribute 'Hair'|groups of an attribute \"Hair\""):
        audited.plot_groups("Hair")
    with pytest.raises(cohort.InputError, match="attribute and group together"):
        audited.plot_confusion("gender")
    assert repr(audited).startswith("<cohort.Audit of 600 rows of 60 subjects: accuracy 0.")


def test_pictures_are_saved(audited, tmp_path):
    audited.plot_groups("gender").save(tmp_path / "a.svg")
    assert (tmp_path / "a.svg").read_text(encoding="utf-8").startswith("<svg")


def test_the_same_seed_gives_the_same_document_whatever_the_threads(predicted):
    p = predicted
    documents = [
        cohort.audit(p.truth, p.predicted, subject=p.subject, threads=threads, **QUICK).to_json()
        for threads in (1, 2, 5)
    ]
    assert len(set(documents)) == 1
    other = cohort.audit(p.truth, p.predicted, subject=p.subject, seed=2, **QUICK).to_json()
    assert other != documents[0]


def test_defaults_are_those_of_the_program():
    import inspect

    from cohort import _native

    defaults = _native.audit_defaults()
    for function in (cohort.audit, cohort.audit_tables):
        parameters = inspect.signature(function).parameters
        assert {name: parameters[name].default for name in defaults} == defaults
