"""What pycocotools makes of masks, polygons and boxes: tests/golden/masks.json.

    pip install pycocotools==2.0.11 numpy==2.4.6
    python masks.py ../tests/golden/masks.json
"""
import json
import sys

import numpy as np
from pycocotools import mask as m

rng = np.random.default_rng(20)


def text(rle):
    return rle["counts"].decode()


def blob(height, width):
    kind = rng.integers(5)
    if kind == 0:
        return (rng.random((height, width)) < rng.random()).astype(np.uint8)
    if kind == 1:
        return np.full((height, width), rng.integers(2), np.uint8)
    y, x = np.mgrid[:height, :width]
    cy, cx = rng.random() * height, rng.random() * width
    ry, rx = 1 + rng.random() * height / 2, 1 + rng.random() * width / 2
    inside = ((y - cy) / ry) ** 2 + ((x - cx) / rx) ** 2 < 1
    return inside.astype(np.uint8)


masks, pairs, merged = [], [], []
for _ in range(60):
    height, width = (int(v) for v in rng.integers(1, 40, 2))
    group = [m.encode(np.asfortranarray(blob(height, width))) for _ in range(3)]
    for rle in group:
        masks.append([height, width, text(rle), int(m.area(rle)), m.toBbox(rle).tolist()])
    crowd = [int(v) for v in rng.integers(0, 2, 3)]
    pairs.append([height, width, [text(r) for r in group], crowd, m.iou(group, group, crowd).tolist()])
    merged.append([height, width, [text(r) for r in group], text(m.merge(group)), text(m.merge(group, intersect=True))])

large = m.encode(np.asfortranarray((rng.random((170, 300)) < 0.02).astype(np.uint8)))
masks.append([170, 300, text(large), int(m.area(large)), m.toBbox(large).tolist()])

polygons = []
for case in range(400):
    height, width = (int(v) for v in rng.integers(1, 60, 2))
    corners = int(rng.integers(3, 9))
    spread = [1.0, 1.6, 1.0, 1.0][case % 4]
    xy = (rng.random((corners, 2)) * spread - (spread - 1) / 2) * [width, height]
    if case % 4 == 2:
        xy = np.round(xy)
    if case % 4 == 3:
        xy = np.round(xy, 2)
    if case % 7 == 0:
        xy[1] = xy[0]
    polygon = xy.reshape(-1).tolist()
    polygons.append([height, width, polygon, text(m.frPyObjects([polygon], height, width)[0])])

several = []
for _ in range(40):
    height, width = (int(v) for v in rng.integers(5, 60, 2))
    of = [(rng.random((int(rng.integers(3, 6)), 2)) * [width, height]).reshape(-1).tolist() for _ in range(3)]
    several.append([height, width, of, text(m.merge(m.frPyObjects(of, height, width)))])

plain = []
for _ in range(30):
    height, width = (int(v) for v in rng.integers(1, 30, 2))
    cuts = np.sort(rng.integers(0, height * width + 1, int(rng.integers(1, 9))))
    counts = np.diff(np.concatenate([[0], np.unique(cuts), [height * width]]))
    counts = [int(c) for c in counts if c > 0] or [height * width]
    plain.append([height, width, counts, text(m.frPyObjects({"size": [height, width], "counts": counts}, height, width))])

boxes = []
for _ in range(60):
    a, b = (rng.random((n, 4)) * 20 for n in (4, 5))
    b[0] = a[0]
    a[1, 2:] = 0
    crowd = [int(v) for v in rng.integers(0, 2, 5)]
    boxes.append([a.tolist(), b.tolist(), crowd, m.iou(a, b, crowd).tolist()])

with open(sys.argv[1], "w") as out:
    json.dump({"masks": masks, "iou": pairs, "merge": merged, "polygon": polygons,
               "polygons": several, "plain": plain, "box_iou": boxes}, out, separators=(",", ":"))
