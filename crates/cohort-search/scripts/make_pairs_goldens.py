"""Figures of cross-modal retrieval by numpy and torchmetrics, for tests/pairs.rs.

    pip install torch torchmetrics==1.9.0 numpy
    python crates/cohort-search/scripts/make_pairs_goldens.py

Everything is written out by its definition in numpy, in 64 bits and one query at a time; torchmetrics has its say where nothing is
tied (it computes in 32 bits and orders equals as a sort happens to).
"""

import json
import pathlib

import numpy as np
import torch
import torchmetrics
from torchmetrics import retrieval

KS = [1, 5, 10]


def cosines(a, b):
    a, b = a.astype(np.float64), b.astype(np.float64)
    out = np.empty((len(a), len(b)))
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            # pair by pair: equal rows have equal sums
            lengths = np.sqrt(np.sum(x * x)) * np.sqrt(np.sum(y * y))
            out[i, j] = np.sum(x * y) / lengths if lengths > 0 else 0.0
    return out


def corrected(scores, k):
    # Conneau et al. 2018, section 2.3
    of_rows = np.sort(scores, axis=1)[:, ::-1][:, :k].mean(axis=1)
    of_columns = np.sort(scores, axis=0)[::-1][:k].mean(axis=0)
    return 2 * scores - (of_rows[:, None] + of_columns[None])


def of_ranks(ranks):
    ranks = np.sort(ranks)
    precision = np.mean(np.arange(1, len(ranks) + 1) / ranks)
    return [float(ranks[0] <= k) for k in KS] + [float(precision)]


def orders(scores, right):
    """Ranks of the right items in a stable order, with the right of equals first, and with them last."""
    for key in (np.zeros(len(scores)), ~right, right):
        order = np.lexsort((np.arange(len(scores)), key, -scores))
        yield np.flatnonzero(right[order]) + 1


def direction(scores, right, units):
    asked = np.flatnonzero(right.any(axis=1))
    scores, right, units = scores[asked], right[asked], units[asked]
    values, best, worst, first, tied = [], [], [], [], 0
    for s, r in zip(scores, right):
        here, top, bottom = orders(s, r)
        values.append(of_ranks(here))
        best.append(of_ranks(top))
        worst.append(of_ranks(bottom))
        first.append(here[0])
        tied += not np.array_equal(top, bottom)
    answers = scores.max(axis=1)
    unrelated = [s[~r].max() if (~r).any() else None for s, r in zip(scores, right)]
    shares = []
    for score, unit in zip(answers, units):
        others = np.array([u for u, own in zip(unrelated, units) if u is not None and own != unit])
        if len(others):
            shares.append(np.mean((others < score) + 0.5 * (others == score)))
    names = [f"hit_at_{k}" for k in KS] + ["map"]
    mean = lambda rows: [float(v) for v in np.mean(rows, axis=0)]
    out = dict(zip(names, mean(values)))
    out.update(
        queries=len(asked),
        median_rank=float(np.median(first)),
        tied_queries=tied,
        best=mean(best),
        worst=mean(worst),
        told_apart=float(np.mean(shares)) if shares else None,
    )
    # whatever has a score of 0 or less counts as irrelevant there
    positive = np.float32(scores - scores.min() + 0.1)
    if all(len(np.unique(s)) == len(s) for s in positive):
        indexes = torch.arange(len(asked)).repeat_interleave(scores.shape[1])
        flat = torch.tensor(positive.ravel()), torch.tensor(right.ravel())
        metrics = {f"hit_at_{k}": retrieval.RetrievalHitRate(top_k=k) for k in KS}
        metrics["map"] = retrieval.RetrievalMAP()
        out["torchmetrics"] = {name: float(metric(*flat, indexes=indexes)) for name, metric in metrics.items()}
    return out


def case(seed, pictures, captions, dim, noise=None, alone=0, strangers=0, csls=None):
    rng = np.random.default_rng(seed)
    picture_of = rng.integers(0, pictures - alone, captions)
    if noise is None:
        # whole numbers: many ties, all of them exact
        p = rng.integers(-1, 3, (pictures, dim)).astype(np.float32)
        c = rng.integers(-1, 3, (captions, dim)).astype(np.float32)
    else:
        p = np.round(rng.normal(size=(pictures, dim)), 3).astype(np.float32)
        c = np.round(p[picture_of] + noise * rng.normal(size=(captions, dim)), 3).astype(np.float32)
    partner = [int(v) for v in picture_of]
    for caption in range(strangers):
        partner[caption * 3] = None
    scores = cosines(c, p)
    if csls:
        scores = corrected(scores, csls)
    right = np.array([[own == picture for picture in range(pictures)] for own in partner])
    of_caption = np.array([-1 if own is None else own for own in partner])
    return {
        "dim": dim,
        "csls": csls,
        "pictures": p.ravel().tolist(),
        "captions": c.ravel().tolist(),
        "picture_of": partner,
        "text_to_image": direction(scores, right, of_caption),
        "image_to_text": direction(scores.T.copy(), right.T.copy(), np.arange(pictures)),
    }


cases = [
    case(1, 30, 150, 6, noise=1.5),
    case(2, 40, 90, 8, noise=2.0, alone=7),
    case(3, 25, 80, 6, noise=1.0, strangers=9),
    case(4, 20, 60, 3),
    case(5, 30, 100, 6, noise=1.5, csls=3),
    case(6, 1, 1, 3, noise=0.5),
    case(7, 1, 6, 3, noise=0.5),
    case(8, 12, 40, 2, alone=2, strangers=4),
]
assert sum("torchmetrics" in c[d] for c in cases for d in ("text_to_image", "image_to_text")) >= 6
assert sum(c["text_to_image"]["tied_queries"] > 0 for c in cases) == 2
document = {"torchmetrics": torchmetrics.__version__, "numpy": np.__version__, "ks": KS, "cases": cases}
path = pathlib.Path(__file__).parent.parent / "tests/goldens/pairs.json"
path.write_text(json.dumps(document, indent=1) + "\n")
for c in cases:
    print(c["text_to_image"], c["image_to_text"])
