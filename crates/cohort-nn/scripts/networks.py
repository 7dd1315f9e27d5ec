"""What torch computes with networks that the evaluation data has no reference for.

    pip install torch torchvision numpy   # torch 2.9.0, torchvision 0.24.0
    python crates/cohort-nn/scripts/networks.py SHARED > crates/cohort-nn/tests/networks.json

SHARED is the folder of the evaluation data. ResNet-34 and -50 carry weights made from tensor names
(SHARED/data/model-reference/deterministic_weights.py); MobileFaceNet its real ones, in the module
that the file's author published (github.com/Xiaoccer/MobileFaceNet_Pytorch, core/model.py).
"""

import json
import sys
from pathlib import Path

import torch
from torch import nn
from torchvision import models

root = Path(sys.argv[1]) / "data"
sys.path.insert(0, str(root / "model-reference"))
import deterministic_weights as recipe  # noqa: E402


class Bottleneck(nn.Module):
    def __init__(self, inp, oup, stride, expansion):
        super().__init__()
        self.connect = stride == 1 and inp == oup
        inner = inp * expansion
        self.conv = nn.Sequential(
            nn.Conv2d(inp, inner, 1, 1, 0, bias=False),
            nn.BatchNorm2d(inner),
            nn.PReLU(inner),
            nn.Conv2d(inner, inner, 3, stride, 1, groups=inner, bias=False),
            nn.BatchNorm2d(inner),
            nn.PReLU(inner),
            nn.Conv2d(inner, oup, 1, 1, 0, bias=False),
            nn.BatchNorm2d(oup),
        )

    def forward(self, x):
        return x + self.conv(x) if self.connect else self.conv(x)


class ConvBlock(nn.Module):
    def __init__(self, inp, oup, k, s, p, dw=False, linear=False):
        super().__init__()
        self.linear = linear
        self.conv = nn.Conv2d(inp, oup, k, s, p, groups=inp if dw else 1, bias=False)
        self.bn = nn.BatchNorm2d(oup)
        if not linear:
            self.prelu = nn.PReLU(oup)

    def forward(self, x):
        x = self.bn(self.conv(x))
        return x if self.linear else self.prelu(x)


class MobileFacenet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = ConvBlock(3, 64, 3, 2, 1)
        self.dw_conv1 = ConvBlock(64, 64, 3, 1, 1, dw=True)
        layers, inp = [], 64
        for t, c, n, s in [(2, 64, 5, 2), (4, 128, 1, 2), (2, 128, 6, 1), (4, 128, 1, 2), (2, 128, 2, 1)]:
            for i in range(n):
                layers.append(Bottleneck(inp, c, s if i == 0 else 1, t))
                inp = c
        self.blocks = nn.Sequential(*layers)
        self.conv2 = ConvBlock(128, 512, 1, 1, 0)
        self.linear7 = ConvBlock(512, 512, (7, 6), 1, 0, dw=True, linear=True)
        self.linear1 = ConvBlock(512, 128, 1, 1, 0, linear=True)

    def forward(self, x):
        x = self.blocks(self.dw_conv1(self.conv1(x)))
        x = self.linear1(self.linear7(self.conv2(x)))
        return x.view(x.size(0), -1)


def floats(model):
    state = model.state_dict().items()
    return {name: list(t.shape) for name, t in state if t.is_floating_point()}


out = {"torch": torch.__version__}
with torch.no_grad():
    for depth in (34, 50):
        model = recipe.apply(getattr(models, f"resnet{depth}")(num_classes=7))
        out[f"resnet{depth}"] = {
            "parameters": sum(p.numel() for p in model.parameters()),
            "tensors": floats(model),
            "logits": model(recipe.image(3, 96, 96, 2)).tolist(),
        }
    model = MobileFacenet()
    checkpoint = torch.load(root / "weights/mobilefacenet_pytorch/068.ckpt", map_location="cpu", weights_only=False)
    model.load_state_dict(checkpoint["net_state_dict"])
    model.eval()
    # 112 x 112, of which the network sees the middle 96 columns
    picture = recipe.image(3, 112, 112, 2)[:, :, :, 8:104] * 2 - 1
    embedding = torch.nn.functional.normalize(model(picture))
    out["mobilefacenet"] = {
        "parameters": sum(p.numel() for p in model.parameters()),
        "embedding": embedding.tolist(),
    }
print(json.dumps(out))
