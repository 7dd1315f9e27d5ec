"""What transformers hears with Whisper tiny.en in the real voices of the evaluation data.

    pip install torch==2.9.0 transformers==5.24.0 tokenizers numpy
    python crates/cohort-nn/scripts/whisper_voices.py whisper-tiny.en SHARED > crates/cohort-nn/tests/whisper/voices.json

whisper-tiny.en is the folder that fetch_whisper.py makes. The sounds, 8 kHz, get a mean between every two samples, so that
both sides hear the very same and no resampler has a part in it.
"""

import json
import sys
import wave
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from transformers import WhisperFeatureExtractor, WhisperForConditionalGeneration

folder, shared = Path(sys.argv[1]), Path(sys.argv[2])
torch.set_num_threads(1)
model = WhisperForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).eval()
words = Tokenizer.from_file(str(folder / "tokenizer.json"))
hear = WhisperFeatureExtractor()
texts = {}
for path in sorted((shared / "data/audio-reference").glob("*.wav")):
    with wave.open(str(path)) as file:
        sparse = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / 32768
    samples = np.empty(2 * len(sparse), np.float32)
    samples[::2] = sparse
    samples[1::2] = (sparse + np.append(sparse[1:], np.float32(0))) / 2
    mel = hear(samples, sampling_rate=16_000, return_tensors="pt").input_features
    ids = model.generate(mel)[0].tolist()
    texts[path.name] = words.decode(ids, skip_special_tokens=True).strip()
print(json.dumps(texts, indent=1))
