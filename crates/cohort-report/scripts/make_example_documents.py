"""Make the documents of an invented run, in the shapes of the other stages, for tests and for looking at pages.

Those that the page reads as types (audit, fusion, ablation, damages) are made by the stages in tests/common.

Every number is invented. Usage: python3 make_example_documents.py ../tests/documents
"""

import json
import math
import pathlib
import random
import sys

OUT = pathlib.Path(sys.argv[1])
RNG = random.Random(7)
AGES = ["7-13", "14-18", "19-24", "25-32", "33-45", "46-60", "61+"]
GENDERS = ["Male", "Female"]
ETHNICITIES = ["Asian", "Caucasian", "African-American"]
CELLS = {
    ("Female", "Caucasian"): [8, 28, 110, 281, 112, 24, 9],
    ("Female", "African-American"): [2, 3, 13, 44, 25, 6, 0],
    ("Female", "Asian"): [0, 2, 9, 17, 7, 0, 0],
    ("Male", "Caucasian"): [6, 22, 101, 221, 116, 29, 11],
    ("Male", "African-American"): [1, 2, 6, 21, 14, 5, 2],
    ("Male", "Asian"): [0, 3, 5, 8, 3, 0, 0],
}


def write(name, value, indent=1):
    def short(v):
        if isinstance(v, float):
            return round(v, 5)
        if isinstance(v, dict):
            return {k: short(x) for k, x in v.items()}
        return [short(x) for x in v] if isinstance(v, list) else v

    text = json.dumps(short(value), indent=indent, ensure_ascii=False)
    (OUT / name).write_text(text + "\n", encoding="utf-8")


def subjects(clips):
    return math.ceil(clips / 3.3)


def table(cells, by):
    rows = {}
    for key, counts in cells.items():
        name = tuple(dict(zip(("Gender", "Ethnicity"), key))[b] for b in by)
        rows[name] = [a + b for a, b in zip(rows.get(name, [0] * 7), counts)]
    order = {name: i for i, name in enumerate(GENDERS + ETHNICITIES)}
    names = sorted(rows, key=lambda n: [order[v] for v in n])
    top = [max(rows[n][a] for n in names) for a in range(7)]
    return {
        "rows": list(by),
        "column": "AgeGroup",
        "cells": [
            dict(zip(by, n)) | {
                "AgeGroup": AGES[a], "clips": rows[n][a], "subjects": subjects(rows[n][a]),
                "relative_to_max": (rows[n][a] - top[a]) / top[a] if top[a] else None,
            }
            for n in names for a in range(7)
        ],
    }


def section(cells):
    total = sum(map(sum, cells.values()))

    def levels(names, count):
        return [{"code": str(i + 1), "name": n, "clips": count(n), "subjects": subjects(count(n))}
                for i, n in enumerate(names)]

    return {
        "clips": total,
        "subjects": subjects(total),
        "contradicting_subjects": {"AgeGroup": 2, "Gender": 0, "Ethnicity": 0},
        "counts": {
            "AgeGroup": levels(AGES, lambda n: sum(c[AGES.index(n)] for c in cells.values())),
            "Gender": levels(GENDERS, lambda n: sum(sum(c) for k, c in cells.items() if k[0] == n)),
            "Ethnicity": levels(ETHNICITIES, lambda n: sum(sum(c) for k, c in cells.items() if k[1] == n)),
        },
        "tables": [table(cells, by) for by in (("Gender",), ("Ethnicity",), ("Gender", "Ethnicity"))],
        "without_majority": [{
            "attribute": "Ethnicity", "left_out": "Caucasian",
            "clips": sum(sum(c) for k, c in cells.items() if k[1] != "Caucasian"), "subjects": 60,
            "tables": [table({k: c for k, c in cells.items() if k[1] != "Caucasian"}, by)
                       for by in (("Ethnicity",), ("Gender", "Ethnicity"))],
        }],
    }


def stats():
    parts = {"train": 0.6, "valid": 0.2, "test": 0.2}
    splits = {name: section({k: [round(v * share) for v in c] for k, c in CELLS.items()})
              for name, share in parts.items()}
    write("stats.json", {"schema": "cohort.stats/1", "dataset": "Embedded corpus", "target": "AgeGroup",
                         "splits": splits, "pooled": section(CELLS)}, None)


