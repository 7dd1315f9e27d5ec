"""Ages that SSR-Net gives to FairFace pictures, as a peer of the models of faces.py.

    pip install torch h5py pillow numpy
    python ssr_net.py SHARED/data OUT.csv

SSR-Net (Yang et al., 2018) in its authors' layout, 64 pixels, three stages of three bins, with each of their four sets of
weights for age. It was trained on faces with much around them, which these crops lack, so the pictures' edges are also drawn
out by a tenth to a half of their size. What is taken of weights and margin is decided on the selection half, by balanced
accuracy. Writes VideoName,ground_truth,prediction for the test pictures of faces.py; years become the bin they lie in.
"""

import csv
import sys
from pathlib import Path

import h5py
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

import faces

UPPER = [3, 10, 20, 30, 40, 50, 60, 70]
MARGINS = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]
WEIGHTS = ["imdb", "wiki", "morph2", "megaface_asian"]
torch.set_num_threads(2)


class SsrNet:
    def __init__(self, file):
        self.w = {}
        with h5py.File(file) as store:
            store.visititems(
                lambda name, item: self.w.update({"/".join(name.split("/")[1:]).split(":")[0]: torch.tensor(item[()])})
                if isinstance(item, h5py.Dataset)
                else None
            )

    def conv(self, x, number):
        name = f"conv2d_{number}"
        return F.conv2d(x, self.w[f"{name}/kernel"].permute(3, 2, 0, 1), self.w[f"{name}/bias"])

    def norm(self, x, number):
        of = lambda part: self.w[f"batch_normalization_{number}/{part}"]
        return F.batch_norm(x, of("moving_mean"), of("moving_variance"), of("gamma"), of("beta"), eps=1e-3)

    def dense(self, x, name):
        return x @ self.w[f"{name}/kernel"] + self.w[f"{name}/bias"]

    def stream(self, x, first, activate, pool):
        """What the stream gives at its end, after its second and after its first pooling."""
        levels = []
        for i in range(4):
            x = activate(self.norm(self.conv(x, first + i), first + i))
            x = pool(x, 2) if i < 3 else x
            levels.append(x)
        return levels[3], levels[1], levels[0]

    def __call__(self, pixels):
        """`pixels`: N x 3 x 64 x 64, 0 to 255, blue first."""
        a = self.stream(pixels, 1, F.relu, F.avg_pool2d)
        b = self.stream(pixels, 5, torch.tanh, F.max_pool2d)
        years, width = 0.0, 1.0
        for stage, (x, s, side) in enumerate(zip(a, b, (None, 4, 8))):
            s, x = F.relu(self.conv(s, 9 + 2 * stage)), F.relu(self.conv(x, 10 + 2 * stage))
            if side:
                s, x = F.max_pool2d(s, side), F.avg_pool2d(x, side)
            s, x = (v.permute(0, 2, 3, 1).flatten(1) for v in (s, x))
            shift = torch.tanh(self.dense(s * x, f"delta_s{stage + 1}"))[:, 0]
            mix = F.relu(self.dense(s, f"dense_{3 * stage + 1}")) * F.relu(self.dense(x, f"dense_{3 * stage + 2}"))
            mix = F.relu(self.dense(mix, f"dense_{3 * stage + 3}"))
            share = F.relu(self.dense(mix, f"pred_age_stage{stage + 1}"))
            local = torch.tanh(self.dense(mix, f"local_delta_stage{stage + 1}"))
            width = width * 3 * (1 + shift)
            years = years + ((torch.arange(3) + local) * share).sum(1) / width
        return years * 101


def pixels(data, rows, margin):
    for row in rows:
        picture = np.asarray(Image.open(data / "faces" / row["file"]).convert("RGB"))
        edge = int(margin * picture.shape[0])
        wide = Image.fromarray(np.pad(picture, ((edge, edge), (edge, edge), (0, 0)), mode="edge"))
        small = np.asarray(wide.resize((64, 64), Image.BILINEAR), np.float32)[:, :, ::-1]
        # as the authors' demonstration does
        yield (small - small.min()) / max(small.max() - small.min(), 1) * 255


def main():
    data, out = Path(sys.argv[1]), Path(sys.argv[2])
    splits = faces.splits(data)
    truth = {split: np.array([faces.BINS.index(row["age"]) for row in rows]) for split, rows in splits.items()}
    best = (-1.0, None)
    for margin in MARGINS:
        stack = lambda rows: torch.tensor(np.stack(list(pixels(data, rows, margin)))).permute(0, 3, 1, 2)
        seen = {split: stack(splits[split]) for split in ("valid", "test")}
        for weights in WEIGHTS:
            model = SsrNet(next((data / "weights/ssrnet" / weights).glob("*.h5")))
            with torch.no_grad():
                years = {split: model(x).numpy() for split, x in seen.items()}
            bins = {split: np.searchsorted(UPPER, y, side="right") for split, y in years.items()}
            t = truth["valid"]
            balanced = np.mean([(bins["valid"][t == k] == k).mean() for k in range(9)])
            order = np.corrcoef(years["valid"], t)[0, 1]
            print(f"{weights:15} margin {margin}: selection half: balanced accuracy {balanced:.3f}, correlation {order:.3f}")
            best = max(best, (balanced, (weights, margin, bins["test"])), key=lambda found: found[0])
    weights, margin, found = best[1]
    print(f"taken: {weights}, margin {margin}")
    table = csv.writer(open(out, "w"))
    table.writerow(["VideoName", "ground_truth", "prediction"])
    for row, code in zip(splits["test"], found):
        table.writerow([faces.name(row), faces.BINS.index(row["age"]) + 1, code + 1])


main()
