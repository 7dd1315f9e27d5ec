"""Hold the extended descriptors of cohort-audio against Praat (praat-parselmouth 0.4.7).

    pip install praat-parselmouth librosa==0.11.0
    python compare_praat.py STAGES FILE...

STAGES is the built example (cargo build --release -p cohort-audio --example stages). Prints each
value of both and the largest difference; the exit status is 1 when one is beyond its bound.
Meant for voices: of a pure tone with nothing around it, tilt and harmonicity (beyond 60 dB) are the
leakage of the windows, which differ.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import librosa
import numpy as np
import parselmouth
from parselmouth.praat import call

# Bounds: relative for jitter and shimmer, decibel, counts, seconds.
BOUNDS = {
    "jitter_local": 0.02,
    "shimmer_local": 0.02,
    "hnr_db": 0.1,
    "pause_count": 0,
    "pause_mean_s": 0.005,
    "spectral_tilt_db": 0.2,
    "mfcc_mean": 0.01,
    "mfcc_sd": 0.01,
}
RELATIVE = ("jitter_local", "shimmer_local")


def reference(path):
    """Praat's values; nan where Praat says undefined, which is 0 here."""
    sound = parselmouth.Sound(str(path))
    pitch = call(sound, "To Pitch (ac)", 0, 75, 15, "no", 0.03, 0.45, 0.01, 0.35, 0.14, 600)
    pulses = call([sound, pitch], "To PointProcess (cc)")
    out = {
        "jitter_local": call(pulses, "Get jitter (local)", 0, 0, 0.0001, 0.02, 1.3),
        "shimmer_local": call(
            [sound, pulses], "Get shimmer (local)", 0, 0, 0.0001, 0.02, 1.3, 1.6
        ),
        "hnr_db": call(call(sound, "To Harmonicity (cc)", 0.01, 75, 0.1, 1.0), "Get mean", 0, 0),
    }
    grid = call(sound, "To TextGrid (silences)", 100, 0, -25, 0.1, 0.1, "silent", "sounding")
    lengths = [
        call(grid, "Get end time of interval", 1, i) - call(grid, "Get start time of interval", 1, i)
        for i in range(1, call(grid, "Get number of intervals", 1) + 1)
        if call(grid, "Get label of interval", 1, i) == "silent"
    ]
    out["pause_count"] = len(lengths)
    out["pause_mean_s"] = np.mean(lengths) if lengths else 0.0
    ltas = call(sound, "To Ltas", 100)
    top = min(4000, sound.sampling_frequency / 2)
    # Slope is the high band less the low one.
    out["spectral_tilt_db"] = call(ltas, "Get slope", 0, 1000, 1000, top, "energy")
    y, sr = librosa.load(path, sr=None)
    mfcc = librosa.feature.mfcc(y=y, sr=sr, n_mfcc=13)
    for i in range(13):
        out[f"mfcc_mean_{i + 1}"] = mfcc[i].mean()
        out[f"mfcc_sd_{i + 1}"] = mfcc[i].std()
    return out


def main():
    stages, files = sys.argv[1], [Path(f) for f in sys.argv[2:]]
    worst, failed = {}, 0
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([stages, "dump", folder, *files], check=True)
        for path in files:
            try:
                expected = reference(path)
            except parselmouth.PraatError as error:
                print(f"{path.name}: Praat refuses: {str(error).splitlines()[0]}")
                continue
            for name, theirs in expected.items():
                ours = np.fromfile(Path(folder) / f"{path.stem}.{name}", dtype="<f8")[0]
                if np.isnan(theirs):
                    theirs = 0.0
                difference = abs(ours - theirs)
                kind = name.rstrip("0123456789").rstrip("_")
                if kind in RELATIVE:
                    difference /= max(abs(theirs), 1e-3)
                if difference > worst.get(kind, (-1, ""))[0]:
                    worst[kind] = (difference, f"{path.name}: {ours:.6g}, Praat {theirs:.6g}")
                if not difference <= BOUNDS[kind]:
                    failed += 1
                    print(f"{path.name}: {name}: {ours:.6g}, Praat {theirs:.6g}")
    print(f"\n{'descriptor':18} {'largest':>10} {'bound':>8}  in")
    for kind, (difference, where) in worst.items():
        print(f"{kind:18} {difference:10.3g} {BOUNDS[kind]:8.3g}  {where}")
    print(f"{len(files)} files, {failed} values beyond their bound")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
