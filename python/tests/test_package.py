"""The package as a whole: quick to import, safe with threads, forks and signals, typed, and documented."""

from __future__ import annotations

import inspect
import os
import signal
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import cohort
from cohort import _native, audio

from conftest import ROOT


def python(code: str, *, timeout: float = 120, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True, text=True, timeout=timeout, env={**os.environ, **environment}, check=False,
    )


def test_the_import_is_quick_and_brings_nothing_heavy():
    code = """
    import sys, time
    begin = time.perf_counter()
    import cohort
    took = time.perf_counter() - begin
    heavy = {"numpy", "pyarrow", "pandas", "polars"} & set(sys.modules)
    assert not heavy, heavy
    print(took)
    """
    took = min(float(python(code).stdout) for _ in range(5))
    assert took < 0.3, took


def test_a_defect_is_an_exception_of_ours():
    for on_threads in (False, True):
        with pytest.raises(cohort.InternalError, match="made by a test") as caught:
            _native._defect(on_threads)
        assert isinstance(caught.value, RuntimeError) and "work.rs" in str(caught.value)
    done = python("import cohort._native as n\ntry: n._defect(True)\nexcept RuntimeError as e: print(e)")
    assert "defect of cohort" in done.stdout and done.stderr == ""


def resident() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="memory is read from /proc")
def test_a_thousand_calls_do_not_grow_memory():
    y = np.sin(np.arange(8000) * 0.1).astype(np.float32)
    truth = [1, 2, 1, 2] * 5

    def once():
        audio.yin(y, fmin=65, fmax=450, sr=8000)
        audio.feature.melspectrogram(y=y, sr=8000)
        audio.acoustic_features(y, 8000)
        cohort.audit(truth, truth, groups={"g": ["a", "b"] * 10}, resamples=100, permutations=100, threads=1)
        with pytest.raises(cohort.InputError):
            cohort.audit(truth, truth[:3])
        with pytest.raises(cohort.InputError):
            audio.yin(y, fmin=0, fmax=450, sr=8000)

    for _ in range(150):
        once()
    before = resident()
    for _ in range(1000):
        once()
    assert resident() - before < 24 << 20


def test_threads_may_call_at_once(predicted):
    p = predicted
    y = np.sin(np.arange(16000) * 0.1).astype(np.float32)

    def one(i):
        found = cohort.audit(
            p.truth, p.predicted, subject=p.subject, resamples=100, permutations=100, threads=1 + i % 3
        )
        f0, _, _ = audio.pyin(y, fmin=65, fmax=450, sr=8000)
        return found.to_json(), f0.tobytes()

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(one, range(24)))) == 1


def test_other_threads_run_meanwhile(predicted):
    """The interpreter's lock is free during a call: a thread counts on while another audits."""
    import threading

    p = predicted
    stop, counted = threading.Event(), [0]

    def count():
        while not stop.is_set():
            counted[0] += 1
            stop.wait(0.002)

    thread = threading.Thread(target=count)
    thread.start()
    try:
        before = counted[0]
        cohort.audit(p.truth, p.predicted, subject=p.subject, resamples=5000, permutations=2000, threads=1)
        during = counted[0] - before
    finally:
        stop.set()
        thread.join()
    assert during > 10


LONG = """
import sys, numpy as np, cohort
rows = np.arange(60_000)
truth = rows % 5
groups = {str(i): rows // 7 % (3 + i) for i in range(6)}
import threading, os, signal
print("ready", flush=True)
try:
    CALL
except KeyboardInterrupt:
    print("stopped", flush=True)
    os._exit(0)
print("done", flush=True)
"""

