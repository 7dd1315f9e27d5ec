"""Whether a weak topic that is planted is found, and how often one is named where none is.

Captions are real (six animals in COCO's captions), their vectors MiniLM's; pictures are made: of every picture the mean of its captions'
vectors through a fixed random layer with a bend, with noise of its own. A search is trained on nothing: the captions go through the same
layer, so that both lie in one space. In a planted world the pictures of one animal get more noise.

    cohort search embed captions_animals.json --captions --text-encoder bert --text-weights MINILM --out minilm.parquet
    python planted_topics.py cohort captions_animals.json minilm.parquet animals.json [--pictures 400] [--null 300] [--planted 20]

`captions_animals.json` are captions in COCO's layout, `animals.json` has the animals of each image id with their captions' number.
"""
import argparse, json, os, subprocess, sys, tempfile
import numpy as np
import polars as pl

arguments = argparse.ArgumentParser()
for name in ("cohort", "captions", "vectors", "animals"):
    arguments.add_argument(name)
arguments.add_argument("--pictures", type=int, default=400)
arguments.add_argument("--null", type=int, default=300)
arguments.add_argument("--planted", type=int, default=20)
arguments.add_argument("--weaker", type=float, default=0.8)
given = arguments.parse_args()

table = pl.read_parquet(given.vectors)
vector = dict(zip(table["clip"].to_list(), np.array(table["vector"].to_list(), dtype=np.float64)))
rows = {}
for caption in json.load(open(given.captions))["annotations"]:
    if str(caption["id"]) in vector:
        rows.setdefault(caption["image_id"], []).append(caption)
animals = {int(image): max(sorted(of), key=of.get) for image, of in json.load(open(given.animals)).items()}
images = sorted(image for image in rows if len(rows[image]) >= 2)
names = sorted(set(animals.values()))
mean = np.mean(list(vector.values()), axis=0)
scale = 1 / np.std(list(vector.values()))


def world(seed, weak):
    random = np.random.default_rng(seed)
    layer = random.normal(size=(mean.size, 128)) / mean.size**0.5
    see = lambda vectors, noise: np.tanh(((vectors - mean) * scale + noise * random.normal(size=vectors.shape)) @ layer)
    chosen = [images[i] for i in random.choice(len(images), given.pictures, replace=False)]
    # by chance, whatever the pictures are: the null that topics do not matter, with what animals are like left in
    kinds = [animals[image] for image in chosen]
    if weak is None:
        kinds = list(random.permutation(kinds))
    folder = tempfile.TemporaryDirectory()
    own = [np.mean([vector[str(c["id"])] for c in rows[image][:-1]], axis=0) for image in chosen]
    pictures = [see(v, 0.6 + (given.weaker if kind == weak else 0.0)) for v, kind in zip(own, kinds)]
    captions = [see(vector[str(rows[image][-1]["id"])], 0.3) for image in chosen]
    write = lambda name, ids, values: pl.DataFrame(
        {"clip": ids} | {f"v{i}": column for i, column in enumerate(np.array(values).T)}).write_parquet(os.path.join(folder.name, name))
    write("p.parquet", [str(i) for i in chosen], pictures)
    write("c.parquet", [str(i) + "#0" for i in chosen], captions)
    pl.DataFrame({"image": [str(i) for i in chosen], "caption": [rows[i][-1]["caption"] for i in chosen], "animal": kinds}).write_csv(
        os.path.join(folder.name, "pairs.csv"))
    answer = subprocess.run(
        [given.cohort, "search", "topics", "p.parquet", "c.parquet", "--pairs", "pairs.csv", "--by", "animal", "--direction", "text-to-image",
         "--resamples", "100", "--permutations", "999", "--shuffles", "2", "--seed", str(seed), "--json", "--quiet"],
        cwd=folder.name, capture_output=True, text=True)
    if answer.returncode:
        sys.exit(answer.stderr)
    document = json.loads(answer.stdout)
    direction = document["directions"][0]
    return document["whole"]["directions"][0]["measures"][0]["value"], [t["name"] for t in direction["topics"] if t["outcome"] == "shown"]


found = [world(seed, "sheep") for seed in range(given.planted)]
alarms = [world(1000 + seed, None) for seed in range(given.null)]
print(f"planted (sheep): named in {sum('sheep' in weak for _, weak in found)} of {len(found)}, another in "
      f"{sum(any(name != 'sheep' for name in weak) for _, weak in found)}; R@5 {np.mean([r for r, _ in found]):.3f}")
print(f"none planted: any named in {sum(bool(weak) for _, weak in alarms)} of {len(alarms)}, "
      f"{100 * np.mean([bool(weak) for _, weak in alarms]):.1f} %; R@5 {np.mean([r for r, _ in alarms]):.3f}")
