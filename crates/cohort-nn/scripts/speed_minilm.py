"""Seconds to embed transcripts with all-MiniLM-L6-v2: this crate against transformers + torch, one run, two threads.

pip install torch transformers numpy
cargo build --release -p cohort-nn --example embed_texts
python crates/cohort-nn/scripts/speed_minilm.py MODEL_FOLDER transcripts.csv [EMBED_TEXTS_BINARY] [CLIPS]

The peer does as sentence-transformers does: sorted by length, batches of 32 padded to their longest, masked mean, length 1.
Both times include the tokenising and leave out the loading. Prints the ratio and the largest difference of the values.
"""
import csv, os, subprocess, sys, tempfile, time
import numpy as np, torch
from transformers import AutoModel, AutoTokenizer

folder, table = sys.argv[1:3]
binary = sys.argv[3] if len(sys.argv) > 3 else "target/release/examples/embed_texts"
texts = [" ".join(row["Transcript"].split()) for row in csv.DictReader(open(table, encoding="utf-8"))]
texts = texts[: int(sys.argv[4])] if len(sys.argv) > 4 else texts
torch.set_num_threads(2)
tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()

def peer():
    rows = np.zeros((len(texts), model.config.hidden_size), np.float32)
    begin = time.time()
    order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
    with torch.inference_mode():
        for start in range(0, len(order), 32):
            own = order[start : start + 32]
            batch = tokenizer([texts[i] for i in own], padding=True, truncation=True, max_length=256, return_tensors="pt")
            hidden = model(**batch).last_hidden_state
            mask = batch["attention_mask"][..., None].float()
            mean = (hidden * mask).sum(1) / mask.sum(1)
            rows[own] = torch.nn.functional.normalize(mean, dim=1).numpy()
    return time.time() - begin, rows

with tempfile.TemporaryDirectory() as place:
    lines, out = os.path.join(place, "texts.txt"), os.path.join(place, "rows.f32")
    open(lines, "w", encoding="utf-8").write("\n".join(texts))
    environment = dict(os.environ, RAYON_NUM_THREADS="2")
    own = float(subprocess.run([binary, folder, lines, out], env=environment, capture_output=True, text=True, check=True).stdout)
    found = np.fromfile(out, np.float32).reshape(len(texts), -1)
    other, expected = peer()
print(f"{len(texts)} texts: cohort {own:.1f} s, transformers + torch {torch.__version__} {other:.1f} s, ratio {other / own:.2f}")
print(f"largest difference {np.abs(found - expected).max():.1e}")
