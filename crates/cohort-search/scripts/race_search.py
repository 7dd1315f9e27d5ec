"""Exact and approximate search beside faiss and hnswlib: the same vectors, one run, ratios printed.

    cargo build --release --workspace --example race
    pip install faiss-cpu hnswlib numpy
    python crates/cohort-search/scripts/race_search.py target/release/examples/race [--n 100000] [--threads 2]

Vectors are clusters in a space of 64 dimensions turned into 512 with noise, as embeddings of a network are. Times are the
best of several; a ratio below 1 means that Cohort is faster. Run it on a quiet machine: the load is printed.
"""

import argparse
import json
import os
import pathlib
import subprocess
import tempfile
import time

import numpy as np


def vectors(n, queries, dim, seed):
    rng = np.random.default_rng(seed)
    inner, classes = 64, 1000
    centres = rng.normal(size=(classes, inner)).astype(np.float32)
    turn = rng.normal(size=(inner, dim)).astype(np.float32) / np.sqrt(inner)

    def draw(count):
        out = np.empty((count, dim), np.float32)
        for start in range(0, count, 50_000):
            end = min(count, start + 50_000)
            points = centres[rng.integers(classes, size=end - start)] + rng.normal(size=(end - start, inner)).astype(np.float32)
            out[start:end] = points @ turn + 0.1 * rng.normal(size=(end - start, dim)).astype(np.float32)
        return out

    return draw(n), draw(queries)


def clocks():
    return np.array([time.perf_counter(), time.process_time()])


def best(work, repeats):
    """Seconds on the wall and of the processor, each the least of several, and the result."""
    times = []
    for _ in range(repeats):
        start = clocks()
        result = work()
        times.append(clocks() - start)
    return np.min(times, axis=0), result


def recall(found, exact):
    return np.mean([len(set(a) & set(b)) / len(b) for a, b in zip(found.tolist(), exact.tolist())])


def at(rows, wanted):
    """The fastest row that reaches the recall."""
    rows = [row for row in rows if row[1] >= wanted]
    return min(rows, key=lambda row: row[2][0]) if rows else None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("race")
    parser.add_argument("--n", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--k", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--recall", type=float, default=0.97)
    parser.add_argument("--exact-only", action="store_true")
    options = parser.parse_args()
    # before the libraries are loaded
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"):
        os.environ[name] = str(options.threads)
    import faiss

    faiss.omp_set_num_threads(options.threads)
    n, k = options.n, options.k
    gallery, queries = vectors(n, options.queries, options.dim, 1)
    print(f"{n} x {options.dim}, {options.queries} queries, k {k}, {options.threads} threads, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        gallery.tofile(folder / "gallery.f32")
        queries.tofile(folder / "queries.f32")
        graph = "0" if options.exact_only else "1"
        command = [options.race, folder, options.dim, k, options.repeats, graph]
        ran = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=True)
        ours = json.loads(ran.stdout)
        read = lambda name: np.fromfile(folder / name, np.uint32).reshape(options.queries, k).astype(np.int64)
        exact = read("ours-exact.u32")
        ours_nearly = [(row["width"], recall(read(f"ours-{row['width']}.u32"), exact), np.array(row["seconds"])) for row in ours["nearly"]]

    start = clocks()
    flat = faiss.IndexFlatL2(options.dim)
    flat.add(gallery)
    flat_build = clocks() - start
    seconds, (_, theirs) = best(lambda: flat.search(queries, k), options.repeats)
    one, _ = best(lambda: [flat.search(queries[i : i + 1], k) for i in range(20)], options.repeats)
    print(f"same rows as IndexFlatL2: {np.mean(exact == theirs):.5f}")
    print(f"{'':<44}{'ours':>10}{'theirs':>10}{'ratio':>8}{'of processor time':>20}")

    def line(name, a, b):
        print(f"{name:<44}{a[0]:>10.4f}{b[0]:>10.4f}{a[0] / b[0]:>8.2f}{a[1] / b[1]:>20.2f}")

    line("exact, all queries, s", ours["exact_s"], seconds)
    line("exact, one query, s", ours["exact_one_s"], one / 20)
    print(f"ours: write {ours['write_s']:.2f} s, open and check {ours['open_s']:.2f} s, {ours['bytes'] / 1e6:.0f} MB on disk, peak {ours['peak_mb']:.0f} MB; faiss adds in {flat_build[0]:.2f} s")
    if options.exact_only:
        return

    import hnswlib

    rows = {}
    start = clocks()
    index = faiss.IndexHNSWFlat(options.dim, 16)
    index.hnsw.efConstruction = 200
    index.add(gallery)
    faiss_build = clocks() - start
    rows["faiss HNSW"] = []
    for ef in (10, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384):
        index.hnsw.efSearch = ef
        seconds, (_, found) = best(lambda: index.search(queries, k), options.repeats)
        rows["faiss HNSW"].append((ef, recall(found, exact), seconds))
    start = clocks()
    index = hnswlib.Index(space="l2", dim=options.dim)
    index.init_index(max_elements=n, ef_construction=200, M=16)
    index.set_num_threads(options.threads)
    index.add_items(gallery)
    hnswlib_build = clocks() - start
    rows["hnswlib"] = []
    for ef in (10, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384):
        index.set_ef(ef)
        seconds, (found, _) = best(lambda: index.knn_query(queries, k), options.repeats)
        rows["hnswlib"].append((ef, recall(found.astype(np.int64), exact), seconds))
    for name, all_rows in [("ours", ours_nearly), *rows.items()]:
        print(name, " ".join(f"{width}:{r:.4f}/{s[0] * 1e3:.1f}ms" for width, r, s in all_rows))
    for wanted in (0.9, options.recall, 0.99):
        own = at(ours_nearly, wanted)
        for name, all_rows in rows.items():
            other = at(all_rows, wanted)
            if own and other:
                line(f"recall {wanted} ({own[1]:.3f}, {other[1]:.3f}) {name}, s", own[2], other[2])
            else:
                print(f"recall {wanted}: reached by ours {bool(own)}, {name} {bool(other)}")
    line("build, faiss HNSW, s", ours["graph_build_s"], faiss_build)
    line("build, hnswlib, s", ours["graph_build_s"], hnswlib_build)


main()
