"""Golden values of umap-learn and scikit-learn for the tests of this crate.

pip install "umap-learn==0.5.12" "scikit-learn==1.9.1"

Writes tests/goldens/*.json and prints the table of src/curve.rs.
"""

import json
from pathlib import Path

import numpy as np
from sklearn.manifold import trustworthiness
from umap.umap_ import find_ab_params, fuzzy_simplicial_set

GOLDENS = Path(__file__).resolve().parent.parent / "tests" / "goldens"


def main():
    GOLDENS.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(7)
    n, dim, neighbours = 60, 5, 8
    x = rng.normal(size=(n, dim)).astype(np.float32)
    x[n // 2 :] += 2
    x[3] = x[4]  # a duplicate
    graph, _, _ = fuzzy_simplicial_set(x, neighbours, np.random.RandomState(0), "euclidean")
    graph = graph.tocoo()
    edges = sorted((int(i), int(j), float(w)) for i, j, w in zip(graph.row, graph.col, graph.data))
    write("fuzzy_set", {"dim": dim, "neighbours": neighbours, "values": flat(x), "edges": edges})

    n, dim = 80, 12
    x = rng.normal(size=(n, dim)).astype(np.float32)
    y = (x[:, :2] + 0.7 * rng.normal(size=(n, 2))).astype(np.float32)
    value = lambda metric: [(k, float(trustworthiness(x, y, n_neighbors=k, metric=metric))) for k in (1, 5, 15)]
    write(
        "trustworthiness",
        {"dim": dim, "values": flat(x), "map": flat(y), "trustworthiness": value("euclidean"), "cosine": value("cosine")},
    )

    for min_dist in (0.0, 0.001, 0.1, 0.25, 0.5, 0.99):
        a, b = find_ab_params(1.0, min_dist)
        print(f"        ({min_dist}, {a:.6f}, {b:.6f}),")


def flat(x):
    return [float(v) for v in x.ravel()]


def write(name, value):
    (GOLDENS / f"{name}.json").write_text(json.dumps(value) + "\n")


main()
