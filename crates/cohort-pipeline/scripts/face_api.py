"""Ages that face-api.js's small Xception gives to FairFace pictures, as a peer of the models of faces.py.

    pip install torch pillow numpy
    python face_api.py SHARED/data OUT.csv

Writes VideoName,ground_truth,prediction for the test pictures of faces.py; years become the bin they lie in.
"""

import csv
import json
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

import faces

UPPER = [3, 10, 20, 30, 40, 50, 60, 70]
torch.set_num_threads(2)


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
    data, out = Path(sys.argv[1]), Path(sys.argv[2])
    model = FaceApi(data / "weights/face-api")
    rows = faces.splits(data)["test"]
    table = csv.writer(open(out, "w"))
    table.writerow(["VideoName", "ground_truth", "prediction"])
    for start in range(0, len(rows), 50):
        part = rows[start : start + 50]
        pictures = [Image.open(data / "faces" / row["file"]).convert("RGB") for row in part]
        small = [np.asarray(p.resize((112, 112), Image.BILINEAR), np.float32) for p in pictures]
        with torch.no_grad():
            years = model(torch.tensor(np.stack(small)).permute(0, 3, 1, 2))
        bins = np.searchsorted(UPPER, years.numpy(), side="right")
        for row, found in zip(part, bins):
            table.writerow([faces.name(row), faces.BINS.index(row["age"]) + 1, found + 1])


main()
