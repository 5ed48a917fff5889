#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The ledger's check accepts a good tree and refuses each bad one; its page tells a run's results."""

import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import ledger
import mutants

BOOK = """\
# a comment

MUST-1 MUST 3.1 src/tcp/a.c:one
    What it asks,
    in two lines.
    - return x + 1;
    + return x - 1;
    ! state.a.counts

SHLD-24 SHOULD 3.2 -
    Another.
    waived: it is
    forbidden.

MAY-1 MAY 3.3 src/tcp/a.c:two
    A third.
    inside: no segment shows it.
"""

GOOD = {
    "tests/ledger/rfc1.ledger": BOOK,
    "src/tcp/a.c": "int one(int x)\n{\n    return x + 1;\n}\n\nvoid two(void)\n{\n    f(); /* MUST-1 */\n}\n",
    "tests/state/test_a.c": (
        "/* a head: SHLD-24 */\n\n/* MUST-1. */\nWIRE_TEST(counts)\n{\n    f();\n}\n\n"
        "static void two(void **state)\n{\n    f(); /* MAY-1 */\n}\n\n"
        "WIRE_TEST(not_run)\n{\n    f(); /* SHLD-24 */\n}\n\n"
        "int main(void)\n{\n    cmocka_unit_test(counts);\n    cmocka_unit_test(two);\n}\n"),
    "tests/script/x/y.pkt": "// what it proves\n// RFC 1 (MAY-1).\n\n+0 f() = 0 // MUST-1\n",
    "include/a.h": "", "docs/x": "",
}


def plant(root, files):
    for path, text in dict(GOOD, **files).items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


class Tree(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)

    def complaints(self, files, page=True):
        plant(self.root, files)
        kept = self.root / "docs/rfc1.md"
        if page:
            try:
                kept.write_text(self.page())
            except ledger.Wrong:
                pass
        return ledger.check(self.root)

    def page(self, results=None):
        entries = ledger.ledgers(self.root)["rfc1"]
        return ledger.page(self.root, "rfc1", entries, ledger.all_tests(self.root), results)

    def refused(self, because, before, after, file="tests/ledger/rfc1.ledger"):
        self.assertIn(before, GOOD[file])
        complaints = self.complaints({file: GOOD[file].replace(before, after)})
        self.assertTrue(any(because in text for text in complaints), complaints)


class Check(Tree):
    def test_a_good_tree(self):
        self.assertEqual(self.complaints({}), [])

    def test_a_page_that_is_not_current(self):
        self.assertEqual(self.complaints({}, page=False), ["docs/rfc1.md is not current: run scripts/generate"])

    def test_names_that_do_not_exist(self):
        self.refused("has no three", "a.c:one", "a.c:three")
        self.refused("has no one", "src/tcp/a.c:one", "src/tcp/b.c:one")
        self.refused("state.a.count is no test", "state.a.counts", "state.a.count")
        self.refused("state.a.two is no test that names MUST-1", "state.a.counts", "state.a.two")
        self.refused("MUST-2 is in no ledger", "MUST-1.", "MUST-1, MUST-2.", "tests/state/test_a.c")
        self.refused("MUST-9 is in no ledger", "MUST-1", "MUST-9", "src/tcp/a.c")

    def test_requirements_without_a_test(self):
        self.refused("no test names MUST-1", "/* MUST-1. */\n", "/* MUST-1. */\n\n", "tests/state/test_a.c")
        self.refused("no test names MUST-1", "cmocka_unit_test(counts);", "", "tests/state/test_a.c")
        self.refused("nothing carries", "MAY-1 MAY 3.3 src/tcp/a.c:two", "MAY-1 MAY 3.3 -")

    def test_levels_and_waivers(self):
        self.refused("MUST-1 is no SHOULD", "MUST-1 MUST", "MUST-1 SHOULD")
        self.refused("SHLD-23 may not be waived", "SHLD-24", "SHLD-23")
        self.refused("says nothing", "    A third.\n", "")
        self.refused("stands twice", "MAY-1", "SHLD-24")

    def test_mutations(self):
        self.refused("needs a mutation", "    inside: no segment shows it.\n", "")
        self.refused("0 times", "- return x + 1;", "- return x + 2;")
        self.refused("has `x` 2 times", "- return x + 1;", "- x")
        self.refused("a mutation is", "+ return x - 1;", "+ return x + 1;")
        self.refused("a mutation is", "    ! state.a.counts\n", "")

    def test_a_mutation_that_survived(self):
        plant(self.root, {})
        entry = ledger.ledgers(self.root)["rfc1"][0]
        found = {"tests/ledger/rfc1.mutants": f"{entry.key()} survived\n"}
        self.assertIn("survived its test", self.complaints(found)[0])

    def test_what_cannot_be_read(self):
        self.refused("expected `NUMBER LEVEL", "MUST-1 MUST 3.1", "MUST-1 3.1")

    def own(self, text):
        """Complaints about a book with numbers of ours."""
        return self.complaints({"tests/ledger/rfc1234.ledger": text})

    def test_numbers_of_ours(self):
        good = "R1234-1 SHOULD 3.1 src/tcp/a.c:one\n    A.\n    waived: why.\n" \
               "R1234-2 MUST NOT 3.2 -\n    B.\n    absent: there is none.\n" \
               "R1234-3 MUST 3.3 -\n    C.\n    missing: all of it.\n"
        self.assertEqual(self.own(good), ["docs/rfc1234.md is not current: run scripts/generate"])
        for because, before, after in (
                ("R1234-1 may not be waived", "-1 SHOULD", "-1 MUST"),
                ("R1234-2 may not be absent", "MUST NOT", "SHOULD NOT"),
                ("nothing carries R1234-2", "    absent: there is none.\n", ""),
                ("expected R1234-2, found R1234-4", "R1234-2", "R1234-4"),
                ("expected R1234-2, found R1235-2", "R1234-2", "R1235-2"),
                ("R1234-3 stands twice", "R1234-2 MUST NOT", "R1234-3 MUST NOT")):
            self.assertIn(before, good)
            complaints = self.own(good.replace(before, after))
            self.assertTrue(any(because in text for text in complaints), (because, complaints))

    def test_numbers_of_the_rfc_are_not_absent(self):
        self.refused("MAY-1 may not be absent", "    inside: no segment shows it.\n", "    absent: it is not here.\n")

    def inputs(self, test, states="SENDING"):
        """Complaints about the first row of a list of inputs."""
        found = self.complaints({
            "tests/ledger/bad-inputs.ledger": f"BAD-1 {states} src/tcp/a.c:one\n    What.\n",
            "tests/state/test_b_in_states.c": test})
        return [text for text in found if "is missing" not in text]

    def test_inputs_in_each_state(self):
        test = "/* BAD-1. */\nstatic void row(struct rig *r)\n{\n}\n\nint main(void)\n{\n    IN_STATES(row, SENDING),\n}\n"
        self.assertEqual(self.inputs(test), [])
        self.assertEqual(self.inputs(test, "-"), [])
        states = ("established", "fin_wait_1", "close_wait", "closing", "last_ack")
        self.assertEqual([text.split(": ")[1] for text in self.inputs(test.replace("SENDING", "RECEIVING"))],
                         [f"no test of BAD-1 in {state}" for state in states[2:]])
        self.assertIn("no test names BAD-1", self.inputs(test.replace("/* BAD-1. */\n", ""))[0])
        self.assertIn("expected `NUMBER LEVEL", self.inputs(test, "SOMEWHERE")[0])
        tests = ledger.all_tests(self.root)
        self.assertEqual(ledger.shown(ledger.named_by(tests, "BAD-1")), ["state.b_in_states.row_in_*"])

    def test_every_number_is_there(self):
        found = list(ledger.check_numbers("rfc9293", []))
        self.assertEqual(len(found), 119)


