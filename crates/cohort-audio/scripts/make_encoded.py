"""Make the encoded files of tests/golden/decode and what libsndfile and FFmpeg read from them.

    pip install numpy soundfile av
    python make_encoded.py

Writes the same sound in every format that cohort-audio decodes, and `expected.json`: for each file the
sample rate, the number of samples, and every 29th sample of the mean of its channels, as soundfile (WAV,
FLAC, Ogg Vorbis, MP3) or PyAV (AAC in MP4) decode them. tests/decoding.rs makes the same sound and
holds both against it.
"""

import json
from pathlib import Path

import av
import numpy as np
import soundfile

FOLDER = Path(__file__).parent.parent / "tests" / "golden" / "decode"
RATE, LENGTH, EVERY = 16_000, 4_800, 29


def sound():
    """A chirp that starts at once and fades, in steps of 16 bits; the second channel is half of it with
    a tone on top."""
    t = np.arange(LENGTH) / RATE
    fade = 1 - t / t[-1]
    left = fade * 0.5 * np.sin(2 * np.pi * (300 * t + 2000 * t * t) + 1)
    right = 0.5 * left + 0.2 * np.sin(2 * np.pi * 441 * t)
    return np.floor(np.stack([left, right], 1) * 32767 + 0.5).astype(np.int16)


def ffmpeg(path, container, codec, samples, options={}):
    """Encode channels of samples by FFmpeg. AAC gets 1,024 samples in front."""
    layout = ("mono", "stereo")[len(samples) - 1]
    with av.open(str(path), "w", format=container, options=options) as out:
        stream = out.add_stream(codec, rate=RATE, layout=layout)
        stream.bit_rate = 64_000
        samples = np.ascontiguousarray(samples).astype(np.float32) / 32768
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout=layout)
        frame.sample_rate = RATE
        frame.pts = 0
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            out.mux(packet)


def read_aac(path):
    """FFmpeg drops what lies before time 0; where no edit list says so, that is for the reader to do."""
    with av.open(str(path)) as file:
        frames = [frame.to_ndarray() for frame in file.decode(audio=0)]
    return np.concatenate(frames, 1).mean(0)


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    both = sound()
    left = both[:, 0]
    files = {
        "u8.wav": ("WAV", "PCM_U8", left),
        "i16.wav": ("WAV", "PCM_16", left),
        "i16-stereo.wav": ("WAV", "PCM_16", both),
        "i24.wav": ("WAV", "PCM_24", left),
        "i32.wav": ("WAV", "PCM_32", left),
        "f32.wav": ("WAV", "FLOAT", left),
        "f64.wav": ("WAV", "DOUBLE", left),
        "extensible.wav": ("WAVEX", "PCM_24", both),
        "alaw.wav": ("WAV", "ALAW", left),
        "mulaw.wav": ("WAV", "ULAW", left),
        "i16.flac": ("FLAC", "PCM_16", left),
        "i24-stereo.flac": ("FLAC", "PCM_24", both),
        "vorbis.ogg": ("OGG", "VORBIS", left),
        "vorbis-stereo.ogg": ("OGG", "VORBIS", both),
        "lame.mp3": ("MP3", "MPEG_LAYER_III", left),
    }
    expected = {}

    def note(name, rate, y):
        expected[name] = {
            "sample_rate": rate,
            "samples": len(y),
            "every_29th": [round(float(v), 7) for v in y[::EVERY]],
        }

    for name, (container, coding, samples) in files.items():
        if coding in ("FLOAT", "DOUBLE"):
            samples = samples / 32768
        soundfile.write(FOLDER / name, samples, RATE, format=container, subtype=coding)
    # libsndfile garbles stereo MP3 when it writes it.
    ffmpeg(FOLDER / "lame-stereo.mp3", "mp3", "libmp3lame", both.T)
    for name in [*files, "lame-stereo.mp3"]:
        y, rate = soundfile.read(FOLDER / name, dtype="float64", always_2d=True)
        note(name, rate, y.mean(1))
    for name, options in [("edit-list.m4a", {}), ("no-edit-list.mp4", {"use_editlist": "0"})]:
        ffmpeg(FOLDER / name, "mp4", "aac", left[None], options)
        y = read_aac(FOLDER / name)
        print(name, len(y), (FOLDER / name).read_bytes().count(b"elst"))
        # PyAV keeps what fills the last packet; the table of times ends with the sound
        note(name, RATE, y[: len(left)] if name == "edit-list.m4a" else y)
    text = json.dumps(expected, separators=(",", ":")).replace('"},"', '"},\n"').replace("]},", "]},\n")
    (FOLDER / "expected.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
