from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

__version__: str

_F32 = npt.NDArray[np.float32]
_F64 = npt.NDArray[np.float64]

class AuditDocument:
    def json(self) -> str: ...
    def text(self) -> str: ...
    def html(self) -> str: ...
    def table(self, name: str) -> object: ...
    def figure(self, kind: str, attribute: str, group: str, width: float) -> str: ...

def audit(
    predictions: object,
    labels: Sequence[object],
    against: tuple[str, object] | None,
    asked: dict[str, Any],
    columns: list[tuple[str, str]],
    threads: int,
) -> AuditDocument: ...
def audit_defaults() -> dict[str, Any]: ...
def map(
    vectors: _F32,
    dim: int,
    asked: dict[str, Any],
    labels: list[int] | None,
    subjects: list[int] | None,
    progress: Callable[[str, int, int], object] | None,
    threads: int,
) -> tuple[_F32, str]: ...
def load(path: str) -> tuple[_F32, int, list[str]]: ...
def resample(y: _F32, orig_sr: int, target_sr: int) -> _F32: ...
def pyin(y: _F32, sr: int, fmin: float, fmax: float, frame_length: int, hop: int) -> tuple[_F64, _F64]: ...
def yin(
    y: _F32, sr: int, fmin: float, fmax: float, frame_length: int, hop: int, trough_threshold: float
) -> _F64: ...
def onset_strength(y: _F32, sr: int, hop: int) -> _F32: ...
def onset_detect(
    strength: _F32,
    sr: int,
    hop: int,
    widths: list[int | None],
    delta: float | None,
    normalize: bool,
    backtrack: bool,
) -> npt.NDArray[np.int64]: ...
def tempo(
    strength: _F32,
    sr: int,
    hop: int,
    start_bpm: float,
    std_bpm: float,
    ac_size: float,
    max_tempo: float,
) -> float: ...
def mel_spectrogram(
    y: _F32,
    sr: int,
    n_fft: int,
    hop: int,
    n_mels: int,
    fmin: float,
    fmax: float | None,
    htk: bool,
    slaney: bool,
) -> _F32: ...
def mfcc(
    y: _F32,
    sr: int,
    n_mfcc: int,
    n_fft: int,
    hop: int,
    n_mels: int,
    fmin: float,
    fmax: float | None,
    htk: bool,
    slaney: bool,
) -> _F32: ...
def mfcc_of(mel_db: _F32, n_mels: int, n_mfcc: int) -> _F32: ...
def reduce_noise(
    y: _F32,
    sr: int,
    stationary: bool,
    noise: _F32 | None,
    gate: tuple[int, float, float, float],
    time_constant_s: float,
    thresh_n_mult: float,
    sigmoid_slope: float,
    n_std_thresh: float,
) -> _F32: ...
def acoustic_features(
    y: _F32,
    sr: int,
    preset: str,
    fmin: float | None,
    fmax: float | None,
    frame_length: int | None,
    denoise: bool | None,
) -> tuple[str, _F32]: ...
def feature_names(preset: str) -> list[str]: ...
def _defect(on_threads: bool) -> None: ...