class Page(Tree):
    def test_rows_and_sum(self):
        plant(self.root, {})
        text = self.page()
        self.assertIn("3 rules: 2 pass, 1 waived.", text)
        self.assertIn("| MUST-1 | MUST | 3.1 | What it asks, in two lines. | `one`, src/tcp/a.c | "
                      "`state.a.counts` | pass |", text)
        self.assertIn("Another. *Waived:* it is forbidden.", text)
        self.assertIn("| `two`, src/tcp/a.c | `state.a.two`<br>`script.x/y` | pass |", text)
        self.assertIn("| not run |", text)
        self.assertIn("MAY-1: no segment shows it.", text)

    def test_results_of_a_run(self):
        plant(self.root, {})
        run = self.root / "junit.xml"
        run.write_text('<t><testcase name="state.a"><system-out>[       OK ] counts\n'
                       "[  FAILED  ] two\n</system-out></testcase>\n"
                       '<testcase name="script.x"><system-out>ok    /a/tests/script/x/y.pkt (7 events)\n'
                       "</system-out></testcase></t>")
        self.assertEqual(ledger.run(self.root, run), ["docs/rfc1.md: MAY-1: fail"])
        self.assertIn("3 rules: 1 pass, 1 waived, 1 fail.", (self.root / "docs/rfc1.md").read_text())
        run.write_text(run.read_text().replace("FAILED ", "OK ").replace("ok ", "FAIL ").replace(" (7", ":1:2 (7"))
        self.assertEqual(ledger.run(self.root, run), ["docs/rfc1.md: MAY-1: fail"])
        run.write_text("<t></t>")
        self.assertEqual(ledger.run(self.root, run),
                         ["docs/rfc1.md: MUST-1: not run", "docs/rfc1.md: MAY-1: not run"])

    def test_the_worse_of_two_families(self):
        run = self.root / "junit.xml"
        run.write_text('<t><testcase name="state.a"><system-out>[  FAILED  ] counts over IPv4\n'
                       "[       OK ] counts over IPv6\n[       OK ] two over IPv6\n</system-out></testcase></t>")
        self.assertEqual(ledger.read_results(run), {"state.a.counts": "fail", "state.a.two": "pass"})

    def test_what_was_found_of_another_mutation_is_forgotten(self):
        plant(self.root, {})
        entry = ledger.ledgers(self.root)["rfc1"][0]
        (self.root / "tests/ledger/rfc1.mutants").write_text(f"# run on 2026-01-02\n{entry.key()} killed\n")
        self.assertIn("1 killed of 1; `make mutants`, last on 2026-01-02", self.page())
        plant(self.root, {"tests/ledger/rfc1.ledger": BOOK.replace("x - 1", "x - 2")})
        self.assertIn("1 not run of 1", self.page())


class Mutations(Tree):
    def test_one_line_changes(self):
        plant(self.root, {})
        entry = ledger.ledgers(self.root)["rfc1"][0]
        self.assertEqual(ledger.mutate(self.root, entry), GOOD["src/tcp/a.c"].replace("x + 1", "x - 1"))

    def test_what_is_built(self):
        self.assertEqual(mutants.target_of("state.a.counts"), "test_state_a")
        self.assertEqual(mutants.target_of("unit.tcp.rtt.a_case"), "test_unit_tcp_rtt")
        self.assertEqual(mutants.target_of("script.x/y"), "estab")


if __name__ == "__main__":
    unittest.main()
