"""Sounds to hold cohort-audio against other programs: voices of espeak-ng, music, noise, sweeps,
clicks, silence and hard cases, at sample rates from 4 to 96 kHz, as 16-bit mono WAV.

    pip install numpy scipy soundfile
    python sounds.py FOLDER

The same files each time, but for the voices, which are as the espeak-ng installed speaks them (without
it they are left out, and that is said). About 60 files, 20 MB.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import scipy.signal
import soundfile

TEXT = "The pause before speaking is long. Then the voice rises, falls, and stops. Seventy years!"
# Voice, pitch from 0 to 99, words a minute, sample rate.
VOICES = [
    ("en", 50, 175, 22050),
    ("en+f3", 70, 160, 16000),
    ("en+m7", 20, 120, 8000),
    ("en+whisper", 50, 150, 16000),
    ("de+f2", 60, 200, 44100),
    ("fr+m3", 40, 175, 48000),
    ("es+f4", 85, 230, 11025),
    ("ru", 50, 175, 22050),
    ("hi+f5", 99, 140, 8000),
    ("pt+croak", 10, 110, 16000),
    ("it+klatt2", 45, 175, 32000),
    ("sw+f1", 55, 90, 8000),
]


def voices(folder):
    """Speech at several rates, pitches and speeds; the quiet copies have noise under them."""
    program = shutil.which("espeak-ng")
    if program is None:
        print("no espeak-ng: the voices are left out", file=sys.stderr)
        return
    for i, (voice, pitch, speed, rate) in enumerate(VOICES):
        spoken = folder / "spoken.wav"
        options = ["-v", voice, "-p", str(pitch), "-s", str(speed), "-w", str(spoken)]
        subprocess.run([program, *options, TEXT], check=True)
        y, native = soundfile.read(spoken)
        spoken.unlink()
        if rate != native:
            y = scipy.signal.resample_poly(y, rate, native)
        name = f"voice{i:02}-{voice.replace('+', '-')}"
        yield name, rate, y
        random = np.random.default_rng(i)
        if i % 3 == 0:
            yield f"{name}-noisy", rate, 0.2 * y + 0.01 * random.standard_normal(len(y))


def pluck(hertz, seconds, rate, random):
    """A string by Karplus and Strong."""
    period = int(rate / hertz)
    line = random.uniform(-1, 1, period)
    x = np.zeros(int(seconds * rate))
    x[:period] = line
    # y[n] = x[n] + 0.498 (y[n - period] + y[n - period - 1])
    feedback = np.zeros(period + 2)
    feedback[0], feedback[period], feedback[period + 1] = 1, -0.498, -0.498
    return scipy.signal.lfilter([1], feedback, x)


def music(rate, seconds, bpm, seed):
    """Plucked chords, a bass and a drum on the beat."""
    random = np.random.default_rng(seed)
    n = int(rate * seconds)
    out = np.zeros(n + rate)
    beat = 60 / bpm
    chords = [(220, 277.18, 329.63), (196, 246.94, 293.66), (174.61, 220, 261.63)]
    for i in range(int(seconds / beat)):
        at = int(i * beat * rate)
        for hertz in chords[(i // 4) % 3]:
            tone = pluck(hertz * random.choice([1, 2]), 0.9, rate, random)
            out[at : at + len(tone)] += 0.15 * tone[: len(out) - at]
        t = np.arange(int(0.2 * rate)) / rate
        if i % 2 == 0:
            out[at : at + len(t)] += 0.5 * np.exp(-25 * t) * np.sin(2 * np.pi * (50 + 90 * np.exp(-40 * t)) * t)
        else:
            out[at : at + len(t)] += 0.2 * np.exp(-40 * t) * random.standard_normal(len(t))
    return out[:n]


def others():
    """Everything that is no voice."""
    for rate, bpm in [(8000, 90), (16000, 120), (22050, 132), (44100, 76), (48000, 174)]:
        yield f"music-{rate}-{bpm}", rate, music(rate, 6, bpm, rate)
    for rate in [5512, 8000, 16000, 22050, 44100, 96000]:
        random = np.random.default_rng(rate)
        n = rate * (2 if rate > 50000 else 4)
        white = random.standard_normal(n)
        yield f"noise-white-{rate}", rate, 0.1 * white
        yield f"noise-brown-{rate}", rate, 0.4 * scipy.signal.lfilter([0.02], [1, -0.98], white)
        t = np.arange(n) / rate
        yield f"sweep-log-{rate}", rate, 0.5 * scipy.signal.chirp(t, 40, t[-1], 0.4 * rate, "logarithmic")
        low = scipy.signal.chirp(t, 70, t[-1], 440, "linear")
        yield f"sweep-voice-{rate}", rate, 0.4 * low + 0.2 * low**3 + 0.001 * white
    for rate in [4000, 8000, 16000]:
        random = np.random.default_rng(rate + 1)
        n = 5 * rate
        clicks = np.zeros(n)
        clicks[:: int(0.37 * rate)] = 0.9
        yield f"clicks-{rate}", rate, clicks + 0.0005 * random.standard_normal(n)
        bursts = random.standard_normal(n) * (np.arange(n) // (rate // 3) % 2)
        yield f"bursts-{rate}", rate, 0.1 * bursts
    random = np.random.default_rng(7)
    yield "silence-8000", 8000, np.zeros(24000)
    yield "silence-44100", 44100, np.zeros(44100)
    yield "offset-8000", 8000, np.full(24000, 0.25)
    yield "dither-16000", 16000, random.integers(-1, 2, 48000) / 32768
    half = np.zeros(40000)
    half[20000:] = 0.3 * np.sin(2 * np.pi * 150 * np.arange(20000) / 8000)
    yield "half-silent-8000", 8000, half
    yield "square-clipped-16000", 16000, np.sign(np.sin(2 * np.pi * 123.4 * np.arange(48000) / 16000))
    for n in [1, 2, 100, 1023, 1024, 1025, 5000]:
        yield f"short-{n:04}", 8000, 0.3 * random.standard_normal(n)
    # Around noisereduce's chunks of 600,000 samples and their 30,000 of padding.
    long = 0.05 * random.standard_normal(1_240_000)
    long += 0.3 * np.sin(2 * np.pi * 180 * np.arange(len(long)) / 8000) * (np.arange(len(long)) // 9000 % 2)
    for n in [599_999, 600_000, 600_001, 625_000, 1_240_000]:
        yield f"long-{n}", 8000, long[:n]


def make(folder):
    """Write all sounds to `folder` and return their paths."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, rate, y in [*voices(folder), *others()]:
        paths.append(folder / f"{name}.wav")
        steps = np.clip(np.round(np.asarray(y) * 32768), -32768, 32767).astype(np.int16)
        soundfile.write(paths[-1], steps, rate, subtype="PCM_16")
    return paths


if __name__ == "__main__":
    for path in make(sys.argv[1]):
        print(path)
