"""Hold cohort-audio against librosa 0.11.0 and noisereduce 3.0.3, clause by clause.

    pip install librosa==0.11.0 noisereduce==3.0.3 soundfile
    cargo build --release -p cohort-audio --example stages
    python compare_librosa.py STAGES [FILE...]

STAGES is the built example. Every stage is computed by both from the same WAV: the files given (mono,
at most 16 bits) and those of sounds.py. Prints what each clause is worth on the worst file, and exits
1 when one does not hold. A sound that a package refuses, or answers with NaN, is named.
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

import sounds

warnings.filterwarnings("ignore")
C2, C7 = librosa.note_to_hz("C2"), librosa.note_to_hz("C7")
# librosa's pYIN is slow; longer sounds are for the noise reduction's chunks.
LONGEST_PITCH = 500_000
# noisereduce's chunk_size.
CHUNK = 600_000

# Name of the clause, unit, bound.
CLAUSES = {
    "samples": ("decoded samples", "full scale", 0),
    "denoised": ("denoised, non-stationary", "full scale", 1e-4),
    "denoised_gentle": ("denoised, prop_decrease 0.7", "full scale", 1e-4),
    "stationary": ("denoised, stationary", "full scale", 1e-4),
    "strength": ("onset strength", "of its peak", 1e-4),
    "strength_512": ("onset strength, hop 512", "of its peak", 1e-4),
    "onsets": ("onset frames", "differences", 0),
    "backtracked": ("onset frames, backtracked", "differences", 0),
    "onsets_512": ("onset frames, hop 512", "differences", 0),
    "tempo_10": ("tempo, start_bpm 10", "bpm", 1e-9),
    "tempo_120": ("tempo, start_bpm 120", "bpm", 1e-9),
    "mel": ("mel, Slaney", "dB", 0.01),
    "mel_htk": ("mel, HTK", "dB", 0.01),
    "mfcc": ("MFCC", "dB", 0.01),
    "yin": ("YIN", "cent", 1),
}
PITCH = {"pyin": "pYIN 10-450, 4096", "pyin_raw": "pYIN 65-450, 1024", "pyin_music": "pYIN C2-C7, 2048"}
STATISTICS = ("mean", "median", "sd", "p5", "p95")
for key, title in PITCH.items():
    CLAUSES[f"{key} voiced"] = (f"{title}: voiced flag differs", "of frames", 0.005)
    CLAUSES[f"{key} cents"] = (f"{title}: over 1 cent", "of voiced frames", 0.005)
    CLAUSES[f"{key} probability"] = (f"{title}: probability over 1e-3", "of frames", 0.005)
    for statistic in STATISTICS:
        CLAUSES[f"{key} {statistic}"] = (f"{title}: f0 {statistic}", "relative", 0.005)


class Traps:
    """What is easy to get wrong: each check shows that the sounds reach the trap, and that it holds."""

    def __init__(self):
        self.equal, self.samples, self.types, self.largest = 0, 0, set(), 0.0
        self.unpadded, self.padded = [], []
        self.zero_windows, self.all_windows = set(), set()
        self.leading, self.prior_matters = {}, 0

    def cast(self, theirs, ours):
        self.types.add(str(theirs.dtype))
        self.equal += int(np.sum(ours == theirs))
        self.largest = max(self.largest, float(np.max(np.abs(ours - theirs))))
        self.samples += len(theirs)

    def padding(self, y, rate, ours, name):
        """How far off a gate is that pads nothing, or does not cut into chunks."""
        for options in [{"padding": 0}, {"chunk_size": 10**9}]:
            other = noisereduce.reduce_noise(y=y, sr=rate, **options)
            self.unpadded.append(np.max(np.abs(ours - other)))
        theirs = noisereduce.reduce_noise(y=y, sr=rate)
        self.padded.append(np.max(np.abs(ours - theirs)))

    def windows(self, rate, hop):
        # librosa 0.11 onset_detect: pre_max and wait are 30 ms, pre_avg 100 ms.
        self.all_windows.add((rate, hop))
        if int(0.03 * rate // hop) == 0:
            self.zero_windows.add((rate, hop))

    def lag(self, theirs, ours, hop):
        """Zeros that lag (1) and centring (1024 / hop) put in front."""
        if not theirs.any():
            return
        first = [int(np.argmax(strength > 0)) for strength in (theirs, ours)]
        before = self.leading.get(hop, (first, True))
        least = [min(a, b) for a, b in zip(first, before[0])]
        self.leading[hop] = (least, before[1] and first[0] == first[1])

    def verdicts(self):
        yield (
            f"noisereduce's chunks of 600,000 and padding of 30,000: at most {max(self.padded):.1e} off; "
            f"without padding or without chunks {min(self.unpadded):.1e} or more",
            max(self.padded) <= 1e-4 < min(self.unpadded),
        )
        yield (
            f"double precision cast back to {sorted(self.types)}: {self.equal / self.samples:.1%} of "
            f"{self.samples} samples the same to the last bit, none more than {self.largest:.1e} off",
            self.types == {"float32"} and self.largest <= 1e-4,
        )
        rates = ", ".join(f"{rate}/{hop}" for rate, hop in sorted(self.zero_windows))
        yield f"peak picking with windows of 0 frames (rate/hop {rates}): onsets as in the table", bool(rates)
        for hop, (least, same) in sorted(self.leading.items()):
            expected = 1 + 1024 // hop
            yield (
                f"lag and centring, hop {hop}: strength begins {least[0]} frames in, here {least[1]}; "
                f"by definition {expected} or later",
                same and least[0] >= expected,
            )
        yield f"start_bpm=10 gives another tempo than 120 for {self.prior_matters} sounds", self.prior_matters > 0


class Results:
    """The worst value of each clause, and all that break one."""

    def __init__(self):
        self.worst, self.values, self.broken, self.notes = {}, {}, [], []
        self.traps = Traps()

    def add(self, clause, value, where, count=1):
        value = float(value)
        self.values[clause] = self.values.get(clause, 0) + count
        if clause not in self.worst or not value <= self.worst[clause][0]:
            self.worst[clause] = (value, where)
        if not value <= CLAUSES[clause][2]:
            self.broken.append(f"{where}: {CLAUSES[clause][0]}: {value:.3g}")

    def print(self):
        for line in self.notes + self.broken:
            print(line)
        print(f"\n{'clause':44} {'worst':>9} {'bound':>7}  {'unit':16} {'values':>9}  {'':4}  worst in")
        for clause, (title, unit, bound) in CLAUSES.items():
            if clause not in self.worst:
                print(f"{title:44} {'':>9} {bound:7.2g}  {unit:16} {0:9}  none")
                continue
            value, where = self.worst[clause]
            verdict = "pass" if value <= bound else "FAIL"
            count = self.values[clause]
            print(f"{title:44} {value:9.2g} {bound:7.2g}  {unit:16} {count:9}  {verdict}  {where}")
        print()
        for text, holds in self.traps.verdicts():
            print(f"{'pass' if holds else 'FAIL'}  {text}")
            if not holds:
                self.broken.append(text)


def denoised(results, path, ours, y, rate):
    """noisereduce's three results; returns the first."""
    # Where noisereduce has no result, librosa goes on with ours.
    clean = ours("denoised").astype(np.float32)
    settings = {
        "denoised": {},
        "denoised_gentle": {"prop_decrease": 0.7},
        "stationary": {"stationary": True},
    }
    for stage, options in settings.items():
        try:
            theirs = noisereduce.reduce_noise(y=y, sr=rate, **options)
        except ValueError as error:
            results.notes.append(f"{path.stem}: noisereduce refuses ({stage}): {error}")
            continue
        if np.isnan(theirs).any():
            silent = "zero" if not np.any(ours(stage)) else "not zero"
            results.notes.append(f"{path.stem}: noisereduce gives NaN ({stage}); here it is {silent}")
            continue
        if ours(stage) is None:
            results.notes.append(f"{path.stem}: shorter than a frame ({stage}): refused here")
            continue
        results.add(stage, np.max(np.abs(ours(stage) - theirs)), path.stem, len(theirs))
        if stage == "denoised":
            results.traps.cast(theirs, ours(stage))
            clean = theirs
    return clean


