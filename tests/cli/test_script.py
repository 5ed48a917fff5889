#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""estab script: verdicts and exits, what a failure shows, and that nothing fails to fail."""

import json
import pathlib
import re
import shlex
import tempfile
import unittest

from _estab import ROOT, run

OPEN = """0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
+0 < S 0:0(0) win 32792 <mss 1000>
+0 > S. 0:0(0) ack 1 <mss 1460>
+.1 < . 1:1(0) ack 1 win 32792
+0 accept(3, ..., ...) = 4
"""

# What follows OPEN; where it fails, as line and column; a part of the sentence; what is expected and
# what happens.
FAILURES = [
    ("+0 write(4, ..., 100) = 100\n+0 > . 1:101(100) ack 1", (9, 4), "flags: expected ., got P.",
     "> . 1:101(100) ack 1", "> P. 1:101(100) ack 1 win"),
    ("+0 write(4, ..., 100) = 100\n+0 > P. 1:102(101) ack 1", (9, 4),
     "length: expected 101, got 100", "> P. 1:102(101) ack 1", "> P. 1:101(100) ack 1 win"),
    ("+0 write(4, ..., 100) = 100\n+0 > P. 2:102(100) ack 1", (9, 4),
     "sequence number: expected 2, got 1", "> P. 2:102(100)", "> P. 1:101(100)"),
    ("+0 write(4, ..., 100) = 100\n+0 > P. 1:101(100) ack 2", (9, 4),
     "acknowledgment number: expected 2, got 1", "ack 2", "ack 1"),
    ("+0 write(4, ..., 100) = 100\n+0 > P. 1:101(100) ack 1 win 7", (9, 4),
     "window: expected 7, got", "win 7", "win"),
    ("+0 write(4, ..., 100) = 100\n+0 > P. 1:101(100) ack 1 <nop,nop,sack 1:2>", (9, 4),
     "options: expected <nop,nop,sack 1:2>, got none", "sack 1:2", "> P. 1:101(100)"),
    ("+0 write(4, ..., 100) = 100\n+0 > [ce] P. 1:101(100) ack 1", (9, 4),
     "ECN bits: expected 3, got 0", "> [ce] P.", "> P."),
    ("+0 write(4, ..., 100) = 100\n+.5 > P. 1:101(100) ack 1", (9, 1),
     "time: expected the packet at 0.600000 s, it was at 0.100000 s", "> P.", "> P."),
    ("+0 > . 1:1(0) ack 1", (8, 4), "no packet came", "> . 1:1(0) ack 1", "no packet"),
    ("+0 write(4, ..., 100) = 99", (8, 25), "write(): expected 99, got 100", "99", "100"),
    ("+0 write(4, ..., 100) = -1 EPIPE (x)", (8, 25), "expected -1 EPIPE (Broken pipe), got 100",
     "-1 EPIPE", "100"),
    ("+0 recv(4, ..., 10, MSG_DONTWAIT) = -1 EPIPE (x)", (8, 37), "got -1 EAGAIN", "-1 EPIPE",
     "-1 EAGAIN (Resource temporarily unavailable)"),
    ("+0 poll([{fd=4, events=POLLOUT, revents=POLLIN}], 1, 0) = 1", (8, 41),
     "poll(): expected revents 1, got revents 4", "revents 1", "revents 4"),
    ("+0 getsockopt(4, SOL_TCP, TCP_NODELAY, [1], [4]) = 0", (8, 40), "expected a value of 1",
     "a value of 1", "a value of 0"),
    ("+0 %{ assert tcpi_snd_cwnd == 9, tcpi_snd_cwnd }%", (8, 14),
     "tcpi_snd_cwnd == 9 does not hold: tcpi_snd_cwnd is 10", "", ""),
    ("+0...0.2 read(4, ..., 10) = 10\n+.1 < P. 1:11(10) ack 1 win 32792", (8, 10),
     "time: expected the return of the call at 0.300000 s, it was at 0.200000 s", "", ""),
    ("+0...0.5 poll([{fd=4, events=POLLIN, revents=0}], 1, 500) = 0\n+0 write(4, ..., 9) = 9", (9, 1),
     "time: expected the call at 0.100000 s, it was at 0.600000 s", "", ""),
    ("+0...0.2 read(4, ..., 10) = 10", (8, 10), "never returns", "", ""),
    ("+0 read(4, ..., 10) = 10", (8, 4), "would block, and the script gives it no end time", "", ""),
    ("+0 < P. 1:11(10) ack 1 win 32792\n+0 read(4, \"abcdefghij\", 10) = 10", (9, 12),
     'read(): expected "abcdefghij"', '"abcdefghij"', ""),
]

