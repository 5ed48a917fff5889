#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""netstat where no stack of ours runs: what it says, what it lists of this machine's kernel, which
directory it trusts, and what a stranger that answers on a control socket can do to it.

Each test has a directory for control sockets of its own. With real stacks: tests/net.
"""

import json
import os
import pathlib
import re
import socket
import tempfile
import threading
import unittest

from _estab import run

NONE = "no stack of ours runs here"
KEYS = {
    "schema": str, "stack": str, "proto": str, "local": str, "remote": str, "local_name": str,
    "remote_name": str, "state": str, "pid": int, "program": str, "on": str, "timer": str,
    "recv_queue": int, "send_queue": int, "timer_ms": int, "retries": int, "uid": int,
    "inode": int, "namespace": int,
}
NEVER_NULL = {"schema", "stack", "proto", "local", "remote", "state", "timer", "recv_queue",
              "send_queue"}
END = re.compile(r"^(\d+\.\d+\.\d+\.\d+|\[[0-9a-f:.]+\]):(\d+|\*)$")


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.runtime = pathlib.Path(folder.name)
        self.place = self.runtime / "estab"

    def netstat(self, *words, code=0):
        done = run("netstat", *words, environment={"XDG_RUNTIME_DIR": str(self.runtime)})
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def rows(self, *words):
        return [json.loads(line) for line in self.netstat("--json", *words).stdout.splitlines()]


class Kernel(Case):
    """Sockets of this very process, over the kernel's loopback."""

    def setUp(self):
        super().setUp()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=7)
        self.addCleanup(self.listener.close)
        self.port = self.listener.getsockname()[1]
        if not self.mine("-a"):
            self.skipTest("the kernel does not list its sockets here: " +
                          self.netstat("-a").stderr.strip())

    def mine(self, *words):
        return [row for row in self.rows(*words)
                if str(self.port) in (row["local"].split(":")[-1], row["remote"].split(":")[-1])]

    def test_no_stack(self):
        done = self.netstat()
        self.assertIn(NONE, done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1)
        self.assertFalse(self.place.exists())  # looking makes nothing
        self.assertIn(NONE, self.netstat("-s").stderr)

    def test_a_listener_only_when_asked_for(self):
        self.assertEqual(self.mine(), [])
        for option in ("-a", "-l", "-tanp", "-lt"):
            row, = self.mine(option)
            self.assertEqual((row["stack"], row["state"]), ("kernel", "LISTEN"))
            self.assertEqual(row["local"], f"127.0.0.1:{self.port}")
            self.assertEqual(row["remote"], "0.0.0.0:*")
            self.assertEqual((row["recv_queue"], row["send_queue"]), (0, 7))
            self.assertEqual((row["pid"], row["uid"]), (os.getpid(), os.geteuid()))
            self.assertIsNone(row["on"])

    def test_queues(self):
        client = socket.create_connection(("127.0.0.1", self.port))
        self.addCleanup(client.close)
        self.assertEqual(self.mine("-l")[0]["recv_queue"], 1)  # waits for accept
        server, _ = self.listener.accept()
        self.addCleanup(server.close)
        client.sendall(b"x" * 100)
        ours, = [row for row in self.mine() if row["local"].endswith(f":{self.port}")]
        self.assertEqual((ours["state"], ours["recv_queue"]), ("ESTABLISHED", 100))
        self.assertEqual(len(self.mine()), 2)
        self.assertEqual(len(self.mine("-a")), 3)
        self.assertEqual(len(self.mine("-l")), 1)

    def test_the_table(self):
        client = socket.create_connection(("127.0.0.1", self.port))
        self.addCleanup(client.close)
        lines = self.netstat("-anpo").stdout.splitlines()
        head = lines[0]
        self.assertEqual(head.split(), "Proto Recv-Q Send-Q Local Address Foreign Address State "
                                       "Stack PID/Program name Timer".split())
        for line in lines[1:]:
            words = line.split()
            for word, name in ((words[3], "Local"), (words[4], "Foreign"), (words[5], "State"),
                               (words[6], "Stack"), (words[7], "PID/Program")):
                self.assertEqual(line.index(f" {word}") + 1, line.index(f" {word}") + 1)
                self.assertEqual(line[head.index(name):].split()[0], word, line)
        mine = [line for line in lines if f"127.0.0.1:{self.port} " in line]
        self.assertEqual(len(mine), 3)
        self.assertIn(f" {os.getpid()}/python", mine[0])
        self.assertNotIn("PID", self.netstat("-a").stdout)
        self.assertNotIn("Timer", self.netstat("-a").stdout)
        for line in self.netstat("-a").stdout.splitlines():
            self.assertEqual(line, line.rstrip())

    def test_ipv6(self):
        try:
            listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
        except OSError as error:
            self.skipTest(f"no IPv6 here: {error}")
        with listener:
            self.port = listener.getsockname()[1]
            row, = self.mine("-l")
            self.assertEqual(row["proto"], "tcp6")
            self.assertEqual((row["local"], row["remote"]), (f"[::1]:{self.port}", "[::]:*"))

    def test_every_object_is_as_the_schema_says(self):
        client = socket.create_connection(("127.0.0.1", self.port))
        self.addCleanup(client.close)
        rows = self.rows("-a")
        self.assertGreaterEqual(len(rows), 3)
        for row in rows:
            self.assertEqual(row["schema"], "estab.connection/1")
            self.assertLessEqual(set(row), set(KEYS))
            for key, kind in KEYS.items():
                if row.get(key) is not None:
                    self.assertIsInstance(row[key], kind, key)
                else:
                    self.assertNotIn(key, NEVER_NULL)
            self.assertRegex(row["local"], END)
            self.assertRegex(row["remote"], END)


