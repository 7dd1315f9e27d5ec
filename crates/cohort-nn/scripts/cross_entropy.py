"""Golden values of the weighted, smoothed cross-entropy and its gradient.

    pip install torch   # any 2.x; the version used is in the output
    python crates/cohort-nn/scripts/cross_entropy.py > crates/cohort-nn/tests/cross_entropy.json

Everything is computed by torch.nn.functional.cross_entropy in float64.
"""

import json

import torch

torch.manual_seed(7)
cases = []
for samples, classes, smoothing in [(1, 2, 0.0), (5, 3, 0.0), (8, 7, 0.1), (6, 4, 0.5)]:
    logits = torch.randn(samples, classes, dtype=torch.float32).double() * 3
    logits = logits.float().double().requires_grad_()
    labels = torch.randint(0, classes, (samples,))
    weights = torch.rand(classes).float().double() * 4
    loss = torch.nn.functional.cross_entropy(logits, labels, weights, label_smoothing=smoothing)
    loss.backward()
    cases.append(
        {
            "classes": classes,
            "smoothing": smoothing,
            "weights": weights.tolist(),
            "labels": labels.tolist(),
            "logits": logits.flatten().tolist(),
            "loss": loss.item(),
            "gradient": logits.grad.flatten().tolist(),
        }
    )
print(json.dumps({"torch": torch.__version__.split("+")[0], "cases": cases}, indent=1))
