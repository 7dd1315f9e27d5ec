"""pycocotools and this crate on as many pictures, in one run: seconds to read, seconds to evaluate, difference of the figures.

    pip install pycocotools==2.0.11 numpy==2.4.6
    cargo build --release --example evaluate -p cohort-detection
    python speed.py ../../../target/release/examples/evaluate [pictures]
"""
import contextlib
import io
import json
import resource
import subprocess
import sys
import tempfile
import time

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from worlds import ellipse, text

binary, pictures = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 5000
rng = np.random.default_rng(1)
images, annotations, results = [], [], []
for i in range(1, pictures + 1):
    images.append({"id": i, "width": 640, "height": 480, "file_name": f"{i}.jpg"})
    for _ in range(int(rng.poisson(7.3))):
        w, h = np.round(np.exp(rng.normal(4, 0.9, 2)).clip(5, 400), 2)
        x, y = np.round(rng.random(2) * [640 - w, 480 - h], 2)
        category = int(rng.zipf(1.3)) % 80 + 1
        box = [float(v) for v in (x, y, w, h)]
        mask = text(ellipse(480, 640, box)) if i <= pictures // 10 else [[0, 0, 1, 0, 1, 1]]
        annotations.append({"id": len(annotations) + 1, "image_id": i, "category_id": category, "bbox": box,
                            "area": box[2] * box[3], "iscrowd": 0, "segmentation": mask})
        for k in range(int(rng.integers(0, 5))):
            moved = [float(v) for v in np.round(np.array(box) + rng.normal(0, 0.1, 4) * [w, h, w, h], 2)]
            results.append({"image_id": i, "category_id": category if k else int(rng.integers(1, 81)),
                            "bbox": [moved[0], moved[1], max(moved[2], 1.0), max(moved[3], 1.0)], "score": float(np.round(rng.random(), 4))})
    for _ in range(int(rng.integers(5, 25))):
        w, h = np.round(5 + rng.random(2) * 200, 2)
        box = [float(v) for v in (np.round(rng.random() * 400, 2), np.round(rng.random() * 250, 2), w, h)]
        results.append({"image_id": i, "category_id": int(rng.integers(1, 81)), "bbox": box, "score": float(np.round(rng.random() * 0.5, 4))})
truth = {"images": images, "annotations": annotations, "categories": [{"id": k, "name": f"c{k}"} for k in range(1, 81)]}
print(f"{pictures} pictures, {len(annotations)} objects, {len(results)} detections")


def race(kind, theirs, truth, results):
    with tempfile.TemporaryDirectory() as folder:
        t, r = folder + "/t.json", folder + "/r.json"
        json.dump(truth, open(t, "w"))
        json.dump(results, open(r, "w"))
        start = time.process_time()
        with contextlib.redirect_stdout(io.StringIO()):
            coco = COCO(t)
            found = coco.loadRes(r)
            read = time.process_time() - start
            start = time.process_time()
            e = COCOeval(coco, found, theirs)
            e.evaluate()
            e.accumulate()
            e.summarize()
        evaluated = time.process_time() - start
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        out = subprocess.run([binary, t, r, kind], capture_output=True, text=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        ours = json.loads(out.stdout)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        difference = max(abs(a - b) for a, b in zip(ours["stats"], e.stats))
        print(f"{kind}: pycocotools read {read:.2f} s, evaluate {evaluated:.2f} s (CPU); ours, all of it {cpu:.2f} s CPU, "
              f"wall read {ours['read']:.2f} evaluate {ours['evaluate']:.2f}, peak {after.ru_maxrss / 1024:.0f} MB; "
              f"ratio of all CPU {(read + evaluated) / cpu:.1f}; largest difference {difference}")


race("box", "bbox", truth, results)
few = pictures // 10
truth["annotations"] = [a for a in annotations if a["image_id"] <= few]
truth["images"] = images[:few]
masks = []
for r in results:
    if r["image_id"] <= few:
        masks.append({**{k: v for k, v in r.items() if k != "bbox"}, "segmentation": text(ellipse(480, 640, r["bbox"]))})
race("mask", "segm", truth, masks)
