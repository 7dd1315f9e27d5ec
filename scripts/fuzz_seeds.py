"""Small files that fuzzing begins with, so that it gets past the first bytes: fuzz_seeds.py CRATE FOLDER.

Each begins with the byte that says which name the crate's target gives the file; sounds and pictures begin with the tests' own.
"""

import gzip
import json
import struct
import sys
from pathlib import Path


def npy():
    head = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }"
    head = head.ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + struct.pack("<4f", 1, 2, 3, 4)


def safetensors():
    head = json.dumps({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
    return struct.pack("<Q", len(head)) + head + struct.pack("<2f", 1, 2)


TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "##s"]
TOKENISER = {
    "added_tokens": [{"id": 0, "content": "[PAD]", "special": True}],
    "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": True},
    "pre_tokenizer": {"type": "BertPreTokenizer"},
    "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
              "vocab": {token: i for i, token in enumerate(TOKENS)}},
}
VECTORS = b"3 2\nthe 0.1 0.2\na 0.3 -1\nb c 1e-3 4\n"
LABELS = b"VideoName,UserID,AgeGroup,Gender,Ethnicity\naaaaaaaaaaa.000.mp4,a,1,1,1\nb;c.mp4,b,2,2,3\n"
SCHEMA = b'name = "n"\ntarget = "AgeGroup"\nsubject_column = "UserID"\n[[attribute]]\ncolumn = "AgeGroup"\nordered = true\nlevels = [{ code = "1", name = "a", midpoint = 3.5 }]\n'
SEEDS = {
    "cohort-text": [
        (0, VECTORS), (0, b"the 0.1 0.2 0.3\na 1 2 3\n"), (0, gzip.compress(VECTORS, mtime=0)),
        (1, b"2 2\nthe " + struct.pack("<2f", 1, 2) + b"\na " + struct.pack("<2f", 3, 4) + b"\n"),
        (2, json.dumps(TOKENISER).encode()), (3, "\n".join(TOKENS).encode()),
        (4, b'{"do_lower_case":true,"strip_accents":null,"tokenize_chinese_chars":true}'),
    ],
    "cohort-tables": [
        (0, LABELS), (0, b"VideoName,ground_truth,prediction,p1,p2\na,1,2,0.25,0.75\n"), (0, b"sep=;\nid;e0;e1\na;0,5;1\n"),
        (0, b"name;frameTime;pitch;hnr\n'a';0.0;210.5;12\n"), (0, LABELS.decode().encode("utf-16")), (2, npy()),
    ],
    "cohort-data": [(0, SCHEMA), (1, LABELS), (2, b"VideoName,Transcript\naaaaaaaaaaa.000.mp4,Yes.\n"), (3, b"\x80\x04\x8c\x03Yes\x94.")],
    "cohort-weights": [(0, b"\x80\x02}q\x00X\x01\x00\x00\x00wq\x01K\x01s."), (1, safetensors()), (2, b'{"weight_map":{"w":"w.safetensors"}}')],
    "cohort-pipeline": [
        (0, b'data = "d"\nseed = 3\n[image]\nmode = "cnn"\n[audit]\ngroups = ["Gender"]\n'),
        *[(i, b'{"schema":"cohort.x/1","findings":[],"rows":[],"splits":{}}') for i in range(1, 5)],
        (5, b'{"epoch":1,"train_loss":1.5,"valid_loss":1.25}\n'),
    ],
}

crate, folder = sys.argv[1], Path(sys.argv[2])
for number, (which, content) in enumerate(SEEDS.get(crate, [])):
    (folder / f"seed-{number}").write_bytes(bytes([which]) + content)
