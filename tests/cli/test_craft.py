#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""craft on the stage: the peer is a stack of ours, in virtual time, and says itself what it did.

With --write the transcripts of docs/craft.md are written anew, from what is shown now.
"""

import fcntl
import json
import os
import pathlib
import re
import select
import struct
import subprocess
import sys
import tempfile
import termios
import unittest

from _estab import ESTAB, ROOT, output

HANDSHAKE = ["syn seq=100", "expect syn,ack ack=101", "ack"]


def craft(*lines, words=(), code=0):
    """A run over the given lines, from a pipe."""
    done = subprocess.run([ESTAB, "craft", "--on", "sim", "--seed", "1", *words],
                          input="\n".join(lines) + "\n", capture_output=True, text=True, timeout=60)
    assert done.returncode == code, (lines, done.returncode, done.stdout, done.stderr)
    return done


def objects(*lines, words=(), code=0):
    done = craft(*lines, words=("--json", *words), code=code)
    return [json.loads(line) for line in done.stdout.splitlines()]


def packets(rows, sender=None):
    return [row for row in rows if row["schema"] == "estab.packet/1" and row.get("flags") is not None
            and sender in (None, row["from"].split(":")[0])]


def verdicts(rows, of):
    return [row["verdicts"] for row in rows if row["schema"] == "estab.verdict/1"
            and row["of"] == of]


def in_terminal(words, text):
    """Standard output as a terminal of 100 columns shows it."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 100, 0, 0))
    child = subprocess.Popen([ESTAB, "craft", "--on", "sim", "--seed", "1", "--color", "never",
                              *words], stdin=subprocess.PIPE, stdout=theirs,
                             stderr=subprocess.DEVNULL)
    child.stdin.write(text.encode())
    child.stdin.close()
    os.set_blocking(ours, False)
    ended, shown = os.pidfd_open(child.pid), b""
    while True:
        # A terminal whose last writer has closed it may forget what was written, so that end stays
        # open here; what the program wrote is all there once its end is seen.
        last = ended in select.select([ours, ended], [], [])[0]
        try:
            while more := os.read(ours, 65536):
                shown += more
        except BlockingIOError:
            if last:
                break
    for fd in (ours, theirs, ended):
        os.close(fd)
    return child.wait(60), shown.decode().replace("\r\n", "\n")


