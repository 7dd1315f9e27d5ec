"""Data and programs that the tests share."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Predicted:
    """Predictions of 4 classes on rows of 60 subjects, worse for one group of three."""

    truth: np.ndarray
    predicted: np.ndarray
    other: np.ndarray
    proba: np.ndarray
    subject: np.ndarray
    gender: np.ndarray
    region: np.ndarray


@pytest.fixture(scope="session")
def predicted() -> Predicted:
    random = np.random.default_rng(7)
    rows, subjects, classes = 600, 60, 4
    subject = np.arange(rows) % subjects
    gender = np.array(["f", "m"])[subject % 2]
    region = np.array(["north", "south", "east"])[subject % 3]
    truth = (subject // 5) % classes + 1
    logits = random.normal(size=(rows, classes)) + random.normal(size=(subjects, classes))[subject]
    strength = np.where(region == "east", 0.4, 2.0)
    logits[np.arange(rows), truth - 1] += strength
    proba = np.exp(logits)
    proba /= proba.sum(axis=1, keepdims=True)
    other = random.normal(size=(rows, classes))
    other[np.arange(rows), truth - 1] += 1.0
    return Predicted(
        truth=truth,
        predicted=proba.argmax(axis=1) + 1,
        other=other.argmax(axis=1) + 1,
        proba=proba,
        subject=np.array([f"s{i:02}" for i in subject]),
        gender=gender,
        region=region,
    )


@pytest.fixture(scope="session")
def binary() -> str:
    """The program, where it was built: ``COHORT_BINARY``, or the newest of the target folder."""
    named = os.environ.get("COHORT_BINARY")
    if named:
        return named
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    found = [target / profile / "cohort" for profile in ("debug", "release")]
    found = sorted((path for path in found if path.exists()), key=lambda path: path.stat().st_mtime)
    if not found:
        pytest.skip("the program cohort is not built (COHORT_BINARY names it)")
    return str(found[-1])


@pytest.fixture(scope="session")
def run(binary: str):
    """Runs the program; exit codes 0 and 1 are answers."""

    def call(*arguments: object) -> str:
        done = subprocess.run([binary, *map(str, arguments)], capture_output=True, text=True, check=False)
        assert done.returncode in (0, 1), done.stderr
        return done.stdout

    return call


@pytest.fixture(scope="session")
def shared() -> Path:
    """The reference data: ``COHORT_SHARED``, or ``../shared``."""
    folder = Path(os.environ.get("COHORT_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"no reference data at {folder} (COHORT_SHARED names them)")
    return folder