class Directory(Case):
    def assert_refused(self):
        done = self.netstat(code=4)
        self.assertEqual(done.stdout, "")
        self.assertEqual(len(done.stderr.splitlines()), 1)
        self.assertIn("expected a directory of our own with mode 0700", done.stderr)
        self.assertIn(str(self.place), done.stderr)

    def test_that_others_may_enter(self):
        for mode in (0o755, 0o701, 0o770):
            self.place.mkdir(mode=0o700)
            self.place.chmod(mode)
            self.assert_refused()
            self.place.rmdir()

    def test_that_is_none(self):
        self.place.write_text("")
        self.assert_refused()
        self.place.unlink()
        self.place.symlink_to("/tmp")
        self.assert_refused()

    @unittest.skipUnless(os.geteuid() == 0, "only root can give a directory away")
    def test_of_somebody_else(self):
        self.place.mkdir(mode=0o700)
        os.chown(self.place, 65534, 65534)
        self.assert_refused()


class Strangers(Case):
    """A control socket on which something else answers; it is of this user, so it is asked."""

    def setUp(self):
        super().setUp()
        self.place.mkdir(mode=0o700)

    def serve(self, answer, name=f"{os.getpid()}-0"):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self.place / name))
        listener.listen()

        def talk():
            client, _ = listener.accept()
            with client:
                client.recv(100)
                try:
                    client.sendall(answer)
                except OSError:
                    pass  # it has hung up

        thread = threading.Thread(target=talk)
        thread.start()
        self.addCleanup(listener.close)
        self.addCleanup(thread.join)

    def trouble(self, answer):
        self.serve(answer)
        done = self.netstat("-a")
        said = [line for line in done.stderr.splitlines() if f"process {os.getpid()} " in line]
        self.assertEqual(len(said), 1, done.stderr)
        return said[0]

    def test_garbage(self):
        self.assertIn("cannot be read: expected one object of JSON a line",
                      self.trouble(b"\x00\xff\x1b[2J\n" * 100))

    def test_no_end(self):
        self.assertIn("ended while it answered", self.trouble(b""))

    def test_an_endless_line(self):
        self.assertIn("expected a shorter line", self.trouble(b"x" * 10_000_000))

    def test_another_version(self):
        self.assertIn("another version", self.trouble(b'{"schema":"estab.connection/2"}\n'))

    def test_nothing_reaches_the_terminal(self):
        row = {"schema": "estab.connection/1", "stack": "estab", "proto": "tcp",
               "local": "10.11.0.1:1", "remote": "10.11.0.2:2", "state": "ESTABLISHED",
               "timer": "off", "recv_queue": 0, "send_queue": 0, "program": "\033]0;x\007\n"}
        end = {"schema": "estab.end/1", "request": "connections", "count": 1}
        self.serve("".join(json.dumps(one) + "\n" for one in (row, end)).encode())
        out = self.netstat("-p").stdout
        self.assertNotIn("\033", out)
        self.assertIn(f"{os.getpid()}/?]0;x??", out)

    def udp_rows(self, **more):
        """An answer with a TCP listener, a UDP socket without a peer, and one with a peer."""
        common = {"stack": "estab", "recv_queue": 0, "send_queue": 0, "program": "estab test", "on": "kernel"}
        rows = [{**common, "schema": "estab.connection/1", "proto": "tcp", "local": "10.11.0.1:7",
                 "remote": "0.0.0.0:*", "state": "LISTEN", "timer": "off"},
                {**common, "schema": "estab.udp/1", "proto": "udp6", "local": "[::]:67", "remote": "[::]:*",
                 "recv_queue": 196, "waiting": 2, "received": 5, "sent": 0, "dropped": 3},
                {**common, "schema": "estab.udp/1", "proto": "udp", "local": "10.11.0.1:40000",
                 "remote": "10.11.0.2:53", "remote_name": "server", "send_queue": 30, **more}]
        end = {"schema": "estab.end/1", "request": "connections", "count": len(rows)}
        return "".join(json.dumps(row) + "\n" for row in (*rows, end)).encode()

    def ours(self, *words):
        """Without this machine's own."""
        return [row for row in self.rows(*words) if row["on"] == "kernel"]

    def test_udp_sockets(self):
        for option, protos in (("-a", ["tcp", "udp6", "udp"]), ("-n", ["udp"]), ("-l", ["tcp", "udp6"]),
                               ("-u", ["udp"]), ("-ua", ["udp6", "udp"]), ("-ul", ["udp6"]), ("-t", []),
                               ("-tl", ["tcp"]), ("-tua", ["tcp", "udp6", "udp"])):
            name = f"{os.getpid()}-0"
            self.serve(self.udp_rows(), name)
            self.assertEqual([row["proto"] for row in self.ours(option)], protos, option)
            (self.place / name).unlink()

    def test_a_udp_socket_as_an_object(self):
        self.serve(self.udp_rows())
        row, = self.ours("-ul")
        self.assertEqual((row["schema"], row["local"], row["remote"]), ("estab.udp/1", "[::]:67", "[::]:*"))
        self.assertEqual((row["recv_queue"], row["waiting"], row["received"], row["dropped"]), (196, 2, 5, 3))
        self.assertEqual((row["pid"], row["program"]), (os.getpid(), "estab test"))
        self.assertFalse({"state", "timer"} & set(row))

    def test_udp_sockets_in_the_table(self):
        self.serve(self.udp_rows())
        _, one, two = self.netstat("-uapo").stdout.splitlines()
        self.assertEqual(one.split(), ["udp6", "196", "0", ":::67", ":::*", "-", "estab",
                                       f"{os.getpid()}/estab", "test", "off"])
        self.assertEqual(two.split(), ["udp", "0", "30", "10.11.0.1:40000", "server:53", "-", "estab",
                                       f"{os.getpid()}/estab", "test", "off"])

    def test_a_udp_socket_of_tcp(self):
        self.assertIn("expected a stack, estab or kernel, and a protocol, udp or udp6",
                      self.trouble(self.udp_rows(proto="tcp")))

    def test_a_dead_socket_is_removed(self):
        dead = self.place / "999999-0"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(dead))
            listener.listen()
        self.assertTrue(dead.exists())
        self.assertIn(NONE, self.netstat().stderr)
        self.assertFalse(dead.exists())

    def test_what_is_no_socket_of_ours_stays(self):
        others = [self.place / name for name in ("other.sock", "1-2-3", "x1-1", ".wire", "1-0 ")]
        for other in others:
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(str(other))
        file = self.place / "999999-0"
        file.write_text("")
        self.netstat()
        for other in others:
            self.assertTrue(other.exists(), other)


if __name__ == "__main__":
    unittest.main()
