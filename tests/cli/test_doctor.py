#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""doctor: one line for each thing that may be missing, and never a failure unless asked."""

import json
import os
import tempfile
import unittest

from _estab import output, run

SUDO = "" if os.geteuid() == 0 else "sudo "
MUST = {"namespace", "packet", "veth", "kernel", "tap", "capture", "oracle", "python3",
        "nc", "curl", "tshark", "ss"}


class Doctor(unittest.TestCase):
    def test_lines(self):
        lines = [line for line in output("doctor").splitlines() if line[:2] in ("ok", "no")]
        self.assertEqual({line.split()[1] for line in lines}, MUST)

    def test_json(self):
        rows = [json.loads(line) for line in output("doctor", "--json").splitlines()]
        self.assertEqual({row["name"] for row in rows}, MUST)
        for row in rows:
            self.assertEqual(row["schema"], "estab.check/1")
            if row["ok"]:
                self.assertEqual(row["remedy"], "")
            else:
                self.assertNotEqual(row["remedy"], "", row)

    def test_a_missing_program_has_a_remedy(self):
        with tempfile.TemporaryDirectory() as folder:
            done = run("doctor", "--json", environment={"PATH": folder})
            strict = run("doctor", "--strict", environment={"PATH": folder})
        self.assertEqual(done.returncode, 0)
        self.assertEqual(strict.returncode, 1)
        rows = {row["name"]: row for row in map(json.loads, done.stdout.splitlines())}
        self.assertFalse(rows["tshark"]["ok"])
        self.assertEqual(rows["tshark"]["remedy"], SUDO + "apt-get install tshark")
        self.assertIn(f"\n               -> {SUDO}apt-get install netcat-openbsd\n", strict.stdout)


if __name__ == "__main__":
    unittest.main()
