"""Values of tests/pairs.json: losses of two towers and their gradients by torch's autograd, in 64 bits.

    pip install torch
    python crates/cohort-nn/scripts/pair_losses.py crates/cohort-nn/tests/pairs.json

Written by the definitions: InfoNCE as CLIP's loss (two cross-entropies) where every picture has one caption, else with the mean over a
picture's captions; SigLIP's as in the paper; VSE++ as its authors' max of hinges, but the mean; PyTorch's own TripletMarginLoss on a batch
shifted by one.
"""
import json
import math
import sys

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)


def rows(count, width, seed):
    g = torch.Generator().manual_seed(seed)
    # as the program has them: in 32 bits
    return torch.randn(count, width, generator=g, dtype=torch.float32).double()


def info_nce(p, c, of, log_scale, _):
    s = torch.clamp(log_scale.exp(), max=100.0)
    logits = s * F.normalize(p) @ F.normalize(c).T
    if sorted(of) == list(range(len(p))):
        target = torch.tensor([of.index(i) for i in range(len(p))])
        return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, torch.tensor(of))) / 2
    log_p = F.log_softmax(logits, 1)
    per_picture = [-log_p[i, [j for j, o in enumerate(of) if o == i]].mean() for i in range(len(p)) if i in of]
    return (torch.stack(per_picture).mean() + F.cross_entropy(logits.T, torch.tensor(of))) / 2


def sigmoid(p, c, of, log_scale, bias):
    logits = log_scale.exp() * F.normalize(p) @ F.normalize(c).T + bias
    labels = torch.tensor([[1.0 if o == i else -1.0 for o in of] for i in range(len(p))])
    return -F.logsigmoid(labels * logits).sum() / len(of)


def hardest(p, c, of, _s, _b, margin):
    scores = F.normalize(p) @ F.normalize(c).T
    total = torch.zeros(())
    for j, own in enumerate(of):
        pair = scores[own, j]
        others = [i for i in range(len(p)) if i != own]
        if others:
            total = total + F.relu(margin + scores[others, j] - pair).max()
        others = [k for k, o in enumerate(of) if o != own]
        if others:
            total = total + F.relu(margin + scores[own, others] - pair).max()
    return total / len(of)


def shifted(p, c, of, _s, _b, margin, from_captions):
    pictures = p[of]
    loss = torch.nn.TripletMarginLoss(margin=margin, p=2)
    if from_captions:
        return loss(c, pictures, pictures.roll(-1, 0))
    return loss(pictures, c, c.roll(-1, 0))


LOSSES = [
    ({"kind": "info-nce"}, info_nce, {}),
    ({"kind": "sigmoid"}, sigmoid, {}),
    ({"kind": "hardest-negative"}, hardest, {"margin": 0.2}),
    ({"kind": "hardest-negative", "margin": 0.7}, hardest, {"margin": 0.7}),
    ({"kind": "shifted-triplet"}, shifted, {"margin": 0.5, "from_captions": False}),
    ({"kind": "shifted-triplet", "from_captions": True, "margin": 1.5}, shifted, {"margin": 1.5, "from_captions": True}),
]
BATCHES = {
    "one each": (rows(6, 5, 1), rows(6, 5, 2), [0, 1, 2, 3, 4, 5]),
    "one each, mixed": (rows(4, 3, 3), rows(4, 3, 4), [2, 0, 3, 1]),
    "several": (rows(4, 6, 5), rows(9, 6, 6), [0, 0, 1, 3, 2, 1, 3, 3, 0]),
    "one without": (rows(5, 4, 7), rows(4, 4, 8), [0, 2, 2, 4]),
    "one pair": (rows(1, 3, 9), rows(1, 3, 10), [0]),
    "near": (rows(3, 4, 11) * 1e-3 + 1, rows(3, 4, 12) * 1e-3 + 1, [0, 1, 2]),
    "large": (rows(3, 4, 13) * 1e3, rows(5, 4, 14) * 1e-2, [0, 1, 2, 2, 0]),
}
SCALES = [[-math.log(0.07), -0.3], [math.log(10.0), -10.0], [4.7, 0.0]]

cases = []
for batch, (pictures, captions, of) in BATCHES.items():
    pictures, captions = pictures.float().double(), captions.float().double()
    for settings, loss, more in LOSSES:
        for scale in SCALES if loss in (info_nce, sigmoid) else SCALES[:1]:
            p, c = pictures.clone().requires_grad_(), captions.clone().requires_grad_()
            s, b = (torch.tensor(v, requires_grad=True) for v in scale)
            value = loss(p, c, of, s, b, **more)
            if value.requires_grad:
                value.backward()
            grad = lambda t: [0.0] * t.numel() if t.grad is None else t.grad.flatten().tolist()
            cases.append({"batch": batch, "loss": settings, "scale": scale, "value": value.item(), "pictures": grad(p), "captions": grad(c),
                          "by_scale": grad(s) + grad(b)})
batches = {name: {"width": p.shape[1], "pictures": p.float().flatten().tolist(), "captions": c.float().flatten().tolist(), "picture_of": of}
           for name, (p, c, of) in BATCHES.items()}
with open(sys.argv[1], "w") as file:
    json.dump({"made by": "scripts/pair_losses.py", "torch": torch.__version__, "batches": batches, "cases": cases}, file, separators=(",", ":"))
    file.write("\n")
print(len(cases), "cases")
