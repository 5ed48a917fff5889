# SPDX-License-Identifier: MIT
"""Wires of a test's own: a private XDG_RUNTIME_DIR, programs that are waited for by what they print,
and an end that leaves nothing behind.

    class Some(_wire.Case):
        def test(self):
            listener = self.start("listen")
            listener.hear("listening on")
"""

import json
import os
import pathlib
import queue
import signal
import subprocess
import tempfile
import threading
import time
import unittest

ESTAB = str(pathlib.Path(os.environ.get("ESTAB", "build/estab")).absolute())
SOURCE = pathlib.Path(__file__).resolve().parents[2]
PATIENCE = 60  # seconds for one thing to happen, on a busy machine


class Process:
    """A program whose lines, of both streams, are kept as they come."""

    def __init__(self, words, environment, **options):
        self.words, self.lines, self.queue = words, [], queue.SimpleQueue()
        self.child = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT, text=True, env=environment,
                                      **options)
        self.pid = self.child.pid
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.child.stdout:
            self.queue.put(line.rstrip("\n"))
        self.queue.put(None)

    def text(self):
        return "\n".join(self.lines)

    def hear(self, *what):
        """The next line that has all of these words; all before it are kept, too."""
        until = time.monotonic() + PATIENCE
        while True:
            try:
                line = self.queue.get(timeout=max(0, until - time.monotonic()))
            except queue.Empty:
                line = None
            if line is None:
                raise AssertionError(f"{self.words} did not say {what}, but:\n{self.text()}")
            self.lines.append(line)
            if all(word in line for word in what):
                return line

    def end(self):
        """Waits for its end; its exit code."""
        code = self.child.wait(PATIENCE)
        while (line := self.queue.get(timeout=PATIENCE)) is not None:
            self.lines.append(line)
        return code

    def signal(self, number=signal.SIGINT):
        self.child.send_signal(number)

    def kill(self):
        self.child.kill()


def running(pid):
    """Whether a process is there, and is no zombie that nobody waits for."""
    try:
        status = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rsplit(")", 1)[1].split()[0] not in "ZX"


def wait_until(holds, what):
    until = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > until:
            raise AssertionError(f"it did not happen: {what}")
        time.sleep(0.01)


def family(runtime):
    """Processes whose environment names this directory: all that a test has begun."""
    wanted = f"XDG_RUNTIME_DIR={runtime}".encode()
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and wanted in (entry / "environ").read_bytes().split(b"\0"):
                found += [int(entry.name)] if running(entry.name) else []
        except OSError:
            continue
    return [pid for pid in found if pid != os.getpid()]


class Case(unittest.TestCase):
    before = ()
    ipv6 = False  # who joins gets an address of IPv6: a test of IPv4 once more
    IPV6 = {"listen": "fd11::1/64", "serve": "fd11::1/64", "connect": "fd11::65/64"}

    def words(self, verb, *words):
        if not self.ipv6 or "--ip" in words or verb not in (*self.IPV6, "host"):
            return (verb, *words)
        address = self.IPV6.get(verb) or f"fd11::{sum(words[0].encode()):x}/64"
        return (verb, "--ip", address, *words)

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.runtime = self.folder.name
        self.environment = {**os.environ, "XDG_RUNTIME_DIR": self.runtime}
        self.environment.pop("ESTAB_TEST", None)
        self.processes = []

    def tearDown(self):
        for process in self.processes:
            if process.child.poll() is None:
                process.kill()
        self.estab("wire", "down", code=None)
        for process in self.processes:
            process.child.wait(PATIENCE)
            process.child.stdin.close()
            process.reader.join(PATIENCE)
            process.child.stdout.close()
        try:
            wait_until(lambda: not family(self.runtime), "everything of a test ends with its wire")
        finally:
            for pid in family(self.runtime):
                os.kill(pid, signal.SIGKILL)
            self.folder.cleanup()

    def place(self, name=""):
        return pathlib.Path(self.runtime, "estab", name)

    def run_words(self, *words, **options):
        return subprocess.run([*self.before, *words], capture_output=True, text=True,
                              timeout=2 * PATIENCE, stdin=subprocess.DEVNULL,
                              env=self.environment, **options)

    def estab(self, *words, code=0):
        """Runs it to its end; code None: any."""
        done = self.run_words(ESTAB, *self.words(*words))
        if code is not None:
            self.assertEqual(done.returncode, code, f"{words}: {done.stderr}{done.stdout}")
        return done

    def start(self, *words):
        self.processes.append(Process([*self.before, ESTAB, *self.words(*words)], self.environment))
        return self.processes[-1]

    def program(self, *words, **options):
        self.processes.append(Process([*self.before, *words], self.environment, **options))
        return self.processes[-1]

    def listen(self, *words):
        listener = self.start("listen", *words)
        listener.hear("CLOSED -> LISTEN")
        self.wait_for_port(words)
        return listener

    def wait_for_port(self, words):
        """The wire knows it a moment after the listener has said it."""
        on = words[words.index("--on"):][:2] if "--on" in words else ()
        wait_until(lambda: any(row.get("ports") for row in self.show(*on)), "a port is known")

    def show(self, *words):
        done = self.estab("wire", "--json", *words)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def stations(self, *words):
        return {row["name"]: row for row in self.show(*words) if row["kind"] == "station"}

    def hub(self):
        """The process of the hub, by whose socket it is."""
        import socket
        import struct
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
            s.connect(str(self.place("lab.wire")))
            return struct.unpack("iII", s.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
