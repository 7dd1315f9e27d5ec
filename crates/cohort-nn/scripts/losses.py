"""Golden values of the focal and mean-variance losses and of the cumulative link, with gradients.

    pip install torch   # any 2.x; the version used is in the output
    python crates/cohort-nn/scripts/losses.py > crates/cohort-nn/tests/losses.json

Each is written from its definition in float64; gradients are autograd's.
"""

import json

import torch
import torch.nn.functional as F

torch.manual_seed(11)


def example(samples, classes):
    logits = (torch.randn(samples, classes) * 2).float().double().requires_grad_()
    labels = torch.randint(0, classes, (samples,))
    weights = (torch.rand(classes) * 4).float().double()
    return logits, labels, weights


cases = []
for samples, classes, gamma, mean, variance in [
    (5, 3, 2.0, 0.0, 0.0),
    (4, 6, 0.5, 0.0, 0.0),
    (6, 7, 0.0, 0.2, 0.05),
    (3, 4, 0.0, 1.0, 0.0),
    (8, 5, 1.5, 0.3, 0.7),
]:
    logits, labels, weights = example(samples, classes)
    p = F.softmax(logits, 1)
    own = p[torch.arange(samples), labels]
    ranks = torch.arange(classes).double()
    m = (p * ranks).sum(1)
    v = (p * (ranks - m[:, None]) ** 2).sum(1)
    each = (1 - own) ** gamma * -own.log() + mean * (m - labels) ** 2 / 2 + variance * v
    loss = (weights[labels] * each).sum() / weights[labels].sum()
    loss.backward()
    cases.append(
        {
            "classes": classes,
            "focus": gamma,
            "mean_variance": [mean, variance],
            "weights": weights.tolist(),
            "labels": labels.tolist(),
            "logits": logits.flatten().tolist(),
            "loss": loss.item(),
            "gradient": logits.grad.flatten().tolist(),
        }
    )

links = []
for samples, classes in [(4, 2), (6, 5), (5, 9)]:
    logits, labels, weights = example(samples, classes)
    raw = torch.randn(classes - 1).float().double().requires_grad_()
    thresholds = torch.cat([raw[:1], raw[:1] + F.softplus(raw[1:]).cumsum(0)])
    ranks = torch.arange(classes).double() - (classes - 1) / 2
    score = logits @ (ranks / ranks.norm())
    up_to = torch.sigmoid(thresholds - score[:, None])
    ends = torch.ones(samples, 1, dtype=torch.float64)
    p = torch.cat([up_to, ends], 1) - torch.cat([0 * ends, up_to], 1)
    loss = F.nll_loss(p.log(), labels, weights)
    loss.backward()
    links.append(
        {
            "classes": classes,
            "raw": raw.tolist(),
            "weights": weights.tolist(),
            "labels": labels.tolist(),
            "logits": logits.flatten().tolist(),
            "probabilities": p.flatten().tolist(),
            "loss": loss.item(),
            "gradient": logits.grad.flatten().tolist(),
            "raw_gradient": raw.grad.tolist(),
        }
    )
print(json.dumps({"torch": torch.__version__.split("+")[0], "cases": cases, "links": links}, indent=1))
