"""Every example of the pages about Python is run, and prints what stands below it."""

from __future__ import annotations

import doctest
import re

import numpy as np
import pytest

from conftest import ROOT


@pytest.mark.parametrize("page", ["python.md", "python-translations.md"])
def test_examples_print_what_the_page_says(page):
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert blocks and all(">>> " in block for block in blocks)
    examples = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, page, page, 0)
    runner = doctest.DocTestRunner(optionflags=doctest.IGNORE_EXCEPTION_DETAIL)
    said: list[str] = []
    with np.printoptions(legacy=False):
        runner.run(examples, out=said.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(said)


def test_the_table_of_parameters_has_every_parameter():
    import inspect

    from cohort import audio

    rows = re.findall(r"^\| `([\w.]+)` \| (.*?) \| (.*?) \|$", (ROOT / "docs/python.md").read_text(), re.MULTILINE)
    assert len(rows) == 10
    for name, supported, fixed in rows:
        function = audio
        for part in name.split("."):
            function = getattr(function, part)
        named = set(re.findall(r"`(\w+)`", supported + fixed))
        parameters = {
            each.name for each in inspect.signature(function).parameters.values() if each.kind is not each.VAR_KEYWORD
        }
        if name == "feature.mfcc":
            parameters -= {"n_fft", "hop_length", "n_mels", "fmin", "fmax", "htk"}
            named -= {"melspectrogram"}
        missing = parameters - named
        assert not missing, (name, missing)
