#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""craft on a wire: listen and connect in another process, which tell their true states."""

import json
import os
import subprocess
import tempfile
import unittest

from _estab import ESTAB


class Wire(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.environment = {**os.environ, "XDG_RUNTIME_DIR": self.folder.name}
        self.others = []

    def tearDown(self):
        self.run_estab("wire", "down")
        for other in self.others:
            other.wait(60)
            other.stdout.close()
        self.folder.cleanup()

    def run_estab(self, *words, lines=()):
        return subprocess.run([ESTAB, *words], input="".join(f"{line}\n" for line in lines),
                              capture_output=True, text=True, timeout=120, env=self.environment)

    def start(self, *words):
        self.others.append(subprocess.Popen([ESTAB, *words], stdin=subprocess.DEVNULL,
                                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                            text=True, env=self.environment))
        return self.others[-1]

    def craft(self, *lines, words=(), code=0):
        done = self.run_estab("craft", "--json", *words, lines=lines)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def test_the_server_says_what_it_did(self):
        listener = self.start("listen", "--close", "0")
        self.assertIn("LISTEN", listener.stdout.readline())
        rows = self.craft("syn seq=100", "expect syn,ack ack=101 within 30s", "ack", "data hi sum=bad",
                          "data hi", "expect ack ack=103 within 30s", "fin",
                          "expect fin,ack ack=104 within 30s", "ack", "ack",
                          "expect rst within 30s")
        sent = [row for row in rows if row["schema"] == "estab.packet/1" and row["from"] == "client"]
        foretold = [row["verdicts"] for row in rows if row.get("of") == "sent"]
        self.assertEqual(len(foretold[0]), 1)  # the wire tells who listens
        self.assertEqual([row["reason"]["name"] for row in sent if row["reason"]],
                         [one[0]["reason"] for one, row in zip(foretold, sent) if row["reason"]])
        known = [row["states"]["server"] for row in rows if row["schema"] == "estab.packet/1"
                 and "server" in row.get("states", {})]
        self.assertFalse(any(state["inferred"] for state in known))
        self.assertEqual(known[-1]["after"], "CLOSED")
        self.assertIn("~client: CLOSED -> SYN-SENT", listener.stdout.readline()) # who tells nothing

    def test_be_the_server(self):
        crafted = subprocess.Popen([ESTAB, "craft", "-l", "--json"], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   env=self.environment)
        self.assertIn("you are 10.11.0.1:3333, the server", crafted.stderr.readline())
        client = self.start("connect", "--hold", "0", "--msl", "0.1")
        out, _ = crafted.communicate("expect syn within 60s\nsyn,ack seq=300\n"
                                     "expect ack ack=301 within 60s\nexpect fin,ack within 60s\n"
                                     "fin\nexpect ack ack=302 within 60s\n", timeout=120)
        self.assertEqual(crafted.returncode, 0, out)
        self.assertEqual(client.wait(60), 0)

    def test_nobody_listens_there(self):
        listener = self.start("listen")
        listener.stdout.readline()
        rows = self.craft("syn dport=9", "expect rst,ack within 30s")
        foretold = [row["verdicts"] for row in rows if row.get("of") == "sent"]
        self.assertEqual([one["reason"] for one in foretold[0]], ["CLOSED_RESET"])

    def test_the_hub_ends(self):
        crafted = subprocess.Popen([ESTAB, "craft", "-l"], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   env=self.environment)
        crafted.stderr.readline()
        self.assertEqual(self.run_estab("wire", "down").returncode, 0)
        _, err = crafted.communicate("expect syn within 60s\n", timeout=60)
        self.assertEqual(crafted.returncode, 1)
        self.assertIn("the hub of wire lab has ended", err)


if __name__ == "__main__":
    unittest.main()
