"""How many times faster than librosa 0.11.0 with noisereduce 3.0.3 the seven values are, by stage.

    pip install librosa==0.11.0 noisereduce==3.0.3 soundfile
    cargo build --release -p cohort-audio --example stages
    python speed_librosa.py STAGES FILE...

Both do the same to the same files in one go, each on one and the same processor with one thread, clip
after clip in turn, after a warm-up that is not counted (numba compiles then, plans are made). Times
are seconds on the processor, so other work on the machine does not count. Exits 1 when the total is
below 60 times or pYIN below 50. Linux only.
"""

import json
import os
import subprocess
import sys
import time
import warnings

for name in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
    os.environ[f"{name}_NUM_THREADS"] = "1"

import librosa
import noisereduce
import numpy as np
import soundfile

warnings.filterwarnings("ignore")
PYTHON_ROUNDS = 3
OUR_ROUNDS = 30
BOUNDS = {"pyin": 50, "total": 60}


def seven(path):
    """Seconds of each stage of the preset first-impressions."""
    clock = [time.process_time()]
    lap = lambda: clock.append(time.process_time())
    y, sr = soundfile.read(path, dtype="float32")
    lap()
    clean = noisereduce.reduce_noise(y=y, sr=sr, stationary=False)
    lap()
    onsets = librosa.onset.onset_detect(y=clean, sr=sr, hop_length=128, backtrack=False)
    lap()
    librosa.feature.tempo(y=clean, sr=sr, start_bpm=10)
    lap()
    f0, _, _ = librosa.pyin(clean, sr=sr, fmin=10, fmax=450, frame_length=4096)
    lap()
    f0 = f0[~np.isnan(f0)]
    if len(f0):
        (f0.mean(), np.median(f0), f0.std(), np.percentile(f0, 5), np.percentile(f0, 95))
    len(onsets) / (len(y) / sr)
    lap()
    names = ("decode", "reduce_noise", "onset", "tempo", "pyin")
    out = dict(zip(names, np.diff(clock)))
    out["total"] = clock[-1] - clock[0]
    return out


def main():
    stages, files = sys.argv[1], sys.argv[2:]
    processor = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {processor})
    seven(files[0])
    theirs, ours, seconds = [], [], 0
    for path in files:
        rounds = [seven(path) for _ in range(PYTHON_ROUNDS)]
        theirs.append({stage: np.mean([r[stage] for r in rounds]) for stage in rounds[0]})
        command = [stages, "time", str(OUR_ROUNDS), path]
        ours.append(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
        seconds += soundfile.info(path).duration
    print(f"{len(files)} clips, {seconds:.0f} s of sound, processor {processor}, milliseconds a clip\n")
    print(f"{'stage':14} {'Python':>9} {'cohort':>9} {'ratio':>7} {'least':>7}  bound")
    failed = 0
    for stage in theirs[0]:
        a, b = (np.array([clip[stage] for clip in side]) for side in (theirs, ours))
        ratio, bound = a.sum() / b.sum(), BOUNDS.get(stage)
        verdict = "" if bound is None else f"{bound:5}  {'pass' if ratio >= bound else 'FAIL'}"
        failed += bound is not None and ratio < bound
        print(f"{stage:14} {1e3 * a.mean():9.2f} {1e3 * b.mean():9.3f} {ratio:7.1f} {np.min(a / b):7.1f}  {verdict}")
    print("\nratio: sum over the clips; least: the clip where it is smallest; total: from file to values,")
    print("where cohort makes one spectrogram for onsets and tempo.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
