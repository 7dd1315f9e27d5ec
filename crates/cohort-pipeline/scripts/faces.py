"""Age from real faces: a network from scratch, a head on a frozen network, fine-tuning; the losses for ordered classes.

    cargo build --release
    python faces.py COHORT SHARED/data OUT [PART...]

COHORT is the built program. Lays FairFace's pictures out as a data set in OUT/data (`train/` for training; of `val/`
every second picture by number is for selection, the others are the test; each picture is its own subject), runs
`cohort train image` for every model of every PART (all, when none is named) and `cohort audit` on the test predictions, and
prints one line a model. Finished models are kept, so the script can be stopped and called again. OUT/face_api.csv and
OUT/ssr_net.csv, made by face_api.py and ssr_net.py, are audited beside them.
"""

import csv
import json
import subprocess
import sys
from pathlib import Path

BINS = ["0-2", "3-9", "10-19", "20-29", "30-39", "40-49", "50-59", "60-69", "more than 70"]
MIDPOINTS = [1.5, 6.5, 15, 25, 35, 45, 55, 65, 75]
SEEDS = [1, 2, 3, 4, 5]
# what is not said of a model's loop
LOOP = {
    "epochs": 40, "patience": 12, "batch_size": 32, "learning_rate": 2e-3, "ordinal_width": 0.0, "deferred_weights": 0.0,
}


def splits(data):
    """Rows of labels.csv by split, by picture number."""
    rows = list(csv.DictReader(open(data / "faces/labels.csv")))
    rows.sort(key=lambda row: int(Path(row["file"]).stem))
    of = lambda folder: [row for row in rows if row["file"].startswith(folder)]
    val = of("val/")
    return {"train": of("train/"), "valid": val[::2], "test": val[1::2]}


def name(row):
    return row["file"].split(".")[0].replace("/", "-")


def lay_out(data, root):
    attribute = "[[attribute]]\ncolumn = \"{}\"\n"
    schema = 'name = "FairFace"\ntarget = "Age"\nsubject_column = "VideoName"\n'
    schema += 'labels = "{split}.csv"\nfolder = "{split}"\n\n'
    schema += attribute.format("Age") + "ordered = true\nlevels = [\n"
    for i, (bin_name, years) in enumerate(zip(BINS, MIDPOINTS)):
        schema += f'    {{ code = "{i + 1}", name = "{bin_name}", midpoint = {float(years)} }},\n'
    schema += "]\n\n" + attribute.format("Gender") + "\n" + attribute.format("Ethnicity")
    root.mkdir(parents=True, exist_ok=True)
    (root / "cohort.toml").write_text(schema)
    for split, rows in splits(data).items():
        (root / split).mkdir(exist_ok=True)
        table = csv.writer(open(root / f"{split}.csv", "w"))
        table.writerow(["VideoName", "Age", "Gender", "Ethnicity"])
        for row in rows:
            table.writerow([name(row), BINS.index(row["age"]) + 1, row["gender"], row["race"]])
            link = root / split / f"{name(row)}.jpg"
            if not link.exists():
                link.symlink_to((data / "faces" / row["file"]).resolve())


def models(weights, detector):
    """Name and image settings of every model, by part."""
    frozen = {"backbone": "mobilefacenet", "mode": "frozen", "weights": weights, "crop": 0.85, "dropout": 0.3}
    loop = {"epochs": 40, "patience": 10, "batch_size": 64, "learning_rate": 1e-3, "selection": "macro_mae"}
    losses = {
        "cross-entropy": {},
        "soft ordinal labels": {"ordinal_width": 0.7},
        "cumulative link": {"head": "cumulative_link"},
        "mean-variance": {"mean_loss": 0.2, "variance_loss": 0.05},
    }
    heads = {
        loss: ({**frozen, "hidden": [256]}, {**loop, **settings}) for loss, settings in losses.items()
    }
    heads["cross-entropy, linear"] = ({**frozen, "hidden": []}, loop)
    scratch = {
        "compact, cross-entropy": ({}, {"epochs": 30, "patience": 30, "selection": "macro_mae"}),
        "compact, soft ordinal labels": ({}, {"epochs": 30, "patience": 30, "selection": "macro_mae", "ordinal_width": 0.7}),
    }
    tuned = {"backbone": "mobilefacenet", "weights": weights, "crop": 0.85}
    tune = {"batch_size": 32, "selection": "macro_mae", "learning_rate": 1e-3}
    last = {"epochs": 5, "patience": 5, "trainable": "last_block", "fine_tuning.rate": 0.5}
    fine = {
        "fine-tuned, last block": (tuned, {**tune, **last}),
        # with the default [image.train.fine_tuning]
        "fine-tuned, all layers": (tuned, {**tune, "epochs": 8, "patience": 8}),
    }
    found = {
        "detected, cross-entropy": ({**frozen, "detector": detector, "hidden": [256]}, loop),
    }
    return {"heads": (heads, SEEDS), "detector": (found, SEEDS), "scratch": (scratch, SEEDS[:1]), "fine": (fine, SEEDS[:1])}


def toml(table):
    return "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items())


def audit(cohort, root, predictions, out):
    command = [cohort, "audit", predictions, "--labels", root / "test.csv", "--schema", root / "cohort.toml"]
    if not (out / "audit.json").exists():
        # exit code 1 is a disparity found, which is no fault of the call
        code = subprocess.run([*command, "--subject", "VideoName", "--out", out], stdout=subprocess.DEVNULL).returncode
        assert code in (0, 1), code
    return json.loads((out / "audit.json").read_text())


def show(title, documents):
    """Mean over the seeds, and the intervals of the first."""
    line = f"{title:32}"
    for key in ("accuracy", "balanced_accuracy", "within_one", "mae_groups", "macro_mae"):
        found = [document["metrics"][key] for document in documents]
        mean = sum(f["value"] for f in found) / len(found)
        line += f"  {key} {mean:.3f} [{found[0]['low']:.3f}, {found[0]['high']:.3f}]"
    print(line, flush=True)


def main():
    cohort, data, out = sys.argv[1], Path(sys.argv[2]).resolve(), Path(sys.argv[3])
    root = out / "data"
    lay_out(data, root)
    parts = models(str(data / "weights/mobilefacenet_pytorch/068.ckpt"), str(data / "weights/mtcnn"))
    for part in sys.argv[4:] or parts:
        found, seeds = parts[part]
        for title, (image, train) in found.items():
            documents = []
            for seed in seeds:
                folder = out / part / f"{title.replace(', ', '-').replace(' ', '-')}-{seed}"
                config = out / part / f"{folder.name}.toml"
                folder.parent.mkdir(parents=True, exist_ok=True)
                config.write_text(
                    f"data = {json.dumps(str(root.resolve()))}\nseed = {seed}\n\n"
                    f"[image]\n{toml(image)}\n[image.train]\n{toml(LOOP | train)}"
                )
                if not (folder / "predictions.csv").exists():
                    command = [cohort, "train", "image", config, "--out", folder, "--resume"]
                    subprocess.run([*command, "--features", out / f"features-{part}"], check=True, stdout=subprocess.DEVNULL)
                documents.append(audit(cohort, root, folder / "predictions.csv", folder / "audit"))
            show(title, documents)
    for peer in ("face_api", "ssr_net"):
        if (out / f"{peer}.csv").exists():
            show(peer, [audit(cohort, root, out / f"{peer}.csv", out / peer.replace("_", "-"))])


if __name__ == "__main__":
    main()