# What follows OPEN and is no script: line and column, what was expected.
WRONG = [
    ("+0 > . 1:1(0 ack 1", (8, 14), "expected `)`, found `ack`"),
    ("+0 close(4)", (9, 1), "expected `=`, found the end of the script"),
    ("+0 close(NOBODY) = 0", (8, 10), "expected a constant that is known here in close()"),
    ("+0 shout(4) = 0", (8, 4), "expected a call that is known here in shout()"),
    ("+0 listen(4) = 0", (8, 4), "expected 2 arguments in listen()"),
    ("+0 %{ assert (1 }%", (8, 17), "expected `)`"),
    ("+0 %{ import os }%", (8, 7), "other statements of Python"),
]


class Folder(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()

    def tearDown(self):
        self.folder.cleanup()

    def script(self, text, name="a.pkt"):
        path = pathlib.Path(self.folder.name) / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return str(path)


class Failures(Folder):
    def test_open_passes(self):
        done = run("script", self.script(OPEN))
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"^ok +\S+/a\.pkt \(7 events, 0\.100000 s\)\n$")

    def test_each_fails_where_it_should(self):
        for text, (line, column), what, expected, actual in FAILURES:
            with self.subTest(text):
                done = run("script", "--json", self.script(OPEN + text + "\n"))
                self.assertEqual(done.returncode, 1, done.stdout)
                found = json.loads(done.stdout)
                self.assertEqual(found["verdict"], "fail")
                self.assertIn(what, found["what"])
                self.assertEqual((found["line"], found["column"]), (line, column), found["what"])
                self.assertIn(expected, found.get("expected", ""))
                self.assertIn(actual, found.get("actual", ""))
                self.assertEqual(found["estab"]["state"], "ESTABLISHED")
                self.assertEqual(found["script"]["state"], "ESTABLISHED")
                self.assertTrue(found["why"])

    def test_people_see_both_sides(self):
        text = OPEN + "+0 write(4, ..., 100) = 100\n+0 > . 1:101(100) ack 1\n"
        done = run("script", self.script(text))
        self.assertEqual(done.returncode, 1)
        lines = done.stdout.split("\n")
        self.assertRegex(lines[0], r"^FAIL +\S+/a\.pkt:9:4: flags: expected \., got P\.$")
        self.assertRegex(lines[1], r"^ +9 \|  \+0 > \. 1:101\(100\) ack 1$")
        self.assertRegex(lines[2], r"^ +expected +actual$")
        self.assertRegex(lines[3], r"^ +> \. 1:101\(100\) ack 1 {2,}> P\. 1:101\(100\) ack 1 win \d+$")
        self.assertEqual(lines[3].index("> P."), lines[2].index("actual"))
        self.assertRegex(lines[5], r"^ +estab +ESTABLISHED +snd\.una 1 snd\.nxt 101 ")
        self.assertRegex(lines[6], r"^ +~script +ESTABLISHED +snd\.una 1 snd\.nxt 1 rcv\.nxt 1$")
        self.assertRegex(lines[7], r"^ +why +send P\. seq 1 ack 1 len 100: text of the user$")

    def test_wrong_scripts_are_exit_3(self):
        for text, (line, column), what in WRONG:
            with self.subTest(text):
                done = run("script", self.script(OPEN + text + "\n"))
                self.assertEqual(done.returncode, 3, done.stdout)
                self.assertRegex(done.stdout, rf"^bad +\S+/a\.pkt:{line}:{column}: ")
                self.assertIn(what, done.stdout)

    def test_what_is_not_there_is_skipped_and_does_not_pass(self):
        for text in ("+0 sendfile(4, 5, [0], 10) = 10\n",
                     "+0 < gre: . 1:1(0) ack 1 win 1\n"):
            done = run("script", self.script(OPEN + text))
            self.assertEqual(done.returncode, 1, done.stdout)
            self.assertRegex(done.stdout, r"^skip +\S+: it needs ")


