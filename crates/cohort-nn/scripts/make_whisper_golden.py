"""A tiny Whisper with seeded weights in the Hugging Face layout, and what transformers computes with it.

    pip install torch==2.9.0 transformers==5.24.0 tokenizers numpy safetensors
    python crates/cohort-nn/scripts/make_whisper_golden.py crates/cohort-nn/tests/whisper

Writes tiny/ (config.json, generation_config.json, tokenizer.json, model.safetensors in half precision) and golden.json:
the encoder's vectors, the decoder's logits, the tokens that `generate` chooses and the text that tokenizers makes of
tokens. Windows are of one second, so that everything stays small.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    GenerationConfig,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
)

torch.set_num_threads(1)
RATE, LIMIT = 16_000, 24
MERGES = ["Ġ t", "h e", "Ġt he", "i n", "e r", "a n", "r e", "o n", "Ġ a", "Ġ w", "i t", "e d", "Ġ s"]
MARKS = ["endoftext", "startoftranscript", "en", "de", "yue", "translate", "transcribe", "startoflm", "startofprev"]
MARKS = [f"<|{name}|>" for name in [*MARKS, "nospeech", "notimestamps", "0.00", "0.02", "0.04"]]


def tokenizer():
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = letters + [merge.replace(" ", "") for merge in MERGES]
    pairs = [tuple(merge.split(" ")) for merge in MERGES]
    made = Tokenizer(models.BPE({word: i for i, word in enumerate(words)}, pairs))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens([AddedToken(mark, special=True) for mark in MARKS])
    return made


def signal(kind):
    """Sounds by formula, in double precision and then rounded; tests make the same ones."""
    t = np.arange(RATE, dtype=np.float64) / RATE
    sounds = [
        0.3 * np.sin(2 * np.pi * 220 * t) + 0.1 * np.sin(2 * np.pi * 1760 * t),
        0.4 * np.sin(2 * np.pi * (100 * t + 900 * t * t)),
        0.2 * np.sin(2 * np.pi * 440 * t) * (t < 0.4) + 0.2 * np.sin(2 * np.pi * 3000 * t) * (t >= 0.6),
        0.25 * np.sin(2 * np.pi * 150 * t) * np.sin(2 * np.pi * 4 * t) ** 2,
        0.05 * np.sin(2 * np.pi * 5000 * t * t) + 0.5 * np.sin(2 * np.pi * 60 * t),
        0.3 * np.sin(2 * np.pi * 700 * t) ** 3,
    ]
    return sounds[kind].astype(np.float32)


def build(seed, ids):
    config = WhisperConfig(
        vocab_size=len(ids), num_mel_bins=80, d_model=32, encoder_layers=2, decoder_layers=2,
        encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=64, decoder_ffn_dim=64,
        max_source_positions=50, max_target_positions=LIMIT, suppress_tokens=None, begin_suppress_tokens=None,
        decoder_start_token_id=ids["<|startoftranscript|>"], bos_token_id=ids["<|endoftext|>"],
        eos_token_id=ids["<|endoftext|>"], pad_token_id=ids["<|endoftext|>"],
    )  # fmt: skip
    torch.manual_seed(seed)
    model = WhisperForConditionalGeneration(config).eval().float()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in model.named_parameters():
            fan = value[0].numel() if value.dim() > 1 else 1
            noise = torch.randn(value.shape, generator=generator)
            if "encoder.embed_positions" in name:
                continue
            if "layer_norm" in name:
                fresh = noise * 0.1 + (1.0 if name.endswith("weight") else 0.0)
            elif name.endswith("bias"):
                fresh = noise * 0.1
            else:
                fresh = noise * (1.5 / fan**0.5)
            value.copy_(fresh)
        for value in model.parameters():
            value.copy_(value.half().float())
    return model


def generate(model, mel, settings, language="en"):
    model.generation_config = GenerationConfig.from_dict(settings)
    out = model.generate(mel, language=language, task="transcribe", return_dict_in_generate=True, output_logits=True)
    return out


def main(folder):
    words = tokenizer()
    ids = words.get_vocab()
    hear = WhisperFeatureExtractor(chunk_length=1)
    sounds = [signal(kind) for kind in range(6)]
    sounds[3] = sounds[3][:9_000]  # followed by silence
    mel = hear(sounds, sampling_rate=RATE, return_tensors="pt").input_features
    end = ids["<|endoftext|>"]
    base = {
        "decoder_start_token_id": ids["<|startoftranscript|>"], "bos_token_id": end, "eos_token_id": end,
        "pad_token_id": end, "is_multilingual": True, "max_length": LIMIT,
        "no_timestamps_token_id": ids["<|notimestamps|>"],
        "lang_to_id": {mark: ids[mark] for mark in ("<|en|>", "<|de|>", "<|yue|>")},
        "task_to_id": {"transcribe": ids["<|transcribe|>"], "translate": ids["<|translate|>"]},
        "suppress_tokens": [ids[mark] for mark in MARKS[1:]],
    }  # fmt: skip
    prefix = [ids[f"<|{name}|>"] for name in ("startoftranscript", "en", "transcribe", "notimestamps")]
    for seed in range(1, 400):
        model = build(seed, ids)
        with torch.no_grad():
            free = generate(model, mel, {**base, "begin_suppress_tokens": [end]})
        rows = [row[row != end].tolist() for row in free.sequences]
        # a token that stands in the midst of some texts takes the place of the end, so that some end early
        inner = [token for token in range(MARK_FIRST) if sum(token in row[8:16] for row in rows) in (2, 3)]
        if not inner:
            continue
        with torch.no_grad():
            table = model.model.decoder.embed_tokens.weight
            table[[inner[0], end]] = table[[end, inner[0]]].clone()
            free = generate(model, mel, {**base, "begin_suppress_tokens": [end]})
        rows = [row[row != end].tolist() for row in free.sequences]
        # what would be said most and first is forbidden, so that both lists matter
        counts = np.bincount(np.concatenate([row for row in rows if row] or [[0]]), minlength=len(ids))
        counts[MARK_FIRST:] = 0
        settings = {**base, "suppress_tokens": [int(counts.argmax()), *base["suppress_tokens"]]}
        with torch.no_grad():
            second = generate(model, mel, {**settings, "begin_suppress_tokens": [end]})
        first = {int(row[row.tolist().index(prefix[-1]) + 1]) if prefix[-1] in row.tolist() else int(row[0]) for row in second.sequences}
        settings["begin_suppress_tokens"] = [*sorted(first)[:1], end]
        with torch.no_grad():
            out = generate(model, mel, settings)
            single = [generate(model, mel[i : i + 1], settings).sequences[0].tolist() for i in range(len(sounds))]
        texts = [strip(row.tolist(), prefix, end) for row in out.sequences]
        alone = [strip(row, prefix, end) for row in single]
        lengths = [len(text) for text in texts]
        varied = sum(len(set(text)) for text in texts)
        ended = sum(length < LIMIT - len(prefix) for length in lengths)
        margin = margins(model, mel, texts, prefix, settings, end)
        if texts == alone and 2 <= ended <= 4 and varied >= 28 and margin > 0.004:
            print(f"seed {seed}: lengths {lengths}, {varied} different, margin {margin:.3f}")
            break
    else:
        sys.exit("no seed gives texts that are worth comparing")
    tiny = folder / "tiny"
    tiny.mkdir(parents=True, exist_ok=True)
    tensors = {n: v.detach().numpy().astype(np.float16) for n, v in model.named_parameters()}
    tensors.pop("proj_out.weight", None)
    save_file(tensors, tiny / "model.safetensors", {"format": "pt"})
    config = model.config.to_dict()
    (tiny / "config.json").write_text(json.dumps({k: v for k, v in config.items() if v is not None}, indent=1) + "\n")
    (tiny / "generation_config.json").write_text(json.dumps(settings) + "\n")
    words.save(str(tiny / "tokenizer.json"), pretty=False)
    with torch.no_grad():
        states = model.model.encoder(mel).last_hidden_state
        fixed = [*prefix, 40, 72, 3, 260, 268]
        logits = model(input_features=mel[:2], decoder_input_ids=torch.tensor([fixed, fixed])).logits
        languages = model.detect_language(mel)
        german = generate(model, mel[:2], settings, "de").sequences
    rng = np.random.default_rng(7)
    lists = [texts[0], *(rng.integers(0, len(ids), 12).tolist() for _ in range(12))]
    lists += [words.encode(text).ids for text in ("the rain — in Ωμέγα, там 🙂", " naïve the  spaces ")]
    silent, probabilities = scores(model, mel, texts, prefix, settings, end, ids["<|nospeech|>"])
    golden = {
        "states": [rounded(states[i, ::7]) for i in range(2)],
        "prefix": fixed,
        "logits": [rounded(logits[i, :, ::5]) for i in range(2)],
        "texts": texts,
        "german": [strip(row.tolist(), [prefix[0], ids["<|de|>"], *prefix[2:]], end) for row in german],
        "languages": languages.tolist(),
        "no_speech": silent,
        "log_probability": probabilities,
        "decoded": [{"ids": row, "text": words.decode(row, skip_special_tokens=True).strip()} for row in lists],
    }
    (folder / "golden.json").write_text(json.dumps(golden) + "\n")


MARK_FIRST = 256 + len(MERGES)


def rounded(x):
    return [[float(f"{v:.6g}") for v in row] for row in x.tolist()]


def strip(row, prefix, end):
    """A generated row without the marks before and after the text."""
    if row[: len(prefix)] == prefix:
        row = row[len(prefix) :]
    return row[: row.index(end)] if end in row else row


def allowed(logits, settings, first):
    logits = logits.clone()
    logits[settings["suppress_tokens"]] = -torch.inf
    if first:
        logits[settings["begin_suppress_tokens"]] = -torch.inf
    return logits


def rows_of(model, mel, texts, prefix, end):
    for i, text in enumerate(texts):
        row = [*prefix, *text, *([end] if len(prefix) + len(text) < LIMIT else [])]
        with torch.no_grad():
            logits = model(input_features=mel[i : i + 1], decoder_input_ids=torch.tensor([row])).logits[0]
        yield row, logits


def margins(model, mel, texts, prefix, settings, end):
    """The smallest lead of a chosen token over the next, so that rounding cannot decide."""
    least = np.inf
    for row, logits in rows_of(model, mel, texts, prefix, end):
        for at in range(len(prefix), len(row)):
            top = allowed(logits[at - 1], settings, at == len(prefix)).topk(2)
            if int(top.indices[0]) != row[at]:
                return 0.0
            least = min(least, float(top.values[0] - top.values[1]))
    return least


def scores(model, mel, texts, prefix, settings, end, mark):
    silent, probabilities = [], []
    for row, logits in rows_of(model, mel, texts, prefix, end):
        silent.append(float(logits[0].softmax(-1)[mark]))
        steps = [
            float(allowed(logits[at - 1], settings, at == len(prefix)).log_softmax(-1)[row[at]])
            for at in range(len(prefix), len(row))
        ]
        probabilities.append(float(np.mean(steps)))
    return silent, probabilities


main(Path(sys.argv[1]))
