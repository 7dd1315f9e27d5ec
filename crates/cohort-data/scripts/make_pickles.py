#!/usr/bin/env python3
"""Writes tests/golden/pickles.json: what CPython pickles for texts, and for objects that are no text.

    python3 crates/cohort-data/scripts/make_pickles.py
"""
import collections, datetime, json, os, pathlib, pickle

TEXTS = {
    "short": "Hello there.",
    "empty": "",
    "accents": "naïve café, Größe, 日本語, 😀",
    "lines": "one\ntwo\\u0041\r\n\ttab \x00 nul \x1a",
    "long": "word " * 80,
}


class Runs:
    def __reduce__(self):
        return (os.system, ("echo ran",))


class Plain:
    pass


OTHERS = {
    "os.system": (Runs(), "which would run code"),
    "instance": (Plain(), "which would run code"),
    "date": (datetime.date(2020, 1, 2), "which would run code"),
    "ordered dict": (collections.OrderedDict(a=1), "which would run code"),
    "list": (["text"], "a list"),
    "dict": ({"a": "b"}, "a dict"),
    "none": (None, "None"),
    "float": (1.5, "a float"),
}

cases = []
for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
    for name, text in TEXTS.items():
        cases.append({"name": f"{name}, protocol {protocol}", "hex": pickle.dumps(text, protocol).hex(), "text": text})
    for name, (value, refused) in OTHERS.items():
        # Protocol 0 opens lists and dicts with MARK.
        if protocol == 0 and name in ("list", "dict"):
            refused = "more than one value"
        cases.append({"name": f"{name}, protocol {protocol}", "hex": pickle.dumps(value, protocol).hex(), "refused": refused})
# What Python 2 wrote for an ASCII str (protocols 1 and 2), and longer than 255 bytes.
cases.append({"name": "python 2 str", "hex": b"\x80\x02U\x05helloq\x00.".hex(), "text": "hello"})
cases.append({"name": "python 2 long str", "hex": (b"T\x2c\x01\x00\x00" + b"a" * 300 + b"q\x00.").hex(), "text": "a" * 300})
cases.append({"name": "bytes", "hex": pickle.dumps(b"x", 4).hex(), "refused": "bytes"})
cases.append({"name": "number", "hex": pickle.dumps(7, 4).hex(), "refused": "a number"})
cases.append({"name": "tuple", "hex": pickle.dumps(("a",), 4).hex(), "refused": "a tuple"})
cases.append({"name": "lone surrogate", "hex": pickle.dumps("a\ud800", 4).hex(), "refused": "not UTF-8"})
cases.append({"name": "no pickle", "hex": b"\x00plain text".hex(), "refused": "no pickle instruction"})
target = pathlib.Path(__file__).resolve().parent.parent / "tests/golden/pickles.json"
target.parent.mkdir(exist_ok=True)
target.write_text(json.dumps(cases, indent=1, ensure_ascii=True) + "\n")
