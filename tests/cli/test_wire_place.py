#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The directory of sockets, which verbs on a wire and netstat choose, judge and tidy alike; and hubs
and locks of processes that are stopped.
"""

import fcntl
import os
import pathlib
import signal
import socket
import time
import unittest

import _wire

BOTH = ("wire", "set", "delay", "1ms"), ("netstat",)
BOTH_READ = ("wire", "show"), ("netstat",)


class Chosen(_wire.Case):
    """Where XDG_RUNTIME_DIR is of no use, the temporary directory is used by both."""

    def tearDown(self):
        self.estab("wire", "down", code=None)
        self.environment["XDG_RUNTIME_DIR"] = self.runtime
        super().tearDown()

    def assert_in_temporary(self, useless):
        self.environment.update(XDG_RUNTIME_DIR=useless, TMPDIR=self.runtime)
        listener = self.start("listen")
        listener.hear("CLOSED -> LISTEN")
        self.assertIn("server:3333", self.estab("netstat", "-l").stdout)
        self.assertIn("wire lab", self.estab("wire", "show").stdout)
        self.assertEqual(sorted(path.name for path in pathlib.Path(
            self.runtime, f"estab-{os.geteuid()}").iterdir()),
            [f"{listener.pid}-0", "lab.wire", "lock"])
        self.estab("wire", "down")
        self.assertEqual(listener.end(), 1)

    def test_that_does_not_exist(self):
        self.assert_in_temporary("/nonexistent")

    @unittest.skipUnless(os.geteuid() == 0, "only root can give a directory away")
    def test_of_another_user(self):
        other = pathlib.Path(self.runtime, "other")
        other.mkdir(mode=0o700)
        os.chown(other, 65534, 65534)
        self.assert_in_temporary(str(other))
        self.assertEqual(list(other.iterdir()), [])

    def test_a_path_longer_than_a_sockets(self):
        deep = pathlib.Path(self.runtime, "a" * 100, "b" * 100)
        deep.mkdir(parents=True)
        self.environment["XDG_RUNTIME_DIR"] = str(deep)
        listener = self.start("listen")
        listener.hear("CLOSED -> LISTEN")
        self.assertIn("server:3333", self.estab("netstat", "-l").stdout)
        self.assertTrue((deep / "estab" / f"{listener.pid}-0").is_socket())
        self.estab("wire", "down")
        self.assertEqual(listener.end(), 1)


class Refused(_wire.Case):
    """With exit 4 and one sentence, the same by all."""

    def assert_refused(self):
        said = set()
        for words in (*BOTH, *BOTH_READ, ("listen",), ("host", "vm", "--", "true")):
            done = self.estab(*words, code=4)
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
            said.add(done.stderr.split(str(self.place()))[1])
        self.assertEqual(len(said), 1, said)
        self.assertIn("is not safe: expected a directory of our own with mode 0700", said.pop())

    def test_a_symbolic_link(self):
        elsewhere = pathlib.Path(self.runtime, "elsewhere")
        elsewhere.mkdir(mode=0o700)
        self.place().symlink_to(elsewhere)
        self.assert_refused()
        self.assertEqual(list(elsewhere.iterdir()), [])
        self.place().unlink()

    def test_a_file(self):
        self.place().write_text("")
        self.assert_refused()
        self.place().unlink()

    def test_that_others_may_enter(self):
        self.place().mkdir(mode=0o700)
        self.place().chmod(0o750)
        self.assert_refused()
        self.place().rmdir()

    def test_reading_makes_none(self):
        self.assertIn("there is no wire lab", self.estab("wire", "show").stderr)
        self.estab("netstat")
        self.assertFalse(self.place().exists())


class Dead(_wire.Case):
    """What kill -9 leaves is removed by the next verb that opens the directory."""

    def leave(self, name, kind=socket.SOCK_SEQPACKET):
        """A socket that nobody listens on."""
        with socket.socket(socket.AF_UNIX, kind) as s:
            s.bind(str(self.place(name)))
            s.listen()

    def names(self):
        return sorted(path.name for path in self.place().iterdir() if path.name != "lock")

    def test_by_every_verb(self):
        self.place().mkdir(mode=0o700)
        self.place("notes").write_text("")
        for words, stays in ((("wire", "show"), []), (("netstat",), []),
                             (("wire", "set", "none"), ["lab.wire"]),
                             (("wire", "down"), [])):
            self.leave("h.NAME.host")
            self.leave("old.wire")
            self.leave("999999999-0", socket.SOCK_STREAM)
            self.leave(".999999999-1", socket.SOCK_STREAM)
            self.estab(*words)
            if words == ("wire", "down"):
                _wire.wait_until(lambda: not self.place("lab.wire").exists(), "the hub ends")
            self.assertEqual(self.names(), [*stays, "notes"], words)

    def test_a_listener_that_was_killed(self):
        listener = self.listen()
        self.assertTrue(self.place(f"{listener.pid}-0").is_socket())
        listener.kill()
        listener.child.wait()
        self.estab("wire", "show")
        self.assertEqual(self.names(), ["lab.wire"])


class Stopped(_wire.Case):
    """A process that is stopped answers nobody, and keeps nobody from other wires."""

    def stop_hub(self):
        self.estab("wire", "set", "none")
        hub = self.hub()
        os.kill(hub, signal.SIGSTOP)
        self.addCleanup(lambda: _wire.running(hub) and os.kill(hub, signal.SIGKILL))
        return hub

    def tearDown(self):
        for pid in _wire.family(self.runtime):
            os.kill(pid, signal.SIGKILL)
        super().tearDown()

    def fill_backlog(self):
        while True:
            s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
            self.addCleanup(s.close)
            try:
                s.connect(str(self.place("lab.wire")))
            except BlockingIOError:
                return

    def test_how_to_end_it(self):
        hub = self.stop_hub()
        began = time.monotonic()
        done = self.estab("wire", "show", code=1)
        self.assertGreater(time.monotonic() - began, 4)
        self.assertIn(f"process {hub}, does not answer; to end it: kill -9 {hub}\n", done.stderr)
        done = self.estab("wire", "down")
        self.assertIn("its process was ended", done.stderr)
        _wire.wait_until(lambda: not _wire.running(hub), "the hub ends, though it is stopped")
        self.assertIn("there is no wire lab", self.estab("wire", "show").stderr)
        self.assertFalse(self.place("lab.wire").exists())

    def test_others_do_not_wait_for_it(self):
        hub = self.stop_hub()
        self.fill_backlog()
        self.estab("wire", "set", "none", "--on", "wire:other")
        self.assertIn("wire other", self.estab("wire", "show", "--on", "wire:other").stdout)
        self.estab("netstat")
        self.assertTrue(self.place("lab.wire").exists())
        done = self.estab("wire", "show", code=1)
        self.assertIn(f"the hub of wire lab, process {hub}, does not answer, and too many wait for it "
                      f"already: is it stopped? To end it: kill -9 {hub}", done.stderr)
        self.estab("wire", "down", "--on", "wire:other")
        self.assertIn("its process was ended", self.estab("wire", "down").stderr)
        _wire.wait_until(lambda: not _wire.running(hub), "the hub ends, though nobody could ask it")

    def test_a_sweep_fills_no_backlog(self):
        self.stop_hub()
        for _ in range(140):  # more than there is room for
            self.estab("netstat")
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK) as s:
            s.connect(str(self.place("lab.wire")))

    def test_a_lock_that_is_held(self):
        self.place().mkdir(mode=0o700)
        with open(self.place("lock"), "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            done = self.estab("wire", "set", "none", code=1)
            self.assertIn("another estab command holds the lock of wire lab", done.stderr)
            self.assertNotIn("Resource temporarily", done.stderr)
            began = time.monotonic()
            self.estab("wire", "show")
            self.estab("netstat")
            self.assertLess(time.monotonic() - began, 9, "who only reads needs no lock")
        self.estab("wire", "set", "none")


if __name__ == "__main__":
    unittest.main()
