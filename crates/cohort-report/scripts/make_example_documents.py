"""Make the documents of an invented run, in the shapes of the other stages, for tests and for looking at pages.

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


def fusion():
    def split(clips, subjects, scores):
        names = ("accuracy", "balanced_accuracy", "quadratic_kappa", "macro_mae", "nll", "ece")
        return {"clips": clips, "subjects": subjects, "missing": {"audio": 2, "image": 0, "text": 5},
                "cross_fitted": clips == 256,
                "scores": [{"model": m, "metrics": dict(zip(names, v))} for m, v in scores]}

    modalities = ["audio", "image", "text"]
    write("fusion.json", {
        "schema": "cohort.fusion/1", "rule": "weighted sum of logits, fitted for balanced accuracy", "calibrated": True,
        "subjects": "clip id before its last dot", "seed": 7,
        "model": {
            "rule": {"name": "fitted_weights", "fit": {"metric": "balanced_accuracy"}}, "classes": list("1234567"),
            "modalities": modalities, "temperatures": [1.18, 1.64, 0.97], "prior": [.02, .05, .19, .46, .22, .05, .02],
            "selection": {"weight_penalty": 1.0, "tilt": 0.75, "folds": 5, "clips": 249},
            "parts": [
                {"modalities": ["image"], "clips": 256, "form": "weighted", "weights": [1.0], "bias": [0.0] * 7},
                {"modalities": modalities, "clips": 249, "form": "weighted", "weights": [0.81, 1.27, 0.52],
                 "bias": [.31, .12, -.08, -.26, -.05, .09, .21]},
            ]},
        "valid": split(256, 77, [("image", [.66, .58, .72, .61, .93, .06]), ("audio", [.55, .41, .5, .9, 1.2, .04]),
                                 ("text", [.5, .32, .36, 1.1, 1.3, .03]), ("fused", [.71, .64, .79, .45, .8, .04])]),
        "test": split(254, 77, [("image", [.662, .571, .713, .62, .95, .07]), ("audio", [.541, .402, .488, .92, 1.21, .05]),
                                ("text", [.512, .318, .356, 1.13, 1.32, .03]), ("fused", [.709, .634, .781, .47, .82, .05])])})


METRICS = ("accuracy", "balanced_accuracy", "quadratic_kappa", "macro_mae", "nll", "ece")


def ablation():
    values = {
        "majority": (.484, .143, 0.0, 2.1, 1.45, .02), "image": (.662, .571, .713, .62, .95, .07),
        "audio": (.541, .402, .488, .92, 1.21, .05), "text": (.512, .318, .356, 1.13, 1.32, .03),
        "audio + image": (.697, .615, .762, .51, .85, .05), "audio + text": (.566, .431, .532, .86, 1.15, .04),
        "image + text": (.677, .588, .729, .58, .91, .05), "audio + image + text": (.709, .634, .781, .47, .82, .05),
        "sum 1.2 0.8 0.8": (.705, .61, .77, .5, .86, .08),
    }
    full = "audio + image + text"
    rows = []
    for name, found in values.items():
        family = ("baseline" if name == "majority" else "reference" if name.startswith("sum")
                  else "late" if "+" in name else "single")
        figures = []
        for metric, value, best in zip(METRICS, found, values[full]):
            figure = {"metric": metric, "value": estimate(value, .052)}
            if name != full:
                figure["to_full"] = estimate(value - best, .035)
            figures.append(figure)
        parts = [] if name == "majority" else ["image", "audio", "text"] if family == "reference" else name.split(" + ")
        rows.append({"name": name, "family": family, "modalities": parts,
                     "unanswered": 2 if name == "audio" else 0, "figures": figures})
    groups = [(None, None, (.302, .13, .059)), ("Gender", "1", (.341, .121, .048)), ("Gender", "2", (.243, .142, .066)),
              ("Ethnicity", "1", (.21, .16, -.04)), ("Ethnicity", "2", (.31, .13, .06)), ("Ethnicity", "3", (.28, .11, .05))]
    shares = []
    for metric, factor in (("balanced_accuracy", 1.0), ("quadratic_kappa", 1.5), ("accuracy", .45)):
        for attribute, group, parts in groups:
            skill = sum(parts) * factor
            share = {"family": "late", "metric": metric, "clips": 254 if group is None else 84,
                     "subjects": 77 if group is None else 26, "baseline": .143, "full": .143 + skill, "skill": skill,
                     "parts": [{"modality": m, "value": v * factor, "low": (v - .04) * factor, "high": (v + .04) * factor,
                                "share": v * factor / skill} for m, v in zip(("image", "audio", "text"), parts)]}
            if group is not None:
                share |= {"attribute": attribute, "group": group}
            shares.append(share)
    write("ablation.json", {
        "schema": "cohort.ablation/1", "rule": "weighted sum of logits, fitted for balanced accuracy",
        "subjects_by": "UserID", "modalities": ["audio", "image", "text"], "clips": 254, "subjects": 77,
        "missing": {"audio": 2, "image": 0, "text": 5}, "metrics": list(METRICS), "full": full,
        "rows": rows, "shares": shares}, None)


def people():
    """Invented clips with a disadvantage of women: (age, predicted, gender, ethnicity, subject, confidence)."""
    clips = []
    for subject in range(90):
        gender = RNG.choices((0, 1), (45, 55))[0]
        ethnicity = RNG.choices((0, 1, 2), (4, 80, 16))[0]
        age = RNG.choices(range(7), (3, 8, 20, 36, 20, 8, 5))[0]
        own = RNG.gauss(0, .35)
        for _ in range(RNG.choice((1, 2, 3, 4))):
            error = own + RNG.gauss(0, .55 if gender == 0 else .95)
            predicted = min(6, max(0, round(age + error)))
            confidence = min(.98, max(.2, .85 - .3 * abs(error) + RNG.gauss(0, .12)))
            clips.append((age, predicted, gender, ethnicity, subject, confidence))
    return clips


def figures(clips):
    n, s = len(clips), len({c[4] for c in clips})
    off = [c[1] - c[0] for c in clips]
    found = {
        "accuracy": sum(o == 0 for o in off) / n, "mae_groups": sum(map(abs, off)) / n,
        "mae_years": sum(map(abs, off)) / n * 9.7, "within_one": sum(abs(o) <= 1 for o in off) / n,
        "signed_error": sum(off) / n,
    }
    if s < 5:
        return {k: {"not_estimable": True, "value": v, "clips": n, "subjects": s,
                    "reason": f"{s} subjects, fewer than 5"} for k, v in found.items()}
    return {k: estimate(v, (1.0 if "years" not in k else 8) / math.sqrt(n), n, s) for k, v in found.items()}


def audit():
    clips = people()
    every, subject_count = len(clips), len({c[4] for c in clips})
    attributes = (("AgeGroup", 0, AGES), ("Gender", 2, GENDERS), ("Ethnicity", 3, ETHNICITIES))
    kinds = [("", "", "", clips)]
    groups = []
    for attribute, field, names in attributes:
        for i, name in enumerate(names):
            part = [c for c in clips if c[field] == i]
            row = {"attribute": attribute, "group": str(i + 1), "name": name, "clips": len(part),
                   "subjects": len({c[4] for c in part})}
            values = figures(part)
            if attribute != "AgeGroup":
                kinds.append((attribute, str(i + 1), name, part))
                raw = values["accuracy"]["value"]
                drawn = raw + (.68 - raw) / (1 + len(part) / 12)
                row["pooled_accuracy"] = {"value": drawn, "low": drawn - .09, "high": drawn + .08,
                                          "own_weight": .8, "effective_clips": len(part) / 2.2}
                values |= {"balanced_accuracy": values["accuracy"],
                           "quadratic_kappa": estimate(.78, .07, len(part), row["subjects"])}
            groups.append(row | values)
    of = lambda kind: dict(zip(("attribute", "group", "name"), kind))
    errors = [of(k) | {"class": str(a + 1), "clips": len(part), "subjects": len({c[4] for c in part})} | figures(part)
              for k in kinds for a in range(7) for part in [[c for c in k[3] if c[0] == a]] if part]
    confusion = [of(k) | {"counts": [[sum(c[0] == t and c[1] == p for c in k[3]) for p in range(7)] for t in range(7)]}
                 for k in kinds]
    calibration, curves = [], []
    for k in kinds:
        bins = []
        for low in (.2, .36, .52, .68, .84):
            part = [c for c in k[3] if low <= c[5] < low + .16]
            if part:
                bins.append({"clips": len(part), "subjects": len({c[4] for c in part}),
                             "confidence": sum(c[5] for c in part) / len(part), "accuracy": figures(part)["accuracy"]})
        calibration.append(of(k) | {"bins": bins})
        points = []
        for threshold in (.95, .9, .85, .8, .7, .6, .5, .4, .3, .2):
            part = [c for c in k[3] if c[5] >= threshold]
            points.append({"threshold": threshold, "coverage": len(part) / len(k[3]),
                           "accuracy": figures(part)["accuracy"] if part else None})
        curves.append(of(k) | {"area": .14, "points": points})
    gaps = []
    for attribute, scale in (("Gender", 1.0), ("Ethnicity", .35)):
        for measure, factor in (("max_min", 1.0), ("mean_pairwise", .8), ("worst_group", .6)):
            for scheme in ("plain", "within_target"):
                for metric, observed in (("accuracy", .19), ("balanced_accuracy", .2), ("quadratic_kappa", .14),
                                         ("mae_groups", .31), ("within_one", .09), ("signed_error", .06)):
                    null = observed * .42 if scale == 1 else observed * .3
                    p = .0004 if scale == 1 and metric != "signed_error" else .31
                    gaps.append({"attribute": attribute, "metric": metric, "measure": measure, "scheme": scheme,
                                 "groups": 2, "subjects": subject_count, "observed": observed * factor * scale,
                                 "null_mean": null * factor * .5, "null_p95": null * factor, "p_value": p,
                                 "p_holm": min(1, p * 6), "p_bh": min(1, p * 2), "minimum_detectable": null * factor * 1.6})
    overall = figures(clips) | {"balanced_accuracy": estimate(.634, .07), "quadratic_kappa": estimate(.781, .075),
                                "nll": estimate(.82, .09), "ece": estimate(.05, .02)}
    majority = {"accuracy": .36, "balanced_accuracy": .143, "quadratic_kappa": 0.0, "mae_groups": 1.05}
    sets = [of(k) | {"coverage": estimate(.91 if k[1] != "2" else .84, .04), "mean_size": 2.3, "whole": .02} for k in kinds]
    write("audit.json", {
        "schema": "cohort.audit/1", "clips": every, "subjects": subject_count, "labels_without_prediction": 0,
        "unnormalised_rows": 0, "settings": {"subject": "UserID", "target": "AgeGroup", "level": .95, "alpha": .05,
                                             "resamples": 10000, "permutations": 5000, "seed": 7},
        "classes": [{"code": str(i + 1), "name": n, "clips": sum(c[0] == i for c in clips),
                     "subjects": len({c[4] for c in clips if c[0] == i})} for i, n in enumerate(AGES)],
        "reference_bias": {"average": .1124, "AgeGroup": .1611, "Ethnicity": .0312, "Gender": .1449},
        "skill": {"verdict": "skill", "metric": "quadratic_kappa", "kappa": estimate(.781, .075), "majority_class": "4",
                  "majority": majority, "prior": {"accuracy": .24, "balanced_accuracy": .143, "quadratic_kappa": 0.0,
                                                  "mae_groups": 1.4, "nll": 1.6},
                  "over_majority": {m: estimate(overall[m]["value"] - v, .08) for m, v in majority.items()}},
        "metrics": overall, "subject_metrics": {k: estimate(v["value"] + .01, .08, subject_count, subject_count)
                                                for k, v in overall.items()},
        "groups": groups, "disparities": gaps,
        "class_gaps": [{"attribute": a, "class": str(i + 1), "name": n, "true_positive_gap": .1 + .02 * i,
                        "true_positive_p": .2, "false_positive_gap": .03, "false_positive_p": .5,
                        "equalised_odds": .1 + .02 * i, "p_holm": 1.0}
                       for a in ("Gender", "Ethnicity") for i, n in enumerate(AGES)],
        "findings": [{"attribute": "Gender", "group": "2", "name": "Female", "metric": m, "direction": "worse", "value": v,
                      "rest": r, "difference": v - r, "standard_error": .05, "clips": 128, "subjects": 49,
                      "p_value": .0002, "p_holm": .0024} for m, v, r in (("accuracy", .58, .77), ("mae_groups", .52, .26))],
        "class_errors": errors, "confusion": confusion, "calibration": calibration, "risk_coverage": curves,
        "conformal": {"target": .9, "contiguous": True, "marginal": sets, "by_group": [
            s | {"coverage": estimate(.9, .04)} for s in sets if s["attribute"]]},
        "notes": ["AgeGroup: 2 subjects have clips with different labels; gaps take their most frequent one"]}, None)


OUT.mkdir(parents=True, exist_ok=True)
for make in (stats, check, headline, metrics, provenance, fusion, ablation, audit):
    make()