def rhythm(results, path, ours, clean, rate):
    """Onset strength, onsets and tempo of the denoised sound."""
    for hop, suffix in [(128, ""), (512, "_512")]:
        results.traps.windows(rate, hop)
        strength = librosa.onset.onset_strength(y=clean, sr=rate, hop_length=hop)
        peak = max(strength.max(), 1e-9)
        found = ours(f"strength{suffix}")
        if len(found) != len(strength):
            results.add(f"strength{suffix}", np.inf, path.stem)
            continue
        results.add(f"strength{suffix}", np.max(np.abs(found - strength)) / peak, path.stem, len(strength))
        results.traps.lag(strength, found, hop)
        options = {"onset_envelope": strength, "sr": rate, "hop_length": hop}
        lists = {f"onsets{suffix}": librosa.onset.onset_detect(**options)}
        if hop == 128 and len(lists["onsets"]):
            lists["backtracked"] = librosa.onset.onset_detect(**options, backtrack=True)
        for stage, theirs in lists.items():
            differ = len(set(ours(stage)) ^ set(theirs)) + abs(len(ours(stage)) - len(theirs))
            results.add(stage, differ, path.stem, len(theirs))
    theirs = {bpm: librosa.feature.tempo(y=clean, sr=rate, start_bpm=bpm)[0] for bpm in (10, 120)}
    for bpm, value in theirs.items():
        results.add(f"tempo_{bpm}", abs(ours(f"tempo_{bpm}")[0] - value), path.stem)
    results.traps.prior_matters += theirs[10] != theirs[120]