def check():
    findings = [
        {"severity": "warning", "kind": "contradicting-labels", "split": "train", "subject": "-xY93_kQz0A",
         "message": "AgeGroup is 25-32 in 3 clips and 33-45 in 1"},
        {"severity": "warning", "kind": "contradicting-labels", "split": "valid", "subject": "qP0cB7hU2_w",
         "message": "AgeGroup is 19-24 in 1 clip and 25-32 in 2"},
        {"severity": "warning", "kind": "similar-image-across-splits", "split": "test", "clip": "h3R_d1Lm0Zk.001",
         "other": "train/Ab8-c0XyPq1.004", "message": "hashes differ in 6 of 64 bits, correlation 0.986"},
        {"severity": "note", "kind": "unlabelled-media", "split": "train", "file": "train/4/extra.jpg",
         "message": "no row of train_set_age_labels.csv names it"},
    ]
    write("check.json", {
        "schema": "cohort.check/1", "dataset": "Embedded corpus",
        "splits": [{"name": n, "clips": c, "images": c, "sounds": c, "transcripts": c}
                   for n, c in (("train", 766), ("valid", 256), ("test", 254))],
        "settings": {"decode": True, "image_distance": 10, "image_correlation": 0.98},
        "errors": 0, "warnings": 3, "notes": 1, "findings": findings})


def estimate(value, half, clips=254, subjects=77, method="cluster_bootstrap_t"):
    return {"value": value, "low": value - half, "high": value + half * 0.95, "method": method,
            "standard_error": half / 1.96, "clips": clips, "subjects": subjects}


def headline():
    rows = []
    for name, a, b, k in (("image", .662, .571, .713), ("audio", .541, .402, .488), ("text", .512, .318, .356),
                          ("fused", .709, .634, .781), ("majority class", .484, .143, 0.0)):
        rows.append({"model": name, "clips": 254, "subjects": 77, "accuracy": estimate(a, .055),
                     "balanced_accuracy": estimate(b, .07 if b > .15 else 0.0),
                     "quadratic_kappa": estimate(k, .08 if k else 0.0)})
    write("headline.json", {"schema": "cohort.headline/1", "split": "test", "level": 0.95, "rows": rows})


def metrics():
    for name, top, speed, epochs in (("image", .60, 9, 38), ("audio", .42, 14, 60), ("text", .33, 6, 24)):
        lines = []
        for e in range(1, epochs + 1):
            grow = 1 - math.exp(-e / speed)
            noise = lambda s: RNG.gauss(0, s)
            lines.append({
                "epoch": e, "learning_rate": 1e-3,
                "train_loss": 1.95 - 1.25 * grow + noise(.015), "train_accuracy": .2 + .62 * grow + noise(.01),
                "valid_loss": 1.95 - .75 * grow + .25 * (e / epochs) ** 2 + noise(.02),
                "valid_accuracy": .2 + .44 * grow + noise(.012),
                "valid_balanced_accuracy": 1 / 7 + (top - 1 / 7) * grow + noise(.014),
                "valid_quadratic_kappa": (top + .13) * grow + noise(.015), "valid_macro_mae": 2.2 - 1.3 * grow,
            })
        (OUT / f"metrics-{name}.jsonl").write_text("".join(json.dumps({k: round(v, 4) for k, v in line.items()}) + "\n" for line in lines))


def provenance():
    write("provenance.json", {
        "cohort": "0.1.0", "seed": 7,
        "data": {"name": "Embedded corpus", "clips": 1276,
                 "labels": "blake3:5d1c0a4f5b8f3c0d2ad5e5a3a6a0b1c2d3e4f5060718293a4b5c6d7e8f901234"},
        "models": {"image": {"network": "compact CNN", "epochs": 60, "batch_size": 32, "learning_rate": 0.001},
                   "audio": {"network": "MLP 7-16-32-16-7"}, "text": {"network": "hashed n-grams, 512-7"}},
        "fusion": {"rule": "fitted weights", "calibrate": True},
        "audit": {"resamples": 10000, "permutations": 5000, "level": 0.95}})


OUT.mkdir(parents=True, exist_ok=True)
for make in (stats, check, headline, metrics, provenance):
    make()
