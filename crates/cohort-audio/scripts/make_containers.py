"""Make the fixtures of tests/containers.rs and what FFmpeg reads from them.

    apt-get install ffmpeg
    python make_containers.py

Encodes tests/golden/decode/i16.wav into containers and codings whose encoder is not a few lines of code, and
writes `containers.json`: for each file the sample rate, the number of samples, and every 29th sample of
the mean of its channels, as the program `ffmpeg` decodes it to 32-bit float.
"""

import json
import struct
import subprocess
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "tests" / "golden" / "decode"
EVERY = 29
FILES = {
    "ms-adpcm.wav": "-c:a adpcm_ms",
    "ima-adpcm.wav": "-c:a adpcm_ima_wav",
    "mp3-inside.wav": "-c:a libmp3lame -f wav",
    "alac.m4a": "-c:a alac",
    "opus.opus": "-c:a libopus -b:a 32k",
    "opus.webm": "-c:a libopus -b:a 32k",
    "vorbis.mka": "-c:a libvorbis -ac 1",
    "layer2.mp2": "-c:a mp2 -b:a 64k",
    "flac.oga": "-c:a flac -sample_fmt s16",
    "mpeg25.mp3": "-c:a libmp3lame -ar 8000 -b:a 8k",
    "adts.aac": "-c:a aac -b:a 64k",
    "fragments.mp4": "-c:a aac -b:a 64k -movflags frag_keyframe+empty_moov",
}


def run(arguments):
    return subprocess.run(["ffmpeg", "-v", "error", "-y", *arguments], check=True, capture_output=True).stdout


def main():
    expected = {}
    for name, options in FILES.items():
        path = str(FOLDER / name)
        bitexact = ["-fflags", "+bitexact", "-flags:a", "+bitexact", "-map_metadata", "-1"]
        run(["-i", str(FOLDER / "i16.wav"), *bitexact, *options.split(), path])
        # The reference decoder of Opus; that of FFmpeg's own differs where the signal is transient.
        decoder = ["-c:a", "libopus"] if name.startswith("opus") else []
        raw = run([*decoder, "-i", path, "-ac", "1", "-f", "f32le", "-"])
        samples = struct.unpack(f"<{len(raw) // 4}f", raw)
        probe = ["ffprobe", "-v", "error", "-show_entries", "stream=sample_rate", "-of", "csv=p=0", path]
        rate = int(subprocess.run(probe, check=True, capture_output=True).stdout.split()[0])
        expected[name] = {
            "sample_rate": rate,
            "samples": len(samples),
            "every_29th": [round(v, 7) for v in samples[::EVERY]],
        }
    text = json.dumps(expected, separators=(",", ":")).replace("]},", "]},\n")
    (FOLDER / "containers.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
