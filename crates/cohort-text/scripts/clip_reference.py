"""Ids that transformers gives for the texts of tests/clip.rs, under the files of several published models.

pip install tokenizers==0.23.3 transformers==5.24.0
python crates/cohort-text/scripts/clip_reference.py bpe_simple_vocab_16e6.txt.gz > crates/cohort-text/tests/clip_reference.json

The file of pairs is OpenCLIP's (package open_clip_torch); the goldens hold the small files beside it and the ids only.
"""
import gzip, json, os, random, sys, tempfile, unicodedata
from transformers import CLIPTokenizer

START, END = "<|startoftext|>", "<|endoftext|>"
pairs = gzip.open(sys.argv[1]).read().decode("utf-8").split("\n")[1 : 49152 - 256 - 2 + 1]
seen = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
chars = [chr(b) for b in seen] + [chr(0x100 + i) for i in range(256 - len(seen))]
vocab = chars + [c + "</w>" for c in chars] + [p.replace(" ", "") for p in pairs] + [START, END]
vocab = {piece: i for i, piece in enumerate(vocab)}


def token(name, **more):
    return {"content": name, "lstrip": False, "normalized": True, "rstrip": False, "single_word": False, **more}


def tokeniser(files):
    folder = tempfile.mkdtemp()
    for name, content in files.items():
        json.dump(content, open(os.path.join(folder, name), "w"))
    json.dump(vocab, open(os.path.join(folder, "vocab.json"), "w"), ensure_ascii=False)
    open(os.path.join(folder, "merges.txt"), "w").write("#version: 0.2\n" + "\n".join(pairs) + "\n")
    return CLIPTokenizer.from_pretrained(folder)


plain = {"tokenizer_class": "CLIPTokenizer", "model_max_length": 77, "do_lower_case": True}
marks = {"bos_token": token(START, __type="AddedToken"), "eos_token": token(END, __type="AddedToken"), "unk_token": token(END, __type="AddedToken")}
names = {"bos_token": START, "eos_token": END, "unk_token": END}
listed = {"49406": token(START, special=True), "49407": token(END, special=True, normalized=False)}
FOLDERS = {
    "nothing": {},
    "sd1": {"tokenizer_config.json": {**plain, **marks, "pad_token": END}, "special_tokens_map.json": {k: token(v) for k, v in names.items()} | {"pad_token": END}},
    "sd2": {"tokenizer_config.json": {**plain, **marks, "pad_token": END}, "special_tokens_map.json": {**names, "pad_token": "!"}},
    "xl2": {"tokenizer_config.json": {**plain, **names, "pad_token": "!", "added_tokens_decoder": {"0": token("!", special=True, normalized=False), **listed}}},
    "map not read": {"tokenizer_config.json": {**plain, **names, "pad_token": END, "added_tokens_decoder": listed}, "special_tokens_map.json": {"pad_token": "!"}},
    "short": {"tokenizer_config.json": {**plain, **names, "pad_token": END, "model_max_length": 16}},
}
SPELLED = [
    "wow!! A<|STARTOFTEXT|>b <|endoftext|>!", "<|startoftext|>!!x<|endoftext|><|endoftext|>", "!<|EndOfText|>!!", "a <|start of text|>", "<|startoftext|", "", "!", " ! ! ",
    "a dog, a cat! and a very long sentence which is cut somewhere in its middle, is it not",
]
TEXTS = SPELLED + [
    "The quick brown fox's den; they'd we'll I'M it'S 'tis 'twas rock'n'roll 've''s", "3.14159 1,000,000 2nd 4x4 ½⅓ ² Ⅻ ⅷ ① ٣٤ ४२ 五六 𝟙𝟚",
    "&amp; &lt;b&gt; &#39; &eacute;&nbsp;x", "“curly” ‘quotes’ – — … « » ‹ ›", "schÃ¶n Ã©tÃ© â€œxâ€\x9d", "ﬁ ﬂ ﬀ ﬃ Ａｂ１２ ㎏ ™ ℃ Å Å A\u030a",
    "e\u0301 o\u0302\u0301 q\u0307\u0323 \u1e9b\u0323 \u0344 \u0958 \u2126 ẛ̣", "नमस्ते दुनिया क्षत्रिय", "வணக்கம் உலகம்", "สวัสดีชาวโลก", "こんにちは世界 カタカナ ｶﾀｶﾅ", "안녕하세요 세계 \u1112\u1161\u11ab", "你好，世界。",
    "שלום עולם", "مرحبا بالعالم ـــ", "Γειά σου Κόσμε ΣΊΣΥΦΟΣ ς", "İstanbul Iğdır ıI ẞ ß ſ ǅ Ǆ", "Здравствуй, мир ё й", "ሰላም ልዑል", "ᏣᎳᎩ ꭰꭱ", "𐐀𐐨 𝔘𝔫𝔦 𝒜 𝚊", "😀😃 👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽 🇩🇪 ❤️ ☺ ✈️",
    "ⓐⒷ 🄰 🅐 🆎 ª º ʰ ˣ ǃ", "a\u00a0b\u2009c\u3000d\u2028e\u0085f\u180eg\u200bh\ufeffi\u2060j", "x\x00y\x01\x1c\x1d\x7f\x9fz", "tab\tnew\r\nline\x0b\x0c", "\ufffd \ue000 \U000f0000 \u0378",
    "a" * 300, "!" * 200, "ab" * 150, "'" * 50, "<|" * 40, "12345678901234567890" * 3, "_under_score_ C++ C# f(x)=x^2 50% $9.99 @me #tag http://a.b/c?d=e&f",
]
random.seed(11)
# characters that old and new Unicode tables know alike
letters = [c for c in map(chr, range(1, 0x30000)) if unicodedata.category(c) not in ("Cs", "Cn", "Co")]
for i in range(120):
    pool = (letters, letters[:0x600], letters[:0x250], letters[0x500:0x2000])[i % 4]
    TEXTS.append(" ".join("".join(random.choice(pool) for _ in range(random.randint(1, 6))) for _ in range(5)))
WORDS = "a giraffe zebra's standing, field 37 naïve 日本 surfboard! of the xylophonists".split()

out = {"texts": [], "folders": [], "long": []}
all_of = lambda t, text: t(text, truncation=False, verbose=False)["input_ids"]
t = tokeniser(FOLDERS["sd1"])
backend = json.loads(t.backend_tokenizer.to_str())
backend["model"]["vocab"], backend["model"]["merges"] = {}, []
out["tokenizer.json"] = backend
out["texts"] = [{"text": text, "ids": all_of(t, text)} for text in TEXTS]
for name, files in FOLDERS.items():
    t = tokeniser(files)
    length = min(t.model_max_length, 77)
    cases = [{"text": s, "ids": t(s, truncation=True, max_length=length)["input_ids"], "padded": t(s, truncation=True, max_length=length, padding="max_length")["input_ids"]} for s in SPELLED]
    out["folders"].append({"name": name, "files": files, "length": length, "pad": t.pad_token_id, "cases": cases})
for count in (74, 75, 76, 10_000):
    ids = all_of(t, " ".join(WORDS[(i * i + 3 * i) % len(WORDS)] for i in range(count)))
    out["long"].append({"count": count, "tokens": len(ids), "first": ids[:75], "sum": sum(i * k for k, i in enumerate(ids)) % 2**32})
out["words"] = WORDS
json.dump(out, sys.stdout)
