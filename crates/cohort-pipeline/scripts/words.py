"""Age from real transcripts: a bag of words, n-grams with a head, sentence vectors with a head.

    pip install "scikit-learn==1.9.1"
    cargo build --release
    python words.py COHORT FIRST_IMPRESSIONS MINILM OUT

COHORT is the built program, FIRST_IMPRESSIONS the folder with the label tables and transcripts.csv, MINILM the folder that
crates/cohort-text/scripts/fetch_minilm.sh fills. Trains every model with `cohort train text`, and as the sober baseline a
multinomial logistic regression on TF-IDF of words and word pairs by scikit-learn, its strength chosen on the validation
split; audits all with `cohort audit`, each against the bag of words of the same weighting, and prints one line a model and one a
difference, and the recall of every class. Finished models are kept, so the script can be stopped and called again.
"""

import csv
import json
import subprocess
import sys
from pathlib import Path

SEEDS = [1, 2, 3, 4, 5]
# training a BERT's layers takes minutes an epoch on two cores
SEEDS_TUNED = [1]
# what is not said of a model's loop
LOOP = {
    "epochs": 40, "patience": 12, "batch_size": 32, "learning_rate": 2e-3, "ordinal_width": 0.0, "deferred_weights": 0.0,
}
METRICS = ("accuracy", "balanced_accuracy", "quadratic_kappa", "macro_mae")


def models(minilm):
    """Sections of the configuration by name of the model."""
    sentence = {"encoder": "bert", "weights": str(minilm.resolve())}
    plain = {"class_weights": "none", "ordinal_width": 0.0, "selection": "loss"}
    slow = {"learning_rate": 5e-4}
    return {
        "ngrams, weighted": ({}, {}),
        "ngrams, plain": ({}, plain),
        "MiniLM, weighted": (sentence, slow),
        "MiniLM, plain": (sentence, {**plain, **slow}),
        "tuned MiniLM, weighted": ({**sentence, "tuned_layers": 2}, {**slow, "epochs": 4, "patience": 4}),
    }


def toml(table):
    return "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items())


def rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def bag_of_words(data, out, weight):
    """Writes the predictions of the test split by logistic regression on TF-IDF, strength by the validation split."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import balanced_accuracy_score, log_loss

    said = {row["VideoName"].removesuffix(".mp4"): row["Transcript"] for row in rows(data / "transcripts.csv")}
    split = {name: rows(data / f"{name}_set_age_labels.csv") for name in ("train", "valid", "test")}
    text = {name: [said[row["VideoName"].removesuffix(".mp4")] for row in part] for name, part in split.items()}
    label = {name: [int(row["AgeGroup"]) for row in part] for name, part in split.items()}
    features = TfidfVectorizer(ngram_range=(1, 2), min_df=3, sublinear_tf=True)
    x = {"train": features.fit_transform(text["train"])}
    x |= {name: features.transform(text[name]) for name in ("valid", "test")}

    def merit(model):
        if weight:
            return balanced_accuracy_score(label["valid"], model.predict(x["valid"]))
        return -log_loss(label["valid"], model.predict_proba(x["valid"]), labels=model.classes_)

    fitted = []
    for strength in (0.01, 0.03, 0.1, 0.3, 1, 3, 10):
        model = LogisticRegression(C=strength, class_weight=weight, max_iter=2000).fit(x["train"], label["train"])
        fitted.append((merit(model), -strength, model))
    best = max(fitted, key=lambda found: found[:2])
    print(f"bag of words, {weight or 'plain'}: {x['train'].shape[1]} features, C = {-best[1]}", flush=True)
    probabilities, classes = best[2].predict_proba(x["test"]), best[2].classes_
    with open(out, "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["VideoName", "ground_truth", "prediction", *(f"p{k}" for k in classes)])
        for row, truth, p in zip(split["test"], label["test"], probabilities):
            table.writerow([row["VideoName"], truth, classes[p.argmax()], *p])


def audit(cohort, data, predictions, out, against=None):
    command = [cohort, "audit", predictions, "--labels", data / "test_set_age_labels.csv", "--out", out]
    command += ["--against", against] if against else []
    if not (out / "audit.json").exists():
        # exit code 1 is a disparity found, which is no fault of the call
        code = subprocess.run(command, stdout=subprocess.DEVNULL).returncode
        assert code in (0, 1), code
    return json.loads((out / "audit.json").read_text())


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def show(title, documents, of=lambda document: document["metrics"]):
    """Means over the seeds of the value and of both ends of its interval; of differences, in how many seeds it leaves out 0."""
    line = f"{title:34}"
    for key in METRICS:
        found = [of(document)[key] for document in documents]
        value, low, high = (mean(f[part] for f in found) for part in ("value", "low", "high"))
        line += f"  {key} {value:.3f} [{low:.3f}, {high:.3f}]"
        if title.startswith(" "):
            line += f" {sum(f['low'] > 0 or f['high'] < 0 for f in found)} of {len(found)}"
    print(line)


def recalls(documents):
    """The share met in every class, summed up as in `show`."""
    parts = []
    for row in zip(*([g for g in d["groups"] if g["attribute"] == "AgeGroup"] for d in documents)):
        found = [g["accuracy"] for g in row]
        ends = ""
        if all("low" in f for f in found):
            ends = f" [{mean(f['low'] for f in found):.2f}, {mean(f['high'] for f in found):.2f}]"
        parts.append(f"{row[0]['name']} {mean(f['value'] for f in found):.2f}{ends}")
    print("    recall: " + ", ".join(parts), flush=True)


def told_apart(data, files, resamples=2000):
    """Area under the ROC curve of every class against the rest by its probability, mean over the models of `files`, and its
    95 % interval by a bootstrap of subjects: 0.5 is chance, whatever the weighting and the size of the class."""
    import numpy as np

    labels = {row["VideoName"].removesuffix(".mp4"): row for row in rows(data / "test_set_age_labels.csv")}
    generator, parts = np.random.default_rng(0), []
    tables = [rows(file) for file in files]
    own = [labels[row["VideoName"].removesuffix(".mp4")] for row in tables[0]]
    subject = np.unique([row["UserID"] for row in own], return_inverse=True)[1]
    group = np.array([int(row["AgeGroup"]) for row in own])
    people = subject.max() + 1
    drawn = np.stack([np.bincount(generator.integers(0, people, people), minlength=people) for _ in range(resamples)])
    weights = np.vstack([np.ones(people), drawn])[:, subject]
    for k, name in enumerate(("7-13", "14-18", "19-24", "25-32", "33-45", "46-60", "61+"), 1):
        areas = []
        for table in tables:
            score = np.array([float(row[f"p{k}"]) for row in table])
            order = np.argsort(score, kind="stable")
            inside = (group == k)[order]
            w = weights[:, order]
            rest = np.cumsum(w * ~inside, axis=1)
            with np.errstate(invalid="ignore"):
                areas.append((w * inside * rest).sum(1) / ((w * inside).sum(1) * rest[:, -1]))
        area = np.mean(areas, axis=0)
        low, high = np.nanquantile(area[1:], (0.025, 0.975))
        parts.append(f"{name} {area[0]:.2f} [{low:.2f}, {high:.2f}] of {len(set(subject[group == k]))}")
    print("    area under the curve, subjects: " + ", ".join(parts), flush=True)


def main():
    cohort, data, minilm, out = sys.argv[1], *(Path(argument) for argument in sys.argv[2:5])
    out.mkdir(parents=True, exist_ok=True)
    bags = {"plain": (out / "bag-plain.csv", None), "weighted": (out / "bag-weighted.csv", "balanced")}
    for name, (file, weight) in bags.items():
        if not file.exists():
            bag_of_words(data, file, weight)
        document = audit(cohort, data, file, out / f"bag-{name}")
        if name == "plain":
            majority = document["skill"]["majority"]
            print(f"{'majority':34}" + "".join(f"  {key} {majority[key]:.3f}" for key in METRICS))
        show(f"bag of words, {name}", [document])
        recalls([document])
        told_apart(data, [file])
    for title, (features, train) in models(minilm).items():
        documents = []
        stem = title.replace(", ", "-").replace(" ", "-").lower()
        seeds = SEEDS_TUNED if title.startswith("tuned") else SEEDS
        for seed in seeds:
            folder, config = out / f"{stem}-{seed}", out / f"{stem}-{seed}.toml"
            config.write_text(
                f"data = {json.dumps(str(data.resolve()))}\nseed = {seed}\n\n"
                f"[features.text]\n{toml(features)}\n[text.train]\n{toml(LOOP | train)}"
            )
            if not (folder / "predictions.csv").exists():
                command = [cohort, "train", "text", config, "--out", folder, "--resume"]
                command += ["--features", out / f"features-{stem.rsplit('-', 1)[0]}"]
                subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            bag = bags[stem.rsplit("-", 1)[1]][0]
            documents.append(audit(cohort, data, folder / "predictions.csv", folder / "audit", bag))
        show(title, documents)
        show("    less the bag of words", documents, lambda document: document["comparison"]["metrics"])
        recalls(documents)
        told_apart(data, [out / f"{stem}-{seed}" / "predictions.csv" for seed in seeds])


if __name__ == "__main__":
    main()