class Surroundings(Folder):
    def test_many_files_and_a_sum(self):
        def total(*files):
            done = run("script", *files)
            return done.returncode, done.stdout.rstrip().split("\n")[-1]

        good, bad = self.script(OPEN), self.script(OPEN + "+0 close(9) = 0\n", "b.pkt")
        skipped = self.script(OPEN + "+0 sendfile(4, 5, [0], 10) = 10\n", "c.pkt")
        self.assertEqual(total(good, bad, good), (1, "2 passed, 1 failed"))
        self.assertEqual(total(good, skipped), (1, "1 passed, 0 failed, 1 skipped"))
        self.assertEqual(total(good, "/nonexistent.pkt"), (3, "1 passed, 0 failed, 1 no script"))

    def test_a_file_that_is_missing(self):
        done = run("script", "/nonexistent.pkt")
        self.assertEqual(done.returncode, 3)
        self.assertRegex(done.stdout, r"^bad +/nonexistent\.pkt: cannot be read: No such file")
        self.assertEqual(run("script").returncode, 2)

    def test_preambles_set_and_name(self):
        self.script("sysctl -q net.ipv4.tcp_timestamps=0\ntc qdisc add dev tun0 root pfifo\n",
                    "common.sh")
        text = "`./common.sh\n rm -rf /`\n" + OPEN.replace("<mss 1000>", "<mss 1000,TS val 1 ecr 0,nop,nop>")
        path = self.script(text)
        done = run("script", path, path)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertEqual(done.stderr.count("not run: rm -rf /"), 1)
        self.assertEqual(done.stderr.count("not run: tc qdisc"), 1)
        notes = json.loads(run("script", "--json", path).stdout)["notes"]
        self.assertEqual(notes, ["not run: tc qdisc add dev tun0 root pfifo", "not run: rm -rf /"])

    def test_settings_of_the_command_line(self):
        text = OPEN.replace("= 3", "= FIRST", 1)
        self.assertEqual(run("script", self.script(text)).returncode, 3)
        done = run("script", "--set", "define=FIRST=3", "--set", "ip_version=ipv4-mapped-ipv6",
                   self.script(text))
        self.assertEqual(done.returncode, 0, done.stdout)
        done = run("script", "--set", "mtu=5", self.script(OPEN))
        self.assertEqual(done.returncode, 3)
        self.assertIn("expected --mtu to be bytes from 576 to 65535, found `5`", done.stdout)

    def test_printed(self):
        done = run("script", "-v", self.script(OPEN + "+0 %{ print(tcpi_snd_cwnd, 'x') }%\n"))
        self.assertEqual(done.returncode, 0)
        self.assertIn("printed:\n10 x\n", done.stderr)

    def test_the_same_each_time(self):
        paths = [str(path) for path in sorted(ROOT.glob("tests/script/data/*.pkt"))]
        self.assertEqual(run("script", *paths).stdout, run("script", *paths).stdout)


class Documents(Folder):
    def test_the_page_begins_with_a_script_that_passes(self):
        page = (ROOT / "docs/scripts.md").read_text()
        first = re.search(r"\n\n((?:    .*\n)+)", page)[1]
        done = run("script", self.script(first))
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_examples_of_help(self):
        found = re.findall(r"^  estab (script .*)$", run("help", "script").stdout, re.M)
        self.assertGreaterEqual(len(found), 3)
        for example in found:
            words = []
            for word in shlex.split(example):
                files = sorted(ROOT.glob(word)) if word.endswith(".pkt") else []
                words += map(str, files) if files else [word]
            self.assertEqual(run(*words).returncode, 0, example)

    def test_each_script_says_what_it_proves(self):
        scripts = list(ROOT.glob("tests/script/*/*.pkt"))
        self.assertGreaterEqual(len(scripts), 80)
        for path in scripts:
            head = path.read_text().split("\n\n")[0]
            self.assertRegex(head, r"RFC \d+|POSIX|Linux|docs/scripts\.md", path)


if __name__ == "__main__":
    unittest.main()
