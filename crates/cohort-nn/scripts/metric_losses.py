"""Golden values of metric learning: losses with gradients, miners, cross-batch memory, of pytorch-metric-learning in float64.

    pip install torch pytorch-metric-learning   # the versions used are in the output
    python crates/cohort-nn/scripts/metric_losses.py > crates/cohort-nn/tests/metric.json

Embeddings are representable in float32, so that both sides compute from the same numbers. The library's own defaults and reducers
are used throughout; `squared-hinge`, which it does not have, is written out with its reducer.
"""

import json

import pytorch_metric_learning
import torch
from pytorch_metric_learning import losses, miners
from pytorch_metric_learning.distances import LpDistance
from pytorch_metric_learning.reducers import AvgNonZeroReducer

torch.manual_seed(5)
torch.set_default_dtype(torch.float64)


class SquaredHinge(losses.ContrastiveLoss):
    def pos_calc(self, d, margin):
        return 0.5 * torch.relu(d - margin) ** 2

    def neg_calc(self, d, margin):
        return 0.5 * torch.relu(margin - d) ** 2


def rows(count, width, scale=1.0):
    return (torch.randn(count, width) * scale).float().double()


batches = {
    "balanced": (rows(9, 4), [0, 1, 2] * 3),
    "short": (rows(8, 3, 0.2), [0, 0, 1, 1, 1, 2, 2, 0]),
    "long": (rows(8, 3, 5.0), [3, 3, 1, 1, 0, 0, 2, 2]),
    "lone classes": (rows(7, 4), [0, 1, 1, 2, 3, 3, 4]),
    "one class": (rows(5, 3), [1] * 5),
    "no positive": (rows(5, 3), [4, 3, 2, 1, 0]),
    "clusters": (torch.eye(4)[[0, 1, 2, 0, 1, 2, 0, 1]].mul(3.0) + rows(8, 4, 0.1), [0, 1, 2, 0, 1, 2, 0, 1]),
}
twins = rows(4, 3)
# equal rows within a class and across classes
batches["twins"] = (torch.cat([twins, twins[:3], rows(2, 3)]), [0, 0, 1, 2, 0, 1, 1, 2, 3])
batches = {
    name: (e.float().double() if name == "clusters" else e, torch.tensor(labels)) for name, (e, labels) in batches.items()
}

distance = lambda normalise, squared: LpDistance(normalize_embeddings=normalise, power=2 if squared else 1)
both = [(True, False), (False, False), (True, True), (False, True)]
made = []
for normalise, squared in both:
    form = "squared-distance" if squared else "linear"
    for positive, negative in [(0, 1), (0.3, 1.4)]:
        ours = {
            "kind": "contrastive",
            "normalise": normalise,
            "form": form,
            "positive_margin": positive,
            "negative_margin": negative,
        }
        made.append((ours, losses.ContrastiveLoss(positive, negative, distance=distance(normalise, squared))))
    for margin, smooth in [(0.05, False), (1.0, False), (0.1, True)]:
        ours = {"kind": "triplet", "margin": margin, "smooth": smooth, "normalise": normalise, "squared": squared}
        made.append((ours, losses.TripletMarginLoss(margin, smooth_loss=smooth, distance=distance(normalise, squared))))
for normalise in (True, False):
    ours = {"kind": "contrastive", "normalise": normalise, "form": "squared-hinge", "positive_margin": 0, "negative_margin": 1}
    made.append((ours, SquaredHinge(0, 1, distance=distance(normalise, False), reducer=AvgNonZeroReducer())))
made += [
    ({"kind": "multi-similarity"}, losses.MultiSimilarityLoss()),
    ({"kind": "multi-similarity", "alpha": 3.0, "beta": 10.0, "base": 0.1}, losses.MultiSimilarityLoss(3.0, 10.0, 0.1)),
    ({"kind": "nt-xent"}, losses.NTXentLoss()),
    ({"kind": "nt-xent", "temperature": 0.5}, losses.NTXentLoss(0.5)),
    ({"kind": "sup-con"}, losses.SupConLoss()),
    ({"kind": "sup-con", "temperature": 0.4}, losses.SupConLoss(0.4)),
]


def miner_of(ours, space):
    kind = ours["kind"]
    names = {"easy": "easy", "hard": "hard", "semi-hard": "semihard", "all": "all"}
    if kind == "batch":
        return miners.BatchEasyHardMiner(names[ours["positive"]], names[ours["negative"]], distance=space)
    if kind == "easy-positive":
        return miners.BatchEasyHardMiner(distance=space)
    if kind == "batch-hard":
        return miners.BatchHardMiner(distance=space)
    if kind == "semi-hard":
        return miners.TripletMarginMiner(ours.get("margin", 0.2), "semihard", distance=space)
    if kind == "pair-margin":
        return miners.PairMarginMiner(ours.get("positive", 0.2), ours.get("negative", 0.8), distance=space)
    return miners.TripletMarginMiner(ours.get("margin", 0.2), names[ours.get("triplets", "all")], distance=space)


all_miners = [
    {"kind": "easy-positive"},
    {"kind": "batch-hard"},
    {"kind": "semi-hard"},
    {"kind": "semi-hard", "margin": 1.0},
    {"kind": "pair-margin"},
    {"kind": "pair-margin", "positive": 1.0, "negative": 1.2},
]
all_miners += [
    {"kind": "triplet-margin", "margin": margin, "triplets": triplets}
    for margin in (0.2, 0.7)
    for triplets in ("all", "hard", "semi-hard", "easy")
]
picks = ("easy", "hard", "semi-hard", "all")
for positive in picks:
    for negative in picks:
        pair = {positive, negative}
        if pair == {"semi-hard"} or pair == {"semi-hard", "all"}:
            continue
        all_miners.append({"kind": "batch", "positive": positive, "negative": negative})


