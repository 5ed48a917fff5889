# SPDX-License-Identifier: MIT
"""A network namespace of our own, with the kernel on one side and our stack (peer_stack) on the
other.

    import _peer
    _peer.enter()                     the script starts over inside; skips where that is forbidden
    for wire in _peer.wires():        packet (a veth pair) and tap, as far as this user may
        with wire, wire.stack(...) as stack:
            stack.say("listen 80 echo")
            stack.hear("listening")

The kernel is wire.kernel, the stack wire.ours.  Nothing sleeps to wait for something: what the
stack did it says on its output, what a program did is in /proc/net or on its own output.
"""

import array
import collections
import contextlib
import errno
import fcntl
import hashlib
import os
import pathlib
import queue
import random
import select
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

PATIENCE = 60  # seconds for one thing to happen, on a busy machine
INSIDE = "ESTAB_TEST_INSIDE"
STACK = pathlib.Path(os.environ.get("ESTAB", "build/estab")).absolute().parent / "peer_stack"


class Failure(Exception):
    """What a test found, in a sentence."""


class LeftOut(Exception):
    """Why one of several tests cannot run here, in a sentence."""


def skip(sentence):
    """Ends the script: it cannot run here."""
    print(sentence)
    sys.exit(77)


def check(holds, sentence):
    if not holds:
        raise Failure(sentence)


def need(*programs):
    """Of one test; before enter(), of all."""
    for program in programs:
        if not find(program):
            sentence = f"{program} is not installed, or not this user's to run"
            if not os.environ.get(INSIDE):
                skip(f"skipped: {sentence}")
            raise LeftOut(sentence)


