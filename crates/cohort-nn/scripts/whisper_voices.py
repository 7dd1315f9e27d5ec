"""What transformers hears with Whisper tiny.en in the real voices of the evaluation data.

    pip install torch==2.9.0 transformers==5.24.0 tokenizers numpy scipy
    python crates/cohort-nn/scripts/whisper_voices.py whisper-tiny.en SHARED > crates/cohort-nn/tests/whisper/voices.json

whisper-tiny.en is the folder that fetch_whisper.py makes.
"""

import json
import sys
import wave
from pathlib import Path

import numpy as np
import scipy.signal
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
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768
        samples = scipy.signal.resample_poly(samples, 16_000, file.getframerate()).astype(np.float32)
    mel = hear(samples, sampling_rate=16_000, return_tensors="pt").input_features
    ids = model.generate(mel)[0].tolist()
    texts[path.name] = words.decode(ids, skip_special_tokens=True).strip()
print(json.dumps(texts, indent=1))
