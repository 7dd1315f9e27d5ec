"""Point metrics of prediction files by scikit-learn and Fairlearn, as golden values for tests/golden.rs.

    python3 -m venv VENV && VENV/bin/pip install "scikit-learn==1.9.1" "fairlearn==0.15.0" pandas
    VENV/bin/python scripts/compare_sklearn_fairlearn.py real SHARED > tests/golden/real.json
    VENV/bin/python scripts/compare_sklearn_fairlearn.py made > tests/golden/made.json

`real` reads SHARED/data/first-impressions (its files stay where they are; only metrics are written), `made` a small
sample made here and written with its metrics.
"""

import json
import sys
from pathlib import Path

import fairlearn
import numpy as np
import pandas as pd
import sklearn
from fairlearn.metrics import (
    MetricFrame,
    equalized_odds_difference,
    false_positive_rate,
    true_positive_rate,
)
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    cohen_kappa_score,
    f1_score,
    log_loss,
    mean_absolute_error,
    precision_score,
)


def ece(p, truth, predicted, bins=15):
    """Guo et al. 2017, bins (0, 1/15], (1/15, 2/15], ..."""
    confidence = p[np.arange(len(p)), predicted]
    right = predicted == truth
    at = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    gaps = [abs((right[at == b] - confidence[at == b]).sum()) for b in range(bins)]
    return sum(gaps) / len(p)


def metrics(truth, predicted, p, midpoints):
    k = len(midpoints)
    one_hot = np.eye(k)
    by_class = [mean_absolute_error(truth[truth == c], predicted[truth == c]) for c in np.unique(truth)]
    found = {
        "accuracy": accuracy_score(truth, predicted),
        "balanced_accuracy": balanced_accuracy_score(truth, predicted),
        "macro_precision": precision_score(truth, predicted, average="macro", zero_division=0),
        "macro_f1": f1_score(truth, predicted, average="macro", zero_division=0),
        "kappa": cohen_kappa_score(truth, predicted),
        "quadratic_kappa": cohen_kappa_score(truth, predicted, weights="quadratic"),
        "mae_groups": mean_absolute_error(truth, predicted),
        "mae_years": mean_absolute_error(midpoints[truth], midpoints[predicted]),
        "macro_mae": float(np.mean(by_class)),
        "within_one": float(np.mean(np.abs(truth - predicted) <= 1)),
        "signed_error": float(np.mean(predicted - truth)),
    }
    if p is not None:
        p = p / p.sum(axis=1, keepdims=True)
        cumulative = np.cumsum(p, axis=1) - np.cumsum(one_hot[truth], axis=1)
        found |= {
            "nll": log_loss(truth, p, labels=list(range(k))),
            "brier": float(np.mean(((p - one_hot[truth]) ** 2).sum(axis=1))),
            "rps": float(np.mean((cumulative[:, :-1] ** 2).sum(axis=1) / (k - 1))),
            "ece": ece(p, truth, predicted),
        }
    return found


def groups(truth, predicted, labels, classes):
    found = {}
    for name, column in labels.items():
        frame = MetricFrame(
            metrics={
                "accuracy": accuracy_score,
                "balanced_accuracy": balanced_accuracy_score,
                "mae_groups": mean_absolute_error,
            },
            y_true=truth,
            y_pred=predicted,
            sensitive_features=column,
        )
        odds = {}
        for k in range(classes):
            rates = MetricFrame(
                metrics={"tpr": true_positive_rate, "fpr": false_positive_rate},
                y_true=truth == k,
                y_pred=predicted == k,
                sensitive_features=column,
            )
            present = pd.Series(truth == k).groupby(column).sum().min() > 0
            odds[str(k)] = {
                "false_positive_gap": rates.difference()["fpr"],
                "true_positive_gap": rates.difference()["tpr"] if present else None,
                "equalized_odds": equalized_odds_difference(
                    truth == k, predicted == k, sensitive_features=column
                )
                if present
                else None,
            }
        found[name] = {
            "by_group": {str(g): row.to_dict() for g, row in frame.by_group.iterrows()},
            "difference": frame.difference().to_dict(),
            "ratio": frame.ratio().to_dict(),
            "odds": odds,
        }
    return found


def real(shared):
    folder = Path(shared) / "data/first-impressions"
    labels = pd.read_csv(folder / "test_set_age_labels.csv", dtype=str).set_index("VideoName")
    midpoints = np.array([10, 16, 21.5, 28.5, 39, 53, 68])
    out = {}
    for file in sorted((folder / "predictions").glob("*.csv")):
        p = None
        if "probabilities" in file.read_text().splitlines()[0]:
            rows = [line.split(",", 3) for line in file.read_text().splitlines()[1:]]
            table = pd.DataFrame([r[:3] for r in rows], columns=["VideoName", "ground_truth", "prediction"])
            p = np.array([json.loads(r[3].strip('"')) for r in rows])
        else:
            table = pd.read_csv(file)
        truth = table.ground_truth.astype(int).to_numpy() - 1
        predicted = table.prediction.astype(int).to_numpy() - 1
        joined = labels.loc[table.VideoName]
        columns = {name: joined[name].to_numpy() for name in ("Gender", "Ethnicity")}
        out[file.name] = {
            "metrics": metrics(truth, predicted, p, midpoints),
            "groups": groups(truth, predicted, columns, 7),
        }
    return out


def made():
    draw = np.random.default_rng(7)
    n, k = 120, 4
    midpoints = np.array([10.0, 16.0, 30.0, 50.0])
    truth = draw.choice(k, n, p=[0.1, 0.3, 0.4, 0.2])
    p = draw.dirichlet(np.ones(k), n) + 0.8 * np.eye(k)[np.clip(truth + draw.integers(-1, 2, n), 0, k - 1)]
    p = np.round(p / 1.8, 6)  # no longer sums to one exactly: divided by the sum on both sides
    predicted = p.argmax(axis=1)
    group = draw.choice(["a", "b", "c"], n, p=[0.5, 0.3, 0.2])
    subject = np.sort(draw.integers(0, 40, n))
    return {
        "truth": truth.tolist(),
        "predicted": predicted.tolist(),
        "probabilities": p.ravel().tolist(),
        "group": group.tolist(),
        "subject": subject.tolist(),
        "midpoints": midpoints.tolist(),
        "metrics": metrics(truth, predicted, p, midpoints),
        "groups": groups(truth, predicted, {"Group": group}, k),
    }


out = real(sys.argv[2]) if sys.argv[1] == "real" else made()
versions = {"scikit-learn": sklearn.__version__, "fairlearn": fairlearn.__version__}
json.dump({"versions": versions, **({"files": out} if sys.argv[1] == "real" else out)}, sys.stdout, indent=1)
