"""Writes tests/data/torch_noise.json: what torch's generator on a CPU draws for some seeds and numbers of values.

    pip install torch==2.9.0
    python scripts/torch_noise.py
"""
import json
import os

import torch

SEEDS = [0, 1, 42, 2**32 - 1, 2**32 + 5, 123456789012345]
# lengths of draws that follow one another with one generator
DRAWS = [[1], [3, 4, 5], [15], [16], [17], [31, 2], [20, 20], [7, 100, 2, 3], [640], [1000, 4], [4 * 64 * 64]]
SHOWN = 20


def shown(values):
    flat = values.flatten()
    return {"first": flat[:SHOWN].tolist(), "last": flat[-SHOWN:].tolist(), "sum": float(flat.double().sum())}


rows = []
for seed in SEEDS:
    for lengths in DRAWS:
        g = torch.Generator().manual_seed(seed)
        rows.append({"seed": seed, "normal": [[n, shown(torch.randn(n, generator=g))] for n in lengths]})
    g = torch.Generator().manual_seed(seed)
    # a uniform draw between two normal ones moves the same words on
    mixed = [[5, shown(torch.randn(5, generator=g))], [700, shown(torch.rand(700, generator=g))], [2, shown(torch.randn(2, generator=g))]]
    rows.append({"seed": seed, "mixed": mixed})
here = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(here, "../tests/data/torch_noise.json"), "w") as f:
    f.write("[\n" + ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows) + "\n]\n")
