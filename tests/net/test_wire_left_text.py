#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Text that a server has queued when it ends reaches a slow reader over a bad wire, to the last byte, and the
FIN behind it: the hub carries it on."""

import hashlib
import json
import pathlib
import random
import signal
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli"))
import _wire
from _wire import running, wait_until

BYTES = 120_000 # the reader's window, and a send buffer that has grown for less than one

# Sends all at once and reads none of it until it is told to, and then bit by bit.
READER = """
import hashlib, random, socket, sys
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
s.connect(("server", 7777))
s.sendall(random.Random(1).randbytes(int(sys.argv[1])))
s.shutdown(socket.SHUT_WR)
print("sent", flush=True)
sys.stdin.readline()
digest, n = hashlib.sha256(), 0
while piece := s.recv(5000):
    digest.update(piece)
    n += len(piece)
print("read", n, digest.hexdigest(), flush=True)
sys.stdin.readline()
"""


class Text(_wire.Case):
    def rows(self):
        done = self.estab("netstat", "--json", code=None)
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        return [row for row in rows if row["stack"] == "estab" and row["state"] != "LISTEN"]

    def begin(self):
        """A server that has echoed all, and a reader that has read nothing."""
        probe = self.estab("host", "probe", "--", "true", code=None)
        if probe.returncode == 4:
            self.skipTest(probe.stderr.strip())
        server = self.start("serve", "echo", "--msl", "1")
        server.hear("echo is served on")
        reader = self.start("host", "vm", "--", sys.executable, "-c", READER, str(BYTES))
        reader.hear("sent")
        wait_until(lambda: [row["state"] for row in self.rows()] == ["LAST-ACK"],
                   "all is echoed, and the server's side closed")
        self.assertGreater(self.rows()[0]["send_queue"], BYTES // 8)
        self.estab("wire", "set", "delay", "10ms", "jitter", "2ms", "loss", "1%", "reorder", "1%", "5ms",
                   "duplicate", "1%", "rate", "40mbit")
        return server, reader

    def tell(self, reader):
        reader.child.stdin.write("\n")
        reader.child.stdin.flush()

    def all_arrives(self, number):
        server, reader = self.begin()
        server.signal(number)
        self.assertEqual(server.end(), 130)
        self.assertRegex(server.text(), r"wire lab carries on what is left: 1 in LAST-ACK; "
                         r"\d+ bytes are not acknowledged yet")
        row, = self.rows()
        self.assertEqual((row["program"], row["state"]), ("carried by the hub", "LAST-ACK"))
        self.assertGreater(row["send_queue"], BYTES // 8)
        self.tell(reader)
        _, n, digest = reader.hear("read").split()
        self.assertEqual(int(n), BYTES)
        self.assertEqual(digest, hashlib.sha256(random.Random(1).randbytes(BYTES)).hexdigest())
        wait_until(lambda: not self.rows(), "our FIN is acknowledged")
        wait_until(lambda: not running(row["pid"]), "the carrier has ended")
        self.tell(reader)
        self.assertEqual(reader.end(), 0)

    def test_after_sigterm(self):
        self.all_arrives(signal.SIGTERM)

    def test_after_a_closed_terminal(self):
        self.all_arrives(signal.SIGHUP)

    def test_another_server_in_the_meantime(self):
        """It has the address, and the old connection is none of its business."""
        server, reader = self.begin()
        server.signal(signal.SIGHUP)
        server.end()
        again = self.start("serve", "echo")
        again.hear("echo is served on 10.11.0.1:7777, also known as server")
        done = self.estab("host", "two", "--", sys.executable, "-c",
                          "import socket; s = socket.create_connection(('server', 7777)); "
                          "s.sendall(b'hello'); print(s.recv(9))")
        self.assertEqual(done.stdout.strip(), "b'hello'")
        self.tell(reader)
        _, n, digest = reader.hear("read").split()
        self.assertEqual((int(n), digest),
                         (BYTES, hashlib.sha256(random.Random(1).randbytes(BYTES)).hexdigest()))


if __name__ == "__main__":
    unittest.main()