class Truth(unittest.TestCase):
    """What is foretold of the peer is what the peer says of itself."""

    ip = ()
    SCRIPTS = {
        "handshake and close": HANDSHAKE + [
            "data hi", "expect ack ack=103", "fin", "expect ack ack=104",
            "expect fin,ack within 2s", "ack"],
        "our FIN and its FIN cross": HANDSHAKE + [
            "fin", "wait 1100ms", "ack ack=-1", "ack"],
        "half-open": HANDSHAKE + [
            "syn seq=400", "expect ack ack=101", "rst", "syn seq=400",
            "expect syn,ack ack=401", "ack"],
        "closed port": ["syn seq=100 dport=9", "expect rst,ack seq=0 ack=101", "ack ack=77 dport=9",
                        "expect rst seq=77", "rst dport=9", "expect nothing within 1s"],
        "old duplicate SYN": ["syn seq=90", "expect syn,ack ack=91", "syn seq=100", "wait 100ms",
                              "syn seq=100", "expect syn,ack ack=101", "ack"],
        "damaged": HANDSHAKE + [
            "data hi sum=bad", "expect nothing within 1s", "ack ipsum=bad",
            "expect nothing within 1s", "ack off=4", "ack off=15", "ack opt=8:00 off=6",
            "ack dmac=02:00:00:00:00:99", "expect nothing within 1s", "data hi",
            "expect ack ack=103"],
        "out of order": HANDSHAKE + [
            "data cd seq=+2", "expect ack ack=101", "data ab seq=101", "expect ack ack=105",
            "data ab seq=101", "expect ack ack=105", "data xx seq=+70000", "expect ack ack=105"],
        "timestamps": ["syn seq=100 ts=10", "expect syn,ack", "ack ts=11", "data a ts=12",
                       "expect ack ack=102", "data b", "expect nothing within 1s",
                       "data b seq=102 ts=9", "expect ack ack=102", "data b seq=102 ts=13",
                       "expect ack ack=103"],
        "window of zero": HANDSHAKE + ["ack win=0", "data hi", "expect ack ack=103"],
        "resets": HANDSHAKE + ["rst seq=100", "expect nothing within 1s", "rst seq=102",
                               "expect ack ack=101", "rst", "expect nothing within 1s", "ack",
                               "expect rst"],
        "odd flags": HANDSHAKE + ["flags=none", "expect nothing within 1s", "flags=fin",
                                  "expect nothing within 1s", "syn seq=101", "expect ack",
                                  "ack ack=+5000", "expect ack ack=101"],
        "text and FIN with the SYN": ["syn seq=100 data hi", "expect syn,ack ack=101",
                                      "data hi seq=101", "expect ack ack=103"],
    }

    def fitting(self, lines):
        return lines

    def test_every_verdict(self):
        for name, lines in self.SCRIPTS.items():
            with self.subTest(name):
                rows = objects(*self.fitting(lines), words=self.ip)
                sent = packets(rows, "client")
                foretold = verdicts(rows, "sent")
                self.assertEqual(len(sent), len(foretold))
                self.assertGreater(len(sent), 1)
                for packet, verdict in zip(sent, foretold):
                    reasons = [one["reason"] for one in verdict]
                    self.assertIn(packet["reason"]["name"] if packet["reason"] else "NONE", reasons)

    def test_the_states(self):
        rows = objects(*self.SCRIPTS["handshake and close"], words=self.ip)
        moves = [(m["from"], m["to"]) for v in verdicts(rows, "sent") for m in v[0]["moves"]]
        self.assertEqual(moves, [("LISTEN", "SYN-RECEIVED"), ("SYN-RECEIVED", "ESTABLISHED"),
                                 ("ESTABLISHED", "CLOSE-WAIT"), ("LAST-ACK", "CLOSED")])
        moves = [(m["from"], m["to"]) for v in verdicts(rows, "received") for m in v[0]["moves"]]
        self.assertEqual(moves, [("SYN-SENT", "ESTABLISHED"), ("FIN-WAIT-1", "FIN-WAIT-2"),
                                 ("FIN-WAIT-2", "TIME-WAIT")])

    def test_an_answer_names_what_it_answers(self):
        rows = objects("syn seq=100 dport=9", words=self.ip)
        answers = [row["answers"] for row in rows if row.get("of") == "received"]
        self.assertEqual(answers, ["CLOSED_RESET"])


class TruthOverIpv6(Truth):
    """The same over IPv6, whose header has no checksum."""

    ip = ("--ip", "fd11::65/64")

    def fitting(self, lines):
        return [line for line in lines if "ipsum" not in line]

    def test_what_the_other_family_has(self):
        done = craft("syn df=1", words=self.ip, code=3)
        self.assertIn("expected neither id= nor df= nor ipsum= over IPv6", done.stderr)
        done = craft("syn src=10.11.0.101", words=self.ip, code=3)
        self.assertIn("expected src= and dst= of one family", done.stderr)
        done = craft("syn dst=fd11::1", code=3)
        self.assertIn("expected an address in our network (--ip ADDRESS/N)", done.stderr)
        done = craft("syn dst=fd11::77", words=self.ip, code=3)
        self.assertIn("nobody answers neighbour discovery for that address", done.stderr)
        craft("syn dst=2001:db8::1 dmac=02:00:00:00:00:01", words=self.ip)
        done = craft("syn dst=fd11::x", words=self.ip, code=3)
        self.assertIn("expected dst=ADDRESS, not 'dst=fd11::x'", done.stderr)

    def test_the_link_has_room_for_less(self):
        done = craft("syn len=1441", words=self.ip, code=3)
        self.assertIn("at most 1440 bytes of text, for the MTU is 1500", done.stderr)
        craft("syn len=1440 tos=4 ttl=9", words=self.ip)


