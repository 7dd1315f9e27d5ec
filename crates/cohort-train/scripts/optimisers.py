"""Golden values of every optimiser, twenty steps each.

    pip install torch==2.9.0
    python crates/cohort-train/scripts/optimisers.py > crates/cohort-train/src/optimisers.json

A linear layer of 3 inputs and 2 outputs under the loss mean((x w + b - y)^2), where x and y change from step to step and the
learning rate falls. Weight decay applies to the weight only, as in the crate. Settings that are not named are PyTorch's
defaults. float64 throughout, beginning with values of float32.
"""

import json

import torch

STEPS = 20
CASES = [
    ("adam_w", torch.optim.AdamW, {}, 1e-2),
    ("adam", torch.optim.Adam, {}, 1e-2),
    ("sgd", torch.optim.SGD, {"momentum": 0.0}, 5e-2),
    ("sgd", torch.optim.SGD, {"momentum": 0.9}, 5e-2),
    ("sgd", torch.optim.SGD, {"momentum": 0.9, "nesterov": True}, 5e-2),
    ("rmsprop", torch.optim.RMSprop, {}, 1e-2),
    ("rmsprop", torch.optim.RMSprop, {"alpha": 0.9}, 1e-2),
    ("rmsprop", torch.optim.RMSprop, {"centered": True}, 1e-2),
    ("rmsprop", torch.optim.RMSprop, {"momentum": 0.9}, 1e-2),
    ("rmsprop", torch.optim.RMSprop, {"momentum": 0.5, "centered": True, "alpha": 0.95}, 1e-2),
    ("adagrad", torch.optim.Adagrad, {}, 1e-1),
]


def single(*shape):
    return torch.randn(*shape, generator=torch_generator, dtype=torch.float32).double()


torch_generator = torch.Generator().manual_seed(11)
start = {"weight": single(3, 2), "bias": single(2)}
inputs = [single(4, 3) for _ in range(STEPS)]
targets = [single(4, 2) for _ in range(STEPS)]
cases = []
for name, kind, options, rate in CASES:
    for decay in [0.0, 0.05]:
        weight, bias = (start[key].clone().requires_grad_() for key in ("weight", "bias"))
        groups = [{"params": [weight], "weight_decay": decay}, {"params": [bias], "weight_decay": 0.0}]
        optimiser = kind(groups, lr=rate, **options)
        after = []
        for step in range(STEPS):
            for group in optimiser.param_groups:
                group["lr"] = rate * (1 - step / (2 * STEPS))
            optimiser.zero_grad()
            ((inputs[step] @ weight + bias - targets[step]) ** 2).mean().backward()
            optimiser.step()
            after.append([round(value, 9) for value in weight.flatten().tolist() + bias.tolist()])
        settings = {"optimiser": name, "weight_decay": decay, "learning_rate": rate}
        settings |= {"centred" if key == "centered" else key: value for key, value in options.items()}
        cases.append({"settings": settings, "after": after})
print(
    json.dumps(
        {
            "torch": torch.__version__.split("+")[0],
            "start": {key: value.flatten().tolist() for key, value in start.items()},
            "inputs": [x.flatten().tolist() for x in inputs],
            "targets": [y.flatten().tolist() for y in targets],
            "cases": cases,
        }
    )
)
