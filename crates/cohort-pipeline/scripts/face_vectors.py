"""What MobileFaceNet's vectors say of faces: whose they are, and of which group.

    cargo build --release
    pip install pillow pyarrow
    python face_vectors.py COHORT SHARED/data OUT [PERSONS]

Verification: PERSONS (default 1,000) pictures of FairFace's validation part, each a person of its own, in four forms: as it is, mirrored, cut
to a random 80 % of its sides, and both. Every two vectors are a pair; those of one person are genuine. Also on the faces that MTCNN
finds, for fewer persons. This is easier than two photographs of one person, of which the set has none.

Retrieval: the training pictures are the gallery, the test pictures ask for faces of their race and of their age: the frozen vectors,
and a head on them trained for it (multi-similarity and triplet, three seeds), chosen on a selection part.
"""

import csv
import json
import random
import subprocess
import sys
from pathlib import Path

from PIL import Image, ImageOps

from faces import BINS, MIDPOINTS, name, splits

SEEDS = [1, 2, 3]
DETECTED = 250


def call(cohort, *arguments):
    done = subprocess.run([cohort, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def forms(data, root, persons):
    """Four forms of every person's picture, as three splits of one data set, and whose each is."""
    rows = splits(data)
    rows = (rows["valid"] + rows["test"])[:persons]
    draw = random.Random(1)
    (root / "test").mkdir(parents=True, exist_ok=True)
    table = [("VideoName", "Person", "Age")]
    for person, row in enumerate(rows):
        whole = Image.open(data / "faces" / row["file"]).convert("RGB")
        side = round(whole.width * 0.8)
        left, top = draw.randrange(whole.width - side + 1), draw.randrange(whole.height - side + 1)
        part = whole.crop((left, top, left + side, top + side)).resize(whole.size, Image.BICUBIC)
        made = {"whole": whole, "mirrored": ImageOps.mirror(whole), "part": part, "both": ImageOps.mirror(part)}
        for form, picture in made.items():
            clip = f"{name(row)}-{form}"
            path = root / "test" / f"{clip}.png"
            if not path.exists():
                picture.save(path)
            table.append((clip, f"p{person}", BINS.index(row["age"]) + 1))
    with open(root / "labels.csv", "w") as file:
        csv.writer(file).writerows(table)
    schema(root, "Age", BINS, "{split}.csv")
    for split in ("train", "valid", "test"):
        with open(root / f"{split}.csv", "w") as file:
            # features are made of every split; only the test has pictures
            csv.writer(file).writerows(table if split == "test" else table[:1] + [(f"no-{split}", "none", 1)])


def schema(root, target, levels, labels):
    text = f'name = "FairFace"\ntarget = "{target}"\nsubject_column = "VideoName"\nlabels = "{labels}"\nfolder = "{{split}}"\n\n'
    text += f'[[attribute]]\ncolumn = "{target}"\nlevels = [\n'
    text += "".join(f'    {{ code = "{i + 1}", name = "{level}" }},\n' for i, level in enumerate(levels)) + "]\n"
    (root / "cohort.toml").write_text(text)


def pictures(data, root, target):
    """FairFace laid out with one of its columns as the target."""
    root.mkdir(parents=True, exist_ok=True)
    rows = splits(data)
    levels = BINS if target == "age" else sorted({row[target] for part in rows.values() for row in part})
    schema(root, target, levels, "{split}.csv")
    for split, part in rows.items():
        (root / split).mkdir(exist_ok=True)
        with open(root / f"{split}.csv", "w") as file:
            table = csv.writer(file)
            table.writerow(["VideoName", target])
            for row in part:
                table.writerow([name(row), levels.index(row[target]) + 1])
                link = root / split / f"{name(row)}.jpg"
                if not link.exists():
                    link.symlink_to((data / "faces" / row["file"]).resolve())


def config(root, weights, more=""):
    image = f'backbone = "mobilefacenet"\nweights = {json.dumps(str(weights))}\nmode = "frozen"\ncrop = 0.85\ndropout = 0.0\n'
    return f'data = {json.dumps(str(root.resolve()))}\nmodalities = ["image"]\n{more}\n[image]\n{image}\n'


def verification(cohort, data, out, weights, persons, detector=None):
    """The middle of every picture, or the face that MTCNN finds, upright; all forms together, and each against the whole alone."""
    seen = "detected" if detector else "middle"
    root = out / f"forms-{persons}"
    if not (root / "cohort.toml").exists():
        forms(data, root, persons)
    network = ["--faces", "mobilefacenet", "--weights", weights, "--crop", "0.85"]
    table = out / f"features-{seen}-{persons}"
    call(cohort, "features", root, *network, *(["--detector", detector] if detector else []), "--out", table)
    rows = (root / "labels.csv").read_text().splitlines()
    for form in ("", "mirrored", "part"):
        some = root / f"labels-{form or 'all'}.csv"
        wanted = [row for row in rows[1:] if not form or row.split(",")[0].endswith((f"-{form}", "-whole"))]
        some.write_text("\n".join([rows[0], *wanted]) + "\n")
        asked = ["--labels", some, "--unit", "Person", "--out", out / f"verify-{seen}-{form or 'all'}.json"]
        print(seen, form or "all", call(cohort, "search", "verify", table / "faces.parquet", *asked), flush=True)


def retrieval(cohort, data, out, weights):
    import pyarrow.parquet as parquet

    for target in ("race", "age"):
        root = out / target
        pictures(data, root, target)
        trained = {}
        for loss, extra in (("multi-similarity", ""), ("triplet", 'margin = 0.1\n')):
            for seed in SEEDS:
                folder = out / f"{target}-{loss}-{seed}"
                path = out / f"{folder.name}.toml"
                loop = f'[embedding]\ndimension = 64\n[embedding.loss]\nkind = "{loss}"\n{extra}'
                loop += "[embedding.train]\nepochs = 30\npatience = 10\nlearning_rate = 1e-3\n"
                path.write_text(config(root, weights, f"seed = {seed}") + loop)
                call(cohort, "train", "embedding", path, "--out", folder, "--features", out / "features-faces", "--resume", "--hidden", "256")
                trained.setdefault(loss, []).append(folder)
        frozen = out / f"{target}-frozen"
        frozen.mkdir(exist_ok=True)
        table = parquet.read_table(out / "features-faces/faces.parquet").replace_schema_metadata(None)
        place = {clip: row for row, clip in enumerate(table.column("clip").to_pylist())}
        for split in ("train", "test"):
            clips = parquet.read_table(trained["triplet"][0] / f"vectors-{split}.parquet").column("clip").to_pylist()
            parquet.write_table(table.take([place[clip] for clip in clips]), frozen / f"vectors-{split}.parquet")
        for title, folders in {"frozen": [frozen], **trained}.items():
            for folder in folders:
                index = folder / "train.index"
                if not (index / "index.json").exists():
                    call(cohort, "search", "index", folder / "vectors-train.parquet", "--metric", "cosine", "--out", index)
                asked = ["--queries", folder / "vectors-test.parquet", "--labels", root / "train.csv", "--labels", root / "test.csv", "--label", target]
                against = ["--against", frozen / "train.index", "--against-queries", frozen / "vectors-test.parquet"] if folder != frozen else []
                document = folder / "evaluate.json"
                if not document.exists():
                    call(cohort, "search", "evaluate", index, *asked, *against, "--out", document)
                document = json.loads(document.read_text())
                line = f"{target} {title:18}"
                for measure in ("precision_at_1", "map_at_r", "map"):
                    of = next(m for m in document["measures"] if m["measure"] == measure)
                    line += f"  {measure} {of['value']:.4f} [{of['low']:.4f}, {of['high']:.4f}] chance {of['chance']:.4f}"
                    if against:
                        of = next(m for m in document["against"]["measures"] if m["measure"] == measure)
                        line += f" ({of['value']:+.4f} [{of['low']:+.4f}, {of['high']:+.4f}])"
                print(line, flush=True)


def main():
    cohort, data, out = sys.argv[1], Path(sys.argv[2]).resolve(), Path(sys.argv[3])
    persons = int(sys.argv[4]) if len(sys.argv) > 4 else 1000
    out.mkdir(parents=True, exist_ok=True)
    weights = data / "weights/mobilefacenet_pytorch/068.ckpt"
    verification(cohort, data, out, weights, persons)
    # finding faces takes far longer than looking at them
    verification(cohort, data, out, weights, min(persons, DETECTED), data / "weights/mtcnn")
    retrieval(cohort, data, out, weights)


if __name__ == "__main__":
    main()
