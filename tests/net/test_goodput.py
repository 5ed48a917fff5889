#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""bench/goodput measures one short cell each way, goes on where it stopped, and makes its tables.

For correctness alone: that text crosses a wire which loses the same segments for both of a pair. How
fast it does is told by the bench, on a calm machine.
"""

import importlib.machinery
import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(os.environ.get("ESTAB_SOURCE_DIR", pathlib.Path(__file__).parents[2]))
BENCH = SOURCE / "bench" / "goodput"
PROGRAMS = pathlib.Path(os.environ.get("ESTAB", "build/estab")).absolute().parent / "bench"
PATIENCE = 240


def module():
    """The bench's own functions."""
    loader = importlib.machinery.SourceFileLoader("goodput", str(BENCH))
    made = importlib.util.module_from_spec(importlib.util.spec_from_loader("goodput", loader))
    loader.exec_module(made)
    return made


def bench(results, *more):
    """One cell each way; exit code 1 only says that a goal of speed was not met."""
    done = subprocess.run([sys.executable, BENCH, "--control", "reno", "--only", "_20ms_1%$",
                           "--pairs", "1", "--scale", "0.3", "--results", results, "--programs",
                           PROGRAMS, "--verbose", *more], text=True, capture_output=True,
                          timeout=PATIENCE)
    if done.returncode == 4:
        print(f"skipped: {done.stderr.strip()}")
        sys.exit(77)
    assert done.returncode in (0, 1), f"exit {done.returncode}: {done.stderr}"
    return done


def runs(done):
    """What each run told: (who, object)."""
    for line in done.stderr.splitlines():
        who, brace, told = line.strip().partition(": {")
        if brace:
            yield who, json.loads("{" + told)


def check_runs(done):
    told = list(runs(done))
    assert {who for who, _ in told} == {"estab", "kernel"} and len(told) == 4, done.stderr
    for who, got in told:
        wire, back = got["wire"], got["back"]
        assert got["bytes"] > 50000, f"{who}: {got}"
        assert wire["lost"] > 0 and back["lost"] == 0, f"{who}: {got}"
        assert wire["refused"] == back["refused"] == 0, f"not each frame is one segment: {got}"
        assert wire["bytes"] > got["bytes"], f"{who}: more text than the wire has carried: {got}"
        if got["sender"]:
            assert got["sender"]["retransmitted"] > 0, f"{who}: nothing was sent again: {got}"


def check_resumes(results):
    before = results.read_text()
    done = bench(results)
    assert not list(runs(done)), f"measured again: {done.stderr}"
    assert results.read_text() == before
    names = [json.loads(line)["name"] for line in before.splitlines()]
    assert names == ["out_reno_20ms_1%", "in_reno_20ms_1%"], names
    assert done.stdout.count("| 20 ms | 1 % |") == 2, done.stdout


def check_bound(goodput):
    """The k-th smallest of n, with P(Binomial(n, 1/2) < k) <= 0.1: 1 of 4, 2 of 7, 16 of 40."""
    bounds = {3: None, 4: 0, 7: 1, 40: 15}
    for n, expected in bounds.items():
        assert goodput.lower_bound(list(range(n - 1, -1, -1))) == expected, n
    assert goodput.settled([1.0] * 5) and not goodput.settled([1.0] * 4)
    assert not goodput.settled([0.9, 0.9, 1.0, 1.1, 1.2])


def main():
    check_bound(module())
    with tempfile.TemporaryDirectory() as folder:
        results = pathlib.Path(folder) / "goodput.json"
        check_runs(bench(results))
        check_resumes(results)
    print("a cell each way, resumed")


if __name__ == "__main__":
    main()
