#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""netstat beside real stacks: listen and connect in other processes, with the Linux kernel at the
other end of their wire. As who we are, and as nobody.

A test waits for what it wants to see, as a user would by asking again; nothing is timed.
"""

import json
import os
import pathlib
import re
import shutil
import signal
import stat
import subprocess
import tempfile
import time
import unittest

ESTAB = os.environ.get("ESTAB", "build/estab")
PATIENCE = 60
NONE = "no stack of ours runs here"

HALF_CLOSING_SERVER = """
import socket, time
s = socket.create_server(("server", 3333))
c, peer = s.accept()
c.recv(1)
time.sleep(60)
"""


def setUpModule():
    done = subprocess.run([ESTAB, "listen", "--on", "kernel", "--close", "0", "--", "true"],
                          capture_output=True, text=True, timeout=60)
    if done.returncode == 4:
        raise unittest.SkipTest(done.stderr.strip())


def counters_of_the_api():
    """The members of struct estab_counters, all of which are shown."""
    header = (pathlib.Path(__file__).parents[2] / "include/estab.h").read_text()
    body = re.search(r"struct estab_counters \{(.*?)\n\};", header, re.DOTALL)[1]
    body = re.sub(r"/\*.*?\*/", "", body, flags=re.DOTALL)
    return {name for names in re.findall(r"uint\d+_t ([^;]+);", body)
            for name in re.split(r",\s*", names.strip())} - {"size"}


class Case(unittest.TestCase):
    before = ()
    estab = ESTAB

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.runtime = pathlib.Path(folder.name)
        self.place = self.runtime / "estab"
        self.environment = {**os.environ, "XDG_RUNTIME_DIR": folder.name}
        self.own(self.runtime)

    def own(self, path):
        pass

    def start(self, *words):
        process = subprocess.Popen([*self.before, self.estab, *words], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                   env=self.environment)
        self.addCleanup(self.finish, process)
        return process

    def finish(self, process):
        if process.poll() is None:
            process.kill()
        process.communicate()

    def netstat(self, *words, code=0):
        done = subprocess.run([*self.before, self.estab, "netstat", *words], capture_output=True,
                              text=True, timeout=PATIENCE, env=self.environment)
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def rows(self, *words):
        """What has to do with our wires; this machine's own sockets are not ours to judge."""
        found = [json.loads(line) for line in self.netstat("--json", *words).stdout.splitlines()]
        return [row for row in found if row["on"]]

    def await_rows(self, wanted, *words):
        """Asks until each (stack, state) of `wanted` is there; those rows, in that order."""
        until = time.monotonic() + PATIENCE
        while True:
            rows = self.rows(*words)
            picked = [next((row for row in rows if (row["stack"], row["state"]) == one), None)
                      for one in wanted]
            if all(picked):
                return picked
            self.assertLess(time.monotonic(), until, rows)

    def await_text(self, process, part):
        for line in process.stdout:
            if part in line:
                return line
        self.fail(f"no {part}")


