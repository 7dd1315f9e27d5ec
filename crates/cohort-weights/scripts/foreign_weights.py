"""What torch reads from real checkpoints, for the reader of foreign weights.

    pip install torch safetensors   # any 2.x
    python crates/cohort-weights/scripts/foreign_weights.py SHARED > crates/cohort-weights/tests/foreign_weights.json

SHARED is the folder of the evaluation data. For each file: number of floating tensors and, of every
one up to 12 spread over the names in order, shape, first value, and sum of its values in float64.
"""

import json
import sys
import zipfile
from pathlib import Path

import torch
from safetensors.torch import load_file

root = Path(sys.argv[1]) / "data" / "weights"
FILES = [
    "mobilefacenet_pytorch/068.ckpt",
    "mtcnn/pnet.pt",
    "mtcnn/rnet.pt",
    "mtcnn/onet.pt",
    "mit_scene_lightning/lightning_best.ckpt",
    "yunet/yunet_n.pth",
    "ddpm_mnist/ddpm_mnist_starter.pth",
    "silero_vad/silero_vad_16k.safetensors",
]


def walk(value, path, out):
    if isinstance(value, dict):
        for key, inner in value.items():
            walk(inner, [*path, str(key)], out)
    elif isinstance(value, (list, tuple)):
        for i, inner in enumerate(value):
            walk(inner, [*path, str(i)], out)
    elif torch.is_tensor(value) and value.is_floating_point():
        out[".".join(path)] = value


files = []
for name in FILES:
    path = root / name
    if name.endswith(".safetensors"):
        content = load_file(path)
    else:
        content = torch.load(path, map_location="cpu", weights_only=False)
    tensors = {}
    walk(content, [], tensors)
    names = sorted(tensors)
    some = names[:: max(1, len(names) // 12)]
    files.append({
        "file": name,
        "zip": zipfile.is_zipfile(path),
        "floats": len(names),
        "tensors": [
            {
                "name": n,
                "shape": list(tensors[n].shape),
                "first": float(tensors[n].flatten()[0]),
                "sum": float(tensors[n].double().sum()),
            }
            for n in some
        ],
    })
print(json.dumps({"torch": torch.__version__, "files": files}, indent=1))
