"""Values of retrieval measures by the libraries that are used for them, for tests/retrieval.rs.

    pip install torch torchmetrics==1.9.0 pytorch-metric-learning==2.9.0 scikit-learn faiss-cpu
    python crates/cohort-search/scripts/make_retrieval_goldens.py

Writes crates/cohort-search/tests/goldens/retrieval.json.
"""

import json
import pathlib
import warnings

import numpy as np
import pytorch_metric_learning
import sklearn
import torch
import torchmetrics
from pytorch_metric_learning.utils.accuracy_calculator import AccuracyCalculator
from pytorch_metric_learning.utils.inference import CustomKNN
from pytorch_metric_learning.distances import LpDistance
from sklearn.metrics import average_precision_score, ndcg_score
from torchmetrics import retrieval

warnings.filterwarnings("ignore")
KS = [1, 5, 10]


def calculator(k):
    # brute force in torch: no index library between the vectors and the measures
    knn = CustomKNN(LpDistance(normalize_embeddings=False, p=2))
    include = ("precision_at_1", "r_precision", "mean_average_precision_at_r", "mean_average_precision", "mean_reciprocal_rank")
    return AccuracyCalculator(include=include, k=k, knn_func=knn)


def of_pml(queries, labels, gallery, gallery_labels, within, k):
    arguments = [torch.tensor(queries), torch.tensor(labels)]
    if within:
        found = calculator(k).get_accuracy(*arguments)
    else:
        found = calculator(k).get_accuracy(*arguments, torch.tensor(gallery), torch.tensor(gallery_labels))
    return {name: float(value) for name, value in found.items()}


def of_torchmetrics(scores, relevant, empty):
    rows, columns = scores.shape
    indexes = torch.arange(rows).repeat_interleave(columns)
    flat = torch.tensor(scores.ravel()), torch.tensor(relevant.ravel())
    metrics = {
        "map": retrieval.RetrievalMAP(empty_target_action=empty),
        "ndcg": retrieval.RetrievalNormalizedDCG(empty_target_action=empty),
        "reciprocal_rank": retrieval.RetrievalMRR(empty_target_action=empty),
        "r_precision": retrieval.RetrievalRPrecision(empty_target_action=empty),
    }
    for k in KS:
        metrics[f"precision_at_{k}"] = retrieval.RetrievalPrecision(top_k=k, empty_target_action=empty)
        metrics[f"recall_at_{k}"] = retrieval.RetrievalRecall(top_k=k, empty_target_action=empty)
        if k > 1:
            metrics[f"hit_at_{k}"] = retrieval.RetrievalHitRate(top_k=k, empty_target_action=empty)
            metrics[f"ndcg_at_{k}"] = retrieval.RetrievalNormalizedDCG(top_k=k, empty_target_action=empty)
    return {name: float(metric(*flat, indexes=indexes)) for name, metric in metrics.items()}


def case(seed, per_class, noise, dim, within, lone):
    rng = np.random.default_rng(seed)
    classes = len(per_class)
    centres = rng.normal(size=(classes, dim))
    gallery_labels = np.repeat(np.arange(classes), per_class)
    rng.shuffle(gallery_labels)
    # few digits: the same numbers in the document, in 32 bits and here
    gallery = np.round(centres[gallery_labels] + noise * rng.normal(size=(len(gallery_labels), dim)), 3).astype(np.float32)
    if within:
        labels, queries = gallery_labels, gallery
    else:
        labels = np.repeat(np.arange(classes), 6)
        queries = np.round(centres[labels] + noise * rng.normal(size=(len(labels), dim)), 3).astype(np.float32)
    if lone:
        labels = np.append(labels, classes)
        queries = np.concatenate([queries, np.ones((1, dim), np.float32)])
        if within:
            gallery, gallery_labels = queries, labels
    distances = np.linalg.norm(queries[:, None].astype(np.float64) - gallery[None].astype(np.float64), axis=2)
    relevant = labels[:, None] == gallery_labels[None]
    if within:
        keep = ~np.eye(len(queries), dtype=bool)
        rows = len(queries)
        distances, relevant = distances[keep].reshape(rows, -1), relevant[keep].reshape(rows, -1)
    some = relevant.any(axis=1)
    order = np.argsort(distances, axis=1, kind="stable")
    assert np.diff(np.sort(distances, axis=1), axis=1).min() > 0, "no ties here"
    ranked = np.take_along_axis(relevant, order, axis=1)
    per_query = [average_precision_score(relevant[i], -distances[i]) for i in np.flatnonzero(some)]
    # sklearn's gain: 0 and 1, discount log2(rank + 1)
    gains = [ndcg_score(relevant[i : i + 1], -distances[i : i + 1]) for i in np.flatnonzero(some)]
    # the reference's call: relevance of all neighbours as truth, the class index as score; sklearn uses the first column
    neighbours = ranked[some][:, :10].astype(int)
    classes_of = labels[some].reshape(-1, 1)
    legacy = average_precision_score(neighbours[:, 0], classes_of[:, 0])
    # torchmetrics counts whatever has a score of 0 or less as irrelevant, so distances must become positive
    scores = (1 / (1 + distances)).astype(np.float32)
    assert np.array_equal(np.argsort(-scores, axis=1, kind="stable"), order)
    return {
        "within": within,
        "dim": dim,
        "gallery": gallery.ravel().tolist(),
        "gallery_labels": gallery_labels.tolist(),
        "queries": queries.ravel().tolist(),
        "query_labels": labels.tolist(),
        "pytorch_metric_learning": of_pml(queries, labels, gallery, gallery_labels, within, None),
        "pytorch_metric_learning_max_bin_count": of_pml(queries, labels, gallery, gallery_labels, within, "max_bin_count"),
        "torchmetrics": of_torchmetrics(scores[some], relevant[some], "skip"),
        "torchmetrics_default": of_torchmetrics(scores, relevant, "neg"),
        "torchmetrics_of_negative_scores": of_torchmetrics(-distances[some].astype(np.float32), relevant[some], "skip"),
        "sklearn_map": float(np.mean(per_query)),
        "sklearn_ndcg": float(np.mean(gains)),
        "sklearn_per_query": per_query,
        "legacy_ap": float(legacy),
    }


cases = [
    case(1, [12, 30, 7, 20], 1.2, 5, False, False),
    case(2, [12, 30, 7, 20], 1.2, 5, False, True),
    case(3, [12, 30, 7, 20], 0.8, 3, True, False),
    case(4, [15, 15, 15, 11], 2.0, 8, True, True),
    case(5, [40, 25], 3.0, 4, False, False),
]
document = {
    "pytorch-metric-learning": pytorch_metric_learning.__version__,
    "torchmetrics": torchmetrics.__version__,
    "scikit-learn": sklearn.__version__,
    "ks": KS,
    "cases": cases,
}
path = pathlib.Path(__file__).parent.parent / "tests/goldens/retrieval.json"
path.write_text(json.dumps(document, indent=1) + "\n")
for c in cases:
    print({k: v for k, v in c.items() if k not in ("gallery", "queries", "gallery_labels", "query_labels", "sklearn_per_query")})