class Server(unittest.TestCase):
    def test_by_hand(self):
        rows = objects("expect syn within 5s", "syn,ack seq=300", "expect ack ack=301", "ack",
                       "expect fin,ack within 5s", "fin", "expect ack ack=302", words=("-l",))
        client = [row["states"]["client"] for row in packets(rows)]
        self.assertEqual(client[-1]["after"], "TIME-WAIT")
        self.assertFalse(client[-1]["inferred"])
        self.assertTrue(packets(rows)[-1]["states"]["server"]["inferred"])

    def test_simultaneous_open(self):
        """RFC 9293 section 3.5, figure 8."""
        rows = objects("expect syn", "syn seq=300", "expect syn,ack ack=301", "syn,ack seq=300",
                       "expect ack ack=301", words=("-l",))
        moves = [m["to"] for v in verdicts(rows, "sent") for m in v[0]["moves"]]
        self.assertEqual(moves, ["SYN-RECEIVED", "ESTABLISHED"])

    def test_nobody_has_come(self):
        done = craft("syn dport=0", words=("-l", "9"), code=3)
        self.assertIn("nobody has come yet", done.stderr)


class Numbers(unittest.TestCase):
    def test_proposals(self):
        rows = objects("syn seq=4294967290", "ack", "data 0123456789", "expect ack ack=5", "fin")
        told = [(row["seq"], row["ack"]) for row in rows if row["schema"] == "estab.next/1"]
        isn = packets(rows, "server")[0]["seq_absolute"]
        self.assertEqual(told[1:], [(4294967291, isn + 1), (5, isn + 1), (6, isn + 1)])

    def test_again_is_the_same_frame(self):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "craft.pcapng"
            craft("syn seq=7 ttl=3 mss=500 data abc", "again", words=("-w", str(file)))
            found = re.findall(rb"\x45\x00\x00\x2f.{8}\x0a\x0b\x00\x65.{31}", file.read_bytes(),
                               re.S)
        self.assertEqual(len(found), 2)
        self.assertEqual(found[0], found[1])

    def test_new_has_another_port(self):
        rows = objects("syn", "new 4001", "syn", "expect syn,ack", "set sport=4002", "syn")
        self.assertEqual([row["src_port"] for row in packets(rows, "client")][1:], [4001, 4002])

    def test_show(self):
        done = craft("syn seq=100", "ack", "show")
        self.assertRegex(done.stdout, r"client 10\.11\.0\.101:\d+ ~ESTABLISHED SND\.UNA 101")
        self.assertIn("server 10.11.0.1:3333 ESTABLISHED", done.stdout)


class Expectations(unittest.TestCase):
    def test_what_came_instead(self):
        done = craft("syn seq=100", "expect syn,ack ack=102 within 1s", "ack", code=1)
        self.assertRegex(done.stderr, r"standard input: line 2, column 1: what was expected did not "
                                      r"come; since our last segment came \[SYN,ACK\] seq \d+ ack 101")
        self.assertNotIn("> ack", done.stdout)

    def test_silence(self):
        craft("syn seq=100", "expect nothing within 9ms", "expect syn,ack")
        craft("syn seq=100", "expect nothing within 30ms", code=1)
        done = craft("expect rst within 1s", code=1)
        self.assertIn("came nothing", done.stderr)

    def test_each_counts_once(self):
        craft("syn", "expect syn,ack", "expect syn,ack within 900ms", code=1)
        craft("syn", "expect syn,ack", "expect syn,ack within 1100ms")

    def test_text(self):
        for line, code in (("expect data \"hello\\n\"", 0), ("expect data hello", 1),
                           ("expect len=6", 0), ("expect len=5", 1), ("expect psh,ack", 0),
                           ("expect ack", 0), ("expect flags=ack", 1), ("expect win=65535", 0)):
            craft("expect syn", "syn,ack", line, words=("-l",), code=code)


