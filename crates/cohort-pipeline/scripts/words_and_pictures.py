"""Words and pictures on COCO's captions without a CLIP: the label bridge, and heads on frozen vectors; three seeds, with controls.

    python3 scripts/fetch_weights.py WEIGHTS
    pip install pyarrow numpy onnxruntime pillow
    python words_and_pictures.py COHORT COCO WEIGHTS OUT [YOLOX.onnx]

COCO has train2017, val2017 and annotations/captions_*.json. Heads are trained on the pictures of train2017 but the 15 % of them that choose the
epoch; everything is measured on val2017 once. Without a detector's scores the rows that need them are left out.
"""
import json
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet

SEEDS = [1, 2, 3]
LOSSES = ["info-nce", "sigmoid", "hardest-negative", "shifted-triplet"]
HEADS = '[pairs]\n{more}[pairs.loss]\nkind = "{loss}"\n[pairs.train]\nepochs = 60\nlearning_rate = 3e-3\nweight_decay = 0.1\n'

cohort, coco, weights, out = (Path(argument).resolve() for argument in sys.argv[1:5])
detector = Path(sys.argv[5]).resolve() if len(sys.argv) > 5 else None
out.mkdir(parents=True, exist_ok=True)


def call(*arguments):
    done = subprocess.run([cohort, *map(str, arguments)], capture_output=True, text=True, cwd=out)
    assert done.returncode == 0, done.stderr
    return done.stdout


def load(path):
    table = parquet.read_table(out / path)
    return table.column("clip").to_pylist(), np.stack([np.asarray(v, np.float32) for v in table.column("vector").to_pylist()])


def store(path, clips, rows):
    values = pa.FixedSizeListArray.from_arrays(pa.array(rows.astype(np.float32).reshape(-1)), rows.shape[1])
    parquet.write_table(pa.table({"clip": clips, "vector": values}), out / path)


def show(title, pictures, captions, *more):
    """One row: recall at 1 and 5 both ways with intervals, chance and the shuffled control of the first."""
    document = json.loads(call("search", "pairs", pictures, captions, "--pairs", coco, "--split", "val2017", "--json", *more))
    line = f"{title:34}"
    for direction in document["directions"]:
        for figure in direction["measures"][:2]:
            low, high = figure["low"], figure["high"]
            line += f"  {figure['value']:.3f} [{low:.3f}, {high:.3f}]"
    print(line, flush=True)
    return document


def scores():
    """What a YOLOX sees at most of each of COCO's classes, a picture a row."""
    import onnxruntime
    from PIL import Image

    session = onnxruntime.InferenceSession(str(detector))
    name, clips, rows = session.get_inputs()[0].name, [], []
    for file in sorted(coco.glob("*2017/*.jpg")):
        picture = Image.open(file).convert("RGB")
        ratio = min(416 / picture.height, 416 / picture.width)
        small = picture.resize((int(picture.width * ratio), int(picture.height * ratio)), Image.BILINEAR)
        canvas = np.full((416, 416, 3), 114, np.uint8)
        canvas[: small.height, : small.width] = np.asarray(small)
        tensor = np.ascontiguousarray(canvas[:, :, ::-1].transpose(2, 0, 1)[None].astype(np.float32))
        found = session.run(None, {name: tensor})[0][0]
        rows.append((found[:, 4:5] * found[:, 5:]).max(0))
        clips.append(file.stem)
    store("detector.parquet", clips, np.stack(rows))
    categories = json.loads((coco / "annotations/instances_val2017.json").read_text())["categories"]
    (out / "coco_names.txt").write_text("\n".join(c["name"] for c in categories) + "\n")


