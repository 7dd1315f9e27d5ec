"""Curves and areas of every class against all others by scikit-learn, as golden values for tests/class_curves.rs.

    VENV/bin/python scripts/class_curves.py > tests/golden/class_curves.json

Probabilities are multiples of 0.05, so that most of them are ties.
"""

import json

import numpy as np
import sklearn
from sklearn.metrics import (
    average_precision_score,
    confusion_matrix,
    f1_score,
    precision_recall_curve,
    precision_score,
    recall_score,
    roc_auc_score,
    roc_curve,
)

rng = np.random.default_rng(20)
rows, k = 150, 4
truth = rng.choice(k, rows, p=[0.5, 0.3, 0.15, 0.05])
counts = np.array([rng.multinomial(20, (q := 0.35 + 0.5 * rng.random() * np.eye(k)[t]) / q.sum()) for t in truth])
p = counts / 20
predicted = p.argmax(axis=1)
predicted[predicted == 3] = 2  # a class that is never predicted
classes = []
for c in range(k):
    own = truth == c
    fpr, tpr, roc_thresholds = roc_curve(own, p[:, c], drop_intermediate=False)
    precision, recall, thresholds = precision_recall_curve(own, p[:, c])
    classes.append(
        {
            "auc": roc_auc_score(own, p[:, c]),
            "average_precision": average_precision_score(own, p[:, c]),
            "fpr": fpr.tolist(),
            "tpr": tpr.tolist(),
            "roc_thresholds": roc_thresholds[1:].tolist(),
            # By falling threshold, without the point (0, 1) that no threshold has.
            "precision": precision[:-1][::-1].tolist(),
            "recall": recall[:-1][::-1].tolist(),
            "thresholds": thresholds[::-1].tolist(),
        }
    )
each = {"average": None, "zero_division": np.nan}
macro = {"average": "macro", "zero_division": 0}
finite = lambda values: [None if np.isnan(v) else float(v) for v in values]
print(
    json.dumps(
        {
            "scikit-learn": sklearn.__version__,
            "truth": truth.tolist(),
            "predicted": predicted.tolist(),
            "probabilities": p.ravel().tolist(),
            "classes": classes,
            "precision": finite(precision_score(truth, predicted, **each)),
            "recall": finite(recall_score(truth, predicted, **each)),
            "f1": finite(f1_score(truth, predicted, **each)),
            "macro_precision": precision_score(truth, predicted, **macro),
            "macro_recall": recall_score(truth, predicted, **macro),
            "macro_f1": f1_score(truth, predicted, **macro),
            "macro_auc": roc_auc_score(truth, p, multi_class="ovr", average="macro"),
            "macro_average_precision": average_precision_score(np.eye(k)[truth], p, average="macro"),
            "shares": confusion_matrix(truth, predicted, normalize="true").tolist(),
        }
    )
)
