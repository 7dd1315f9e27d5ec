"""Log-mel spectrograms by transformers: of a sound by formula, and of the real voices of the evaluation data.

    pip install torch==2.9.0 transformers==5.24.0 numpy
    python crates/cohort-audio/scripts/log_mel.py SHARED > crates/cohort-audio/tests/log_mel.json

The voices' samples are taken as if they were 16 kHz, so that no resampler has a part in it. Kept are some frames of the
3,000: in double precision (the extractor's path without torch), and by how much the single-precision one (with torch)
differs from it at most.
"""

import json
import sys
import wave
from pathlib import Path

import numpy as np
from transformers import WhisperFeatureExtractor
from transformers.models.whisper import feature_extraction_whisper as module

FRAMES = [0, 1, 2, 3, 60, 199, 233, 249, 250, 251, 252, 253, 254, 300, 2997, 2998, 2999]


def spectrogram(samples, mels, precise):
    module.is_torch_available = lambda: not precise
    hear = WhisperFeatureExtractor(feature_size=mels)
    return hear(samples, sampling_rate=16_000, return_tensors="np").input_features[0]


def formula(length):
    n = np.arange(length, dtype=np.float64)
    return (0.3 * np.sin(0.05 * n) + 0.2 * np.sin(2e-5 * n * n) + 0.01 * np.sin(2.1 * n)).astype(np.float32)


def entry(samples, mels):
    exact = spectrogram(samples, mels, True)
    single = spectrogram(samples, mels, False)
    apart = float(np.abs(exact - single).max())
    rows = [[float(f"{v:.7g}") for v in exact[:, t]] for t in FRAMES]
    return {"mels": mels, "frames": FRAMES, "values": rows, "single_precision": apart}


golden = {"formula": entry(formula(40_123), 80), "formula, long": entry(formula(500_000), 128)}
for name in ("english11.wav", "arabic12.wav", "dutch18.wav"):
    with wave.open(str(Path(sys.argv[1]) / "data/audio-reference" / name)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / 32768
    golden[name] = entry(samples, 80)
json.dump(golden, sys.stdout)
print()