class Both(Case):
    """What works for everybody."""

    def test_a_listener(self):
        process = self.start("listen", "--on", "kernel", "3333", "--", "sleep", "60")
        row, = self.await_rows([("estab", "LISTEN")], "-a")
        self.assertEqual(row["pid"], process.pid)
        self.assertEqual(row["program"], "estab listen")
        self.assertEqual(row["on"], "kernel")
        self.assertEqual((row["local"], row["local_name"]), ("[::]:3333", "server"))
        self.assertEqual((row["remote"], row["remote_name"]), ("[::]:*", None))
        self.assertEqual(row["proto"], "tcp6")  # it takes both
        table = self.netstat("-ln").stdout.splitlines()[-1].split()
        self.assertEqual((table[0], table[3], table[4]), ("tcp6", ":::3333", ":::*"))
        self.assertEqual((row["recv_queue"], row["send_queue"]), (0, 1024))
        self.assertEqual(self.rows(), [])
        self.assertEqual([row["state"] for row in self.rows("-l")], ["LISTEN"])
        self.assertEqual(self.netstat("-a").stderr, "")

    def test_a_connection_through_its_states(self):
        process = self.start("connect", "--on", "kernel", "--hold", "never", "--msl", "60")
        ours, theirs = self.await_rows([("estab", "ESTABLISHED"), ("kernel", "ESTABLISHED")])
        for _ in range(200): # it has one once it was accepted
            if "inode" in theirs:
                break
            ours, theirs = self.await_rows([("estab", "ESTABLISHED"), ("kernel", "ESTABLISHED")])
        self.assertEqual(ours["local"], theirs["remote"])
        self.assertEqual(ours["remote"], theirs["local"])
        self.assertEqual((ours["local_name"], ours["remote_name"]), ("client", "server"))
        self.assertEqual((theirs["local_name"], theirs["remote_name"]), ("server", "client"))
        self.assertEqual((ours["pid"], ours["program"]), (process.pid, "estab connect"))
        self.assertEqual((ours["timer"], theirs["timer"]), ("off", "off"))
        self.assertEqual(ours["snd_una"], (ours["iss"] + 1) % 2**32)
        self.assertGreater(ours["memory"], 300)
        self.assertIsInstance(theirs["inode"], int)
        process.send_signal(signal.SIGINT)
        ours, = self.await_rows([("estab", "TIME-WAIT")])
        self.assertEqual(ours["timer"], "2MSL")
        self.assertLessEqual(ours["timer_ms"], 120_000)
        self.assertGreater(ours["timer_ms"], 60_000)
        self.assertLessEqual(ours["memory"], 80)  # a record
        self.assertEqual([row for row in self.rows() if row["stack"] == "kernel"], [])

    def test_fin_wait_2_here_and_close_wait_there(self):
        self.start("connect", "--on", "kernel", "--hold", "0", "--", "python3", "-c", HALF_CLOSING_SERVER)
        ours, theirs = self.await_rows([("estab", "FIN-WAIT-2"), ("kernel", "CLOSE-WAIT")], "-p")
        self.assertEqual(theirs["program"], "python3")
        self.assertIsInstance(theirs["pid"], int)

    def test_close_wait_here_and_fin_wait_2_there(self):
        self.start("listen", "--on", "kernel", "--close", "never", "--", "python3", "-c",
                   "import socket, time\n"
                   "s = socket.create_connection(('server', 3333))\n"
                   "s.shutdown(socket.SHUT_WR); time.sleep(60)")
        ours, theirs = self.await_rows([("estab", "CLOSE-WAIT"), ("kernel", "FIN-WAIT-2")])
        self.assertEqual(ours["local_name"], "server")

    def test_syn_sent_here(self):
        self.start("connect", "--on", "kernel", "--rule", "drop every syn")
        until = time.monotonic() + PATIENCE
        while True:  # before the SYN leaves, ARP may be on its way, and no timer runs
            ours, = self.await_rows([("estab", "SYN-SENT")])
            if ours["timer"] == "retransmission" and ours["retries"]:
                break
            self.assertLess(time.monotonic(), until, ours)
        self.assertEqual(ours["remote"], "10.11.0.1:3333")

    def test_syn_sent_here_and_syn_received_there(self):
        self.start("connect", "--on", "kernel", "--rule", "drop every syn ack")
        self.await_rows([("estab", "SYN-SENT"), ("kernel", "SYN-RECEIVED")])

    def test_syn_received_here_and_syn_sent_there(self):
        self.start("listen", "--on", "kernel", "--rule", "drop every syn ack")
        ours, theirs = self.await_rows([("estab", "SYN-RECEIVED"), ("kernel", "SYN-SENT")])
        self.assertEqual(ours["local"], "10.11.0.1:3333")
        self.assertEqual(ours["remote"], theirs["local"])
        listener, = [row for row in self.rows("-l") if row["stack"] == "estab"]
        self.assertEqual(listener["recv_queue"], 1)

    def test_a_slow_wire(self):
        """Two seconds each way, ARP included: connect is patient, and SYN-SENT is there to see."""
        process = self.start("connect", "--on", "kernel", "--impair", "delay 2s", "--hold", "never")
        self.await_rows([("estab", "SYN-SENT")])
        self.await_rows([("estab", "ESTABLISHED"), ("kernel", "ESTABLISHED")])
        self.assertIsNone(process.poll())

    def test_two_stacks(self):
        """Both wires have the same addresses and names; each row says whose it is."""
        one = self.start("connect", "--on", "kernel", "--hold", "never")
        two = self.start("connect", "--on", "kernel", "--hold", "never")
        until = time.monotonic() + PATIENCE
        while True:
            rows = [row for row in self.rows() if row["state"] == "ESTABLISHED"]
            if len(rows) == 4:
                break
            self.assertLess(time.monotonic(), until, rows)
        self.assertEqual({row["pid"] for row in rows if row["stack"] == "estab"},
                         {one.pid, two.pid})
        spaces = {row["namespace"] for row in rows if row["stack"] == "kernel"}
        self.assertEqual(len(spaces), 2)

    def test_the_table(self):
        process = self.start("connect", "--on", "kernel", "--hold", "never")
        self.await_rows([("estab", "ESTABLISHED"), ("kernel", "ESTABLISHED")])
        named = self.netstat().stdout
        self.assertRegex(named, r"(?m)^tcp +0 +0 client:\d+ +server:3333 +ESTABLISHED estab$")
        self.assertRegex(named, r"(?m)^tcp +0 +0 server:3333 +client:\d+ +ESTABLISHED kernel$")
        numeric = self.netstat("-tanpo").stdout
        self.assertRegex(numeric, r"(?m)^tcp +0 +0 10\.11\.0\.101:\d+ +10\.11\.0\.1:3333 +"
                                  rf"ESTABLISHED estab +{process.pid}/estab connect +off$")
        self.assertRegex(numeric, r"(?m)^tcp +[01] +\d+ 10\.11\.0\.1:3333 +0\.0\.0\.0:\* +LISTEN "
                                  r"+kernel +\d+/\S+ +off$")

    def test_statistics(self):
        process = self.start("connect", "--on", "kernel", "--hold", "never")
        self.await_rows([("estab", "ESTABLISHED")])
        text = self.netstat("-s").stdout
        self.assertIn(f"estab connect, process {process.pid}, client on kernel\n", text)
        self.assertRegex(text, r" 2 segments out\n")
        self.assertRegex(text, r" 1 of [1-9]\d* connections\n")
        objects = [json.loads(line) for line in self.netstat("-s", "--json").stdout.splitlines()]
        self.assertEqual([one["schema"] for one in objects[:2]],
                         ["estab.stack/1", "estab.counters/1"])
        self.assertEqual(objects[0]["names"], [{"address": "10.11.0.101", "name": "client"},
                                               {"address": "10.11.0.1", "name": "server"}])
        self.assertEqual(objects[1]["segments_in"], 1)
        counters = counters_of_the_api()
        self.assertEqual(set(objects[1]) - {"schema", "pid"}, counters)
        for total in (name for name in counters if name.endswith("_total")):
            used = total.replace("_total", "_used") if total == "chunks_total" else total[:-len("_total")]
            words = re.search(rf"(?m)^ +(\d+) of {objects[1][total]} {used.replace('_', ' ')}$", text)
            self.assertTrue(words, f"{used} and {total} are not in {text}")
            self.assertLessEqual(int(words[1]), objects[1][total])

    def test_a_reason(self):
        """A port on which nobody listens: the reset has its reason."""
        self.start("listen", "--on", "kernel", "3333", "--", "python3", "-c",
                   "import socket, time\n"
                   "s = socket.socket()\n"
                   "assert s.connect_ex(('server', 4444))\n"
                   "time.sleep(60)")
        until = time.monotonic() + PATIENCE
        while "RFC 9293 3.10.7.1" not in self.netstat("-s").stdout:
            self.assertLess(time.monotonic(), until, self.netstat("-s").stdout)

    def test_from_inside_the_namespace(self):
        """Its kernel is then listed twice, and shown once."""
        process = self.start("listen", "--on", "kernel", "--", "sh", "-c",
                             f"'{self.estab}' netstat -a --json")
        out, _ = process.communicate(timeout=PATIENCE)
        rows = [json.loads(line) for line in out.splitlines() if line.startswith('{"schema":"estab.c')]
        listeners = [row for row in rows if row["stack"] == "estab"]
        self.assertEqual([(row["state"], row["pid"]) for row in listeners],
                         [("LISTEN", process.pid)], out)
        kernels = [(row["local"], row["remote"], row["state"]) for row in rows
                   if row["stack"] == "kernel"]
        self.assertEqual(len(kernels), len(set(kernels)), out)

    def test_killed(self):
        process = self.start("listen", "--on", "kernel", "--", "sleep", "60")
        self.await_rows([("estab", "LISTEN")], "-a")
        process.kill()
        process.wait()
        left = [path.name for path in self.place.iterdir()]
        self.assertEqual(left, [f"{process.pid}-0"])
        self.assertIn(NONE, self.netstat().stderr)
        self.assertEqual(list(self.place.iterdir()), [])

    def test_the_next_stack_removes_what_the_dead_left(self):
        process = self.start("listen", "--on", "kernel", "--", "sleep", "60")
        self.await_rows([("estab", "LISTEN")], "-a")
        process.kill()
        process.wait()
        second = self.start("listen", "--on", "kernel", "--", "sleep", "60")
        until = time.monotonic() + PATIENCE
        while [path.name for path in self.place.iterdir()] != [f"{second.pid}-0"]:
            self.assertLess(time.monotonic(), until)
        second.send_signal(signal.SIGINT)
        second.communicate(timeout=PATIENCE)
        self.assertEqual(list(self.place.iterdir()), [])

    def test_a_stopped_stack(self):
        stopped = self.start("listen", "--on", "kernel", "--", "sleep", "60")
        self.await_rows([("estab", "LISTEN")], "-a")
        running = self.start("connect", "--on", "kernel", "--hold", "never")
        self.await_rows([("estab", "ESTABLISHED")])
        os.kill(stopped.pid, signal.SIGSTOP)
        try:
            done = self.netstat("-p")
        finally:
            os.kill(stopped.pid, signal.SIGCONT)
        self.assertIn(f"process {stopped.pid} does not answer: is it stopped?", done.stderr)
        self.assertIn(f"{running.pid}/estab connect", done.stdout)
        self.await_rows([("estab", "LISTEN"), ("estab", "ESTABLISHED")], "-a")

    def test_examples_of_the_help(self):
        self.start("connect", "--on", "kernel", "--hold", "never")
        self.await_rows([("estab", "ESTABLISHED")])
        text = self.netstat("--help").stdout
        examples = re.findall(r"(?m)^  estab (netstat.*)$", text)
        self.assertGreaterEqual(len(examples), 5)
        for example in examples:
            done = self.netstat(*example.split()[1:])
            self.assertEqual(done.stderr, "", example)
            self.assertTrue(done.stdout, example)

    def test_an_unsafe_directory(self):
        """The stack goes on, and says who will not see it."""
        self.place.mkdir(mode=0o755)
        self.own(self.place)
        process = self.start("connect", "--on", "kernel", "--hold", "0", "--msl", "0.1")
        out, _ = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 0, out)
        self.assertIn("netstat will not show this stack: ", out)
        self.assertIn("expected a directory of our own with mode 0700", out)
        self.netstat(code=4)