def beside():
    """All vectors of a picture as one, each kind centred and of mean square length 1."""
    clips, first = load("lite0.parquet")
    kinds = [first]
    for name in ("detector.parquet", "bridge.parquet"):
        theirs, rows = load(name)
        place = {clip.split("/")[-1].split(".")[0]: i for i, clip in enumerate(theirs)}
        kinds.append(rows[[place[clip.split("/")[-1].split(".")[0]] for clip in clips]])
    kinds = [(rows - rows.mean(0)) / np.sqrt(((rows - rows.mean(0)) ** 2).sum(1).mean()) for rows in kinds]
    store("all.parquet", clips, np.concatenate(kinds, 1))


def heads(title, table, loss, pairs=coco, more=""):
    documents = []
    for seed in SEEDS:
        folder = f"{title.replace(' ', '-').replace(',', '')}-{seed}"
        config = out / f"{folder}.toml"
        config.write_text(f"data = {json.dumps(str(pairs))}\nseed = {seed}\n" + HEADS.format(loss=loss, more=more))
        if not (out / folder / "captions-test.parquet").exists():
            call("train", "pairs", config, "--pictures", table, "--captions", "minilm.parquet", "--out", folder, "--resume")
        distance = "euclidean" if loss == "shifted-triplet" else "cosine"
        documents.append(show(f"{title}, seed {seed}", f"{folder}/pictures-test.parquet", f"{folder}/captions-test.parquet", "--metric", distance))
    return documents


def shuffled():
    """The pairs with the training pictures' captions given to other training pictures."""
    folder = out / "shuffled"
    (folder / "annotations").mkdir(parents=True, exist_ok=True)
    for split in ("train2017", "val2017"):
        document = json.loads((coco / f"annotations/captions_{split}.json").read_text())
        if split == "train2017":
            ids = sorted({a["image_id"] for a in document["annotations"]})
            mixed = ids[:]
            random.Random(0).shuffle(mixed)
            other = dict(zip(ids, mixed))
            for annotation in document["annotations"]:
                annotation["image_id"] = other[annotation["image_id"]]
        (folder / f"annotations/captions_{split}.json").write_text(json.dumps(document))
    return folder


lite0 = ["--backbone", "efficientnet-lite0", "--weights", weights / "efficientnet-lite0.pth", "--crop", "0.875"]
words = ["--text-encoder", "bert", "--text-weights", weights / "minilm"]
call("search", "embed", coco, *lite0, "--out", "lite0.parquet")
call("search", "embed", coco, *lite0, "--scores", "--out", "imagenet.parquet")
call("search", "embed", coco, "--captions", *words, "--out", "minilm.parquet")
call("search", "embed", weights / "imagenet_names.txt", "--captions", *words, "--out", "imagenet_names.parquet")
print(f"{'':34}  text to image R@1, R@5; image to text R@1, R@5")
call("search", "bridge", "imagenet.parquet", "imagenet_names.parquet", "--out", "bridge-imagenet.parquet")
first = show("label bridge, ImageNet", "bridge-imagenet.parquet", "minilm.parquet", "--centre", "train2017")
for direction in first["directions"]:
    figures = direction["measures"][:2]
    print(f"    by chance {[round(f['chance'], 4) for f in figures]}, pairs shuffled {[round(f['control']['mean'], 4) for f in figures]}")
heads("heads, Lite0", "lite0.parquet", "info-nce")
if detector:
    scores()
    call("search", "embed", "coco_names.txt", "--captions", *words, "--out", "coco_names.parquet")
    call("search", "bridge", "imagenet.parquet", "imagenet_names.parquet", "detector.parquet", "coco_names.parquet", "--top", "10,5", "--out", "bridge.parquet")
    show("label bridge, ImageNet and COCO", "bridge.parquet", "minilm.parquet", "--centre", "train2017")
    show("the same, CSLS", "bridge.parquet", "minilm.parquet", "--centre", "train2017", "--csls", "10")
    show("the same, means not taken off", "bridge.parquet", "minilm.parquet")
    beside()
    for loss in LOSSES:
        heads(f"heads, all, {loss}", "all.parquet", loss)
    heads("heads, all, pairs shuffled", "all.parquet", "info-nce", shuffled())
