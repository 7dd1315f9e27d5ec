"""Triplets of pictures with several labels at the size of COCO's training part, and their check by brute force on a sample.

    cargo build --release
    python label_triplets.py COHORT SHARED/data OUT

82,081 pictures with 241,035 labels of 80 kinds. Labels a picture and frequencies of the kinds are those of the COCO pictures in
SHARED/data/coco-mini (kinds that are absent there count half); labels of a picture are drawn without replacement. Comparing all
pictures with all took the reference five hours.
"""

import csv
import json
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

PICTURES, LABELS = 82_081, 241_035


def marginals(data):
    count, kinds = Counter(), Counter()
    names = set()
    for file in sorted((data / "coco-mini/annotations").glob("instances*.json")):
        document = json.loads(file.read_text())
        names |= {c["id"] for c in document["categories"]}
        by_picture = {}
        for annotation in document["annotations"]:
            by_picture.setdefault(annotation["image_id"], set()).add(annotation["category_id"])
        for own in by_picture.values():
            count[len(own)] += 1
            kinds.update(own)
    return count, {name: kinds.get(name, 0.5) for name in sorted(names)}


def make(data, path):
    draw = random.Random(1)
    count, kinds = marginals(data)
    sizes = draw.choices(list(count), list(count.values()), k=PICTURES)
    while sum(sizes) != LABELS:
        at = draw.randrange(PICTURES)
        if sum(sizes) > LABELS:
            step = min(len(sizes), sum(sizes) - LABELS)
            for at in draw.sample(range(PICTURES), step):
                sizes[at] -= sizes[at] > 1
        else:
            for at in draw.sample(range(PICTURES), min(PICTURES, LABELS - sum(sizes))):
                sizes[at] += 1
    names, weights = list(kinds), list(kinds.values())
    own = []
    for size in sizes:
        labels = set()
        while len(labels) < size:
            labels.add(draw.choices(names, weights)[0])
        own.append(sorted(labels))
    with open(path, "w") as file:
        table = csv.writer(file)
        table.writerow(["VideoName", "labels"])
        table.writerows((f"c{i}", "+".join(map(str, labels))) for i, labels in enumerate(own))
    return own


def main():
    cohort, data, out = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    out.mkdir(parents=True, exist_ok=True)
    own = make(data, out / "labels.csv")
    begun = time.time()
    command = [cohort, "data", "triplets", out / "labels.csv", "--label", "labels", "--out", out / "triplets.csv", "--json"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    print(done.stdout, f"{time.time() - begun:.1f} seconds")
    labels = [set(labels) for labels in own]
    rows = list(csv.DictReader(open(out / "triplets.csv")))
    for row in random.Random(2).sample(rows, 200):
        a, p, n = (int(row[key][1:]) for key in ("anchor", "positive", "negative"))
        most = max(len(labels[a] & other) for i, other in enumerate(labels) if i != a)
        assert a != p and len(labels[a] & labels[p]) == most == int(row["shared"])
        both = labels[a] | labels[p]
        least = min(len(both & other) for other in labels)
        assert len(both & labels[n]) == least == int(row["clash"])
    print("200 of them are what comparing with all pictures allows")


if __name__ == "__main__":
    main()
