"""Golden values of SGD with momentum 0.9 and clipping by the norm of all gradients together.

    pip install torch   # any 2.x; the version used is in the output
    python crates/cohort-train/scripts/sgd.py > crates/cohort-train/src/sgd.json

A linear layer of 3 inputs and 2 outputs under the loss sum((x w + b - y)^2), four steps with
changing learning rates. Weight decay applies to the weight only, as in the crate. The first
gradients are longer than the clipping norm, the last ones shorter. float64 throughout.
"""

import json

import torch

torch.manual_seed(3)
double = {"dtype": torch.float64}
weight = torch.randn(3, 2, **double).float().double().requires_grad_()
bias = torch.randn(2, **double).float().double().requires_grad_()
inputs = torch.randn(4, 3, **double).float().double()
targets = torch.randn(4, 2, **double).float().double()
start = {"weight": weight.flatten().tolist(), "bias": bias.tolist()}
groups = [{"params": [weight], "weight_decay": 0.1}, {"params": [bias], "weight_decay": 0.0}]
optimiser = torch.optim.SGD(groups, lr=0.1, momentum=0.9)
steps = []
for rate in [0.02, 0.05, 0.03, 0.01]:
    for group in optimiser.param_groups:
        group["lr"] = rate
    optimiser.zero_grad()
    ((inputs @ weight + bias - targets) ** 2).sum().backward()
    norm = torch.nn.utils.clip_grad_norm_([weight, bias], 6.0).item()
    optimiser.step()
    steps.append({"rate": rate, "norm": norm, "weight": weight.flatten().tolist(), "bias": bias.tolist()})
print(
    json.dumps(
        {
            "torch": torch.__version__.split("+")[0],
            "clip_norm": 6.0,
            "weight_decay": 0.1,
            "inputs": inputs.flatten().tolist(),
            "targets": targets.flatten().tolist(),
            "start": start,
            "steps": steps,
        },
        indent=1,
    )
)
