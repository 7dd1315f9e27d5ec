"""Write tests/golden/librosa.json: what librosa 0.11.0 and noisereduce 3.0.3 compute for three
synthetic sounds that tests/golden.rs makes anew by the same formulas.

    pip install librosa==0.11.0 noisereduce==3.0.3
    python make_golden.py ../tests/golden/librosa.json
"""

import json
import sys
import warnings

import librosa
import noisereduce
import numpy as np

warnings.filterwarnings("ignore")
EVERY = 41  # of long arrays, so that the file stays small


def noise(n):
    """Uniform in [-1, 1) from a linear congruential generator."""
    state, out = 1, np.empty(n)
    for i in range(n):
        state = (state * 1664525 + 1013904223) % 2**32
        out[i] = (state >> 8) / 8388608.0 - 1.0
    return out


def to_16_bit(x):
    """Rounded as a WAV would be, so that the last bit of a sine does not matter."""
    return (np.floor(x * 32767 + 0.5) / 32768).astype(np.float32)


def sounds():
    n = np.arange(16000)
    t = n / 8000
    sweep = 0.4 * np.sin(2 * np.pi * (90 * t + 55 * t * t)) + 0.004 * noise(16000)
    yield "sweep", 8000, to_16_bit(sweep)
    gate = 0.5 + 0.5 * np.sin(2 * np.pi * 1.5 * t)
    pulses = np.where(n % 57 == 0, 0.7, 0.0) * gate + 0.05 * noise(16000) * gate * gate
    yield "pulses", 8000, to_16_bit(pulses)
    n = np.arange(22050)
    t = n / 11025
    step = n // 3675
    f = 150.0 + 40.0 * step
    tones = np.where(step % 2 == 0, 0.3, 0.02) * np.sin(2 * np.pi * f * t)
    yield "tones", 11025, to_16_bit(tones + 0.002 * noise(22050))


def rounded(values, digits=7):
    return [None if np.isnan(v) else float(f"{v:.{digits}g}") for v in np.ravel(values)]


def stages(y, sr):
    clean = noisereduce.reduce_noise(y=y, sr=sr)
    strength = librosa.onset.onset_strength(y=clean, sr=sr, hop_length=128)
    onsets = dict(onset_envelope=strength, sr=sr, hop_length=128)
    mel = dict(y=y, sr=sr, n_fft=512, hop_length=128)
    slaney = librosa.power_to_db(librosa.feature.melspectrogram(**mel, n_mels=32), top_db=None)
    htk = librosa.feature.melspectrogram(**mel, n_mels=32, htk=True, norm=None)
    pyin = lambda x, fmin, frame: librosa.pyin(x, sr=sr, fmin=fmin, fmax=450, frame_length=frame)[0]
    return {
        "sample_rate": sr,
        "samples": rounded(y[::EVERY]),
        "denoised": rounded(clean[::EVERY]),
        "stationary": rounded(noisereduce.reduce_noise(y=y, sr=sr, stationary=True)[::EVERY]),
        "strength": rounded(strength),
        "onsets": librosa.onset.onset_detect(**onsets).tolist(),
        "backtracked": librosa.onset.onset_detect(**onsets, backtrack=True).tolist(),
        "tempo_10": float(librosa.feature.tempo(y=clean, sr=sr, start_bpm=10)[0]),
        "tempo_120": float(librosa.feature.tempo(y=clean, sr=sr)[0]),
        "mel": rounded(slaney.T.ravel()[::EVERY]),
        "mel_htk": rounded(librosa.power_to_db(htk, top_db=None).T.ravel()[::EVERY]),
        "mfcc": rounded(librosa.feature.mfcc(y=y, sr=sr, n_mfcc=13).T),
        "yin": rounded(librosa.yin(y, sr=sr, fmin=65, fmax=450, frame_length=1024)),
        "pyin": rounded(pyin(clean, 10, 4096), 12),
        "pyin_raw": rounded(pyin(y, 65, 1024), 12),
    }


def main():
    golden = {name: stages(y, sr) for name, sr, y in sounds()}
    golden["made_by"] = f"librosa {librosa.__version__}, noisereduce 3.0.3, make_golden.py"
    with open(sys.argv[1], "w") as file:
        json.dump(golden, file, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main()
