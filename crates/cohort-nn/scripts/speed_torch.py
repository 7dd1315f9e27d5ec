#!/usr/bin/env python3
"""Times PyTorch and Cohort on the same work, one after the other, and prints the ratios.

pip install torch==2.9.0 torchvision==0.24.0 facenet-pytorch

    cargo build --release -p cohort-train --example network_speed
    python crates/cohort-nn/scripts/speed_torch.py target/release/examples/network_speed [ROUNDS [SHARED/data [WORK...]]]

The Cohort side keeps freed memory as the `cohort` program does (crates/cohort/src/memory.rs).
Each measurement is a process of its own with two threads. A second argument is the number of rounds
(default 5) after one that warms up; the median counts, and the fastest is printed beside it. Peak
memory is the process's largest resident set, libraries included. With the data folder, MobileFaceNet (the module in
networks.py) and MTCNN, on 100 pictures one after another as facenet-pytorch takes them, are raced too.
"""
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

WORK = ["resnet18-training", "three-paths-training", "resnet18-inference", "inception-inference"]
FACES = ["mobilefacenet-inference", "mtcnn"]


def mobilefacenet():
    """The module of networks.py, which is a script."""
    import torch
    from torch import nn

    source = (Path(__file__).parent / "networks.py").read_text()
    source = source[source.index("class Bottleneck") : source.index("def floats")]
    scope = {"nn": nn, "torch": torch}
    exec(source, scope)
    return scope["MobileFacenet"]().eval()


def three_paths():
    """The module of three_paths.py, which is a script."""
    import torch
    from torch import nn
    from torch.nn import functional

    source = (Path(__file__).parent / "three_paths.py").read_text()
    source = source[source.index("class ConvNorm") : source.index("out = {")]
    scope = {"nn": nn, "torch": torch, "functional": functional}
    exec(source, scope)
    return scope["ThreePaths"](8).train()


def measure(work, rounds, data):
    import torch

    torch.set_num_threads(2)
    torch.manual_seed(1)
    if work == "resnet18-training":
        import torchvision

        net = torchvision.models.resnet18(weights=None).train()
        sgd = torch.optim.SGD(net.parameters(), lr=1e-3, momentum=0.9)
        x, classes = torch.randn(16, 3, 224, 224), torch.arange(16)

        def step():
            sgd.zero_grad()
            loss = torch.nn.functional.cross_entropy(net(x), classes)
            loss.backward()
            sgd.step()
            return loss.item()
    elif work == "three-paths-training":
        net = three_paths()
        adam = torch.optim.Adam(net.parameters())
        x, classes = torch.randn(16, 3, 256, 256), torch.arange(16) % 8

        def step():
            adam.zero_grad()
            loss = torch.nn.functional.cross_entropy(net(x), classes)
            loss.backward()
            adam.step()
            return loss.item()
    elif work == "mtcnn":
        from facenet_pytorch import MTCNN
        from PIL import Image

        mtcnn = MTCNN(device="cpu", keep_all=True)
        files = sorted((Path(data) / "faces/val").iterdir())[:100]
        pictures = [Image.open(file).convert("RGB") for file in files]

        def step():
            found = [mtcnn.detect(picture, landmarks=True)[0] for picture in pictures]
            return sum(len(boxes) for boxes in found if boxes is not None)
    else:
        if work == "mobilefacenet-inference":
            net, size = mobilefacenet(), [112, 96]
        elif work == "resnet18-inference":
            import torchvision

            net, size = torchvision.models.resnet18(weights=None).eval(), [224, 224]
        else:
            from facenet_pytorch import InceptionResnetV1

            net, size = InceptionResnetV1(pretrained=None).eval(), [160, 160]
        x = torch.randn(16, 3, *size)

        def step():
            with torch.no_grad():
                return net(x).abs().mean().item()

    seconds = []
    for _ in range(rounds + 1):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    median, fastest = statistics.median(seconds[1:]), min(seconds[1:])
    print(json.dumps({"seconds": median, "fastest": fastest, "peak_mib": peak}))


# what the program tells the C library when it starts
KEEP = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(1 << 30)}


def run(command, **more):
    env = dict(os.environ, RAYON_NUM_THREADS="2", OMP_NUM_THREADS="2", MKL_NUM_THREADS="2", **more)
    out = subprocess.run(command, env=env, check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(out.strip().splitlines()[-1])


def main():
    if sys.argv[1] == "--torch":
        measure(sys.argv[2], int(sys.argv[3]), sys.argv[4])
        return
    binary, rest = sys.argv[1], sys.argv[2:]
    rounds = rest[0] if rest else "5"
    data = rest[1] if len(rest) > 1 else ""
    works = rest[2:]
    for work in works or WORK + (FACES if data else []):
        torch = run([sys.executable, __file__, "--torch", work, rounds, data])
        cohort = run([binary, work, rounds, data], **KEEP)
        print(work)
        for name, side in [("torch", torch), ("cohort", cohort)]:
            print(f"  {name:6} {side['seconds']:.3f} s (fastest {side['fastest']:.3f}), {side['peak_mib']:.0f} MiB")
        for key in ["seconds", "fastest", "peak_mib"]:
            print(f"  {key}: {cohort[key] / torch[key]:.2f} x torch")


main()