CALLS = {
    "audit": "cohort.audit(truth, truth * 3 % 5, groups=groups, resamples=1_000_000, permutations=1_000_000)",
    "map": "cohort.map(np.random.default_rng(1).normal(size=(6000, 20)), 'tsne', iterations=1_000_000)",
}


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("call", CALLS)
def test_ctrl_c_is_a_keyboard_interrupt_at_once(call):
    import time

    child = subprocess.Popen(
        [sys.executable, "-c", LONG.replace("CALL", CALLS[call])], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert child.stdout.readline().strip() == "ready"
        time.sleep(1.5)
        begin = time.monotonic()
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=30)
    finally:
        child.kill()
    assert out.strip() == "stopped", err
    assert time.monotonic() - begin < 10


@pytest.mark.skipif(not hasattr(os, "fork"), reason="fork")
def test_a_process_that_was_forked_has_its_threads():
    code = """
    import os, numpy as np, cohort
    truth = np.arange(200) % 2
    ask = dict(resamples=100, permutations=100, threads=2)
    first = cohort.audit(truth, truth, **ask).to_json()
    child = os.fork()
    if child == 0:
        os._exit(0 if cohort.audit(truth, truth, **ask).to_json() == first else 3)
    assert os.waitpid(child, 0)[1] == 0
    print("well")
    """
    assert python(code, timeout=60).stdout.strip() == "well"


def test_threads_follow_the_surroundings():
    from cohort import _threads

    assert _threads.count(3) == 3
    code = "from cohort._threads import count; print(count(None))"
    assert python(code, RAYON_NUM_THREADS="3").stdout.strip() == "3"
    assert python(code, OMP_NUM_THREADS="2", RAYON_NUM_THREADS="").stdout.strip() == "2"
    worker = """
    import multiprocessing
    from cohort._threads import count
    if __name__ == "__main__":
        with multiprocessing.get_context("fork").Pool(1) as pool:
            print(pool.apply(count, (None,)))
    """
    assert python(worker, OMP_NUM_THREADS="4").stdout.strip() == "1"


def test_an_interpreter_that_ends_during_a_call_ends():
    code = """
    import threading, time, numpy as np, cohort
    rows = np.arange(60_000)
    call = lambda: cohort.audit(rows % 5, rows * 3 % 5, resamples=1_000_000, permutations=1_000_000)
    threading.Thread(target=call, daemon=True).start()
    time.sleep(0.7)
    print("ends")
    """
    done = python(code, timeout=60)
    assert (done.stdout.strip(), done.returncode) == ("ends", 0), done.stderr


def test_types_hold_in_strict_mode(tmp_path):
    mypy = pytest.importorskip("mypy.api")
    user = ROOT / "python/tests/typed_use.py"
    config = ["--config-file", str(ROOT / "pyproject.toml"), "--cache-dir", str(tmp_path)]
    out, err, status = mypy.run([*config, "--no-error-summary", str(ROOT / "python/cohort"), str(user)])
    assert status == 0, out + err


def test_everything_public_says_what_it_is():
    for name in cohort.__all__:
        if name != "__version__":
            assert inspect.getdoc(getattr(cohort, name)), name
    for name in audio.__all__:
        assert inspect.getdoc(getattr(audio, name)), name
    text = inspect.getdoc(cohort.audit)
    for parameter in inspect.signature(cohort.audit).parameters:
        assert f"{parameter}:" in text, parameter
    assert set(cohort.__all__) == set(dir(cohort))
    with pytest.raises(AttributeError, match="has no attribute 'audits'"):
        cohort.audits  # noqa: B018


def test_signatures_of_the_native_side_are_those_of_its_stub():
    import ast

    stub = ast.parse((ROOT / "python/cohort/_native.pyi").read_text())
    functions = {node.name: node for node in stub.body if isinstance(node, ast.FunctionDef)}
    public = {name for name in dir(_native) if callable(getattr(_native, name)) and name != "AuditDocument"}
    assert public == set(functions)
    for name, node in functions.items():
        ours = list(inspect.signature(getattr(_native, name)).parameters)
        assert [each.arg for each in node.args.args] == ours, name