class Nobody(Both):
    """The same as an ordinary user."""

    @classmethod
    def setUpClass(cls):
        if os.geteuid() != 0 or not shutil.which("setpriv"):
            raise unittest.SkipTest("needs root and setpriv to become nobody")
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        os.chmod(cls.folder.name, 0o755)
        cls.estab = shutil.copy(ESTAB, cls.folder.name)
        os.chmod(cls.estab, 0o755)
        cls.before = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                      "env", "HOME=/", f"PATH={cls.path()}")
        done = subprocess.run([*cls.before, cls.estab, "listen", "--on", "kernel", "--close", "0",
                               "--", "true"], capture_output=True, text=True, timeout=60)
        if done.returncode == 4:
            raise unittest.SkipTest(f"nobody may not: {done.stderr.strip()}")

    @staticmethod
    def path():
        """Without folders that only root may enter."""
        return ":".join(folder for folder in os.environ["PATH"].split(":")
                        if all(pathlib.Path(part).exists() and
                               pathlib.Path(part).stat().st_mode & stat.S_IXOTH
                               for part in [folder, *pathlib.Path(folder).parents]))

    def own(self, path):
        os.chown(path, 65534, 65534)

    def test_without_a_runtime_directory(self):
        """The directory in the temporary one is the same inside a namespace, where we are root."""
        self.environment.pop("XDG_RUNTIME_DIR")
        self.environment["TMPDIR"] = str(self.runtime)
        process = self.start("listen", "--on", "kernel", "--", "sh", "-c",
                             f"'{self.estab}' netstat -l --json")
        out, _ = process.communicate(timeout=PATIENCE)
        self.assertIn('"state":"LISTEN","pid":', out)
        self.assertIn('"program":"estab listen"', out)
        self.assertTrue((self.runtime / "estab-65534").is_dir())


if __name__ == "__main__":
    unittest.main()
