"""What torch computes with the three-path network: logits in evaluation, and loss and gradients of a step of training.

    pip install torch==2.9.0 numpy
    python crates/cohort-nn/scripts/three_paths.py SHARED > crates/cohort-nn/tests/three_paths.json

SHARED is the folder of the evaluation data; weights are made from tensor names (its
data/model-reference/deterministic_weights.py). Two pictures, 8 classes, float64. Of each gradient the file has the length, and
four values spread over the tensor.
"""

import json
import sys
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

sys.path.insert(0, str(Path(sys.argv[1]) / "data" / "model-reference"))
import deterministic_weights as recipe  # noqa: E402


class ConvNorm(nn.Module):
    def __init__(self, inputs, outputs, kernel, stride=1):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride)
        self.bn = nn.BatchNorm2d(outputs)

    def forward(self, x):
        return torch.relu(self.bn(self.conv(x)))


class Path3(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = ConvNorm(8, 8, 5)
        self.second = ConvNorm(8, 16, 3)


class ThreePaths(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.stem = ConvNorm(3, 8, 9, 3)
        self.fine, self.middle, self.coarse = Path3(), Path3(), Path3()
        self.output = nn.Linear(48, classes)

    def forward(self, x):
        pool = functional.max_pool2d
        x = pool(self.stem(x), 2)
        ends = [
            self.fine.second(self.fine.first(x)),
            self.middle.second(pool(self.middle.first(pool(x, 2)), 2)),
            self.coarse.second(self.coarse.first(pool(x, 3))),
        ]
        return self.output(torch.cat([end.mean((2, 3)) for end in ends], 1))


out = {"torch": torch.__version__.split("+")[0], "sizes": []}
for size in [256, 170]:
    model = recipe.apply(ThreePaths(8))
    out["parameters"] = sum(p.numel() for p in model.parameters())
    out["tensors"] = {n: list(t.shape) for n, t in model.state_dict().items() if t.is_floating_point()}
    pictures = recipe.image(3, size, size, 2).double()
    model = model.double()
    with torch.no_grad():
        logits = model(pictures)
    model.train()
    loss = functional.cross_entropy(model(pictures), torch.tensor([1, 6]))
    loss.backward()
    gradients = {}
    for name, parameter in model.named_parameters():
        flat = parameter.grad.flatten()
        places = [i * (len(flat) - 1) // 3 for i in range(4)]
        gradients[name] = {"length": flat.norm().item(), "places": places, "values": flat[places].tolist()}
    running = {n: t.tolist() for n, t in model.named_buffers() if n in ("stem.bn.running_mean", "stem.bn.running_var")}
    out["sizes"].append(
        {"size": size, "logits": logits.tolist(), "loss": loss.item(), "gradients": gradients, "running": running}
    )
print(json.dumps(out))