def find(program):
    """Where a program is, also if this user's PATH leaves the administrator's folders out."""
    return shutil.which(program, path=os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin")


def run(*words, **options):
    """A program that must succeed; what it wrote."""
    done = subprocess.run([find(words[0]) or words[0], *words[1:]], text=True, timeout=PATIENCE,
                          capture_output=True, **options)
    check(done.returncode == 0, f"{' '.join(map(str, words))}: exit {done.returncode}: "
          f"{done.stderr.strip()}")
    return done.stdout


# ---- the namespace ------------------------------------------------------------------------------

def enter():
    """Starts the script over in a network namespace of its own, as root in there."""
    need("ip", "unshare")
    if not STACK.exists():
        skip(f"skipped: {STACK} is not built")
    if os.environ.get(INSIDE):
        run("ip", "link", "set", "lo", "up")
        return
    for words in ((["--net"],) if os.geteuid() == 0 else ()) + (["--user", "--map-root-user",
                                                                 "--net"],):
        words = [find("unshare"), *words]
        if subprocess.run([*words, "true"], capture_output=True).returncode == 0:
            environment = {**os.environ, INSIDE: "1", "PYTHONDONTWRITEBYTECODE": "1"}
            os.execvpe(words[0], [*words, sys.executable, *sys.argv], environment)
    skip("skipped: this user may not make network namespaces (estab doctor tells what would help)")


def offloads_off(name):
    """No super-segments and no unfinished checksums from the kernel's end: SIOCETHTOOL with
    ETHTOOL_SRXCSUM, STXCSUM, SSG, STSO, SGSO, SGRO."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for command in (0x15, 0x17, 0x19, 0x1f, 0x24, 0x2c):
            value = array.array("B", struct.pack("II", command, 0))
            request = struct.pack("16sP", name.encode(), value.buffer_info()[0])
            with contextlib.suppress(OSError):
                fcntl.ioctl(s, 0x8946, request)


class Packet:
    """A veth pair, our end through AF_PACKET."""

    name = "packet"
    spec = "packet:estab"
    device = "kernel"
    quick = False  # an IPv6 address is ours at once, and not looked for on the link first
    kernel, ours, bits = "10.11.0.1", "10.11.0.2", 24

    def __enter__(self):
        run("ip", "link", "add", "kernel", "type", "veth", "peer", "name", "estab")
        for name in ("kernel", "estab"):
            offloads_off(name)
            self.set_ipv6(name)
            run("ip", "link", "set", name, "up")
        self.give_address()
        return self

    def set_ipv6(self, name):
        """Our end of a pair is not the kernel's."""
        there = name == self.device and ":" in self.kernel
        pathlib.Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6").write_text(str(int(not there)))

    def give_address(self):
        run("ip", "addr", "add", f"{self.kernel}/{self.bits}", "dev", self.device,
            *(["nodad"] if ":" in self.kernel else []))

    def __exit__(self, *_):
        run("ip", "link", "del", self.device)

    def stack(self, **options):
        if self.quick:
            options.setdefault("dad_transmits", 0)
        return Stack(self, options)

    def host(self):
        """Of the stack, as it stands in an URL and in front of a port."""
        return f"[{self.ours}]" if ":" in self.ours else self.ours

    def stack_ready(self):
        """After the stack has opened its device; it has announced its new MAC address itself."""


class Tap(Packet):
    """A TAP device, which the stack makes, and which ends with it."""

    name = "tap"
    spec = "tap:estab0"
    device = "estab0"
    kernel, ours = "10.12.0.1", "10.12.0.2"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def stack_ready(self):
        self.set_ipv6(self.device)
        run("ip", "link", "set", self.device, "up")
        self.give_address()


class Packet6(Packet):
    """The same with IPv6."""

    kernel, ours, bits = "fd11::1", "fd11::2", 64


class Tap6(Tap):
    """The same with IPv6."""

    kernel, ours, bits = "fd12::1", "fd12::2", 64


told = set()  # what was said once


def wires(packet=Packet, tap=Tap):
    """Each kind that this user may have; a sentence about the one that is left out."""
    yield packet()
    if os.access("/dev/net/tun", os.R_OK | os.W_OK):
        yield tap()
    elif "tap" not in told:
        told.add("tap")
        print("left out: tap, as /dev/net/tun is missing, or not this user's to open")


def wires_of_both():
    """The same with IPv4, then a veth pair with IPv6; test_kernel_ipv6.py has TAP and TUN, too."""
    yield from wires()
    wire = Packet6()
    wire.quick = True
    wire.name += " IPv6"
    yield wire


# ---- our stack ----------------------------------------------------------------------------------

class Lines:
    """Lines of a pipe, which a thread reads; kept until they are asked for, in any order."""

    def __init__(self, pipe):
        self.queue, self.kept, self.all = queue.SimpleQueue(), collections.deque(), []
        threading.Thread(target=self.read, args=(pipe,), daemon=True).start()

    def read(self, pipe):
        for line in pipe:
            self.queue.put(line.rstrip("\n"))
        self.queue.put(None)

    def next(self, matches, patience):
        """The first line that matches; what comes before it is kept for another question."""
        for i, line in enumerate(self.kept):
            if matches(line):
                del self.kept[i]
                return line
        until = time.monotonic() + patience
        while True:
            try:
                line = self.queue.get(timeout=max(0, until - time.monotonic()))
            except queue.Empty:
                return None
            if line is None:
                self.queue.put(None)
                return None
            self.all.append(line)
            if matches(line):
                return line
            self.kept.append(line)


class Stack:
    """peer_stack on a wire; its commands and answers are told at the top of peer_stack.c."""

    def __init__(self, wire, options):
        words = [word for name, value in options.items() for word in (name, str(value))]
        self.wire, self.said = wire, []
        self.words = [str(STACK), wire.spec, f"{wire.ours}/{wire.bits}", *words]

    def __enter__(self):
        self.process = subprocess.Popen(self.words, text=True, bufsize=1, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)
        self.lines = Lines(self.process.stdout)
        self.hear("ready")
        self.wire.stack_ready()
        return self

    def __exit__(self, kind, *_):
        if kind:
            print(f"{self.wire.name}: the stack was told {self.said[-6:]} and told "
                  f"{self.lines.all[-12:]}, unheard {list(self.lines.kept)[-12:]}", file=sys.stderr)
            with contextlib.suppress(Exception):
                print(self.states(), self.counters(), self.reasons(), file=sys.stderr)
        with contextlib.suppress(OSError):
            self.process.stdin.write("quit\n")
            self.process.stdin.close()
        try:
            code = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        check(kind or code == 0, f"peer_stack ended with {code}")

    def say(self, command):
        self.said.append(command)
        self.process.stdin.write(command + "\n")

    def hear(self, *starts, patience=PATIENCE):
        """The rest of the next line that starts with one of these words."""
        line = self.lines.next(lambda line: any(line == s or line.startswith(s + " ")
                                                for s in starts), patience)
        check(line is not None, f"the stack did not say '{' or '.join(starts)}' in {patience} s")
        return line

    def closed(self, number, error="OK"):
        """The end of a connection, which must be this; {sent, received, same}."""
        words = self.hear(f"{number} closed").split()
        check(words[2] == error, f"connection {number} closed with {words[2]}, not {error}")
        return {"sent": int(words[4]), "received": int(words[6]), "same": words[7] == "same"}

    def listed(self, command):
        self.say(command)
        rows = []
        while True:
            words = self.hear("state", "reason", "address", "listed").split()
            if words[0] == "listed":
                return rows
            rows.append(words[1:])

    def states(self):
        """[state, local, remote] of each."""
        return self.listed("list")

    def reasons(self):
        return {name: int(count) for name, count in self.listed("reasons")}

    def counters(self):
        self.say("counters")
        words = self.hear("counters").split()[1:]
        return dict(zip(words[::2], map(int, words[1::2])))

    def await_state(self, state, port):
        """Until the only connection of this port, ours or the peer's, is in that state."""
        def there():
            return [row[0] for row in self.states() if row[0] != "LISTEN"
                    and str(port) in (row[1].split(":")[-1], row[2].split(":")[-1])]
        await_that(lambda: there() == ([state] if state else []),
                   lambda: f"our connections of port {port} are {there()}, not {state}")

    def must_be_empty(self):
        """Nothing of any connection is left in any pool, soon."""
        def left():
            counters = self.counters()
            return {name: counters[name] for name in ("connections", "records", "chunks_used",
                                                      "chunks_promised") if counters[name]}
        await_that(lambda: not left(), lambda: f"left in the pools: {left()}")


def await_that(holds, sentence, patience=PATIENCE):
    """Looks every few milliseconds until `holds`; nobody tells when it does."""
    until = time.monotonic() + patience
    while not holds():
        check(time.monotonic() < until, sentence() if callable(sentence) else sentence)
        select.select([], [], [], 0.005)


# ---- the kernel's end ---------------------------------------------------------------------------

STATES = {1: "ESTABLISHED", 2: "SYN-SENT", 3: "SYN-RECEIVED", 4: "FIN-WAIT-1", 5: "FIN-WAIT-2",
          6: "TIME-WAIT", 7: "CLOSED", 8: "CLOSE-WAIT", 9: "LAST-ACK", 10: "LISTEN",
          11: "CLOSING", 12: "SYN-RECEIVED"}


def kernel_sockets():
    """(state, local port, remote port) of each TCP socket of the namespace."""
    for line in (line for name in ("tcp", "tcp6") if os.path.exists(f"/proc/net/{name}")
                 for line in pathlib.Path(f"/proc/net/{name}").read_text().splitlines()[1:]):
        _, local, remote, state = line.split()[:4]
        yield (STATES[int(state, 16)], int(local.split(":")[1], 16), int(remote.split(":")[1], 16))


def kernel_states(port):
    """Of the kernel's connections with this port at either end."""
    return [state for state, local, remote in kernel_sockets()
            if port in (local, remote) and state != "LISTEN"]


def await_kernel(state, port):
    """Until the kernel's only connection of this port is in that state; None: there is none."""
    await_that(lambda: kernel_states(port) == ([state] if state else []),
               lambda: f"the kernel's connections of port {port} are {kernel_states(port)}, "
               f"not {state}")


def await_listener(port):
    await_that(lambda: any(state == "LISTEN" and local == port
                           for state, local, _ in kernel_sockets()),
               f"nobody listens on port {port}")


def listener(wire, port=0, backlog=1024):
    s = socket.create_server((wire.kernel, port), backlog=backlog,
                             family=socket.AF_INET6 if ":" in wire.kernel else socket.AF_INET)
    s.settimeout(PATIENCE)
    return s


def dial(wire, port):
    """Once more if a bad wire has lost all three of the kernel's ARP requests, or their answers."""
    try:
        return socket.create_connection((wire.ours, port), timeout=PATIENCE)
    except OSError as e:
        if e.errno != errno.EHOSTUNREACH:
            raise
    return socket.create_connection((wire.ours, port), timeout=PATIENCE)


def accept(server):
    s = server.accept()[0]
    s.settimeout(PATIENCE)
    return s


def receive_all(s):
    """Until the peer has closed."""
    text = bytearray()
    while piece := s.recv(1 << 16):
        text += piece
    return bytes(text)


# ---- text ---------------------------------------------------------------------------------------

class Text:
    """A file of bytes that a seed decides."""

    def __init__(self, folder, length, seed=1):
        generator = random.Random(seed)
        self.path = pathlib.Path(folder) / "text"
        with self.path.open("wb") as f:
            for at in range(0, length, 1 << 20):
                f.write(generator.randbytes(min(1 << 20, length - at)))
        self.bytes = self.path.read_bytes()

    def sha256(self, length):
        return hashlib.sha256(memoryview(self.bytes)[:length]).hexdigest()


def file_sha256(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


# ---- captures -----------------------------------------------------------------------------------

class Capture:
    """All packets of a device, held against tshark at the end."""

    def __init__(self, wire, folder):
        need("tshark", "dumpcap")
        self.wire, self.path = wire, pathlib.Path(folder) / f"{wire.name}.pcapng"

    def __enter__(self):
        before = self.packet_sockets()
        self.process = subprocess.Popen([find("dumpcap"), "-q", "-i", self.wire.device, "-B", "64",
                                         "-w", str(self.path)], stderr=subprocess.PIPE, text=True)
        self.lines = Lines(self.process.stderr)
        check(self.lines.next(lambda line: line.startswith("File: "), PATIENCE),
              "dumpcap did not start")
        check(self.packet_sockets() > before, "dumpcap does not capture")
        return self

    @staticmethod
    def packet_sockets():
        return len(pathlib.Path("/proc/net/packet").read_text().splitlines())

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(PATIENCE)

    def fields(self, text, *names):
        """The values of these fields, of each packet that matches the filter."""
        words = [word for name in names for word in ("-e", name)]
        out = run("tshark", "-n", "-r", str(self.path), *CHECKS, "-Y", text, "-T", "fields", *words)
        return [line.split("\t") for line in out.splitlines()]

    def must_be_sound(self, at_least):
        """tshark finds nothing wrong in what the stack has sent, which is something."""
        ours = f"{'ipv6' if ':' in self.wire.ours else 'ip'}.src == {self.wire.ours}"
        sent = len(self.fields(ours, "frame.number"))
        check(sent >= at_least, f"only {sent} packets of ours were captured")
        wrong = self.fields(f"({ours} or arp) and ({WRONG})", "frame.number", "_ws.expert.message",
                            "tcp.flags.str")
        check(not wrong, f"tshark objects to {len(wrong)} packets of {sent}: {wrong[:5]}")
        good = ("tcp.checksum.status == 1 or icmp.checksum.status == 1 or "
                "icmpv6.checksum.status == 1")
        unseen = self.fields(f"({ours}) and not ({good})", "frame.number")
        check(not unseen, f"tshark has not checked {len(unseen)} packets")
        return sent


CHECKS = ("-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE",
          "-o", "udp.check_checksum:TRUE")
WRONG = ('_ws.malformed or ip.checksum.status == "Bad" or tcp.checksum.status == "Bad" or '
         '_ws.expert.severity == "Error" or _ws.expert.group == "Malformed"')


# ---- running ------------------------------------------------------------------------------------

def main(*tests):
    """Runs each test with a folder of its own for what it writes; tells how long each took."""
    failed = 0
    with tempfile.TemporaryDirectory(prefix="estab-net-") as folder:
        for test in tests:
            began = time.monotonic()
            try:
                told = test(folder)
                print(f"ok      {time.monotonic() - began:6.1f} s  {test.__name__}"
                      f"{': ' + told if told else ''}", flush=True)
            except LeftOut as e:
                print(f"left out          {test.__name__}: {e}", flush=True)
            except (Failure, OSError, subprocess.TimeoutExpired) as e:
                failed += 1
                print(f"FAILED  {time.monotonic() - began:6.1f} s  {test.__name__}: {e}",
                      flush=True)
    sys.exit(1 if failed else 0)
