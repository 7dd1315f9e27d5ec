"""Sounds: values of the reference libraries and of the program, their shapes, and what is refused."""

from __future__ import annotations

import json
import tracemalloc
import wave

import numpy as np
import pytest

import cohort
from cohort import audio

from conftest import ROOT


@pytest.fixture(scope="session")
def reference(shared):
    return json.loads((shared / "data/audio-reference/reference.json").read_text())


@pytest.fixture(scope="session")
def voices(shared, reference):
    """Each clip of the reference with its samples as float32 at 8 kHz."""
    folder = shared / "data/audio-reference"
    found = []
    for clip in reference["clips"]:
        y, sr = audio.load(folder / clip["file"], sr=None)
        assert sr == 8000
        found.append((clip, y))
    return found


@pytest.fixture(scope="session")
def tone():
    """Two seconds that rise and fall at 8 kHz."""
    t = np.arange(16_000) / 8_000
    loud = 0.3 + 0.25 * np.sin(2 * np.pi * 1.5 * t)
    return (loud * np.sin(2 * np.pi * (120 * t + 20 * t * t)) + 0.001 * np.sin(9000 * t * t)).astype(np.float32)


def test_every_voice_has_the_values_of_librosa_and_noisereduce(voices):
    for clip, y in voices:
        name = clip["file"]
        clean = audio.reduce_noise(y, 8000)
        assert np.allclose(clean[20_000:20_032], clip["denoised_head"], rtol=0, atol=1e-7), name
        level = float(np.sqrt(np.mean(clean.astype(float) ** 2)))
        assert level == pytest.approx(clip["denoised_rms"], rel=1e-6), name
        strength = audio.onset.onset_strength(y=clean, sr=8000, hop_length=128)
        assert np.allclose(strength[:64], clip["onset_envelope_head"], rtol=0, atol=1e-4), name
        onsets = audio.onset.onset_detect(y=clean, sr=8000, hop_length=128, units="time")
        assert np.allclose(onsets, clip["onsets"], rtol=0, atol=1e-9), name
        tempo = audio.feature.tempo(y=clean, sr=8000, start_bpm=10)
        assert tempo.shape == (1,) and tempo[0] == pytest.approx(clip["tempo_bpm"], abs=1e-9), name
        f0, voiced, probability = audio.pyin(clean, fmin=10, fmax=450, sr=8000, frame_length=4096)
        expected = np.array(clip["f0"], dtype=float)
        assert np.allclose(f0, expected, rtol=0, atol=1e-6, equal_nan=True), name
        assert np.array_equal(voiced, ~np.isnan(expected)), name
        assert np.allclose(probability, clip["voiced_prob"], rtol=0, atol=1e-3), name
        f0, _, _ = audio.pyin(y, fmin=65, fmax=450, sr=8000, frame_length=1024)
        expected = np.array(clip["f0_raw_65_450_fl1024"], dtype=float)
        assert np.allclose(f0, expected, rtol=0, atol=1e-6, equal_nan=True), name
        mel = audio.feature.melspectrogram(y=y, sr=8000, n_fft=512, hop_length=128, n_mels=64)
        assert mel.shape == (64, 1 + len(y) // 128) and mel.dtype == np.float32
        db = 10 * np.log10(np.maximum(mel.astype(float), 1e-10))
        db = np.maximum(db, db.max() - 80)
        assert np.allclose(db.mean(axis=1), clip["mel_mean_db"], rtol=0, atol=1e-3), name
        five = audio.acoustic_features(y, 8000, preset="first-impressions")
        found = [five.f0_mean_hz, five.f0_median_hz, five.f0_sd_hz, five.f0_p5_hz, five.f0_p95_hz]
        assert np.allclose(found, clip["f0_stats"], rtol=0, atol=1e-6), name
        assert five.tempo_bpm == pytest.approx(clip["tempo_bpm"], abs=1e-9)


def test_features_are_the_programs(run, shared, voices):
    folder = shared / "data/audio-reference"
    for preset in ("speech", "speech-extended", "first-impressions"):
        files = [str(folder / clip["file"]) for clip, _ in voices[:3]]
        printed = json.loads(run("audio", "features", *files, "--preset", preset, "--track", "--json"))
        by_file = {each["file"]: each for each in printed["files"]}
        assert len(by_file) == 3
        for file, (_, y) in zip(files, voices[:3], strict=True):
            theirs = by_file[file]
            ours = audio.acoustic_features(y, 8000, preset=preset)
            for name in ("tempo_bpm", "f0_mean_hz", "voiced_fraction", "seconds", "onsets_per_second"):
                assert getattr(ours, name) == theirs[name], name
            assert ours.onset_times_s.tolist() == theirs["onset_times_s"]
            assert [None if np.isnan(f) else f for f in ours.f0_hz] == theirs["f0_hz"]
            assert ours.extended == theirs.get("extended")
            assert len(ours.vector) == len(audio.feature_names(preset))


def test_files_are_read_as_libraries_read_them(shared, tmp_path):
    path = shared / "data/audio-reference/english11.wav"
    with wave.open(str(path)) as sound:
        expected = np.frombuffer(sound.readframes(sound.getnframes()), "<i2") / np.float32(32768)
        assert sound.getnchannels() == 1 and sound.getsampwidth() == 2
    y, sr = audio.load(path, sr=None)
    assert sr == 8000 and y.dtype == np.float32 and np.array_equal(y, expected)
    part, _ = audio.load(path, sr=None, offset=1.5, duration=2.0)
    assert np.array_equal(part, expected[12_000:28_000])
    up, sr = audio.load(path)
    assert sr == 22050 and len(up) == int(np.ceil(len(y) * 22050 / 8000))
    assert np.array_equal(up, audio.resample(y, orig_sr=8000, target_sr=22050))
    with pytest.raises(cohort.InputError, match="cannot read") as caught:
        audio.load(tmp_path / "none.wav")
    assert caught.value.file == str(tmp_path / "none.wav")
    (tmp_path / "text.wav").write_text("no sound at all")
    with pytest.raises(cohort.InputError, match="text.wav"):
        audio.load(tmp_path / "text.wav")
    with pytest.raises(cohort.InputError, match="path: expected the path of a file, found BytesIO"):
        audio.load(__import__("io").BytesIO(b""))


def test_a_tone_has_its_pitch_and_shapes_are_librosas(tone):
    t = np.arange(22_050) / 22_050
    y = (0.5 * np.sin(2 * np.pi * 220 * t)).astype(np.float32)
    f0, voiced, probability = audio.pyin(y, fmin=65, fmax=2093)
    assert f0.shape == voiced.shape == probability.shape == (1 + len(y) // 512,)
    assert (f0.dtype, voiced.dtype, probability.dtype) == (np.float64, np.bool_, np.float64)
    assert np.nanmedian(f0) == pytest.approx(220, rel=0.003) and voiced.mean() > 0.9
    plain = audio.yin(y, fmin=65, fmax=2093)
    # what YIN gives for a sine is off by the bias of its window; the goldens below say how much
    assert plain.shape == f0.shape and np.median(plain) == pytest.approx(220, rel=0.01)
    filled, _, _ = audio.pyin(tone, fmin=65, fmax=450, sr=8000, fill_na=0.0)
    assert not np.isnan(filled).any()
    coefficients = audio.feature.mfcc(y=tone, sr=8000)
    assert coefficients.shape == (20, 1 + len(tone) // 512) and coefficients.dtype == np.float32
    mel = audio.feature.melspectrogram(y=tone, sr=8000)
    db = 10 * np.log10(np.maximum(mel, 1e-10))
    db = np.maximum(db, db.max() - 80)
    again = audio.feature.mfcc(S=db, n_mfcc=20)
    assert np.allclose(again, coefficients, rtol=0, atol=2e-3)
    strength = audio.onset.onset_strength(y=tone, sr=8000)
    assert strength.shape == (1 + len(tone) // 512,)
    frames = audio.onset.onset_detect(onset_envelope=strength, sr=8000)
    assert frames.dtype.kind == "i"
    assert np.array_equal(frames * 512, audio.onset.onset_detect(y=tone, sr=8000, units="samples"))
    back = audio.onset.onset_detect(y=tone, sr=8000, backtrack=True)
    assert (back <= frames).all()
    fewer = audio.onset.onset_detect(y=tone, sr=8000, hop_length=128, delta=0.9)
    assert len(fewer) < len(audio.onset.onset_detect(y=tone, sr=8000, hop_length=128))
    assert np.array_equal(
        audio.feature.tempo(y=tone, sr=8000), audio.feature.tempo(onset_envelope=strength, sr=8000)
    )
    assert audio.mel is audio.melspectrogram is audio.feature.melspectrogram


def made_sounds() -> dict[str, tuple[int, np.ndarray]]:
    """The sounds of the goldens of librosa and noisereduce, as `crates/cohort-audio/tests/golden.rs` makes them."""
    state, noise = 1, []
    for _ in range(22_050):
        state = (state * 1_664_525 + 1_013_904_223) % 2**32
        noise.append((state >> 8) / 8_388_608 - 1)
    noise, turn = np.array(noise), 2 * np.pi

    def bits(values):
        return (np.floor(values * 32_767 + 0.5) / 32_768).astype(np.float32)

    i = np.arange(16_000)
    t = i / 8000
    sweep = 0.4 * np.sin(turn * (90 * t + 55 * t * t)) + 0.004 * noise[:16_000]
    gate = 0.5 + 0.5 * np.sin(turn * 1.5 * t)
    pulses = np.where(i % 57 == 0, 0.7, 0.0) * gate + 0.05 * noise[:16_000] * gate * gate
    i = np.arange(22_050)
    t, step = i / 11_025, i // 3_675
    level = np.where(step % 2 == 0, 0.3, 0.02)
    tones = level * np.sin(turn * (150 + 40 * step) * t) + 0.002 * noise
    return {"sweep": (8000, bits(sweep)), "pulses": (8000, bits(pulses)), "tones": (11_025, bits(tones))}


@pytest.mark.parametrize("name", ["sweep", "pulses", "tones"])
def test_made_sounds_have_the_values_of_librosa_and_noisereduce(name):
    golden = json.loads((ROOT / "crates/cohort-audio/tests/golden/librosa.json").read_text())[name]
    sr, y = made_sounds()[name]

    def want(stage):
        return np.array(golden[stage], dtype=float)

    def close(found, stage, bound):
        assert np.allclose(found, want(stage), rtol=0, atol=bound, equal_nan=True), stage

    assert sr == golden["sample_rate"]
    close(y[::41], "samples", 1e-7)
    clean = audio.reduce_noise(y, sr)
    close(clean[::41], "denoised", 1e-6)
    close(audio.reduce_noise(y, sr, stationary=True)[::41], "stationary", 1e-6)
    same = audio.reduce_noise(y, sr, stationary=True, y_noise=y)
    assert np.array_equal(same, audio.reduce_noise(y, sr, stationary=True))
    strength = audio.onset.onset_strength(y=clean, sr=sr, hop_length=128)
    close(strength, "strength", 1e-5 * strength.max())
    onsets = audio.onset.onset_detect(y=clean, sr=sr, hop_length=128)
    assert len(onsets)
    close(onsets, "onsets", 0)
    close(audio.onset.onset_detect(y=clean, sr=sr, hop_length=128, backtrack=True), "backtracked", 0)
    # the widths of librosa's documentation, said aloud
    said = {
        "pre_max": 0.03 * sr // 128, "post_max": 0.00 * sr // 128 + 1, "pre_avg": 0.10 * sr // 128,
        "post_avg": 0.10 * sr // 128 + 1, "wait": 0.03 * sr // 128, "delta": 0.07,
    }
    close(audio.onset.onset_detect(onset_envelope=strength, sr=sr, hop_length=128, **said), "onsets", 0)
    for start in (10, 120):
        assert audio.feature.tempo(y=clean, sr=sr, start_bpm=start)[0] == pytest.approx(golden[f"tempo_{start}"], abs=1e-9)
    for stage, given in (("mel", {}), ("mel_htk", {"htk": True, "norm": None})):
        mel = audio.feature.melspectrogram(y=y, sr=sr, n_fft=512, hop_length=128, n_mels=32, **given)
        assert mel.shape == (32, 1 + len(y) // 128)
        close((10 * np.log10(np.maximum(mel.T.reshape(-1).astype(float), 1e-10)))[::41], stage, 1e-3)
    coefficients = audio.feature.mfcc(y=y, sr=sr, n_mfcc=13)
    close(coefficients.T.reshape(-1), "mfcc", 2e-3)
    f0 = audio.yin(y, fmin=65, fmax=450, sr=sr, frame_length=1024)
    assert np.abs(1200 * np.log2(f0 / want("yin"))).max() < 1
    for stage, samples, fmin, frame in (("pyin", clean, 10, 4096), ("pyin_raw", y, 65, 1024)):
        close(audio.pyin(samples, fmin=fmin, fmax=450, sr=sr, frame_length=frame)[0], stage, 1e-6)


def test_silence_stays_silence_and_half_a_reduction_is_between(tone):
    assert np.array_equal(audio.reduce_noise(np.zeros(9000, np.float32), 8000), np.zeros(9000, np.float32))
    whole, half = (audio.reduce_noise(tone, 8000, prop_decrease=share) for share in (1.0, 0.5))
    none = audio.reduce_noise(tone, 8000, prop_decrease=0.0)
    assert np.allclose(none, tone, rtol=0, atol=1e-6)
    assert np.allclose(half, (whole + none) / 2, rtol=0, atol=1e-6)


class OnlyArray:
    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return self.values


def test_every_make_of_samples_gives_the_same_values(tone):
    expected = audio.yin(tone, fmin=65, fmax=450, sr=8000)
    locked = tone.copy()
    locked.flags.writeable = False
    wide = np.zeros(len(tone) * 4 + 1, np.uint8)
    odd = wide[1:].view(np.float32)
    odd[:] = tone
    assert not odd.flags.aligned
    for y in (
        tone.astype(np.float64),
        tone.astype(">f4"),
        np.repeat(tone, 2)[::2],
        np.stack([tone, tone], axis=1)[:, 1],
        locked,
        odd,
        tone.tolist(),
        OnlyArray(tone),
        memoryview(tone),
    ):
        assert np.array_equal(audio.yin(y, fmin=65, fmax=450, sr=8000), expected)


CALLS = {
    "pyin": lambda y: audio.pyin(y, fmin=65, fmax=450, sr=8000),
    "yin": lambda y: audio.yin(y, fmin=65, fmax=450, sr=8000),
    "onset_strength": lambda y: audio.onset.onset_strength(y=y, sr=8000),
    "onset_detect": lambda y: audio.onset.onset_detect(y=y, sr=8000),
    "onset_detect of an envelope": lambda y: audio.onset.onset_detect(onset_envelope=y, sr=8000),
    "tempo": lambda y: audio.feature.tempo(y=y, sr=8000),
    "melspectrogram": lambda y: audio.feature.melspectrogram(y=y, sr=8000),
    "mfcc": lambda y: audio.feature.mfcc(y=y, sr=8000),
    "reduce_noise": lambda y: audio.reduce_noise(y, 8000),
    "reduce_noise of a noise": lambda y: audio.reduce_noise(np.ones(4000), 8000, stationary=True, y_noise=y),
    "acoustic_features": lambda y: audio.acoustic_features(y, 8000),
    "resample": lambda y: audio.resample(y, orig_sr=8000, target_sr=16000),
}

HOSTILE = {
    "empty": (np.zeros(0, np.float32), "at least one sample"),
    "whole numbers": (np.zeros(8000, np.int16), "floating point samples"),
    "complex": (np.zeros(8000, complex), "floating point samples"),
    "truth values": (np.zeros(8000, bool), "floating point samples"),
    "text": ("abc", "floating point samples"),
    "objects": (np.array([None] * 9), "floating point samples"),
    "long double": (np.zeros(8000, np.longdouble), "floating point samples"),
    "two channels": (np.zeros((2, 8000), np.float32), "one channel of samples (one dimension), found shape (2, 8000)"),
    "no dimension": (np.float32(1), "one channel of samples"),
    "NaN": (np.array([0, 1, np.nan, 0] * 2000, np.float32), "finite values, found NaN at index 2"),
    "infinite": (np.array([0, np.inf] * 4000, np.float32), "finite values, found inf at index 1"),
    "beyond 32 bits": (np.full(8000, 1e300), "finite values, found inf at index 0"),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("kind", HOSTILE)
def test_what_is_no_sound_is_refused(call, kind):
    y, message = HOSTILE[kind]
    with pytest.raises(cohort.InputError) as caught:
        CALLS[call](y)
    assert message in str(caught.value)


@pytest.mark.parametrize("call", CALLS)
def test_the_least_sound_gives_an_answer_or_an_error(call):
    for y in (np.zeros(1, np.float32), np.ones(3, np.float32), np.full(5000, 0.25, np.float32)):
        try:
            CALLS[call](y)
        except cohort.InputError as error:
            assert "expected" in str(error)


UNSUPPORTED = {
    "pyin": (lambda **k: audio.pyin(np.ones(4000), fmin=65, fmax=450, sr=8000, **k),
             {"center": False, "pad_mode": "reflect", "n_thresholds": 50, "resolution": 0.2,
              "beta_parameters": (1, 2), "switch_prob": 0.5, "no_trough_prob": 1, "boltzmann_parameter": 3,
              "max_transition_rate": 1, "fill_na": None}),
    "yin": (lambda **k: audio.yin(np.ones(4000), fmin=65, fmax=450, sr=8000, **k),
            {"center": False, "pad_mode": "edge"}),
    "onset_strength": (lambda **k: audio.onset.onset_strength(y=np.ones(4000), **k),
                       {"S": np.ones((3, 3)), "lag": 2, "max_size": 3, "ref": np.ones(3), "detrend": True, "center": False,
                        "feature": np.abs, "aggregate": np.median, "n_fft": 1024, "n_mels": 64}),
    "onset_detect": (lambda **k: audio.onset.onset_detect(y=np.ones(4000), **k),
                     {"energy": np.ones(3), "sparse": False, "wide": 3}),
    "tempo": (lambda **k: audio.feature.tempo(y=np.ones(4000), **k),
              {"tg": np.ones(3), "aggregate": None, "prior": object()}),
    "melspectrogram": (lambda **k: audio.feature.melspectrogram(y=np.ones(4000), **k),
                       {"S": np.ones(3), "win_length": 512, "window": "hamming", "center": False, "pad_mode": "reflect",
                        "power": 1.0, "dtype": np.float64, "norm": 1, "unknown": 1}),
    "mfcc": (lambda **k: audio.feature.mfcc(y=np.ones(4000), **k),
             {"dct_type": 3, "norm": None, "lifter": 22, "win_length": 512, "power": 1.0}),
    "reduce_noise": (lambda **k: audio.reduce_noise(np.ones(4000), 8000, **k),
                     {"y_noise": np.ones(4000), "tmp_folder": "x", "chunk_size": 5, "padding": 5, "win_length": 5,
                      "hop_length": 5, "clip_noise_stationary": False, "use_tqdm": True, "n_jobs": 2,
                      "use_torch": True, "device": "cpu"}),
    "load": (lambda **k: audio.load("none.wav", **k), {"mono": False, "res_type": "kaiser_best", "dtype": np.float64}),
    "resample": (lambda **k: audio.resample(np.ones(40), orig_sr=8000, target_sr=4000, **k),
                 {"res_type": "linear", "fix": False, "scale": True, "axis": 0}),
}


@pytest.mark.parametrize("function, name", [(f, n) for f, (_, given) in UNSUPPORTED.items() for n in given])
def test_what_is_not_supported_is_refused_by_name(function, name):
    call, given = UNSUPPORTED[function]
    with pytest.raises(cohort.InputError, match=name):
        call(**{name: given[name]})


def test_settings_out_of_range_are_refused(tone):
    for call in (
        lambda: audio.pyin(tone, fmin=0, fmax=450, sr=8000),
        lambda: audio.pyin(tone, fmin=65, fmax=5000, sr=8000),
        lambda: audio.pyin(tone, fmin=65, fmax=450, sr=8000, frame_length=64),
        lambda: audio.pyin(tone, fmin=65, fmax=450, sr=8000, hop_length=0),
        lambda: audio.pyin(tone, fmin=65, fmax=450, sr=8000.5),
        lambda: audio.pyin(tone, fmin=None, fmax=450, sr=8000),
        lambda: audio.pyin(tone, fmin=65, fmax=float("nan"), sr=8000),
        lambda: audio.feature.melspectrogram(y=tone, sr=8000, fmax=9000),
        lambda: audio.feature.melspectrogram(y=tone, sr=8000, n_fft=1023),
        lambda: audio.feature.melspectrogram(y=tone, sr=8000, n_mels=0),
        lambda: audio.feature.melspectrogram(y=tone, sr=8000, n_mels=2**30),
        lambda: audio.feature.melspectrogram(y=np.zeros(10**6), sr=8000, n_mels=2**16, hop_length=1),
        lambda: audio.feature.mfcc(y=tone, sr=8000, n_fft=2**30),
        lambda: audio.pyin(tone, fmin=65, fmax=450, sr=8000, frame_length=2**30),
        lambda: audio.pyin(tone, fmin=1e-300, fmax=450, sr=8000),
        lambda: audio.reduce_noise(tone, 8000, n_fft=2**30),
        lambda: audio.resample(tone, orig_sr=1, target_sr=4_000_000_000),
        lambda: audio.feature.tempo(y=tone, sr=8000, start_bpm=0),
        lambda: audio.feature.mfcc(y=tone, sr=8000, n_mfcc="x"),
        lambda: audio.reduce_noise(tone, 100),
        lambda: audio.reduce_noise(tone, 8000, prop_decrease=2),
        lambda: audio.onset.onset_detect(y=tone, sr=8000, units="beats"),
        lambda: audio.onset.onset_detect(y=tone, sr=8000, wait=-1),
        lambda: audio.acoustic_features(tone, 8000, preset="loud"),
        lambda: audio.acoustic_features(tone, 8000, fmin=500),
        lambda: audio.load("none.wav", offset=-1),
        lambda: audio.resample(tone, orig_sr=0, target_sr=8000),
    ):
        with pytest.raises(cohort.InputError, match="expected"):
            call()


def test_float32_samples_are_not_copied():
    """Twenty times as long a sound takes no more of Python's memory than its results, and none of its own size."""
    y = np.zeros(8000 * 60, np.float32)
    y[::500] = 0.5
    tracemalloc.start()
    try:
        audio.onset.onset_strength(y=y, sr=8000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < y.nbytes / 4
    # NumPy tells that it is the very memory that is handed on
    from cohort.audio._samples import samples

    assert samples("y", y) is y
    locked = y.copy()
    locked.flags.writeable = False
    assert np.shares_memory(samples("y", locked[100:]), locked)
