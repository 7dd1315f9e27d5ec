"""Values are scikit-learn's and fairlearn's where they are of the same thing."""

from __future__ import annotations

import numpy as np
import pytest

import cohort

QUICK = {"resamples": 100, "permutations": 100}


def value(audited, metric, unit="clip"):
    rows = [row for row in audited.metrics.to_pylist() if (row["metric"], row["unit"]) == (metric, unit)]
    assert len(rows) == 1
    return rows[0]["value"]


def test_metrics_are_scikit_learns(predicted):
    sklearn = pytest.importorskip("sklearn.metrics")
    p = predicted
    found = cohort.audit(p.truth, p.predicted, proba=p.proba, **QUICK)
    for metric, expected in {
        "accuracy": sklearn.accuracy_score(p.truth, p.predicted),
        "balanced_accuracy": sklearn.balanced_accuracy_score(p.truth, p.predicted),
        "macro_f1": sklearn.f1_score(p.truth, p.predicted, average="macro"),
        "macro_precision": sklearn.precision_score(p.truth, p.predicted, average="macro"),
        "kappa": sklearn.cohen_kappa_score(p.truth, p.predicted),
        "quadratic_kappa": sklearn.cohen_kappa_score(p.truth, p.predicted, weights="quadratic"),
        "mae_groups": sklearn.mean_absolute_error(p.truth, p.predicted),
        "nll": sklearn.log_loss(p.truth, p.proba),
    }.items():
        assert value(found, metric) == pytest.approx(expected, abs=1e-12), metric
    matrix = found.to_dict()["confusion"][0]
    assert matrix["attribute"] == ""
    assert np.array_equal(matrix["counts"], sklearn.confusion_matrix(p.truth, p.predicted))


def test_classes_and_their_order_are_scikit_learns():
    """Strings in text order, as ``classes_`` has them, so that ``predict_proba`` needs no word of its columns."""
    linear = pytest.importorskip("sklearn.linear_model")
    random = np.random.default_rng(1)
    names = np.array(["owl", "ape", "10", "9", "cat"])
    truth = random.integers(0, 5, 400)
    x = random.normal(size=(400, 3)) + truth[:, None] * [0.9, -0.4, 0.2]
    model = linear.LogisticRegression(max_iter=500).fit(x, names[truth])
    found = cohort.audit(names[truth], model.predict(x), proba=model.predict_proba(x), **QUICK)
    assert "class_columns" not in found.to_dict()
    assert [each["code"] for each in found.to_dict()["classes"]] == list(model.classes_)


def test_groups_and_gaps_are_fairlearns(predicted):
    fairlearn = pytest.importorskip("fairlearn.metrics")
    from sklearn.metrics import accuracy_score, recall_score

    p = predicted
    found = cohort.audit(
        p.truth, p.predicted, subject=p.subject, groups={"region": p.region}, favourable=4, **QUICK
    )
    frame = fairlearn.MetricFrame(
        metrics=accuracy_score, y_true=p.truth, y_pred=p.predicted, sensitive_features=p.region
    )
    rows = {
        row["group"]: row["value"]
        for row in found.groups.to_pylist()
        if (row["attribute"], row["metric"], row["unit"]) == ("region", "accuracy", "clip")
    }
    assert rows == pytest.approx(dict(frame.by_group), abs=1e-12)
    gap = [
        row["observed"]
        for row in found.disparities.to_pylist()
        if (row["attribute"], row["metric"], row["measure"], row["scheme"])
        == ("region", "accuracy", "max_min", "plain")
    ]
    assert gap == [pytest.approx(frame.difference(), abs=1e-12)]
    is_top = lambda values: (values == 4).astype(int)  # noqa: E731
    recall = fairlearn.MetricFrame(
        metrics=recall_score,
        y_true=is_top(p.truth),
        y_pred=is_top(p.predicted),
        sensitive_features=p.region,
    )
    top = [row for row in found.class_gaps.to_pylist() if (row["attribute"], row["class"]) == ("region", "4")]
    assert top[0]["true_positive_gap"] == pytest.approx(recall.difference(), abs=1e-12)
    parity = fairlearn.demographic_parity_difference(
        is_top(p.truth), is_top(p.predicted), sensitive_features=p.region
    )
    selection = found.to_dict()["selection"]["attributes"][0]
    assert selection["difference"]["value"] == pytest.approx(parity, abs=1e-12)
