"""Maps are those of the program; labels are judged."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import cohort


@pytest.fixture(scope="module")
def heaps():
    random = np.random.default_rng(2)
    label = np.arange(150) % 3
    vectors = random.normal(size=(150, 6)) + 6 * np.eye(3, 6)[label]
    return vectors.astype(np.float32), np.array(["a", "b", "c"])[label]


@pytest.mark.parametrize("method", ["pca", "tsne", "umap"])
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_the_map_is_the_programs(run, tmp_path, heaps, method, metric):
    vectors, label = heaps
    table = pd.DataFrame(vectors, columns=[f"x{i}" for i in range(6)])
    table.insert(0, "VideoName", [f"v{i:03}" for i in range(150)])
    table.to_csv(tmp_path / "v.csv", index=False)
    pd.DataFrame({"VideoName": table["VideoName"], "kind": label}).to_csv(tmp_path / "l.csv", index=False)
    printed = json.loads(
        run("map", tmp_path / "v.csv", "--method", method, "--metric", metric, "--seed", 3, "--json",
            "--labels", tmp_path / "l.csv", "--color", "kind")
    )
    found = cohort.map(vectors, method, metric=metric, seed=3, labels=label)
    theirs = np.array([[point["x"], point["y"]] for point in printed["points"]], np.float32)
    assert np.array_equal(found.points, theirs)
    assert found.trustworthiness == printed["trustworthiness"]["value"] > 0.7
    assert found.recipe == printed["recipe"]
    assert found.divergence == printed.get("divergence")
    assert (None if found.explained is None else list(found.explained)) == printed.get("explained")
    assert found.agreement == printed["labels"]["agreement"]
    assert found.agreement["map"] > 0.9


def test_every_make_of_vectors_gives_the_same_map(heaps):
    vectors, _ = heaps
    expected = cohort.map(vectors, "pca").points
    assert expected.shape == (150, 2) and expected.dtype == np.float32
    for each in (
        vectors.astype(float), np.asfortranarray(vectors), vectors.astype(">f4"), vectors.tolist(), pd.DataFrame(vectors),
    ):
        assert np.array_equal(cohort.map(each, "pca").points, expected)
    maps = [cohort.map(vectors, "umap", threads=threads).points for threads in (1, 3)]
    assert np.array_equal(*maps)
    assert np.array_equal(np.asarray(cohort.map(vectors, "pca")), expected)


def test_progress_is_told_and_can_end_a_map(heaps):
    vectors, _ = heaps
    many = np.concatenate([vectors + i for i in range(20)])
    told = []
    cohort.map(many, "tsne", iterations=50, progress=lambda *at: told.append(at))
    assert told and all(isinstance(stage, str) and 0 <= done <= total for stage, done, total in told)

    class Enough(Exception):
        pass

    def stop(*_):
        raise Enough

    with pytest.raises(Enough):
        cohort.map(many, "tsne", iterations=100_000, progress=stop)


@pytest.mark.parametrize(
    "vectors, given, message",
    [
        (np.zeros((3, 2)), {}, "at least 4 vectors"),
        (np.zeros((9, 2)), {}, "vectors that differ"),
        (np.zeros(9), {}, "rows by components, found shape (9,)"),
        (np.zeros((0, 3)), {}, "at least one value"),
        (np.zeros((9, 0)), {}, "at least one value"),
        (np.full((9, 2), "a"), {}, "vectors: expected numbers"),
        (np.array([[1, 2], [np.nan, 1], [1, 1], [3, 1]]), {}, "row 2: expected finite numbers, found NaN"),
        ([[1, 2], [3]], {}, "vectors: expected an array of rows by components"),
        (np.eye(9), {"method": "mds"}, "method: expected pca, tsne or umap, found \"mds\""),
        (np.eye(9), {"metric": "l1"}, "metric: expected euclidean or cosine"),
        (np.eye(9), {"perplexity": 100.0}, "perplexity"),
        (np.eye(9), {"method": "umap", "neighbours": 1}, "neighbours"),
        (np.eye(9), {"seed": -1}, "seed: expected a whole number"),
        (np.eye(9), {"seed": 2**64}, "seed: expected a whole number"),
        (np.eye(9), {"perplexity": "3"}, "perplexity: expected a number"),
        (np.eye(9), {"method": 3}, "method: expected a name"),
        (np.eye(9), {"labels": [1, 2]}, "labels: expected 9 values"),
    ],
)
def test_what_is_no_map_is_refused(vectors, given, message):
    with pytest.raises(cohort.InputError) as caught:
        cohort.map(vectors, **given)
    assert message in str(caught.value)
