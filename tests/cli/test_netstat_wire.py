#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""netstat beside a wire: what its stations have open, the states that a slow wire shows, and what a
hub carries on.

Each test has a runtime directory, and so a wire, of its own.
"""

import json
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import time
import unittest

from _estab import ESTAB

PATIENCE = 60


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.place = pathlib.Path(folder.name) / "estab"
        self.environment = {**os.environ, "XDG_RUNTIME_DIR": folder.name}
        self.addCleanup(self.estab, "wire", "down")

    def estab(self, *words):
        return subprocess.run([ESTAB, *words], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=PATIENCE, env=self.environment)

    def start(self, *words):
        process = subprocess.Popen([ESTAB, *words], stdin=subprocess.DEVNULL, env=self.environment,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def rows(self, *words):
        done = self.estab("netstat", "--json", *words)
        self.assertEqual(done.returncode, 0, done.stderr)
        return [row for row in map(json.loads, done.stdout.splitlines()) if row["on"]]

    def await_rows(self, wanted, *words):
        """Asks until each (name of the end, state) of `wanted` is there at once."""
        until = time.monotonic() + PATIENCE
        while True:
            rows = self.rows(*words)
            picked = [next((row for row in rows if (row["local_name"], row["state"]) == one), None)
                      for one in wanted]
            if all(picked):
                return picked
            self.assertLess(time.monotonic(), until, rows)

    def listen(self, *words):
        process = self.start("listen", *words)
        self.await_rows([("server", "LISTEN")], "-a")
        return process


class Wire(Case):
    def test_both_ends(self):
        listen = self.listen()
        connect = self.start("connect", "--hold", "never")
        ours, theirs = self.await_rows([("client", "ESTABLISHED"), ("server", "ESTABLISHED")])
        self.assertEqual((ours["pid"], theirs["pid"]), (connect.pid, listen.pid))
        self.assertEqual((ours["remote_name"], theirs["remote_name"]), ("server", "client"))
        self.assertEqual((ours["local"], ours["remote"]), (theirs["remote"], theirs["local"]))
        self.assertEqual({row["on"] for row in self.rows("-a")}, {"wire:lab"})
        self.assertEqual(ours["snd_nxt"], theirs["rcv_nxt"])

    def test_syn_sent_and_syn_received_on_a_slow_wire(self):
        """Two seconds each way."""
        self.listen()
        self.assertEqual(self.estab("wire", "set", "delay", "2s").returncode, 0)
        self.start("connect", "--hold", "never")
        self.await_rows([("client", "SYN-SENT")])
        self.await_rows([("server", "SYN-RECEIVED")])  # for four seconds
        self.await_rows([("client", "ESTABLISHED"), ("server", "ESTABLISHED")])

    def test_both_ends_of_a_handshake(self):
        """For as long as the answer to the SYN does not arrive."""
        self.listen()
        self.assertEqual(self.estab("wire", "rule", "drop every syn ack").returncode, 0)
        self.start("connect")
        received, sent = self.await_rows([("server", "SYN-RECEIVED"), ("client", "SYN-SENT")])
        self.assertEqual(sent["remote"], received["local"])
        self.assertEqual((sent["timer"], received["timer"]), ("retransmission",) * 2)
        self.assertLess(received["memory"], 100)  # a record

    def test_what_is_carried_on(self):
        """It is listed from the moment on in which the verb has ended."""
        self.listen("--close", "0")
        connect = self.start("connect", "--hold", "0", "--msl", "60")
        connect.wait(PATIENCE)
        row, = [row for row in self.rows() if row["state"] == "TIME-WAIT"]
        self.assertEqual(row["program"], "carried by the hub")
        until = time.monotonic() + PATIENCE
        self.assertNotEqual(row["pid"], connect.pid)
        self.assertEqual(row["timer"], "2MSL")
        self.assertTrue((self.place / f"{row['pid']}-0").exists())
        self.assertFalse((self.place / f"{connect.pid}-0").exists())
        os.kill(row["pid"], signal.SIGTERM)
        while self.rows():
            self.assertLess(time.monotonic(), until)

    def test_names_come_and_go(self):
        listen = self.listen()
        self.start("connect", "--hold", "never", "--name", "alice")
        self.await_rows([("alice", "ESTABLISHED"), ("server", "ESTABLISHED")])
        done = self.estab("netstat", "-s", "--json")
        stacks = [row for row in map(json.loads, done.stdout.splitlines())
                  if row["schema"] == "estab.stack/1"]
        counters = [row for row in map(json.loads, done.stdout.splitlines())
                    if row["schema"] == "estab.counters/1"]
        self.assertEqual([row["time_steps_back"] for row in counters], [0, 0])
        for stack in stacks:
            self.assertEqual({entry["name"] for entry in stack["names"]}, {"server", "alice"})
        self.assertEqual(len({stack["pid"] for stack in stacks} - {listen.pid}), 1)

    def test_ours_come_last(self):
        """However many sockets this machine has, a screen shows what is ours."""
        listen = self.listen()
        with socket.create_server(("127.0.0.1", 0)) as server:
            lines = self.estab("netstat", "-anp").stdout.splitlines()
            self.assertRegex("\n".join(lines), rf"127\.0\.0\.1:{server.getsockname()[1]} ")
        stacks = [line.split()[6] for line in lines[1:]]
        self.assertEqual(stacks, sorted(stacks, reverse=True)) # kernel, then estab
        self.assertIn(f"{listen.pid}/estab listen", lines[-1])

    def test_the_sockets_go_with_the_wire(self):
        """The verbs end with it, and remove their sockets."""
        self.listen()
        self.assertEqual(self.estab("wire", "down").returncode, 0)
        until = time.monotonic() + PATIENCE
        while self.rows("-a"):
            self.assertLess(time.monotonic(), until)
        self.assertEqual([path.name for path in self.place.glob("*-0")], [])


HALF_CLOSED = """
import socket, sys
s = socket.create_connection(("server", 3333))
s.shutdown(socket.SHUT_WR)
sys.stdin.read()
"""


class Host(Case):
    """The kernels of hosts on the wire, beside our stacks."""

    def setUp(self):
        super().setUp()
        done = self.estab("host", "probe", "--", "true")
        if done.returncode == 4:
            self.skipTest(done.stderr.strip())
        self.assertEqual(done.returncode, 0, done.stderr)

    def host(self, name, *command):
        process = subprocess.Popen([ESTAB, "host", name, "--", *command], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, text=True, env=self.environment)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def test_close_wait_here_and_fin_wait_2_there(self):
        self.listen("--close", "never")
        self.host("vm", "python3", "-c", HALF_CLOSED)
        ours, theirs = self.await_rows([("server", "CLOSE-WAIT"), ("vm", "FIN-WAIT-2")])
        self.assertEqual((ours["stack"], theirs["stack"]), ("estab", "kernel"))
        self.assertEqual((ours["remote_name"], theirs["remote_name"]), ("vm", "server"))
        self.assertEqual((ours["local"], ours["remote"]), (theirs["remote"], theirs["local"]))
        self.assertEqual(theirs["on"], "wire:lab")
        table = self.estab("netstat").stdout
        self.assertRegex(table, r"(?m)^tcp +0 +0 server:3333 +vm:\d+ +CLOSE-WAIT +estab$")
        self.assertRegex(table, r"(?m)^tcp +0 +0 vm:\d+ +server:3333 +FIN-WAIT-2 +kernel$")

    def test_two_hosts(self):
        for name in ("one", "two"):
            self.host(name, "python3", "-c",
                      "import socket, sys; s = socket.create_server(('', 80)); sys.stdin.read()")
        rows = self.await_rows([("one", "LISTEN"), ("two", "LISTEN")], "-a")
        self.assertEqual({row["local"] for row in rows}, {"0.0.0.0:80"})
        self.assertEqual({row["program"] for row in rows}, {"python3"})
        self.assertEqual(len({row["namespace"] for row in rows}), 2)

    def test_from_inside(self):
        """A host that asks sees the others, and itself once."""
        self.listen()
        host = self.host("vm", ESTAB, "netstat", "-a", "--json")
        out, _ = host.communicate(timeout=PATIENCE)
        rows = [json.loads(line) for line in out.splitlines()]
        self.assertIn(("server", "LISTEN"), [(row["local_name"], row["state"]) for row in rows])
        kernels = [(row["local"], row["remote"], row["namespace"]) for row in rows
                   if row["stack"] == "kernel"]
        self.assertEqual(len(kernels), len(set(kernels)))

    def test_killed(self):
        host = self.host("vm", "python3", "-c",
                         "import socket, sys; s = socket.create_server(('', 80)); sys.stdin.read()")
        self.await_rows([("vm", "LISTEN")], "-a")
        host.kill()
        host.wait(PATIENCE)
        self.assertIn("no stack of ours runs here", self.estab("netstat").stderr)
        self.assertEqual(list(self.place.glob("*-0")), [])


if __name__ == "__main__":
    unittest.main()
