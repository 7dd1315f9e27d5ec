"""Races openTSNE, umap-learn and `cohort map` on the same 5,000 x 512 real points, in one go.

pip install "openTSNE==1.0.4" "umap-learn==0.5.12" "scikit-learn==1.9.1" pyarrow pillow

    python race_maps.py COHORT SHARED [--points faces|text] [--count 5000] [--only tsne|umap]

COHORT is the binary, SHARED the folder of the evaluation data. Points of `faces` are the pixels of face crops (64 x 64,
grey) on their first 512 principal components; points of `text` are transcripts as tf-idf of words, hashed to 512
buckets. Times: the peers' fit alone, for umap-learn after a fit on few points has compiled it, with as many threads as
there are cores; for Cohort the whole command, reading, judging and writing included. Trustworthiness is scikit-learn's,
15 neighbours, for all.
"""

import argparse
import csv
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.manifold import trustworthiness


def faces(shared, count):
    from PIL import Image
    from sklearn.decomposition import PCA

    files = sorted((shared / "data" / "faces").rglob("*.jpg"))[:count]
    pixels = [np.asarray(Image.open(f).convert("L").resize((64, 64)), dtype=np.float32).ravel() / 255 for f in files]
    return PCA(512, random_state=0).fit_transform(np.stack(pixels))


def text(shared, count):
    from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer

    with open(shared / "data" / "first-impressions" / "transcripts.csv", newline="", encoding="utf-8") as file:
        texts = [row["Transcript"] for row in csv.DictReader(file)]
    texts = [t for t in texts if t.strip()][:count]
    counts = HashingVectorizer(n_features=512, alternate_sign=False, norm=None).transform(texts)
    return TfidfTransformer(sublinear_tf=True).fit_transform(counts).toarray()


def write(path, x):
    x = np.ascontiguousarray(x, dtype=np.float32)
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(x.ravel()), x.shape[1])
    clips = pa.array([f"clip{i:05}" for i in range(len(x))])
    pq.write_table(pa.table({"clip": clips, "vector": vectors}), path)


def cohort(binary, table, method, folder):
    out = folder / f"{method}.csv"
    start = time.perf_counter()
    subprocess.run([binary, "map", table, "--method", method, "--out", out], check=True, capture_output=True)
    seconds = time.perf_counter() - start
    return seconds, np.loadtxt(out, delimiter=",", skiprows=1, usecols=(1, 2))


def open_tsne(x):
    import openTSNE

    start = time.perf_counter()
    y = openTSNE.TSNE(n_jobs=-1, random_state=0).fit(x)
    return time.perf_counter() - start, np.asarray(y)


def umap_learn(x):
    import umap

    umap.UMAP(n_epochs=5).fit(x[:500])  # compiles
    umap.UMAP(n_epochs=5).fit(x)  # the code for many points too
    start = time.perf_counter()
    y = umap.UMAP().fit_transform(x)
    return time.perf_counter() - start, y


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("shared", type=Path)
    parser.add_argument("--points", choices=["faces", "text"], default="faces")
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--only", choices=["tsne", "umap"])
    args = parser.parse_args()
    x = np.ascontiguousarray({"faces": faces, "text": text}[args.points](args.shared, args.count), dtype=np.float32)
    print(f"{args.points}: {x.shape[0]} x {x.shape[1]}", flush=True)
    races = [("tsne", "openTSNE", open_tsne), ("umap", "umap-learn", umap_learn)]
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        table = folder / "points.parquet"
        write(table, x)
        for method, name, peer in races:
            if args.only not in (None, method):
                continue
            their_time, theirs = peer(x)
            our_time, ours = cohort(args.binary, table, method, folder)
            a, b = (trustworthiness(x, y, n_neighbors=15) for y in (theirs, ours))
            print(f"{name:<12} {their_time:7.2f} s   trustworthiness {a:.4f}")
            print(f"{'cohort':<12} {our_time:7.2f} s   trustworthiness {b:.4f}")
            print(f"{'':<12} time {our_time / their_time:.2f} of theirs, trustworthiness {b - a:+.4f}", flush=True)


main()