class Input(unittest.TestCase):
    def test_a_file_is_read_before_anything_is_sent(self):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "wrong.craft"
            file.write_text("syn\n# fine\n  syn win=65536\n")
            done = craft(words=("-f", str(file)), code=3)
            self.assertEqual(done.stdout, "")
            self.assertEqual(done.stderr, f"estab craft: {file}: line 3, column 7: expected win= and "
                                          "a number from 0 to 65535, not 'win=65536'\n")
            file.write_text("syn\nexpect syn,ack\nquit\nsyn")
            self.assertIn("> quit", craft(words=("-f", str(file))).stdout)

    def test_a_file_that_is_not_there(self):
        done = craft(words=("-f", "/no/such"), code=3)
        self.assertIn("cannot read /no/such: No such file", done.stderr)

    def test_a_wrong_line_of_a_pipe(self):
        done = craft("syn", "sin", code=3)
        self.assertIn("standard input: line 2, column 1: expected syn, ack", done.stderr)

    def test_a_line_without_end(self):
        for length in (4095, 4096, 5000, 100000):
            done = craft("# " + "x" * (length - 2), "quit", code=0 if length < 4096 else 3)
            if length >= 4096:
                self.assertIn("less than 4096 bytes", done.stderr)

    def test_any_bytes(self):
        done = subprocess.run([ESTAB, "craft", "--on", "sim"], input=bytes(range(256)),
                              capture_output=True, timeout=60)
        self.assertEqual(done.returncode, 3)

    def test_too_much_text(self):
        done = craft("syn len=1461", code=3)
        self.assertIn("at most 1460 bytes of text, for the MTU is 1500", done.stderr)

    def test_nobody_answers(self):
        done = craft("syn dst=10.11.0.77", code=3)
        self.assertIn("nobody answers ARP", done.stderr)
        done = craft("syn dst=192.0.2.1", code=3)
        self.assertIn("expected an address in our network", done.stderr)
        craft("syn dst=192.0.2.1 dmac=02:00:00:00:00:01")

    def test_every_byte_is_the_same_again(self):
        lines = ["syn", "ack", "data hi", "expect ack", "fin", "wait 2s"]
        self.assertEqual(craft(*lines).stdout, craft(*lines).stdout)


LESSON = re.compile(r"(```craft ?([^\n]*)\n(.*?)```\n\n```text\n)(.*?)```", re.S)


def write_lessons():
    page = ROOT / "docs/craft.md"
    page.write_text(LESSON.sub(
        lambda found: found[1] + in_terminal(found[2].split(), found[3])[1] + "```",
        page.read_text()))


class Documentation(unittest.TestCase):
    maxDiff = None

    def test_the_lesson(self):
        text = (ROOT / "docs/craft.md").read_text()
        lessons = [found[1:] for found in LESSON.findall(text)]
        self.assertEqual(len(lessons), 5)
        for words, lines, shown in lessons:
            with self.subTest(lines.splitlines()[0]):
                code, out = in_terminal(words.split(), lines)
                self.assertEqual(code, 0, out)
                self.assertEqual(out, shown, "tests/cli/test_craft.py --write writes it anew")

    def test_the_fields(self):
        fields = craft("help").stdout.split("Fields:\n")[1]
        self.assertIn(fields, (ROOT / "docs/craft.md").read_text())

    def test_what_help_shows_can_be_typed(self):
        shown = craft("help").stdout
        typed = re.findall(r"(syn seq=100 mss=1460|ack|data \"two words\\n\"|fin|rst seq=-1|syn,ack)"
                           r"(?=    |\n)", shown.split("Words that")[0])
        self.assertEqual(len(typed), 6)
        craft(*typed, words=("--json",))
        page = output("help", "craft")
        for line in ("syn seq=100 mss=1460 ttl=3 sum=bad", "expect syn,ack ack=101 within 1s",
                     "expect nothing within 1s", "set ttl=3"):
            self.assertIn(line, re.sub(r"\s+", " ", page))
        craft("syn seq=100 mss=1460 ttl=3 sum=bad", "expect nothing within 1s", "set ttl=3", "again",
              "syn seq=100", "expect syn,ack ack=101 within 1s", "wait 1s", "new", "show", "quit")


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        write_lessons()
    else:
        unittest.main()
