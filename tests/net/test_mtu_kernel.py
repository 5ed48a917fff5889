#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A wire that drops packets of more than 1,280 bytes and says nothing, with the kernel's TCP at the other end
(RFC 4821).  What counts as "within seconds" is measured by a wall clock, so it is bounded generously here; the
exact times are those of tests/sim/test_mtu.c.
"""

import hashlib
import os
import pathlib
import random
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli"))
import _wire

STACK = str(pathlib.Path(_wire.ESTAB).parent / "peer_stack")
SIZE = 3_000_000
FIRST_TOO_LONG = 14 + 1280 + 1  # a frame, its Ethernet header included
SECONDS = 30

READER = """
import hashlib, socket
s = socket.create_connection(("10.11.0.101", 7))
digest, n = hashlib.sha256(), 0
while piece := s.recv(1 << 16):
    digest.update(piece)
    n += len(piece)
print(n, digest.hexdigest())
"""
# The kernel's own tcp_mtu_probing, of the namespace it runs in.
WRITER = """
import socket, sys
open("/proc/sys/net/ipv4/tcp_mtu_probing", "w").write("1")
s = socket.create_connection(("10.11.0.101", 7))
s.sendall(open(sys.argv[1], "rb").read())
s.shutdown(socket.SHUT_WR)
assert s.recv(1) == b""
print("sent")
"""


class Holes(_wire.Case):
    def setUp(self):
        super().setUp()
        if not os.path.exists(STACK):
            self.skipTest("peer_stack is not built")
        done = self.estab("host", "vm", "--", "true", code=None)
        if done.returncode == 4:
            self.skipTest(done.stderr.strip())
        self.estab("wire", "rule", "drop", "every", "min", str(FIRST_TOO_LONG))
        self.data = pathlib.Path(self.runtime, "data")
        self.data.write_bytes(random.Random(1).randbytes(SIZE))
        self.digest = hashlib.sha256(self.data.read_bytes()).hexdigest()

    def stack(self, *listen, options=()):
        stack = self.program(STACK, "wire:lab", "10.11.0.101/24", *options)
        self.tell(stack, "listen", "7", *listen)
        stack.hear("listening")
        return stack

    def tell(self, stack, *words):
        stack.child.stdin.write(" ".join(words) + "\n")
        stack.child.stdin.flush()

    def dropped(self):
        return [row["hits"] for row in self.show() if row["kind"] == "rule"][0]

    def test_we_send_through_it(self):
        stack = self.stack("give", str(SIZE), options=("text", str(self.data)))
        began = time.monotonic()
        client = self.start("host", "vm", "--", "python3", "-uc", READER)
        self.assertEqual(client.end(), 0, client.text())
        self.assertIn(f"{SIZE} {self.digest}", client.text())
        self.assertLess(time.monotonic() - began, SECONDS)
        # The window at first, its retransmissions, and the probes that were too long.
        self.assertGreater(self.dropped(), 2)
        self.tell(stack, "quit")
        stack.end()

    def test_without_probing_nothing_comes(self):
        self.stack("give", str(SIZE), options=("text", str(self.data), "mtu_probing", "0"))
        client = self.start("host", "vm", "--", "python3", "-uc", "import socket\n"
                            "s = socket.create_connection(('10.11.0.101', 7), 5)\n"
                            "try:\n    s.recv(1)\n    print('text')\n"
                            "except TimeoutError:\n    print('nothing')\n")
        client.hear("nothing")

    def test_the_kernel_sends_through_it(self):
        stack = self.stack("take", options=("store", str(pathlib.Path(self.runtime, "stored"))))
        client = self.start("host", "vm", "--", "python3", "-uc", WRITER, str(self.data))
        if client.end() != 0:
            if "tcp_mtu_probing" in client.text():
                self.skipTest("the kernel's tcp_mtu_probing cannot be set here")
            self.fail(client.text())
        stack.hear("ended")
        self.assertEqual(hashlib.sha256(pathlib.Path(self.runtime, "stored").read_bytes()).hexdigest(), self.digest)
        self.tell(stack, "quit")
        stack.end()


if __name__ == "__main__":
    unittest.main(verbosity=2)
