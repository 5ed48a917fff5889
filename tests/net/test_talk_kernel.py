#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""listen and connect with the Linux kernel as the peer: Python sockets, netcat, the built-in one.

Each test runs as who we are; those of Nobody run as nobody, if we may become that.
"""

import json
import os
import pathlib
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import unittest

ESTAB = os.environ.get("ESTAB", "build/estab")
CLIENT = ["CLOSED", "SYN-SENT", "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT"]
SERVER = ["LISTEN", "SYN-RECEIVED", "ESTABLISHED", "CLOSE-WAIT", "LAST-ACK", "CLOSED"]

TUTORIAL_CLIENT = """
import socket, time
s = socket.create_connection(("server", 3333))
s.sendall(b"hello")
time.sleep(0.2)
s.close()
"""
TUTORIAL_SERVER = """
import socket, time
s = socket.create_server(("server", 3333))
c, peer = s.accept()
assert peer[0] == "10.11.0.101", peer
c.sendall(b"welcome")
assert c.recv(100) == b""
time.sleep(0.2)
c.close()
"""
RESETTING_SERVER = """
import socket, struct, time
s = socket.create_server(("server", 3333))
c, peer = s.accept()
time.sleep(0.2)
c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
c.close()
"""
MANY_CLIENTS = """
import socket
for i in range(5):
    open_ones = [socket.create_connection(("server", 3333)) for k in range(20)]
    for k, s in enumerate(open_ones):
        s.sendall(b"%d" % k)
    for s in open_ones:
        s.shutdown(socket.SHUT_WR)
        assert s.recv(10) == b""
        s.close()
