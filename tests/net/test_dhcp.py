#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""connect --ip dhcp, with dnsmasq as the server of DHCP and DNS: nothing is given but a name, and everything else
is asked for; the address is given back; a link without a server; tshark's word on all that we send.
"""

import contextlib
import json
import os
import socket
import subprocess
import threading

import _peer

ESTAB = os.environ.get("ESTAB", "build/estab")
MARKER = "10.11.0.99"  # nobody


class Dnsmasq:
    """The server, which tells on its output what it does."""

    def __init__(self, folder, *more):
        self.words = [_peer.find("dnsmasq"), "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv",
                      "--no-hosts", "--no-poll", "--user=root", "--group=root", "--pid-file=", "--log-facility=-",
                      "--log-dhcp", "--bind-interfaces", "--interface=kernel", "--except-interface=lo",
                      "--no-ping", f"--dhcp-leasefile={folder}/leases", "--dhcp-authoritative",
                      "--local=/test/", "--host-record=host.test,10.11.0.1", *more]

    def __enter__(self):
        self.process = subprocess.Popen(self.words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.lines = _peer.Lines(self.process.stderr)
        self.hear("DHCP, IP range")
        _peer.await_listener(53)
        return self

    def hear(self, words):
        line = self.lines.next(lambda line: words in line, _peer.PATIENCE)
        _peer.check(line is not None, f"dnsmasq did not say '{words}', but {self.lines.all[-12:]}")
        return line

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=_peer.PATIENCE)


def connect(*words, code=0):
    done = subprocess.run([ESTAB, "connect", *map(str, words), "--on", "packet:estab", "--ip", "dhcp",
                           "--mac", "02:00:00:00:00:65", "--hold", "0", "--msl", "0.01"], text=True,
                          capture_output=True, timeout=2 * _peer.PATIENCE)
    _peer.check(done.returncode == code, f"connect {words}: exit {done.returncode} for {code}: {done.stderr}")
    return done.stdout, " ".join(done.stderr.split())


def said(text, stderr):
    _peer.check(text in stderr, f"'{text}' was not said: {stderr}")


def serving(address="0.0.0.0"):
    """A server that closes when its client has; it ends with its socket."""
    def serve():
        with contextlib.suppress(OSError):
            while True:
                with s.accept()[0] as one:
                    one.settimeout(_peer.PATIENCE)
                    _peer.receive_all(one)
    s = socket.create_server((address, 0))
    threading.Thread(target=serve, daemon=True).start()
    return s, s.getsockname()[1]


def await_marker(capture):
    """Until dumpcap, which drops what it holds when it ends, has written a question of ARP for MARKER."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.sendto(b"", (MARKER, 9))
    _peer.await_that(lambda: socket.inet_aton(MARKER) in capture.path.read_bytes(),
                     "dumpcap has not written the last frame")


def is_sound(capture):
    wrong = capture.fields(f"(dhcp or dns or ip.src == 10.11.0.50 or ip.src == 0.0.0.0) and ({_peer.WRONG} or "
                           'udp.checksum.status == "Bad")', "frame.number", "_ws.expert.message")
    _peer.check(not wrong, f"tshark objects to {wrong[:5]}")


# ---- tests --------------------------------------------------------------------------------------

def a_name_is_all_that_is_given(folder):
    with _peer.Packet() as wire, _peer.Capture(wire, folder) as capture:
        s, port = serving()
        with s, Dnsmasq(folder, "--dhcp-range=10.11.0.50,10.11.0.50,255.255.255.0,3600") as server:
            out, err = connect("host.test", port, "--why")
            for words in ("DHCP: DISCOVER sent to all stations", "DHCP: OFFER of 10.11.0.50 came from 10.11.0.1",
                          "DHCP: REQUEST sent to all stations", "DHCP: ACK of 10.11.0.50 came from 10.11.0.1",
                          "10.11.0.50/24 is ours for 3600 s, says the DHCP server 10.11.0.1; router 10.11.0.1, "
                          "1 server of DNS", "host.test is 10.11.0.1", "DHCP: RELEASE sent to 10.11.0.1"):
                said(words, err)
            _peer.check("ESTABLISHED" in out, f"no connection: {out}")
            server.hear("DHCPRELEASE(kernel) 10.11.0.50")
        await_marker(capture)
    is_sound(capture)
    kinds = [row[0] for row in capture.fields("dhcp", "dhcp.option.dhcp")]
    _peer.check(kinds == ["1", "2", "3", "5", "7"], f"tshark has seen DHCP messages of types {kinds}")
    probes = capture.fields("arp.src.proto_ipv4 == 0.0.0.0 and arp.dst.proto_ipv4 == 10.11.0.50", "arp.opcode")
    _peer.check(probes == [["1"]], f"the address was looked for by {probes}")


def what_is_beyond_the_router_is_reached(folder):
    with _peer.Packet() as wire:
        _peer.run("ip", "addr", "add", "192.0.2.1/32", "dev", wire.device)
        s, port = serving("192.0.2.1")
        with s, Dnsmasq(folder, "--dhcp-range=10.11.0.50,10.11.0.50,255.255.255.0,3600"):
            out, _ = connect("192.0.2.1", port, "--json")
    rows = [json.loads(line) for line in out.splitlines()]
    bound = [row for row in rows if row["schema"] == "estab.dhcp/1" and row["event"] == "bound"]
    _peer.check([(row["address"], row["lease"]) for row in bound] == [("10.11.0.50", 3600)], f"{bound}")


def an_address_that_somebody_has_is_declined(folder):
    """The first one is on the link already, at a station behind the kernel's own."""
    with _peer.Packet() as wire, _peer.Capture(wire, folder) as capture:
        _peer.run("ip", "link", "add", "other", "link", wire.device, "type", "macvlan", "mode", "bridge")
        _peer.run("ip", "link", "set", "other", "up")
        _peer.run("ip", "addr", "add", "10.11.0.50/32", "dev", "other")
        s, port = serving()
        with s, Dnsmasq(folder, "--dhcp-range=10.11.0.50,10.11.0.51,255.255.255.0,3600",
                        "--dhcp-host=02:00:00:00:00:65,10.11.0.50") as server:
            out, err = connect("host.test", port, "--why")
            said("DHCP: another station has 10.11.0.50, as ARP says: declined", err)
            said("10.11.0.51/24 is ours", err)
            _peer.check("ESTABLISHED" in out, f"no connection: {out}")
            server.hear("DHCPDECLINE(kernel) 10.11.0.50")
        await_marker(capture)
    is_sound(capture)


def without_a_server_there_is_an_end(folder):
    del folder
    with _peer.Packet():
        _, err = connect("host.test", 80, code=6)
        said("no server of DHCP has given us an address", err)


if __name__ == "__main__":
    _peer.need("dnsmasq", "tshark", "dumpcap")
    _peer.enter()
    _peer.main(a_name_is_all_that_is_given, what_is_beyond_the_router_is_reached,
               an_address_that_somebody_has_is_declined, without_a_server_there_is_an_end)