def spectra(results, path, ours, y, rate):
    """Mel spectrograms in dB and cepstrum of the raw sound."""
    mel = {"y": y, "sr": rate, "n_fft": 512, "hop_length": 128}
    slaney = librosa.feature.melspectrogram(**mel, n_mels=64)
    htk = librosa.feature.melspectrogram(**mel, n_mels=40, htk=True, norm=None)
    all_of = {
        "mel": librosa.power_to_db(slaney, ref=1.0, top_db=None),
        "mel_htk": librosa.power_to_db(htk, ref=1.0, top_db=None),
        "mfcc": librosa.feature.mfcc(y=y, sr=rate, n_mfcc=13),
    }
    for stage, theirs in all_of.items():
        theirs = theirs.T.ravel()
        results.add(stage, np.max(np.abs(ours(stage) - theirs)), path.stem, len(theirs))


def describe(f0):
    """Mean, median, deviation, 5th and 95th percentile of the voiced frames; zeros without any."""
    f0 = f0[~np.isnan(f0)]
    if len(f0) == 0:
        return np.zeros(5)
    return np.array([f0.mean(), np.median(f0), f0.std(), *np.percentile(f0, [5, 95])])


def pitch(results, path, ours, y, clean, rate):
    """YIN of the raw sound and pYIN in the three settings."""
    if ours("yin") is not None:
        theirs = librosa.yin(y, sr=rate, fmin=65, fmax=450, frame_length=1024)
        cents = 1200 * np.abs(np.log2(ours("yin") / theirs))
        results.add("yin", cents.max(), path.stem, len(theirs))
    ranges = {"pyin": (clean, 10, 450, 4096), "pyin_raw": (y, 65, 450, 1024), "pyin_music": (y, C2, C7, 2048)}
    for stage, (signal, fmin, fmax, frame) in ranges.items():
        if ours(stage) is None or signal is None:
            continue
        options = {"sr": rate, "fmin": fmin, "fmax": fmax, "frame_length": frame}
        if len(y) < rate / fmin:
            # Not one period fits: librosa's decision is its rounding, so it gets double precision.
            signal = signal.astype(np.float64)
            results.notes.append(f"{path.stem}: shorter than a period ({stage}): librosa in double precision")
        try:
            theirs, _, probability = librosa.pyin(signal, **options)
        except librosa.ParameterError as error:
            results.notes.append(f"{path.stem}: librosa refuses ({stage}): {error}")
            continue
        found, count = ours(stage), len(theirs)
        if len(found) != count:
            results.add(f"{stage} voiced", np.inf, path.stem)
            continue
        voiced = ~np.isnan(found), ~np.isnan(theirs)
        both = voiced[0] & voiced[1]
        results.add(f"{stage} voiced", np.mean(voiced[0] != voiced[1]), path.stem, count)
        off = np.abs(ours(f"{stage}_probability") - probability) > 1e-3
        results.add(f"{stage} probability", np.mean(off), path.stem, count)
        if both.any():
            cents = 1200 * np.abs(np.log2(found[both] / theirs[both]))
            results.add(f"{stage} cents", np.mean(cents > 1), path.stem, both.sum())
        a, b = describe(found), describe(theirs)
        # A deviation of zero is held against the smallest step of the pitch grid, 10 cents.
        scale = np.maximum(np.abs(b), 0.006 * max(b[0], 1e-9))
        for statistic, value in zip(STATISTICS, np.abs(a - b) / scale):
            results.add(f"{stage} {statistic}", value, path.stem)


def main():
    stages, results = sys.argv[1], Results()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        files = [Path(f) for f in sys.argv[2:]] + sounds.make(folder / "sounds")
        subprocess.run([stages, "dump", folder, *files], check=True)
        for path in files:

            def ours(stage):
                dump = folder / f"{path.stem}.{stage}"
                return np.fromfile(dump, dtype="<f8") if dump.exists() else None

            y, rate = soundfile.read(path, dtype="float32")
            results.add("samples", np.max(np.abs(ours("samples") - y)), path.stem, len(y))
            clean = denoised(results, path, ours, y, rate)
            if len(y) > CHUNK and path.stem.startswith("long"):
                results.traps.padding(y, rate, ours("denoised"), path.stem)
            rhythm(results, path, ours, clean, rate)
            spectra(results, path, ours, y, rate)
            if len(y) <= LONGEST_PITCH:
                pitch(results, path, ours, y, clean, rate)
            print(".", end="", flush=True, file=sys.stderr)
    print(file=sys.stderr)
    results.print()
    print(f"{len(files)} files, {len(results.broken)} values beyond their bound")
    return 1 if results.broken else 0


if __name__ == "__main__":
    sys.exit(main())
