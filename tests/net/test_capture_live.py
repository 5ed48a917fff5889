#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""capture on the loopback interface, where checksums are never finished; held against tshark."""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest

ESTAB = os.environ.get("ESTAB", "build/estab")


def forbidden():
    """A sentence, if we may not listen to interfaces here."""
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close()
    except PermissionError as error:
        return f"no packet sockets here: {error}"
    return None


def talk(listener):
    """Eight segments: handshake, text and its ACK, two FINs, the last ACK."""
    client = socket.create_connection(listener.getsockname())
    server, _ = listener.accept()
    client.sendall(b"hello")
    assert server.recv(100) == b"hello"
    client.close()
    assert server.recv(100) == b""
    server.close()


class Loopback(unittest.TestCase):
    def capture(self, *words, count=6):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            child = subprocess.Popen([ESTAB, "capture", "-i", "lo", "-c", str(count), *words, "tcp",
                                      "port", str(port)], stdin=subprocess.DEVNULL,
                                     stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            self.assertIn("capturing on lo", child.stderr.readline())
            talk(listener)
            out, err = child.communicate(timeout=60)
        self.assertEqual(child.returncode, 0, err)
        return out

    def test_states(self):
        rows = [json.loads(line) for line in self.capture("--json").splitlines()]
        rows = [row for row in rows if row["schema"] == "estab.packet/1"]
        self.assertEqual([row["flags"] for row in rows[:3]], [["SYN"], ["SYN", "ACK"], ["ACK"]])
        states = {state["after"] for row in rows for state in row["states"].values()}
        self.assertLessEqual({"SYN-SENT", "SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1"}, states)
        self.assertNotIn("bad", [row["checksum"] for row in rows])

    @unittest.skipUnless(shutil.which("tshark"), "tshark is not installed")
    def test_the_file_is_as_a_cable_would_have_it(self):
        with tempfile.TemporaryDirectory() as folder:
            path = str(pathlib.Path(folder) / "lo.pcapng")
            self.capture("-w", path)
            done = subprocess.run(["tshark", "-r", path, "-o", "tcp.check_checksum:TRUE", "-T",
                                   "fields", "-e", "tcp.checksum.status"], capture_output=True,
                                  text=True, timeout=120)
        self.assertEqual(done.stdout.split(), ["1"] * 6)

    def test_interrupted(self):
        child = subprocess.Popen([ESTAB, "capture", "-i", "lo", "host", "127.0.0.77"],
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, text=True)
        self.assertIn("capturing on lo", child.stderr.readline())
        child.send_signal(signal.SIGINT)
        child.communicate(timeout=60)
        self.assertEqual(child.returncode, 130)


if __name__ == "__main__":
    why = forbidden()
    if why:
        print(why)
        raise SystemExit(77)
    unittest.main()
