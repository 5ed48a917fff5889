#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Kernel hosts on a wire: programs over the kernel's TCP, against our stacks and each other.

Each test runs as who we are; those of Nobody run as nobody, if we may become that.
"""

import hashlib
import json
import os
import pathlib
import random
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli"))
import _wire
from _wire import PATIENCE, running, wait_until

STACK = str(pathlib.Path(_wire.ESTAB).parent / "peer_stack")
BULK = 50_000_000

CLIENT = """
import socket
s = socket.create_connection(("server", 3333))
s.sendall(b"hello")
s.shutdown(socket.SHUT_WR)
assert s.recv(100) == b""
print("done")
"""
SERVER = """
import socket
s = socket.create_server(("vm", 3333), family=socket.getaddrinfo("vm", 3333)[0][0])
print("ready", flush=True)
c, peer = s.accept()
assert c.recv(100) == b""
c.close()
print("served", peer[0])
"""
DEFERS = """
import socket, time
s = socket.create_server(("vm", 3333), family=socket.getaddrinfo("vm", 3333)[0][0])
s.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 600)
print("ready", flush=True)
s.accept()
"""
ECHO_CLIENT = """
import hashlib, socket, sys, threading
data = open(sys.argv[2], "rb").read()
s = socket.create_connection((sys.argv[1], 7))
threading.Thread(target=lambda: (s.sendall(data), s.shutdown(socket.SHUT_WR))).start()
digest, n = hashlib.sha256(), 0
while piece := s.recv(1 << 16):
    digest.update(piece)
    n += len(piece)
