#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What is generated from the tables: manual pages, completions, and the kept copies of them."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from _estab import ESTAB, ROOT, output

VERBS = [json.loads(line)["name"] for line in output("help", "--json").splitlines()]


class Kept(unittest.TestCase):
    def test_files_are_current(self):
        done = subprocess.run([ROOT / "scripts/generate", "--check"], text=True,
                              env={**os.environ, "ESTAB": os.path.abspath(ESTAB)},
                              capture_output=True)
        self.assertEqual(done.returncode, 0, done.stderr)


class Pages(unittest.TestCase):
    def test_every_member_of_the_configuration_has_a_default(self):
        header = (ROOT / "include/estab.h").read_text()
        body = re.search(r"struct estab_config \{(.*?)\n\};", header, re.S)[1]
        body = re.sub(r"/\*.*?\*/", "", body, flags=re.S)
        names = [name for line in re.findall(r"\b(?:uint32_t|uint8_t|bool) ([^;]*);", body)
                 for name in re.findall(r"[a-z_0-9]+(?=[,\[]|$)", line) if not name.isdigit()]
        page = (ROOT / "docs/defaults.md").read_text()
        self.assertGreater(len(names), 30)
        for name in names:
            if name not in ("size", "isn_key", "hash_key"):
                self.assertIn(f"\n| `{name}` |", page)


class Man(unittest.TestCase):
    @unittest.skipUnless(shutil.which("mandoc"), "mandoc is not installed")
    def test_lint(self):
        for verb in [None, *VERBS]:
            page = output("help", "--man", *([verb] if verb else []))
            done = subprocess.run(["mandoc", "-Tlint", "-Wwarning"], input=page, text=True,
                                  capture_output=True)
            self.assertEqual(done.returncode, 0, f"{verb}: {done.stdout}{done.stderr}")

    def test_every_option_is_there(self):
        for line in output("help", "--json").splitlines():
            verb = json.loads(line)
            page = output("help", "--man", verb["name"])
            for option in verb["options"]:
                self.assertIn(f"Fl Fl {option['name']}" if option["name"] else option["argument"],
                              page)


# What is typed, the last word unfinished, and words that must be offered; "!" must not.
COMPLETED = [
    (["estab", ""], ["demo", "listen", "connect", "wire", "host", "serve", "states", "doctor", "help", "completion"]),
    (["estab", "li"], ["listen", "!connect"]),
    (["estab", "listen", "--c"], ["--close", "--color", "!--hold"]),
    (["estab", "connect", "--h"], ["--hold", "--help"]),
    (["estab", "connect", "--on", ""], ["wire:", "sim", "kernel", "packet:", "tap:"]),
    (["estab", "connect", "--on", "packet", ":"], ["lo"]),
    (["estab", "connect", "--on", "packet", ":", "l"], ["lo", "!sim"]),
    (["estab", "states", "--format", "s"], ["svg", "!text"]),
    (["estab", "help", "do"], ["doctor"]),
    (["estab", "completion", ""], ["bash", "zsh", "fish"]),
    (["estab", "serve", ""], ["http", "echo", "print"]),
    (["estab", "serve", "print", "--le"], ["--leave-open"]),
    (["estab", "connect", "--", "ca"], ["cat"]),
    (["estab", "connect", "--hold", "x"], ["!--hold"]),
]


class Completion(unittest.TestCase):
    def test_shells_accept_their_scripts(self):
        for shell in ("bash", "zsh", "fish"):
            with self.subTest(shell), tempfile.TemporaryDirectory() as folder:
                script = pathlib.Path(folder) / "estab"
                script.write_text(output("completion", shell))
                if shutil.which(shell):
                    subprocess.run([shell, "-n", script], check=True)

    def test_every_option_is_in_every_script(self):
        scripts = {shell: output("completion", shell) for shell in ("bash", "zsh", "fish")}
        for line in output("help", "--json").splitlines():
            for option in json.loads(line)["options"]:
                if option["name"]:
                    self.assertIn(f"--{option['name']}", scripts["bash"])
                    self.assertIn(f"'--{option['name']}", scripts["zsh"].replace("*", ""))
                    self.assertIn(f"-l {option['name']} ", scripts["fish"])

    def test_what_bash_offers(self):
        script = output("completion", "bash")
        for words, expected in COMPLETED:
            with self.subTest(words):
                quoted = " ".join(f"'{word}'" for word in words)
                ask = (f"COMP_WORDS=({quoted})\nCOMP_CWORD={len(words) - 1}\n_estab\n"
                       "printf '%s\\n' \"${COMPREPLY[@]}\"\n")
                done = subprocess.run(["bash", "-c", script + ask], text=True, check=True,
                                      capture_output=True)
                self.assertEqual(done.stderr, "")
                offered = done.stdout.split()
                for word in expected:
                    if word.startswith("!"):
                        self.assertNotIn(word[1:], offered)
                    else:
                        self.assertIn(word, offered)

    @unittest.skipUnless(shutil.which("fish"), "fish is not installed")
    def test_what_fish_offers(self):
        with tempfile.TemporaryDirectory() as folder:
            script = pathlib.Path(folder) / "estab.fish"
            script.write_text(output("completion", "fish"))
            for line, expected in (("estab connect --ho", "--hold"), ("estab sta", "states"),
                                   ("estab states --format s", "svg")):
                done = subprocess.run(["fish", "-c", f"source {script}; complete -C '{line}'"],
                                      env={**os.environ, "HOME": folder}, text=True, check=True,
                                      capture_output=True)
                self.assertIn(expected, done.stdout.split())


if __name__ == "__main__":
    unittest.main()
