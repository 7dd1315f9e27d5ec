"""Hold cohort-audio against librosa 0.11.0 and noisereduce 3.0.3 on any sound files.

    pip install librosa==0.11.0 noisereduce==3.0.3 soundfile praat-parselmouth
    python compare_librosa.py STAGES FILE...

STAGES is the built example: cargo build --release -p cohort-audio --example stages. Every stage is
computed by both from the same WAV, and the largest difference of each is printed with the bound it
must keep; the exit status is 1 when one does not. Files should be mono WAV of at most 16 bits.
"""

import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import librosa
import noisereduce
import numpy as np
import soundfile

warnings.filterwarnings("ignore")
C7 = librosa.note_to_hz("C7")
C2 = librosa.note_to_hz("C2")


def reference(path):
    """What the Python packages compute, stage by stage."""
    y, sr = soundfile.read(path, dtype="float32")
    out = {"samples": y}
    clean = noisereduce.reduce_noise(y=y, sr=sr, stationary=False)
    out["denoised"] = clean
    out["denoised_gentle"] = noisereduce.reduce_noise(y=y, sr=sr, prop_decrease=0.7)
    out["stationary"] = noisereduce.reduce_noise(y=y, sr=sr, stationary=True)
    strength = librosa.onset.onset_strength(y=clean, sr=sr, hop_length=128)
    out["strength"] = strength
    onset = dict(onset_envelope=strength, sr=sr, hop_length=128)
    out["onsets"] = librosa.onset.onset_detect(**onset)
    out["backtracked"] = librosa.onset.onset_detect(**onset, backtrack=True) if len(out["onsets"]) else []
    out["onsets_512"] = librosa.onset.onset_detect(y=clean, sr=sr, hop_length=512)
    for bpm in (10, 120):
        out[f"tempo_{bpm}"] = librosa.feature.tempo(y=clean, sr=sr, start_bpm=bpm)
    mel = dict(y=y, sr=sr, n_fft=512, hop_length=128)
    power = librosa.feature.melspectrogram(**mel, n_mels=64)
    out["mel"] = librosa.power_to_db(power, ref=1.0, top_db=None).T
    power = librosa.feature.melspectrogram(**mel, n_mels=40, htk=True, norm=None)
    out["mel_htk"] = librosa.power_to_db(power, ref=1.0, top_db=None).T
    out["mfcc"] = librosa.feature.mfcc(y=y, sr=sr, n_mfcc=13).T
    out["yin"] = librosa.yin(y, sr=sr, fmin=65, fmax=450, frame_length=1024)
    ranges = {"pyin_raw": (y, 65, 450, 1024)}
    if sr <= 22050:
        ranges["pyin"] = (clean, 10, 450, 4096)
    if sr >= 8000 and C7 <= sr / 2:
        ranges["pyin_music"] = (y, C2, C7, 2048)
    for name, (signal, fmin, fmax, frame) in ranges.items():
        f0, _, probability = librosa.pyin(signal, sr=sr, fmin=fmin, fmax=fmax, frame_length=frame)
        out[name], out[f"{name}_probability"] = f0, probability
    target = 16000 if sr == 8000 else 8000
    out["resampled"] = librosa.resample(y, orig_sr=sr, target_sr=target)
    return out


def statistics(f0):
    """Mean, median, deviation, 5th and 95th percentile of the voiced frames."""
    f0 = f0[~np.isnan(f0)]
    if len(f0) == 0:
        return np.zeros(5)
    return np.array([f0.mean(), np.median(f0), f0.std(), *np.percentile(f0, [5, 95])])


def compare(name, ours, theirs):
    """Differences as (label, value, bound); a value above its bound is a failure."""
    theirs = np.asarray(theirs, dtype=float).ravel()
    if ours.shape != theirs.shape:
        return [(f"{name} length {ours.shape} {theirs.shape}", np.inf, 0)]
    if name.startswith("pyin") and name.endswith("probability"):
        return [(name, np.mean(np.abs(ours - theirs) > 1e-3), 0.005)]
    if name.startswith("pyin"):
        voiced = ~np.isnan(ours), ~np.isnan(theirs)
        both = voiced[0] & voiced[1]
        cents = 1200 * np.abs(np.log2(ours[both] / theirs[both]))
        a, b = statistics(ours), statistics(theirs)
        return [
            (f"{name} voicing", np.mean(voiced[0] != voiced[1]), 0.005),
            (f"{name} over 1 cent", np.mean(cents > 1) if len(cents) else 0, 0.005),
            (f"{name} statistics", np.max(np.abs(a - b) / np.maximum(np.abs(b), 1e-9)), 0.005),
        ]
    difference = np.abs(ours - theirs)
    if name == "yin":
        return [(name, np.mean(1200 * np.abs(np.log2(ours / theirs)) > 1), 0.005)]
    if name == "strength":
        return [(name, difference.max() / max(theirs.max(), 1e-9), 1e-4)]
    if name == "resampled":
        # Another filter than soxr's: equal in the band, not at its edge.
        return [(name, np.sqrt(np.mean(difference**2)), 0.01)]
    bound = {"samples": 0, "denoised": 1e-4, "denoised_gentle": 1e-4, "stationary": 1e-4}
    bound |= {"mel": 0.01, "mel_htk": 0.01, "mfcc": 0.01}
    return [(name, difference.max() if len(difference) else 0, bound.get(name, 1e-9))]


def main():
    stages, files = sys.argv[1], [Path(f) for f in sys.argv[2:]]
    worst, failed = {}, 0
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([stages, "dump", folder, *files], check=True)
        for path in files:
            try:
                expected = reference(path)
            except Exception as error:  # librosa refuses some sounds; say so, and go on
                print(f"{path.name}: the reference refuses: {error}")
                continue
            for name, theirs in expected.items():
                ours = np.fromfile(Path(folder) / f"{path.stem}.{name}", dtype="<f8")
                for label, value, bound in compare(name, ours, theirs):
                    if not value <= bound:
                        failed += 1
                        print(f"{path.name}: {label}: {value:.3g}, bound {bound:.3g}")
                    if label not in worst or not value <= worst[label][0]:
                        worst[label] = (value, bound, path.name)
    print(f"\n{'stage':28} {'largest':>10} {'bound':>10}  in")
    for label, (value, bound, name) in worst.items():
        print(f"{label:28} {value:10.3g} {bound:10.3g}  {name}")
    print(f"{len(files)} files, {failed} values beyond their bound")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
