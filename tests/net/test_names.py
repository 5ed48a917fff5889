#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""connect by name, with dnsmasq as the server of DNS, in a namespace: what it answers by UDP and by TCP,
what it denies, servers that are silent or absent; tshark's word on all that we send.
"""

import contextlib
import json
import os
import socket
import subprocess
import tempfile
import threading

import _peer

ESTAB = os.environ.get("ESTAB", "build/estab")
OTHER = "10.11.0.3"   # a second address of the kernel's
SILENT = "10.11.0.4"  # and one where a socket hears and never answers
MARKER = "10.11.0.99" # nobody
MANY = 150


class Dnsmasq:
    """The server, on the kernel's addresses."""

    records = [
        "--host-record=host.test,10.11.0.1",
        "--host-record=both.test,10.11.0.1", "--host-record=both.test,fd99::9",
        "--host-record=two.test,10.11.0.1", f"--host-record=two.test,{OTHER}",
        "--cname=alias.test,other.test", "--cname=other.test,host.test",
        "--txt-record=text.test,nothing else",
        "--address=/nobody.test/",
        *(f"--host-record=many.test,10.11.1.{i}" for i in range(MANY)),
    ]

    def __init__(self, *more):
        self.words = [_peer.find("dnsmasq"), "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv",
                      "--no-hosts", "--no-poll", "--user=root", "--group=root", "--pid-file=",
                      "--bind-interfaces", "--listen-address=10.11.0.1", "--local=/test/", "--no-round-robin",
                      *self.records, *more]

    def __enter__(self):
        self.process = subprocess.Popen(self.words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        _peer.await_listener(53)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.communicate(timeout=_peer.PATIENCE)


def connect(*words, code=0):
    """estab connect over the device; what it told, and said."""
    done = subprocess.run([ESTAB, "connect", *map(str, words), "--on", "packet:estab", "--ip", "10.11.0.2/24",
                           "--hold", "0", "--msl", "0.01"], text=True, capture_output=True,
                          timeout=_peer.PATIENCE)
    _peer.check(done.returncode == code, f"connect {words}: exit {done.returncode} for {code}: {done.stderr}")
    return done.stdout, done.stderr


def said(text, stderr):
    flat = " ".join(stderr.split())
    _peer.check(text in flat, f"'{text}' was not said: {flat}")


def serving(wire, address=None):
    """A server that closes when its client has; it ends with its socket."""
    def serve():
        with contextlib.suppress(OSError):
            while True:
                with s.accept()[0] as one:
                    one.settimeout(_peer.PATIENCE)
                    _peer.receive_all(one)
    s = socket.create_server((address or wire.kernel, 0))
    threading.Thread(target=serve, daemon=True).start()
    return s, s.getsockname()[1]


# ---- tests --------------------------------------------------------------------------------------

def a_name_leads_to_its_address(wire):
    s, port = serving(wire)
    with s, Dnsmasq():
        out, err = connect("host.test", port, "--dns", wire.kernel, "--why")
        said("asked 10.11.0.1:53 for A of host.test", err)
        said("10.11.0.1:53 answered for A of host.test: NOERROR, 1 address, 0 aliases", err)
        said("host.test is 10.11.0.1", err)
        _peer.check("ESTABLISHED" in out, f"no connection: {out}")
        out, _ = connect("HOST.test.", port, "--dns", wire.kernel, "--json")
        rows = [json.loads(line) for line in out.splitlines()]
        answers = [row for row in rows if row["schema"] == "estab.dns/1" and row["event"] == "answered"]
        _peer.check({row["type"]: row["addresses"] for row in answers} == {"A": 1, "AAAA": 0}, f"{answers}")


def aliases_and_other_families(wire):
    s, port = serving(wire)
    with s, Dnsmasq():
        said("alias.test is 10.11.0.1", connect("alias.test", port, "--dns", wire.kernel)[1])
        # fd99::9 cannot be reached from here, and comes last.
        said("both.test is 10.11.0.1, fd99::9", connect("both.test", port, "--dns", wire.kernel)[1])


def the_next_address_is_tried(wire):
    """Whichever of the two the server names first, once it is the wrong one."""
    tried = 0
    with Dnsmasq():
        for address in wire.kernel, OTHER:
            s, port = serving(wire, address)
            with s:
                out, err = connect("two.test", port, "--dns", wire.kernel)
            _peer.check("ESTABLISHED" in out, f"no connection: {out} {err}")
            tried += "trying the next address of two.test" in " ".join(err.split())
    _peer.check(tried == 1, f"the next address was tried {tried} times of 2")


def a_long_answer_comes_by_tcp(wire):
    with Dnsmasq():
        _, err = connect("many.test", 1, "--dns", wire.kernel, "--why", "--impair", "delay 0ms", code=5)
        said("the answer for A of many.test is too long for a datagram", err)
        said("by TCP asked 10.11.0.1:53 for A of many.test", err)
        said("10.11.0.1:53 answered by TCP for A of many.test: NOERROR, 16 addresses", err)


def what_is_not_there_is_told(wire):
    with Dnsmasq():
        said("there is no host nobody.test: DNS says NXDOMAIN",
             connect("nobody.test", 80, "--dns", wire.kernel, code=3)[1])
        said("text.test has no address", connect("text.test", 80, "--dns", wire.kernel, code=3)[1])
        said("no server of DNS could say, the last one answered REFUSED",
             connect("elsewhere.example", 80, "--dns", wire.kernel, code=5)[1])


def silent_and_absent_servers(wire):
    s, port = serving(wire)
    silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    silent.bind((SILENT, 53))
    with s, silent, Dnsmasq():
        _, err = connect("host.test", port, "--dns", SILENT, "--dns", OTHER, "--dns", wire.kernel, "-v")
        said(f"no answer from {SILENT}:53 for A of host.test in 1.0 s", err)
        said(f"{OTHER}:53 cannot be asked for A of host.test", err) # as ICMP says
        said("host.test is 10.11.0.1", err)
        said("no server of DNS can be reached", connect("host.test", port, "--dns", OTHER, code=5)[1])
        said("no server of DNS can be reached", connect("host.test", port, "--dns", "192.0.2.1", code=5)[1])


def netstat_shows_who_asks(wire):
    """While a server is silent: the sockets of both questions, each with its peer."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind((SILENT, 53))
        environment = {**os.environ, "XDG_RUNTIME_DIR": folder}
        asking = subprocess.Popen([ESTAB, "connect", "host.test", "80", *["--dns", SILENT] * 3, "--on", "packet:estab",
                                   "--ip", "10.11.0.2/24"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                  env=environment)
        rows = []

        def seen():
            _peer.check(asking.poll() is None, f"it has ended, and only {rows} was seen")
            done = subprocess.run([ESTAB, "netstat", "-u", "--json"], text=True, capture_output=True,
                                  timeout=_peer.PATIENCE, env=environment)
            rows[:] = [json.loads(line) for line in done.stdout.splitlines()]
            return len(rows) == 2 and all(row["sent"] for row in rows)

        try:
            _peer.await_that(seen, "netstat does not show two sockets")
        finally:
            asking.kill()
            asking.wait()
        for row in rows:
            local = row["local"].rpartition(":")
            _peer.check(local[0] == "10.11.0.2" and int(local[2]) >= 32768, f"{row}")
            want = {"schema": "estab.udp/1", "stack": "estab", "proto": "udp", "remote": f"{SILENT}:53", "pid": asking.pid,
                    "program": "estab connect", "on": "packet:estab", "recv_queue": 0, "waiting": 0, "dropped": 0}
            _peer.check(row | want == row, f"{row} is not {want}")


def addresses_and_wrong_names_are_not_asked_for(wire):
    s, port = serving(wire)
    with s:
        _, err = connect(wire.kernel, port, "--dns", OTHER, "--why")
        _peer.check("asked" not in err, f"an address was asked for: {err}")
        said("a number at its end", connect("x.127", port, "--dns", OTHER, code=2)[1])
        said("or --dns ADDR, a server to ask for it", connect("host.test", port, code=2)[1])


TESTS = (a_name_leads_to_its_address, aliases_and_other_families, the_next_address_is_tried,
         a_long_answer_comes_by_tcp, what_is_not_there_is_told, silent_and_absent_servers,
         netstat_shows_who_asks, addresses_and_wrong_names_are_not_asked_for)


def await_marker(capture):
    """Until dumpcap, which drops what it holds when it ends, has written a question of ARP for MARKER."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.sendto(b"", (MARKER, 9))
    _peer.await_that(lambda: socket.inet_aton(MARKER) in capture.path.read_bytes(),
                     "dumpcap has not written the last frame")


def on_a_wire(test):
    """A test with a wire of its own, and in the end tshark's word on it."""
    def run(folder):
        with _peer.Packet() as wire:
            for address in OTHER, SILENT:
                _peer.run("ip", "addr", "add", f"{address}/24", "dev", wire.device)
            with _peer.Capture(wire, folder) as capture:
                test(wire)
                await_marker(capture)
        wrong = capture.fields(f"(ip.src == {wire.ours} or arp) and ({_peer.WRONG} or "
                               'udp.checksum.status == "Bad")', "frame.number", "_ws.expert.message")
        _peer.check(not wrong, f"tshark objects to {wrong[:5]}")
        asked = capture.fields("dns.flags.response == 0 and ip.src == 10.11.0.2", "dns.id", "udp.srcport")
        _peer.check(asked or test is addresses_and_wrong_names_are_not_asked_for, "no question was captured")
    run.__name__ = test.__name__
    return run


if __name__ == "__main__":
    _peer.need("dnsmasq", "tshark", "dumpcap")
    _peer.enter()
    _peer.main(*map(on_a_wire, TESTS))