print(n, digest.hexdigest())
"""

# A machine without /etc/hosts: its /etc is a directory in memory with a file and a relative link.
BARE_ETC = """
mount -t tmpfs none /mnt && cp /etc/passwd /etc/ld.so.cache /mnt && ln -s ../proc/self/mounts /mnt/mtab &&
{ mount --move /mnt /etc 2>/dev/null; exec "$@"; }
"""


class Both(_wire.Case):
    """What works for everybody."""

    def host(self, name, *words):
        return self.start("host", name, "--", *words)

    def python(self, name, text, *words):
        return self.host(name, "python3", "-uc", text, *words)

    def test_a_python_client(self):
        listener = self.listen("--close", "0.1")
        client = self.python("vm", CLIENT)
        self.assertEqual(client.end(), 0, client.text())
        self.assertIn("done", client.text())
        listener.hear("server: LAST-ACK -> CLOSED")
        self.assertRegex(listener.text(), r"vm>server +\[SYN\]")
        self.assertIn('received 5 bytes', listener.text())
        self.assertNotIn("~", listener.text()) # the kernel was asked
        for flags, state in (("[SYN]", "vm: CLOSED -> SYN-SENT"),
                             ("[SYN,ACK]", "vm: SYN-SENT -> ESTABLISHED"),
                             ("FIN", "vm: ESTABLISHED -> FIN-WAIT-1"),
                             ("server>vm [FIN,ACK]", "vm: FIN-WAIT-2 -> TIME-WAIT")):
            self.assertRegex(listener.text(), rf"{re.escape(flags)}.*\b{state} ".replace("\\ ", " +"))

    def test_a_python_server(self):
        server = self.python("vm", SERVER)
        server.hear("ready")
        done = self.estab("connect", "vm", "3333", "--hold", "0.1", "--msl", "0.1")
        self.assertIn(" -> TIME-WAIT (by rcv FIN", done.stdout)
        self.assertRegex(done.stdout, r"client>vm \[SYN\].* vm: LISTEN -> SYN-RECEIVED ")
        self.assertRegex(done.stdout, r"client>vm \[ACK\].* vm: SYN-RECEIVED -> ESTABLISHED ")
        self.assertRegex(done.stdout, r"client>vm \[FIN,ACK\].* vm: ESTABLISHED -> CLOSE-WAIT ")
        self.assertRegex(done.stdout, r"vm>client \[FIN,ACK\].* vm: CLOSE-WAIT -> LAST-ACK ")
        self.assertNotIn("~", done.stdout)
        server.hear("served 10.11.0.10")
        self.assertEqual(server.end(), 0, server.text())

    def test_what_no_packet_tells(self):
        """Linux does not take the ACK of a SYN where its user waits for text: it stays in SYN-RECEIVED,
        though all packets of a handshake have passed."""
        server = self.python("vm", DEFERS)
        server.hear("ready")
        client = self.start("connect", "vm", "3333", "--hold", "never")
        line = client.hear("client>vm ", " [ACK] ")
        self.assertRegex(line, r"client: ESTABLISHED  vm: SYN-RECEIVED$")
        rows = map(json.loads, self.estab("netstat", "--json").stdout.splitlines())
        self.assertEqual([row["state"] for row in rows if row["local_name"] == "vm"],
                         ["SYN-RECEIVED"])

    def test_netcat_both_ways(self):
        if not shutil.which("nc"):
            self.skipTest("no nc here: apt-get install netcat-openbsd")
        listener = self.listen("--close", "0.1")
        done = self.estab("host", "vm", "--", "sh", "-c", "echo hi | nc -N server 3333")
        self.assertEqual(done.stdout, "")
        listener.hear("LAST-ACK -> CLOSED")
        self.assertIn('"hi\\n"', listener.text())
        server = self.host("nc", "nc", "-n", "-v", "-l", "-p", "4444")
        server.hear("istening on")
        self.estab("connect", "nc", "4444", "--hold", "0", "--msl", "0.1")
        self.assertEqual(server.end(), 0)

    def test_kernel_to_kernel(self):
        server = self.python("vm", SERVER)
        server.hear("ready")
        self.estab("host", "other", "--", "python3", "-c", "import socket\n"
                   "socket.create_connection(('vm', 3333)).close()")
        server.hear("served 10.11.0.102")

    def test_the_exit_code_is_the_commands(self):
        self.assertEqual(self.estab("host", "vm", "--", "sh", "-c", "exit 7", code=7).stdout, "")
        self.estab("host", "vm", "--", "sh", "-c", "kill -9 $$", code=137)
        done = self.estab("host", "vm", "--", "no-such-program", code=2)
        self.assertIn("there is no program 'no-such-program'", done.stderr)

    def test_a_name_in_use_is_joined(self):
        server = self.python("vm", SERVER)
        server.hear("ready")
        done = self.estab("host", "vm", "--", "cat", "/proc/net/tcp")
        self.assertIn(":0D05 00000000:0000 0A", done.stdout)  # port 3333 in LISTEN
        self.estab("host", "vm", "--", "sh", "-c", "exit 3", code=3)
        done = self.estab("host", "vm", "--ip", "10.11.0.9/24", "--", "true", code=2)
        self.assertIn("host vm exists already, and has its address", done.stderr)

    def test_two_at_once(self):
        """Who comes second joins the first, or follows it; neither hears that the name is in use."""
        for i in range(4):
            first = self.host("twin", "sh", "-c", f"echo first; exit {i}")
            second = self.host("twin", "sh", "-c", "echo second; exit 9")
            self.assertEqual((first.child.wait(PATIENCE), second.child.wait(PATIENCE)), (i, 9))
            first.hear("first")
            second.hear("second")

    def test_it_stays_for_later_ones(self):
        first = self.host("vm", "sh", "-c", "echo started; read line; echo over")
        first.hear("started")
        second = self.host("vm", "sh", "-c", "echo inside; read line; exec cat /proc/net/dev")
        second.hear("inside")
        first.child.stdin.write("\n")
        first.child.stdin.flush()
        first.hear("host vm stays until the other programs on it have ended: 1")
        second.child.stdin.write("\n")
        second.child.stdin.flush()
        second.hear("kernel:")
        self.assertEqual(second.end(), 0)
        self.assertEqual(first.end(), 0)

    def test_names_come_and_go(self):
        host = self.host("vm", "sh", "-c", "echo started; read line")
        host.hear("started")
        listener = self.listen("--name", "late")
        wait_until(lambda: "late" in self.estab("host", "vm", "--", "cat", "/etc/hosts").stdout,
                   "a new name resolves")
        listener.signal()
        listener.end()
        wait_until(lambda: "late" not in self.estab("host", "vm", "--", "cat",
                                                    "/etc/hosts").stdout, "an old name is gone")

    def test_unknown_names_are_unknown(self):
        """Nobody can be asked from in there, so it is no temporary failure."""
        done = self.estab("host", "vm", "--", "python3", "-c",
                          "import socket; socket.gethostbyname('nowhere.test')", code=1)
        self.assertRegex(done.stderr, r"Errno -(2|5)\b")  # EAI_NONAME, EAI_NODATA
        done = self.estab("host", "vm", "--", "grep", "^hosts:", "/etc/nsswitch.conf")
        self.assertEqual(done.stdout, "hosts: files\n")

    def test_names_where_the_machine_has_no_hosts_file(self):
        make = ["unshare", "--mount"] + ["--map-root-user"] * (self.before != () or os.geteuid() != 0)
        bare = [*make, "sh", "-c", BARE_ETC, "sh"]
        if self.run_words(*bare, "test", "!", "-e", "/etc/hosts").returncode:
            self.skipTest("no mount namespace can be made here")
        done = self.run_words(*bare, _wire.ESTAB, "host", "vm", "--", "sh", "-c",
                              "getent hosts vm localhost; grep -c ^root: /etc/passwd;"
                              "grep -q /etc /etc/mtab && echo linked; ls /etc")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("names do not resolve", done.stderr)
        self.assertRegex(done.stdout, r"^10\.11\.0\.101 +vm\n[0-9.:]+ +localhost\n1\nlinked\n"
                                      r"hosts\nld.so.cache\nmtab\nnsswitch.conf\npasswd\n$")

    def test_the_kernels_time_wait_outlives_the_program(self):
        listener = self.listen("--close", "0.3")
        self.estab("host", "vm", "--", "python3", "-c",
                   "import socket; socket.create_connection(('server', 3333)).close()")
        listener.hear("server: LAST-ACK -> CLOSED")
        done = self.estab("host", "vm", "--", "cat", "/proc/net/tcp")
        self.assertIn(":0D05 06 ", done.stdout)  # TIME-WAIT

    def test_a_taken_name_is_refused(self):
        self.listen("--name", "vm")
        done = self.estab("host", "vm", "--", "true", code=2)
        self.assertIn("the name vm is in use on wire lab, by estab listen", done.stderr)

    def test_killed(self):
        """Nothing is left of it, not even what its command has begun."""
        listener = self.listen()
        host = self.host("vm", "python3", "-uc", "import os, socket, time\n"
                         "s = socket.create_connection(('server', 3333))\n"
                         "os.fork() or os.setsid()\n"
                         "os.write(1, b'child %d\\n' % os.getpid())\n"
                         "time.sleep(1000)\n")
        listener.hear("SYN-RECEIVED -> ESTABLISHED")
        inside = [int(host.hear("child").split()[1]) for _ in range(2)]
        host.kill()
        wait_until(lambda: not any(running(pid) for pid in inside), "the programs end")
        listener.hear("vm (estab host, process", "has left the wire")
        wait_until(lambda: not self.place("lab.vm.host").exists(), "its socket is removed")
        self.estab("host", "vm", "--", "true")

    def test_the_hub_is_killed(self):
        host = self.host("vm", "sh", "-c", "echo started; sleep 1000")
        host.hear("started")
        os.kill(self.hub(), signal.SIGKILL)
        self.assertEqual(host.end(), 1)
        self.assertIn("the hub of wire lab has ended", host.text())

    def test_sigterm_is_passed_on(self):
        host = self.host("vm", "sh", "-c", "trap 'echo bye; exit 5' TERM; echo started; "
                         "while :; do read line || sleep 0.05; done")
        host.hear("started")
        host.signal(signal.SIGTERM)
        host.hear("bye")
        self.assertEqual(host.end(), 5)

    def test_where_namespaces_are_forbidden(self):
        script = ("for i in net user; do echo 0 > /proc/sys/user/max_${i}_namespaces; done; "
                  f"exec {_wire.ESTAB} host vm -- true")
        done = self.run_words("unshare", "--user", "--map-root-user", "sh", "-c", script)
        if "unshare" in done.stderr or "Permission denied" in done.stderr:
            self.skipTest(f"the limits cannot be set here: {done.stderr.strip()}")
        self.assertEqual(done.returncode, 4)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertIn("an administrator allows it with: sysctl -w user.max_user_namespaces",
                      done.stderr)
        self.assertEqual(self.stations(), {})

    def bulk(self, name, data):
        path = pathlib.Path(self.runtime, name)
        path.write_bytes(data)
        path.chmod(0o644)
        return str(path)

    def echo_through(self, size):
        data = random.Random(1).randbytes(size)
        stack = self.program(STACK, "wire:lab", "10.11.0.101/24")
        stack.child.stdin.write("listen 7 echo\n")
        stack.child.stdin.flush()
        stack.hear("listening")
        client = self.python("vm", ECHO_CLIENT, "10.11.0.101", self.bulk("data", data))
        self.assertEqual(client.end(), 0, client.text())
        self.assertIn(f"{size} {hashlib.sha256(data).hexdigest()}", client.text())
        stack.child.stdin.write("quit\n")
        stack.child.stdin.flush()
        stack.end()

    def test_fifty_megabytes(self):
        if not os.path.exists(STACK):
            self.skipTest("peer_stack is not built")
        self.estab("wire", "set", "delay", "1ms", "loss", "0.1%", "duplicate", "0.1%", "reorder",
                   "0.1%", "3ms", "corrupt", "0.05%")
        self.echo_through(BULK)
        wire = self.show()[0]
        for what in "lost", "duplicated", "held", "corrupted":
            self.assertGreater(wire[what], 10, what)


class OverIpv6(_wire.Case):
    """The same with an address of IPv6 for each."""
    ipv6 = True
    host, python = Both.host, Both.python
    test_a_python_client = Both.test_a_python_client
    test_what_no_packet_tells = Both.test_what_no_packet_tells

    def test_kernel_to_kernel(self):
        server = self.python("vm", SERVER)
        server.hear("ready")
        self.estab("host", "other", "--", "python3", "-c", "import socket\n"
                   "socket.create_connection(('vm', 3333)).close()")
        server.hear("served fd11::")


class Nobody(Both):
    """The same as an ordinary user."""

    test_fifty_megabytes = None

    @classmethod
    def setUpClass(cls):
        if os.geteuid() != 0 or not shutil.which("setpriv"):
            raise unittest.SkipTest("needs root and setpriv to become nobody")
        cls.binaries = tempfile.TemporaryDirectory()
        os.chmod(cls.binaries.name, 0o755)
        cls.estab_of_root = _wire.ESTAB
        _wire.ESTAB = shutil.copy(_wire.ESTAB, cls.binaries.name)
        os.chmod(_wire.ESTAB, 0o755)
        cls.before = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "env",
                      "HOME=/", f"PATH={cls.path()}")

    def setUp(self):
        super().setUp()
        os.chown(self.runtime, 65534, 65534)
        done = self.estab("host", "vm", "--", "true", code=None)
        if done.returncode == 4:
            self.skipTest(f"nobody may not: {done.stderr.strip()}")

    def test_the_wire_is_found_from_inside(self):
        """The directory in the temporary one is the same where we are root of a namespace."""
        self.estab("wire", "down")
        kept = self.environment.copy()
        self.environment["TMPDIR"] = self.environment.pop("XDG_RUNTIME_DIR")
        done = self.estab("host", "vm", "--", _wire.ESTAB, "wire", "show", code=None)
        self.estab("wire", "down", code=None)
        self.environment = kept
        self.assertIn("wire lab, ", done.stdout)
        self.assertIn("estab host, process", done.stdout)
        self.assertEqual([path.name for path in pathlib.Path(self.runtime).glob("estab-*")],
                         ["estab-65534"])

    @classmethod
    def tearDownClass(cls):
        _wire.ESTAB = cls.estab_of_root
        cls.binaries.cleanup()

    @staticmethod
    def path():
        """Without folders that only root may enter."""
        return ":".join(folder for folder in os.environ["PATH"].split(":")
                        if all(pathlib.Path(part).exists() and
                               pathlib.Path(part).stat().st_mode & stat.S_IXOTH
                               for part in [folder, *pathlib.Path(folder).parents]))


def forbidden():
    """A sentence, if there can be no kernel host here."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "XDG_RUNTIME_DIR": folder}
        words = [_wire.ESTAB, "host", "vm", "--", "true"]
        done = subprocess.run(words, env=environment, capture_output=True, text=True)
        subprocess.run([_wire.ESTAB, "wire", "down"], env=environment, capture_output=True)
        return done.stderr.strip() if done.returncode == 4 else None


if __name__ == "__main__":
    REASON = forbidden()
    if REASON:
        print(f"skipped: {REASON}")
        sys.exit(77)
    unittest.main()
