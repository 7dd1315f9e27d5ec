"""Seconds to embed pictures and texts with CLIP ViT-B/32: this crate against transformers + torch, one run, two threads.

pip install torch transformers numpy
cargo build --release -p cohort-nn --example embed_clip
python crates/cohort-nn/scripts/speed_clip.py [EMBED_CLIP_BINARY] [PICTURES] [TEXTS]

Random weights of full size, prepared pixels, texts of 8 to 20 tokens. The peer takes pictures 16 at a time; texts 32 at a time, once padded to
77 as processors do, once to the longest of their batch. Loading is left out. Prints ratios (above 1: the crate is quicker), the largest
difference of the values and the peak memory of either process.
"""
import json
import os
import resource
import subprocess
import sys
import tempfile
import time

import numpy as np

REPEATS = 3


def peer(place):
    """In a process of its own, so that its memory can be told."""
    import torch
    from transformers import CLIPModel

    torch.set_num_threads(2)
    model = CLIPModel.from_pretrained(place).eval()
    pixels = torch.from_numpy(np.fromfile(f"{place}/pixels.f32", np.float32).reshape(-1, 3, 224, 224))
    ids = json.load(open(f"{place}/ids.json"))

    def padded(some, length):
        rows = [row + [49407] * (length - len(row)) for row in some]
        mask = [[1] * len(row) + [0] * (length - len(row)) for row in some]
        return torch.tensor(rows), torch.tensor(mask)

    def tensor(out):
        return out if torch.is_tensor(out) else out.pooler_output

    def picture(some):
        return tensor(model.get_image_features(pixel_values=some))

    def text(some, length=None):
        rows, mask = padded(some, length or max(map(len, some)))
        return tensor(model.get_text_features(input_ids=rows, attention_mask=mask))

    def least(work):
        times = []
        for _ in range(REPEATS):
            begin = time.time()
            found = work()
            times.append(time.time() - begin)
        return min(times), found

    with torch.inference_mode():
        seen_time, seen = least(lambda: torch.cat([picture(pixels[i:i + 16]) for i in range(0, len(pixels), 16)]))
        full_time, read = least(lambda: torch.cat([text(ids[i:i + 32], 77) for i in range(0, len(ids), 32)]))
        short_time, _ = least(lambda: [text(ids[i:i + 32]) for i in range(0, len(ids), 32)])
        one_picture, _ = least(lambda: picture(pixels[:1]))
        one_text, _ = least(lambda: text(ids[:1]))
    np.concatenate([seen.numpy(), read.numpy()]).tofile(f"{place}/peer.f32")
    print(json.dumps([seen_time, full_time, short_time, one_picture, one_text, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss]))


def main():
    binary = sys.argv[1] if len(sys.argv) > 1 else "target/release/examples/embed_clip"
    pictures, texts = (int(sys.argv[i]) if len(sys.argv) > i else n for i, n in ((2, 64), (3, 256)))
    import torch
    from transformers import CLIPConfig, CLIPModel

    with tempfile.TemporaryDirectory() as place:
        torch.manual_seed(0)
        CLIPModel(CLIPConfig()).save_pretrained(place)
        rng = np.random.default_rng(0)
        rng.standard_normal((pictures, 3, 224, 224), dtype=np.float32).tofile(f"{place}/pixels.f32")
        ids = [[49406, *rng.integers(1, 49000, rng.integers(6, 19)).tolist(), 49407] for _ in range(texts)]
        json.dump(ids, open(f"{place}/ids.json", "w"))
        environment = dict(os.environ, RAYON_NUM_THREADS="2")
        own = subprocess.run(["/usr/bin/env", "python3", "-c", CHILD, binary, place, f"{place}/pixels.f32", f"{place}/ids.json",
                              f"{place}/own.f32", str(REPEATS)], env=environment, capture_output=True, text=True, check=True).stdout
        *times, memory = map(float, own.split())
        other = json.loads(subprocess.run([sys.executable, __file__, "--peer", place], stdout=subprocess.PIPE, text=True, check=True).stdout)
        found, expected = (np.fromfile(f"{place}/{name}.f32", np.float32) for name in ("own", "peer"))
    print(f"torch {torch.__version__}, {pictures} pictures, {texts} texts of {sum(map(len, ids)) / texts:.1f} tokens")
    for what, a, b in (("pictures", times[0], other[0]), ("texts (peer padded to 77)", times[1], other[1]),
                       ("texts (peer padded to the longest)", times[1], other[2]), ("one picture", times[2], other[3]), ("one text", times[3], other[4])):
        print(f"{what}: cohort {a * 1e3:.1f} ms, torch {b * 1e3:.1f} ms, ratio {b / a:.2f}")
    print(f"largest difference {np.abs(found - expected).max():.1e}; memory {memory / 1e3:.0f} and {other[5] / 1e3:.0f} MB")


# runs a program and adds its peak memory to what it prints
CHILD = """
import resource, subprocess, sys
out = subprocess.run(sys.argv[1:], capture_output=True, text=True, check=True).stdout.strip()
print(out, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""

if __name__ == "__main__":
    peer(sys.argv[2]) if sys.argv[1:2] == ["--peer"] else main()