"""


def beside_the_kernel(words):
    return words if "--on" in words else [words[0], "--on", "kernel", *words[1:]]


def run(*words, before=(), stdin=subprocess.DEVNULL, **options):
    words = beside_the_kernel(words) if words[0] in ("listen", "connect") else words
    return subprocess.run([*before, ESTAB, *words], capture_output=True, text=True, timeout=60,
                          stdin=stdin, **options)


def forbidden():
    """A sentence, if there can be no kernel peer here."""
    done = run("listen", "--close", "0", "--", "true")
    return done.stderr.strip() if done.returncode == 4 else None


def rows(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


def path(objects, end):
    """The states that one end goes through; its moves follow each other."""
    states = []
    for row in objects:
        if row["schema"] == "estab.state/1":
            state = row["state"] if row["end"] == end and row["remote_port"] else None
        else:
            state = row.get("states", {}).get(end)
        for move in state["moves"] if state else []:
            assert not states or states[-1] == move["from"], (states, row)
            states += [move["to"]] if states else [move["from"], move["to"]]
    return states


class Case(unittest.TestCase):
    before = ()

    def estab(self, *words, code=0, **options):
        done = run(*words, before=self.before, **options)
        self.assertEqual(done.returncode, code, done.stderr + done.stdout)
        return done

    def talk(self, *words, code=0):
        return rows(self.estab(words[0], "--json", *words[1:], code=code))


class Both(Case):
    """What works for everybody."""

    def test_listen_to_python(self):
        seen = self.talk("listen", "--on", "kernel", "3333", "--close", "0.2", "--", "python3",
                         "-c", TUTORIAL_CLIENT)
        self.assertEqual(path(seen, "server"), SERVER)
        self.assertEqual(path(seen, "client"), CLIENT)
        self.assertEqual(seen[-1]["state"]["after"], "LISTEN")
        text = [row for row in seen if row["schema"] == "estab.text/1"]
        self.assertEqual([row["preview"] for row in text], ["hello"])

    def test_listen_to_netcat(self):
        if not shutil.which("nc"):
            self.skipTest("no nc here: apt-get install netcat-openbsd")
        seen = self.talk("listen", "3333", "--close", "0.1", "--", "sh", "-c",
                         "echo hi | nc -N server 3333")
        self.assertEqual(path(seen, "server"), SERVER)

    def test_listen_alone(self):
        done = self.estab("listen", "--close", "0.1")
        self.assertIn("| server: CLOSED -> LISTEN (by passive OPEN", done.stdout)
        self.assertIn("LAST-ACK -> CLOSED (by rcv ACK of FIN", done.stdout)
        self.assertIn("server: LISTEN (ready for the next)", done.stdout.splitlines()[-1])
        self.assertIn('received 6 bytes from 10.11.0.101:', done.stderr)

    def test_listen_to_many(self):
        seen = self.talk("listen", "--close", "0", "--", "python3", "-c", MANY_CLIENTS)
        listening = [row for row in seen if row["schema"] == "estab.state/1" and
                     row["state"]["after"] == "LISTEN" and not row["remote_port"]]
        self.assertEqual(len(listening), 1 + 100)

    def test_connect_to_python(self):
        seen = self.talk("connect", "--on", "kernel", "3333", "--hold", "0.2", "--msl", "0.2",
                         "--", "python3", "-c", TUTORIAL_SERVER)
        self.assertEqual(path(seen, "client"), CLIENT + ["CLOSED"])
        self.assertEqual(path(seen, "server"), SERVER)
        text = [row for row in seen if row["schema"] == "estab.text/1"]
        self.assertEqual([row["preview"] for row in text], ["welcome"])

    def test_connect_over_ipv6(self):
        server = TUTORIAL_SERVER.replace('("server", 3333)', '("server", 3333), family=socket.AF_INET6')
        server = server.replace("10.11.0.101", "fd11::65")
        seen = self.talk("connect", "fd11::1", "3333", "--ip", "fd11::65/64", "--hold", "0.2", "--msl",
                         "0.2", "--", "python3", "-c", server)
        self.assertEqual(path(seen, "client"), CLIENT + ["CLOSED"])
        text = [row for row in seen if row["schema"] == "estab.text/1"]
        self.assertEqual([(row["preview"], row["from"]) for row in text],
                         [("welcome", "[fd11::1]:3333")])

    def test_listen_over_ipv6(self):
        done = self.estab("listen", "--close", "0.1", "--ip", "fd11::7/64")
        self.assertIn("| server: CLOSED -> LISTEN (by passive OPEN", done.stdout)
        self.assertIn("LAST-ACK -> CLOSED (by rcv ACK of FIN", done.stdout)
        self.assertIn("[ICMPv6] who has fd11::7?", done.stdout)
        self.assertIn("received 6 bytes from [fd11::65]:", done.stderr)

    def test_connect_to_netcat(self):
        if not shutil.which("nc"):
            self.skipTest("no nc here: apt-get install netcat-openbsd")
        seen = self.talk("connect", "--hold", "0.2", "--msl", "0.2", "3333", "--", "nc", "-l",
                         "-p", "3333")
        self.assertEqual(path(seen, "client")[:4], CLIENT[:4])
        self.assertEqual(path(seen, "client")[-2:], ["TIME-WAIT", "CLOSED"])

    def test_connect_alone(self):
        done = self.estab("connect", "--hold", "0.2", "--msl", "0.2")
        self.assertIn("client: FIN-WAIT-1 -> FIN-WAIT-2 (by rcv ACK of FIN", done.stdout)
        self.assertIn("client: TIME-WAIT -> CLOSED (by timeout 2MSL", done.stdout.splitlines()[-1])
        self.assertIn("TIME-WAIT lasts 2 MSL, here 0.4 s", done.stderr)

    def test_connect_waits_until_the_program_listens(self):
        start = time.monotonic()
        self.talk("connect", "--hold", "0", "--msl", "0.1", "--", "python3", "-c",
                  "import time; time.sleep(1)\n" + TUTORIAL_SERVER)
        self.assertGreater(time.monotonic() - start, 1)

    def test_a_bad_wire(self):
        seen = self.talk("connect", "--hold", "0.2", "--msl", "0.2", "--seed", "1", "--impair",
                         "delay 10ms", "--rule", "drop 1 fin", "--", "python3", "-c",
                         TUTORIAL_SERVER)
        self.assertEqual(path(seen, "client"), CLIENT + ["CLOSED"])
        fins = [row for row in seen if "FIN" in row.get("flags", []) and row["from"] == "client"]
        self.assertEqual(fins[0]["comment"], "lost")
        self.assertEqual(fins[1]["mark"], "retransmission, probe of the tail")

    def test_refused(self):
        done = self.estab("connect", "3333", "--", "true", code=5)
        self.assertIn("'true' has ended with exit code 0 before anybody listened on port 3333",
                      done.stderr)
        done = self.estab("connect", "client", "3333", code=5)
        self.assertIn("refused the connection", done.stderr)

    def test_reset(self):
        done = self.estab("connect", "--", "python3", "-c", RESETTING_SERVER, code=5)
        self.assertIn("10.11.0.1:3333 reset the connection", done.stderr)
        self.assertIn("client: ESTABLISHED -> CLOSED (by rcv RST", done.stdout)

    def test_nobody_is_there(self):
        done = self.estab("connect", "10.11.0.77", "3333", code=6)
        self.assertIn("nobody answers ARP for 10.11.0.77:3333", done.stderr)

    def test_there_is_no_such_program(self):
        done = self.estab("listen", "--", "no-such-program", code=2)
        self.assertIn("there is no program 'no-such-program'", done.stderr)

    def test_addresses(self):
        seen = self.talk("connect", "--ip", "192.0.2.9/24", "-p", "1234", "--hold", "0", "--msl",
                         "0.1", "--mac", "02:00:00:00:00:65")
        syn = seen[0]
        self.assertEqual((syn["src"], syn["src_port"], syn["dst"]),
                         ("192.0.2.9", 1234, "192.0.2.1"))

    def test_tshark_finds_nothing_wrong(self):
        if not shutil.which("tshark"):
            self.skipTest("no tshark here: apt-get install tshark")
        done = subprocess.run([*self.before, ESTAB, "connect", "--on", "kernel", "--hold", "0", "--msl", "0.1",
                               "-w", "-"], capture_output=True, stdin=subprocess.DEVNULL,
                              timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        words = ["tshark", "-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", "-r",
                 "-", "-Y"]
        bad = "_ws.malformed or tcp.checksum.status == 0 or ip.checksum.status == 0"
        seen = subprocess.run([*words, bad], input=done.stdout, capture_output=True)
        self.assertEqual(seen.stdout, b"")
        seen = subprocess.run([*words, "frame.comment contains \"LAST-ACK\""], input=done.stdout,
                              capture_output=True)
        self.assertNotEqual(seen.stdout, b"")


class Interrupts(Case):
    def start(self, *words):
        return subprocess.Popen([ESTAB, *beside_the_kernel(words)], stdin=subprocess.DEVNULL, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def read_until(self, process, what):
        seen = ""
        for line in process.stdout:
            seen += line
            if what in line:
                return seen
        self.fail(seen)

    def test_ctrl_c_closes(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            process = self.start("connect", "--hold", "never", "--msl", "0.2")
            self.read_until(process, "SYN-SENT -> ESTABLISHED")
            process.send_signal(number)
            out, err = process.communicate(timeout=20)
            self.assertEqual(process.returncode, 130)
            self.assertIn("client: ESTABLISHED -> FIN-WAIT-1 (by CLOSE", out)
            self.assertIn("client: TIME-WAIT -> CLOSED", out)
            self.assertIn("closing with FIN", err)

    def test_a_second_one_resets(self):
        process = self.start("connect", "--hold", "never", "--", "python3", "-c",
                             "import socket, time\n"
                             "s = socket.create_server(('server', 3333))\n"
                             "c, peer = s.accept(); time.sleep(30)")
        self.read_until(process, "SYN-SENT -> ESTABLISHED")
        process.send_signal(signal.SIGINT)
        self.read_until(process, "FIN-WAIT-1 -> FIN-WAIT-2")
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=10)
        self.assertEqual(process.returncode, 130)
        self.assertIn("[RST,ACK]", out)
        self.assertIn("client: FIN-WAIT-2 -> CLOSED (by ABORT", out)

    def test_listen(self):
        process = self.start("listen", "--close", "never", "--msl", "0.2", "--", "python3", "-c",
                             "import socket, time\n"
                             "s = socket.create_connection(('server', 3333))\n"
                             "s.shutdown(socket.SHUT_WR); s.recv(1); time.sleep(30)")
        self.read_until(process, "ESTABLISHED -> CLOSE-WAIT")
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=10)
        self.assertEqual(process.returncode, 130)
        self.assertIn("server: CLOSE-WAIT -> LAST-ACK (by CLOSE", out)
        self.assertIn("server: LAST-ACK -> CLOSED", out)

    def test_listen_without_connections(self):
        process = self.start("listen", "--", "sleep", "30")
        self.read_until(process, "CLOSED -> LISTEN")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=10)
        self.assertEqual(process.returncode, 130)


class Nobody(Both):
    """The same as an ordinary user, whose kernel states are inferred."""

    @classmethod
    def setUpClass(cls):
        global ESTAB
        if os.geteuid() != 0 or not shutil.which("setpriv"):
            raise unittest.SkipTest("needs root and setpriv to become nobody")
        cls.folder = tempfile.TemporaryDirectory()
        os.chmod(cls.folder.name, 0o755)
        cls.estab_of_root = ESTAB
        ESTAB = shutil.copy(ESTAB, cls.folder.name)
        os.chmod(ESTAB, 0o755)
        cls.before = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                      "env", "HOME=/", f"PATH={cls.path()}")
        done = run("listen", "--close", "0", "--", "true", before=cls.before)
        if done.returncode == 4:
            cls.tearDownClass()
            raise unittest.SkipTest(f"nobody may not: {done.stderr.strip()}")

    @classmethod
    def tearDownClass(cls):
        global ESTAB
        ESTAB = cls.estab_of_root
        cls.folder.cleanup()

    @staticmethod
    def path():
        """Without folders that only root may enter."""
        return ":".join(folder for folder in os.environ["PATH"].split(":")
                        if all(pathlib.Path(part).exists() and
                               pathlib.Path(part).stat().st_mode & stat.S_IXOTH
                               for part in [folder, *pathlib.Path(folder).parents]))

    def test_states_are_marked(self):
        done = self.estab("connect", "--hold", "0", "--msl", "0.1")
        self.assertIn("~server: ", done.stdout)
        self.assertNotIn(" server: ", done.stdout)
        self.assertIn("~ marks a state that is inferred", done.stderr)


class Truth(Case):
    """As root the kernel's own trace of its sockets is read."""

    def test_states_are_known(self):
        doctor = run("doctor", "--json")
        oracle = [row for row in map(json.loads, doctor.stdout.splitlines())
                  if row["name"] == "oracle"][0]
        if not oracle["ok"]:
            self.skipTest(f"no trace of the kernel's sockets: {oracle['remedy'] or oracle}")
        for words in (["connect", "--hold", "0.1", "--msl", "0.1"], ["listen", "--close", "0.1"]):
            done = self.estab(*words)
            self.assertNotIn("~", done.stdout)


if __name__ == "__main__":
    REASON = forbidden()
    if REASON:
        print(f"skipped: {REASON}")
        sys.exit(77)
    unittest.main()
