"""Scores what the example `heads` predicted, and face-api's ages on the same pictures.

    pip install numpy
    python crates/cohort-train/scripts/heads.py OUT [FACE_API.csv]

Accuracy, balanced accuracy, off-by-one accuracy and MAE in bins with 95 % intervals from 10,000
resamples of pictures (each is its own subject); for every loss the mean over its seeds, and its
paired difference to cross-entropy, where a resample draws the same pictures for both.
"""

import csv
import sys
from pathlib import Path

import numpy as np

UPPER = [3, 10, 20, 30, 40, 50, 60, 70]
NAMES = ["accuracy", "balanced", "within one", "MAE"]
rng = np.random.default_rng(1)


def scores(truth, distance, resample):
    """Metrics of [seeds, pictures] distances, averaged over seeds, on each resample of pictures."""
    classes = np.unique(truth)
    hit = (distance == 0).mean(0)
    per = [hit, None, (distance <= 1).mean(0), distance.mean(0)]
    found = np.empty((len(resample), 4))
    for r, rows in enumerate(resample):
        y = truth[rows]
        recalls = [hit[rows][y == c].mean() for c in classes if (y == c).any()]
        found[r] = [per[0][rows].mean(), np.mean(recalls), per[2][rows].mean(), per[3][rows].mean()]
    return found


def show(values):
    point, low, high = values[0], *np.quantile(values[1:], [0.025, 0.975], axis=0)
    return "  ".join(f"{n} {p:.3f} [{a:.3f}, {b:.3f}]" for n, p, a, b in zip(NAMES, point, low, high))


out = Path(sys.argv[1])
groups = {}
for file in sorted(out.glob("*.csv")):
    rows = list(csv.reader(open(file)))[1:]
    truth = np.array([int(r[1]) for r in rows])
    p = np.array([[float(x) for x in r[2:]] for r in rows])
    groups.setdefault(file.stem.rsplit("-", 1)[0], []).append(np.abs(p.argmax(1) - truth))
n = len(truth)
resample = [np.arange(n)] + [rng.integers(0, n, n) for _ in range(10_000)]
most = np.bincount(truth).argmax()
print(f"{n} pictures\nmost frequent class: {show(scores(truth, np.abs(most - truth)[None], resample))}")
if len(sys.argv) > 2:
    rows = [r for r in csv.DictReader(open(sys.argv[2])) if r["split"] == "test"]
    bins = np.searchsorted(UPPER, [float(r["age"]) for r in rows], side="right")
    assert (truth == [int(r["label"]) for r in rows]).all()
    print(f"face-api: {show(scores(truth, np.abs(bins - truth)[None], resample))}")
found = {name: scores(truth, np.stack(runs), resample) for name, runs in groups.items()}
for name, values in found.items():
    print(f"{name} ({len(groups[name])} seeds): {show(values)}")
for name, values in found.items():
    if name != "cross-entropy" and "cross-entropy" in found:
        print(f"{name} - cross-entropy: {show(values - found['cross-entropy'])}")
