#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""--why tells of every decision: each row of trace.def from CWND on, and each rule of the window, is told of by
some run of our scripts, with its numbers; and the clause by which it was made ends the line."""

import functools
import json
import pathlib
import re
import unittest

from _estab import run

TREE = pathlib.Path(__file__).resolve().parents[2]
# What takes a long transfer, a text pool that is full, or a path that swallows long packets: tests in C name
# these.
LONG = {"REORDER_RESET", "SLOW_START_LEFT", "CSS_ENTERED", "CSS_LEFT"}
FULL = {"OUT_OF_ORDER"}
LENGTH = {"MTU_BLACK_HOLE", "MTU_PROBE", "MTU_PASSED", "MTU_PROBE_LOST"}
LONG_RULES = {"HYSTART_DELAY", "HYSTART_TRAIN", "HYSTART_PLUSPLUS", "CUBIC"}

SCRIPTS = sorted(str(path) for path in (TREE / "tests/script").glob("*/*.pkt"))


def table():
    return (TREE / "src/base/trace.def").read_text(encoding="utf-8").split("*/", 2)[2]


def decisions():
    """Name -> template, of those rows."""
    found = re.findall(r'^TRACE\((\w+),\s*((?:"[^"]*"\s*)+)', table(), re.M)
    rows = {name: "".join(re.findall(r'"([^"]*)"', text)) for name, text in found}
    names = list(rows)
    return {name: rows[name] for name in names[names.index("CWND"):]}


def rules():
    """Name -> "text (source)"."""
    found = re.findall(r'^RULE\((\w+), "([^"]*)", "([^"]*)"\)', table(), re.M)
    return {name: f"{text} ({source})" for name, source, text in found}


def pattern(template):
    parts = re.split(r"\{\w+\}", template)
    return re.compile(r"^\d+\.\d{6} " + ".+".join(map(re.escape, parts)) + "$", re.M)


@functools.cache
def told():
    """All that the stack did in all scripts; whether they pass is asked elsewhere."""
    done = run("script", "--why", *SCRIPTS)
    assert done.returncode in (0, 1), done.stdout[-2000:]
    return "\n".join(line.strip() for line in done.stdout.splitlines())


class Scripts(unittest.TestCase):
    def test_each_decision_is_told_of(self):
        self.assertGreater(len(decisions()), 20)
        missing = [name for name, template in decisions().items() if not pattern(template).search(told())]
        self.assertEqual(set(missing), LONG | FULL | LENGTH)

    def test_each_rule_of_the_window_is_told_of(self):
        self.assertGreater(len(rules()), 20)
        self.assertEqual({name for name, text in rules().items() if f": {text}" not in told()
                          and f"; {text}" not in told()}, LONG_RULES)

    def test_the_others_are_tested_in_c(self):
        for path, names in (("tests/sim/test_decisions.c", [f"TRACE_{name}" for name in LONG]),
                            ("tests/sim/test_decisions.c", [f"RULE_{name}" for name in LONG_RULES]),
                            ("tests/sim/test_mtu.c", [f"TRACE_{name}" for name in LENGTH]),
                            ("tests/state/test_sack.c", [f"TRACE_{name}" for name in FULL])):
            text = (TREE / path).read_text(encoding="utf-8")
            self.assertEqual([name for name in names if not re.search(rf"\b{name}\b", text)], [], path)

    def test_each_decision_ends_with_its_clause(self):
        for name, template in decisions().items():
            self.assertRegex(template, r"( \((RFC \d|estab)[^()]*\)|\{rule\}|\{reason\})$", name)

    def test_no_number_is_left_out(self):
        self.assertNotRegex(told(), r"\{\w+\}")

    def test_what_a_segment_led_to_follows_it(self):
        done = run("script", "--why", str(TREE / "tests/script/recovery/sack-entry.pkt"))
        lines = [line.strip() for line in done.stdout.splitlines()]
        entered = next(i for i, line in enumerate(lines) if " recovery up to " in line)
        segments = [i for i, line in enumerate(lines) if re.match(r"\S+ segment ", line)]
        sent = [i for i, line in enumerate(lines) if re.match(r"\S+ send ", line)]
        self.assertTrue(any(i < entered for i in segments))
        before = max(i for i in segments + sent if i < entered)
        self.assertIn(before, segments)

    def test_json_has_the_same(self):
        path = str(TREE / "tests/script/recovery/frto-spurious.pkt")
        lines = [line.strip() for line in run("script", "--why", path).stdout.splitlines()[1:]]
        self.assertEqual(json.loads(run("script", "--why", "--json", path).stdout)["trace"], lines)
        self.assertNotIn("trace", json.loads(run("script", "--json", path).stdout))


class Ended(unittest.TestCase):
    """What a connection decided last is read when it has gone: it is told with its end and its numbers, all the same."""

    def test_ends_and_numbers_are_those_it_had(self):
        for seed in (3, 4):
            done = run("connect", "--on", "sim", "--hold", "1", "--msl", "1", "--seed", str(seed), "--impair",
                       "delay 20ms loss 25%", "--why")
            told = [line for line in (done.stdout + done.stderr).splitlines() if re.match(r"\d+\.\d{6} \S*: ", line)]
            self.assertTrue(told, seed)
            for line in told:
                self.assertRegex(line, r"^\d+\.\d{6} (client|server): ", seed)
                self.assertNotRegex(line.partition("(RFC")[0].partition(" ")[2], r"\d{9}", seed)


class Talk(unittest.TestCase):
    """A FIN that was lost with its acknowledgments: the probe, the timer, and what they mean."""

    def setUp(self):
        self.done = run("connect", "--on", "sim", "--seed", "1", "--hold", "1", "--why", "--msl", "1",
                        "--rule", "drop 1 fin", "--rule", "drop 2 fin")
        self.lines = self.done.stdout.splitlines()

    def test_each_decision_has_a_line_of_its_own(self):
        self.assertEqual(self.done.returncode, 0, self.done.stderr)
        said = [line for line in self.lines if re.match(r"\d+\.\d{6} (client|server): ", line)]
        for words in (r"the tail up to 2 was silent for \d+\.\d{3} ms: it is probed \(RFC 8985 7\.3\)$",
                      r"1:2 not acknowledged in time: 1 bytes lost, 0 SACKed, 0 too recent to tell \(RFC 6298 5, RFC 8985 6\.3\)$",
                      r"cwnd 1448, ssthresh \d+: retransmission timeout: one segment \(RFC 5681 3\.1\)$",
                      r"is the timeout spurious\? What begins at 1 goes again, alone of 1 bytes \(RFC 5682, step 1\)$"):
            self.assertTrue(any(re.search(words, line) for line in said), (words, said))

    def test_without_why_there_is_none(self):
        done = run("connect", "--on", "sim", "--seed", "1", "--hold", "1", "--msl", "1",
                   "--rule", "drop 1 fin", "--rule", "drop 2 fin")
        self.assertNotIn("RFC 8985", done.stdout)


if __name__ == "__main__":
    unittest.main()
