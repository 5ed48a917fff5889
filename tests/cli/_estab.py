# SPDX-License-Identifier: MIT
"""What the tests of the command line share: run the binary, find the tree."""

import os
import pathlib
import subprocess

ESTAB = os.environ.get("ESTAB", "build/estab")
ROOT = pathlib.Path(os.environ.get("ESTAB_SOURCE_DIR", pathlib.Path(__file__).parents[2]))


def run(*words, **options):
    """One run with the given words; no terminal, no colour from outside."""
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    environment.update(options.pop("environment", {}))
    return subprocess.run([ESTAB, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=60, env=environment, **options)


def output(*words, **options):
    """What a run that must succeed in silence writes."""
    done = run(*words, **options)
    assert done.returncode == 0, f"estab {' '.join(words)}: exit {done.returncode}: {done.stderr}"
    assert done.stderr == "", done.stderr
    return done.stdout
