#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every example of the help, of README.md and of docs/ is run as it is typed, each with wires,
files and temporary folders of its own; _examples.py finds them, _example_rows.py tells how each
is run.

    tests/net/test_examples.py [WORDS]      only those that contain these words
"""

import concurrent.futures
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli"))
import _examples
import _peer
import _wire
from _example_rows import ELSEWHERE, HANDSHAKE, ROWS
from _wire import ESTAB, PATIENCE, SOURCE, Process, family, wait_until

AT_ONCE = 4

CLIENT = """import socket
s = socket.create_connection(("server", 3333))
s.close()
print("the client is done")
"""
SCENES = {
    "lo": "ip link set lo up",
    "eth0": "ip link add kernel type veth peer name eth0 && ip link set eth0 up && "
            "ip link set kernel up && ip address add 192.0.2.1/24 dev kernel",
    "tap": "test -w /dev/net/tun",
}


class Place:
    """Where one example is typed: a folder, an environment, and perhaps a namespace."""

    def __init__(self, scene):
        self.folder = tempfile.TemporaryDirectory(prefix="estab-example-")
        self.path = pathlib.Path(self.folder.name)
        for name in "bin", "run", "tmp", ".zfunc":
            (self.path / name).mkdir(mode=0o700)
        (self.path / "bin/estab").symlink_to(ESTAB)
        (self.path / "bin/sudo").write_text('#!/bin/sh\nexec "$@"\n')  # a namespace's root already
        (self.path / "bin/sudo").chmod(0o755)
        (self.path / "client.py").write_text(CLIENT)
        (self.path / "handshake.craft").write_text(HANDSHAKE)
        (self.path / "build").symlink_to(pathlib.Path(ESTAB).parent)
        for name in "include", "examples", "tests":
            (self.path / name).symlink_to(SOURCE / name)
        self.environment = {
            **os.environ, "HOME": str(self.path), "XDG_RUNTIME_DIR": str(self.path / "run"),
            "TMPDIR": str(self.path / "tmp"), "SHELL": "/bin/sh", "MANPAGER": "cat",
            "PATH": f"{self.path / 'bin'}:{os.environ['PATH']}:/usr/sbin:/sbin"}
        self.processes, self.inside = [], ()
        if scene:
            self.enter(scene)

    def enter(self, scene):
        """A process that holds the namespace, which all others join."""
        user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        holder = self.start([_peer.find("unshare"), *user, "--net", "sh", "-c",
                             f"{SCENES[scene]} && echo ready && read end || echo not here"])
        if "not" in holder.hear("re"):
            raise _peer.LeftOut(f"the scene {scene} cannot be made here")
        also = ["--user", "--preserve-credentials"] if user else []
        self.inside = (_peer.find("nsenter"), "-t", str(holder.pid), *also, "--net")

    def start(self, words):
        self.processes.append(Process(words, self.environment, cwd=self.path))
        return self.processes[-1]

    def type(self, line, shell="bash"):
        return self.start([*self.inside, shell, "-c", line])

    def done(self, line):
        """It runs to its end, which is a good one; what it said."""
        process = self.type(line)
        process.child.stdin.close()
        code = process.end()
        _peer.check(code == 0, f"`{line}` ended with {code}: {process.text()}")
        return process.text()

    def leave(self):
        """Nothing of it stays."""
        for process in self.processes:
            if process.child.poll() is None:
                process.kill()
        subprocess.run([ESTAB, "wire", "down"], env=self.environment, capture_output=True)
        runtime = self.environment["XDG_RUNTIME_DIR"]
        try:
            for process in self.processes:
                process.child.wait(PATIENCE)
            wait_until(lambda: not family(runtime), "everything of an example ends with its wire")
        finally:
            for pid in family(runtime):
                os.kill(pid, signal.SIGKILL)
            self.folder.cleanup()


def as_run(row):
    """The line of the page, with what is put in and behind."""
    line = row.command.removesuffix(" &")
    for name, value in row.puts:
        line = line.replace(name, value)
    if row.adds:
        verb = line.index("estab ") + len("estab ")
        verb = line.find(" ", verb) if " " in line[verb:] else len(line)
        line = f"{line[:verb]} {row.adds}{line[verb:]}"
    return f"{line} {row.ends}".strip()


def begin(row, place):
    for line, says in row.before:
        if says is None:
            place.done(line)
        else:
            place.type(line).hear(says)


def hear(process, lines):
    for line in lines:
        process.hear(*line.split(" ... "))


def play(row, place):
    begin(row, place)
    process = place.type(as_run(row), row.shell)
    if not row.types:
        process.child.stdin.close()
    hear(process, row.says)
    if row.types:
        process.child.stdin.write(row.types)
        process.child.stdin.close()
    for line, says in row.beside:
        text = place.done(line)
        _peer.check(says in text, f"`{line}` did not say {says}, but: {text}")
    hear(process, row.then)
    if row.stop:
        process.signal()
    code = process.end()
    _peer.check(code == row.code, f"ended with {code}, not {row.code}: {process.text()}")
    if row.makes:
        name, words = row.makes
        _peer.check(words in (place.path / name).read_bytes(), f"{name} has no {words}")


def run(row):
    """None, or what was wrong; and how long it took."""
    began = time.monotonic()
    try:
        for program in "nc", "curl", "tshark", "dot", "zsh", "fish", "man":
            if f"{program} " in row.command and not _peer.find(program):
                raise _peer.LeftOut(f"{program} is not installed")
        place = Place(row.scene)
        try:
            play(row, place)
        finally:
            place.leave()
    except _peer.LeftOut as e:
        return f"left out: {e}", False
    except (AssertionError, _peer.Failure, OSError, subprocess.TimeoutExpired) as e:
        return f"FAILED: {e}", True
    return f"ok {time.monotonic() - began:6.1f} s", False


# ---- is everything there ------------------------------------------------------------------------

def typed_by(row):
    """All that a row types as it stands in a page: itself, and what it types beside it."""
    return {row.command} | {line for line, _ in (*row.before, *row.beside)}


def unaccounted():
    """Sentences: an example that nobody runs, a row that stands nowhere, ..."""
    found, rows = _examples.found(), {row.command for row in ROWS}
    typed = set().union(*map(typed_by, ROWS)) | set(ELSEWHERE)
    for line in found.keys() - typed:
        yield f"`{line}` ({', '.join(found[line])}) is run by no row of _example_rows.py"
    for line in (rows | set(ELSEWHERE)) - found.keys():
        yield f"`{line}`, a row of _example_rows.py, stands in no page"
    for line, test in ELSEWHERE.items():
        if not (SOURCE / test).exists():
            yield f"`{line}` is said to be run by {test}, which does not exist"
    if len(rows) != len(ROWS):
        yield "a command has two rows"
    yield from misspelt()


def misspelt():
    """Of what is mentioned in a sentence, verb and options must exist."""
    verbs = {verb["name"]: verb for verb in _examples.help_rows()}
    for page, (verb, *words) in _examples.mentions():
        if verb not in verbs:
            yield f"{page} mentions `estab {verb}`, which does not exist"
            continue
        known = {f"--{option['name']}" for option in verbs[verb]["options"]} | {"--help"}
        known |= {f"-{option['letter']}" for option in verbs[verb]["options"] if option["letter"]}
        own = words[:words.index("--")] if "--" in words else words
        for word in own:
            if word.startswith("-") and word not in known:
                yield f"{page} mentions `estab {verb} {word}`, which does not exist"


def main():
    if forbidden := cannot():
        _peer.skip(forbidden)
    wrong = list(unaccounted())
    rows, ran = [row for row in ROWS if " ".join(sys.argv[1:]) in row.command], 0
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        for row, (told, failed) in zip(rows, pool.map(run, rows)):
            print(f"{told}  {row.command}", flush=True)
            wrong += [row.command] if failed else []
            ran += told.startswith("ok")
    print("\n".join(wrong) or f"{ran} of {len(rows)} examples ran")
    sys.exit(1 if wrong else 0)


def cannot():
    """A sentence, if this user may not have a namespace: half of the examples need one."""
    place = Place("")
    try:
        host = place.type("estab host vm -- true")
        host.child.stdin.close()
        return f"skipped: {host.text()}" if host.end() == 4 else None
    finally:
        place.leave()


if __name__ == "__main__":
    main()
