#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""craft with the Linux kernel as the peer: what is typed, what it answers, and what was foretold."""

import fcntl
import json
import os
import pty
import re
import select
import shutil
import struct
import subprocess
import termios
import time
import unittest

ESTAB = os.environ.get("ESTAB", "build/estab")
HANDSHAKE = ["syn seq=100 mss=1460", "expect syn,ack ack=101 within 30s", "ack"]


def craft(*lines, words=(), code=0):
    on = () if "--" in words else ("--on", "kernel")
    done = subprocess.run([ESTAB, "craft", *on, *words], input="\n".join(lines) + "\n",
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == code, (lines, done.returncode, done.stdout, done.stderr)
    return done


def objects(*lines, words=(), code=0):
    done = craft(*lines, words=("--json", *words), code=code)
    return [json.loads(line) for line in done.stdout.splitlines()]


def forbidden():
    done = subprocess.run([ESTAB, "craft", "--on", "kernel"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=60)
    return done.stderr.strip() if done.returncode == 4 else None


def reasons(rows, of):
    return [[v["reason"] for v in row["verdicts"]] for row in rows
            if row["schema"] == "estab.verdict/1" and row["of"] == of]


class Client(unittest.TestCase):
    """The kernel is the server."""

    ip = ()

    def test_open_text_close(self):
        rows = objects(*HANDSHAKE, "data hi", "expect data hi within 30s", "ack", "fin",
                       "expect fin,ack ack=104 within 30s", "ack", "ack", "expect rst within 30s", words=self.ip)
        self.assertEqual(reasons(rows, "sent")[-1], ["LISTEN_ACK"])
        self.assertEqual(reasons(rows, "received")[0], ["NONE"])
        states = [row["states"]["server"]["after"] for row in rows
                  if row["schema"] == "estab.packet/1" and "server" in row.get("states", {})]
        for state in ("SYN-RECEIVED", "ESTABLISHED", "CLOSE-WAIT", "LAST-ACK", "CLOSED"):
            self.assertIn(state, states)

    def test_half_open(self):
        rows = objects(*HANDSHAKE, "syn seq=400", "expect ack ack=101 within 30s", "rst",
                       "syn seq=400", "expect syn,ack ack=401 within 30s", "ack", "data hi",
                       "expect data hi within 30s", words=self.ip)
        self.assertEqual(reasons(rows, "sent")[2:4], [["SYN_CHALLENGE"], ["RST_EXACT"]])
        self.assertIn(["SYN_SENT_ACK"], reasons(rows, "received"))

    def test_a_closed_port(self):
        rows = objects("syn seq=100 dport=9", "expect rst,ack seq=0 ack=101 within 30s",
                       "ack ack=77 dport=9", "expect rst seq=77 within 30s", "rst dport=9",
                       "expect nothing within 200ms", words=self.ip)
        self.assertEqual([row["answers"] for row in rows if row.get("of") == "received"],
                         ["CLOSED_RESET", "CLOSED_RESET"])

    def test_damaged(self):
        rows = objects(*HANDSHAKE, "data hi sum=bad", "expect nothing within 300ms",
                       "data hi ipsum=bad", "expect nothing within 300ms", "data hi",
                       "expect data hi within 30s", words=self.ip)
        self.assertEqual(reasons(rows, "sent")[2:4], [["TCP_CHECKSUM"], ["IP_CHECKSUM"]])

    def test_challenges(self):
        rows = objects(*HANDSHAKE, "rst seq=150", "expect ack ack=101 within 30s", "data old seq=90",
                       "expect ack ack=101 within 30s", "rst", "ack", "expect rst within 30s", words=self.ip)
        self.assertEqual(reasons(rows, "sent")[2:], [["RST_CHALLENGE"], ["SEQ_UNACCEPTABLE"],
                                                     ["RST_EXACT"], ["LISTEN_ACK"]])

    def test_an_old_duplicate_syn(self):
        """RFC 9293 section 3.5, figure 9: refused with a reset, then the new one is answered."""
        objects("syn seq=90", "expect syn,ack ack=91 within 30s", "rst seq=91", "syn seq=100",
                "expect syn,ack ack=101 within 30s", "ack", "data hi", "expect data hi within 30s",
                words=self.ip)

    def test_a_gap(self):
        rows = objects(*HANDSHAKE, "data cd seq=+2", "expect ack ack=101 within 30s",
                       "data ab seq=101", "expect data abcd within 30s", words=self.ip)
        self.assertEqual(reasons(rows, "sent")[2:], [["TEXT_OUT_OF_ORDER"], ["NONE"]])

    def test_a_program(self):
        server = ("import socket; s = socket.create_server(('server', 4000)); c, a = s.accept(); "
                  "assert c.recv(9) == b'hi'; c.sendall(b'bye'); c.close()")
        craft(*HANDSHAKE, "data hi", "expect data bye within 30s", "ack",
              words=("4000", "--", "python3", "-c", server))


class ClientOverIpv6(unittest.TestCase):
    """The same over IPv6."""

    ip = ("--ip", "fd11::65/64")
    test_open_text_close = Client.test_open_text_close
    test_half_open = Client.test_half_open
    test_a_closed_port = Client.test_a_closed_port
    test_challenges = Client.test_challenges
    test_an_old_duplicate_syn = Client.test_an_old_duplicate_syn
    test_a_gap = Client.test_a_gap

    def test_damaged(self):
        rows = objects(*HANDSHAKE, "data hi sum=bad", "expect nothing within 300ms", "data hi",
                       "expect data hi within 30s", words=self.ip)
        self.assertEqual(reasons(rows, "sent")[2:3], [["TCP_CHECKSUM"]])


class Server(unittest.TestCase):
    """The kernel is the client."""

    def test_by_hand(self):
        rows = objects("expect syn within 30s", "syn,ack seq=300 mss=1000", "expect ack ack=301 within 30s",
                       "expect data \"hello\\n\" within 30s", "ack", "expect fin,ack within 30s", "fin",
                       "expect ack ack=302 within 30s", words=("-l",))
        after = [row["states"] for row in rows if row["schema"] == "estab.packet/1" and
                 row.get("states")][-1]
        self.assertEqual((after["server"]["after"], after["client"]["after"]), ("CLOSED", "TIME-WAIT"))

    def test_netcat(self):
        if not shutil.which("nc"):
            self.skipTest("no nc here: apt-get install netcat-openbsd")
        craft("expect syn within 30s", "syn,ack", "expect ack within 30s",
              words=("-l", "3333", "--", "nc", "server", "3333"))

    def test_refused(self):
        client = ("import socket\ntry:\n  socket.create_connection(('server', 3333))\n"
                  "except ConnectionRefusedError:\n  socket.create_connection(('server', 3334))")
        craft("expect syn within 30s", "rst seq=0 ack=+0", "expect syn dport=3334 within 30s",
              words=("-l", "3333", "--", "python3", "-c", client))


class Terminal(unittest.TestCase):
    def setUp(self):
        self.pid, self.end = pty.fork()
        if self.pid == 0:
            os.execv(ESTAB, [ESTAB, "craft", "--on", "kernel", "--color", "never"])
        fcntl.ioctl(self.end, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 250, 0, 0))
        self.shown = ""

    def tearDown(self):
        os.close(self.end)

    def until(self, pattern):
        """Reads until it is shown."""
        give_up = time.monotonic() + 60
        while not re.search(pattern, self.shown):
            self.assertLess(time.monotonic(), give_up, self.shown)
            if select.select([self.end], [], [], 1)[0]:
                try:
                    self.shown += os.read(self.end, 65536).decode()
                except OSError:
                    self.fail(f"ended before {pattern!r}: {self.shown}")
        self.shown = ""

    def type(self, text):
        os.write(self.end, text.encode())

    def code(self):
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def test_typed(self):
        self.until(r"help lists what can be typed")
        self.type("syn seq=100\n")
        self.until(r"server>client \[SYN,ACK\][^~]*means:|SYN-RECEIVED")
        self.type("sin\n")
        self.until(r"column 1: expected syn, ack")
        self.type("ack\ndata hi\n")
        self.until(r'len 2 "hi"[\s\S]*server>client[^\n]*len 2 "hi"')
        self.until(r"server>client[^\n]*\(retransmission\)")  # nothing typed, and yet it is shown
        self.type("quit\n")
        self.assertEqual(self.code(), 0)

    def test_interrupted(self):
        self.until(r"help lists what can be typed")
        self.type("expect rst within 1000s\n")
        self.until("expect rst")
        self.type("\x03")
        self.assertEqual(self.code(), 130)

    def test_end_of_input(self):
        self.until(r"help lists what can be typed")
        self.type("\x04")
        self.assertEqual(self.code(), 0)


if __name__ == "__main__":
    why = forbidden()
    if why:
        print(why)
        raise SystemExit(77)
    unittest.main()
