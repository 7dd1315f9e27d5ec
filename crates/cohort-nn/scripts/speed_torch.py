#!/usr/bin/env python3
"""Times PyTorch and Cohort on the same work, one after the other, and prints the ratios.

pip install torch==2.9.0 torchvision==0.24.0 facenet-pytorch

    cargo build --release -p cohort-nn --example speed
    python crates/cohort-nn/scripts/speed_torch.py target/release/examples/speed

The Cohort side keeps freed memory as the `cohort` program does (crates/cohort/src/memory.rs).
Each measurement is a process of its own with two threads. A second argument is the number of rounds
(default 5) after one that warms up; the median counts, and the fastest is printed beside it. Peak
memory is the process's largest resident set, libraries included.
"""
import json
import os
import resource
import statistics
import subprocess
import sys
import time

WORK = ["resnet18-training", "resnet18-inference", "inception-inference"]


def measure(work, rounds):
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
    else:
        if work == "resnet18-inference":
            import torchvision

            net, size = torchvision.models.resnet18(weights=None).eval(), 224
        else:
            from facenet_pytorch import InceptionResnetV1

            net, size = InceptionResnetV1(pretrained=None).eval(), 160
        x = torch.randn(16, 3, size, size)

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
        measure(sys.argv[2], int(sys.argv[3]))
        return
    binary, rounds = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "5"
    for work in WORK:
        torch = run([sys.executable, __file__, "--torch", work, rounds])
        cohort = run([binary, work, rounds], **KEEP)
        print(work)
        for name, side in [("torch", torch), ("cohort", cohort)]:
            print(f"  {name:6} {side['seconds']:.3f} s (fastest {side['fastest']:.3f}), {side['peak_mib']:.0f} MiB")
        for key in ["seconds", "fastest", "peak_mib"]:
            print(f"  {key}: {cohort[key] / torch[key]:.2f} x torch")


main()
