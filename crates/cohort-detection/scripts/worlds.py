"""Small worlds with everything that COCO's rules are about, and pycocotools' figures of them: tests/golden/worlds.json.

    pip install pycocotools==2.0.11 numpy==2.4.6
    python worlds.py ../tests/golden/worlds.json
"""
import contextlib
import copy
import io
import json
import sys

import numpy as np
from pycocotools import mask as m
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval


def quietly(call):
    with contextlib.redirect_stdout(io.StringIO()):
        return call()


def ellipse(height, width, box):
    y, x = np.mgrid[:height, :width] + 0.5
    bx, by, bw, bh = box
    inside = ((x - bx - bw / 2) / max(bw / 2, 0.4)) ** 2 + ((y - by - bh / 2) / max(bh / 2, 0.4)) ** 2 <= 1
    return m.encode(np.asfortranarray(inside.astype(np.uint8)))


def text(rle):
    return {"size": [int(v) for v in rle["size"]], "counts": rle["counts"].decode()}


def plain(rle):
    columns = m.decode(rle).flatten(order="F")
    edges = np.flatnonzero(np.diff(columns)) + 1
    counts = np.diff(np.concatenate([[0], edges, [len(columns)]])).tolist()
    return {"size": [int(v) for v in rle["size"]], "counts": ([0] if columns[0] else []) + counts}


def world(seed, pictures=6, categories=4, objects=5, crowd=0.15, ties=False, crammed=False, boxes=True, masks=True, digits=1,
          gaps=True, first_id=1):
    rng = np.random.default_rng(seed)
    ids = np.cumsum(rng.integers(1, 5, categories)).tolist() if gaps else list(range(1, categories + 1))
    images = []
    for i in rng.permutation(pictures).tolist():
        width, height = (int(v) for v in rng.integers(60, 260, 2))
        images.append({"id": 7 * i + 3, "width": width, "height": height, "file_name": f"{i}.jpg"})
    annotations, results = [], []
    # the last category has detections but no object
    for image in images:
        height, width = image["height"], image["width"]
        for _ in range(int(rng.integers(0, objects + 1)) * (rng.random() > 0.2)):
            w, h = (float(v) for v in np.round(2 + rng.random(2) ** 2 * [width - 4, height - 4], digits))
            x, y = (float(v) for v in np.round(rng.random(2) * [width - w, height - h], digits))
            category = ids[int(rng.integers(0, max(1, categories - 1)))]
            is_crowd = bool(rng.random() < crowd)
            rle = ellipse(height, width, (x, y, w, h))
            if is_crowd:
                segmentation = plain(rle)
            elif rng.random() < 0.5:
                at = np.linspace(0, 2 * np.pi, 9)[:-1]
                corners = np.stack([x + w / 2 + np.cos(at) * w / 2, y + h / 2 + np.sin(at) * h / 2], 1)
                segmentation = [np.round(corners, 1).reshape(-1).tolist()]
            else:
                segmentation = text(rle)
            annotations.append({"id": len(annotations) + first_id, "image_id": image["id"], "category_id": category,
                                "bbox": [x, y, w, h], "area": float(np.round(w * h * (0.6 + 0.4 * rng.random()), digits)),
                                "iscrowd": int(is_crowd), "segmentation": segmentation})
            for _ in range(int(rng.choice([0, 1, 1, 2, 3]))):
                moved = np.array([x, y, w, h]) + rng.normal(0, 0.12, 4) * [w, h, w, h] * rng.integers(0, 2)
                moved[2:] = np.maximum(moved[2:], 0.5)
                wrong = rng.random() < 0.15
                results.append((image, ids[int(rng.integers(0, categories))] if wrong else category, moved))
        for _ in range(int(rng.integers(0, 4))):
            w, h = 2 + rng.random(2) * [width / 2, height / 2]
            x, y = rng.random(2) * [width - w, height - h]
            results.append((image, ids[int(rng.integers(0, categories))], np.array([x, y, w, h])))
    if crammed:
        image, first = images[0], ids[0]
        for _ in range(150):
            w, h = 4 + rng.random(2) * 40
            x, y = rng.random(2) * [image["width"] - w, image["height"] - h]
            results.append((image, first, np.array([x, y, w, h])))
    detections = []
    for i in rng.permutation(len(results)).tolist():
        image, category, box = results[i]
        box = [float(v) for v in np.round(box, digits)]
        score = float(rng.integers(1, 6)) / 5 if ties else float(np.round(rng.random(), 3))
        detection = {"image_id": image["id"], "category_id": category, "score": score}
        if boxes:
            detection["bbox"] = box
        if masks:
            detection["segmentation"] = text(ellipse(image["height"], image["width"], box))
        detections.append(detection)
    truth = {"images": images, "categories": [{"id": i, "name": f"c{i}"} for i in ids], "annotations": annotations}
    return truth, detections


def figures(truth, detections, kind):
    coco = COCO()
    coco.dataset = copy.deepcopy(truth)
    quietly(coco.createIndex)
    found = quietly(lambda: coco.loadRes(copy.deepcopy(detections)))
    e = COCOeval(coco, found, kind)

    def run():
        e.evaluate()
        e.accumulate()
        e.summarize()

    quietly(run)
    precision, recall = e.eval["precision"], e.eval["recall"]

    def mean(values):
        values = values[values > -1]
        return float(np.mean(values)) if len(values) else -1.0

    classes = []
    for k in range(precision.shape[2]):
        p = lambda a, t=slice(None): mean(precision[t, :, k, a, 2])
        r = lambda a, n: mean(recall[:, k, a, n])
        classes.append([p(0), p(0, slice(0, 1)), p(0, slice(5, 6)), p(1), p(2), p(3),
                        r(0, 0), r(0, 1), r(0, 2), r(1, 2), r(2, 2), r(3, 2)])
    return {"stats": [float(v) for v in e.stats], "classes": classes}


SETTINGS = [
    dict(seed=1), dict(seed=2, ties=True), dict(seed=3, crowd=0.5, ties=True), dict(seed=4, crammed=True, ties=True, masks=False),
    dict(seed=5, pictures=30, objects=3, masks=False, digits=0), dict(seed=6, boxes=False), dict(seed=7, categories=1),
    dict(seed=8, pictures=12, categories=9, ties=True, digits=0), dict(seed=9, masks=False, digits=3, pictures=20, categories=12),
    dict(seed=10, crammed=True, pictures=3, masks=False, crowd=0.6), dict(seed=11, ties=True, gaps=False, objects=12, pictures=4),
    dict(seed=12, pictures=60, objects=8, categories=6, masks=False, digits=0, ties=True),
    dict(seed=13, first_id=0, masks=False),
]

if __name__ == "__main__":
    worlds = []
    for settings in SETTINGS:
        truth, detections = world(**settings)
        kinds = ["bbox", "segm"] if settings.get("masks", True) else ["bbox"]
        if settings["seed"] == 10:
            kinds = ["bbox", "segm"]  # boxes filled
        worlds.append({"truth": truth, "results": detections, **{kind: figures(truth, detections, kind) for kind in kinds}})
        print(settings, len(truth["annotations"]), len(detections), worlds[-1]["bbox"]["stats"][:3])
    with open(sys.argv[1], "w") as out:
        json.dump(worlds, out, separators=(",", ":"))
