"""Embeddings of a frozen MobileFaceNet and the ages of face-api's model on FairFace pictures.

    pip install torch pillow numpy
    python crates/cohort-train/scripts/faces.py SHARED/data OUT

Writes OUT/embeddings.csv (file,split,label,e0..e127) for the example `heads`, and OUT/face_api.csv
(file,split,label,age). `train/` is for training; of `val/` every second picture by number is for
selection, the others are the test. Each picture is its own subject.
"""

import csv
import json
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from PIL import Image

BINS = ["0-2", "3-9", "10-19", "20-29", "30-39", "40-49", "50-59", "60-69", "more than 70"]
data, out = Path(sys.argv[1]), Path(sys.argv[2])
torch.set_num_threads(2)


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


class MobileFaceNet(nn.Module):
    """The module that the weights were trained in (github.com/Xiaoccer/MobileFaceNet_Pytorch)."""

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
        return self.linear1(self.linear7(self.conv2(x))).flatten(1)


class FaceApi:
    """AgeGenderNet of face-api.js: a small Xception whose weights are kept as bytes."""

    def __init__(self, folder):
        raw = (folder / "age_gender_model.bin").read_bytes()
        self.w, at = {}, 0
        for entry in json.loads((folder / "age_gender_model-weights_manifest.json").read_text())[0]["weights"]:
            size = int(np.prod(entry["shape"]))
            scale = entry.get("quantization")
            kind = np.dtype("uint8" if scale else "<f4")
            values = np.frombuffer(raw, kind, size, at).astype(np.float32)
            if scale:
                values = values * scale["scale"] + scale["min"]
            self.w[entry["name"]] = torch.tensor(values.reshape(entry["shape"]))
            at += size * kind.itemsize
        assert at == len(raw)

    @staticmethod
    def same(x, k, s, value=0.0):
        total = [max((-(-n // s) - 1) * s + k - n, 0) for n in x.shape[2:]]
        (h, w) = total
        return F.pad(x, (w // 2, w - w // 2, h // 2, h - h // 2), value=value)

    def conv(self, x, name, s):
        kernel = self.w[f"{name}/filters"].permute(3, 2, 0, 1)
        return F.conv2d(self.same(x, kernel.shape[2], s), kernel, self.w[f"{name}/bias"], s)

    def separable(self, x, name):
        depth = self.w[f"{name}/depthwise_filter"].permute(2, 3, 0, 1)
        x = F.conv2d(self.same(x, 3, 1), depth, groups=x.shape[1])
        return F.conv2d(x, self.w[f"{name}/pointwise_filter"].permute(3, 2, 0, 1), self.w[f"{name}/bias"])

    def reduce(self, x, name, activate=True):
        y = self.separable(F.relu(x) if activate else x, f"{name}/separable_conv0")
        y = self.separable(F.relu(y), f"{name}/separable_conv1")
        y = F.max_pool2d(self.same(y, 3, 2, -1e30), 3, 2)
        return y + self.conv(x, f"{name}/expansion_conv", 2)

    def __call__(self, pixels):
        mean = torch.tensor([122.782, 117.001, 104.298]).view(1, 3, 1, 1)
        x = F.relu(self.conv((pixels - mean) / 256, "entry_flow/conv_in", 2))
        x = self.reduce(x, "entry_flow/reduction_block_0", activate=False)
        x = self.reduce(x, "entry_flow/reduction_block_1")
        for block in range(2):
            y = x
            for i in range(3):
                y = self.separable(F.relu(y), f"middle_flow/main_block_{block}/separable_conv{i}")
            x = x + y
        x = self.reduce(x, "exit_flow/reduction_block")
        x = F.relu(self.separable(x, "exit_flow/separable_conv"))
        x = F.avg_pool2d(x, 7, 2).flatten(1)
        return (x @ self.w["fc/age/weights"] + self.w["fc/age/bias"])[:, 0]


def main():
    net = MobileFaceNet()
    checkpoint = data / "weights/mobilefacenet_pytorch/068.ckpt"
    net.load_state_dict(torch.load(checkpoint, map_location="cpu", weights_only=False)["net_state_dict"])
    net.eval()
    face_api = FaceApi(data / "weights/face-api")
    rows = list(csv.DictReader(open(data / "faces/labels.csv")))
    number = lambda row: int(Path(row["file"]).stem)
    rows.sort(key=lambda row: (row["file"].split("/")[0], number(row)))
    val = [row for row in rows if row["file"].startswith("val/")]
    split = {row["file"]: ["valid", "test"][i % 2] for i, row in enumerate(val)}
    embeddings = csv.writer(open(out / "embeddings.csv", "w"))
    embeddings.writerow(["file", "split", "label"] + [f"e{i}" for i in range(128)])
    ages = csv.writer(open(out / "face_api.csv", "w"))
    ages.writerow(["file", "split", "label", "age"])
    for start in range(0, len(rows), 50):
        part = rows[start : start + 50]
        pictures = [Image.open(data / "faces" / row["file"]).convert("RGB") for row in part]
        small = [np.asarray(p.resize((112, 112), Image.BILINEAR), np.float32) for p in pictures]
        x = torch.tensor(np.stack(small)).permute(0, 3, 1, 2)
        with torch.no_grad():
            faces = ((x - 127.5) / 128)[:, :, :, 8:104]
            vectors = net(faces)
            years = face_api(x)
        for row, vector, age in zip(part, vectors, years):
            head = [row["file"], split.get(row["file"], "train"), BINS.index(row["age"])]
            embeddings.writerow(head + [f"{v:.6g}" for v in vector.tolist()])
            ages.writerow(head + [f"{age.item():.3f}"])


main()