def graded(loss, embeddings, *rest):
    e = embeddings.clone().requires_grad_()
    value = loss(e, *rest)
    value.backward()
    return value.item(), e.grad.flatten().tolist()


found = {"losses": [], "mined": [], "miners": [], "proxies": [], "memory": []}
for name, (embeddings, labels) in batches.items():
    for ours, loss in made:
        value, gradient = graded(loss, embeddings, labels)
        found["losses"].append({"batch": name, "loss": ours, "value": value, "gradient": gradient})
    for normalise, squared in both[0], both[3]:
        for ours in all_miners:
            tuples = miner_of(ours, distance(normalise, squared))(embeddings, labels)
            found["miners"].append(
                {
                    "batch": name,
                    "normalise": normalise,
                    "squared": squared,
                    "miner": ours,
                    "tuples": [t.tolist() for t in tuples],
                }
            )

# a loss on what a miner found, in the loss's own distance
for name in ("balanced", "lone classes", "long"):
    embeddings, labels = batches[name]
    for ours, loss in [made[0], made[4], made[6], *made[-6::2]]:
        for mine in all_miners[:6]:
            space = loss.distance if isinstance(loss.distance, LpDistance) else LpDistance()
            tuples = miner_of(mine, space)(embeddings, labels)
            if all(len(t) <= 1 for t in tuples):
                continue
            value, gradient = graded(loss, embeddings, labels, tuples)
            found["mined"].append({"batch": name, "loss": ours, "miner": mine, "value": value, "gradient": gradient})

for name, (embeddings, labels) in batches.items():
    classes = int(labels.max()) + 2
    proxies = rows(classes, embeddings.shape[1], 0.7)
    for ours, make in [
        ({"kind": "proxy-anchor"}, lambda k, d: losses.ProxyAnchorLoss(k, d)),
        ({"kind": "proxy-anchor", "margin": 0.3, "alpha": 8.0}, lambda k, d: losses.ProxyAnchorLoss(k, d, margin=0.3, alpha=8.0)),
        ({"kind": "arc-face"}, lambda k, d: losses.ArcFaceLoss(k, d)),
        ({"kind": "arc-face", "margin": 80.0, "scale": 4.0}, lambda k, d: losses.ArcFaceLoss(k, d, margin=80.0, scale=4.0)),
    ]:
        loss = make(classes, embeddings.shape[1])
        weight = loss.proxies if hasattr(loss, "proxies") else loss.W
        weight.data = proxies.clone() if hasattr(loss, "proxies") else proxies.t().clone()
        value, gradient = graded(loss, embeddings, labels)
        of_proxies = weight.grad if hasattr(loss, "proxies") else weight.grad.t()
        found["proxies"].append(
            {
                "batch": name,
                "loss": ours,
                "proxies": proxies.flatten().tolist(),
                "value": value,
                "gradient": gradient,
                "of_proxies": of_proxies.flatten().tolist(),
            }
        )

steps = [(rows(4, 3), torch.tensor(labels)) for labels in ([0, 0, 1, 2], [1, 1, 2, 2], [0, 3, 3, 1], [2, 0, 1, 1])]
for ours, make in [
    ({"kind": "contrastive"}, losses.ContrastiveLoss),
    ({"kind": "triplet", "margin": 0.2}, lambda: losses.TripletMarginLoss(0.2)),
    ({"kind": "multi-similarity"}, losses.MultiSimilarityLoss),
    ({"kind": "nt-xent"}, losses.NTXentLoss),
    ({"kind": "sup-con"}, losses.SupConLoss),
]:
    for mine in (None, {"kind": "batch-hard"}, {"kind": "pair-margin"}, {"kind": "semi-hard"}):
        memory = losses.CrossBatchMemory(make(), 3, memory_size=10, miner=mine and miner_of(mine, LpDistance()))
        memory.embedding_memory = memory.embedding_memory.double()
        case = {"loss": ours, "miner": mine, "steps": []}
        for embeddings, labels in steps:
            value, gradient = graded(memory, embeddings, labels)
            case["steps"].append({"value": value, "gradient": gradient})
        found["memory"].append(case)

found["batches"] = {
    name: {"width": e.shape[1], "rows": e.flatten().tolist(), "labels": labels.tolist()} for name, (e, labels) in batches.items()
}
found["steps"] = [{"width": 3, "rows": e.flatten().tolist(), "labels": labels.tolist()} for e, labels in steps]
found["made_by"] = f"pytorch-metric-learning {pytorch_metric_learning.__version__}, torch {torch.__version__.split('+')[0]}"


def shorter(value):
    """Twelve digits of what is compared to ten; the inputs stay whole."""
    if isinstance(value, float):
        return float(f"{value:.12g}")
    if isinstance(value, list):
        return [shorter(v) for v in value]
    return value


for kind in ("losses", "mined", "proxies"):
    for case in found[kind]:
        for key in ("value", "gradient", "of_proxies"):
            if key in case:
                case[key] = shorter(case[key])
for case in found["memory"]:
    for step in case["steps"]:
        step.update({key: shorter(value) for key, value in step.items()})
print(json.dumps(found, separators=(",", ":")))
