#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`estab connect --ip auto` on a link with a router: the kernel forwards, and a sender of advertisements made
here tells of it (RFC 4861 section 4.2). A host behind the router is reached from an address that we form of
its prefix (RFC 4862), and nothing that we send is malformed. Without a router the user is told.
"""

import contextlib
import json
import os
import socket
import struct
import subprocess
import threading

import _peer

ESTAB = os.environ.get("ESTAB", "build/estab")
PREFIX, NEAR, FAR, PORT = "fd21::", "fd21::1", "fd99::1", 7021
SOLICITATION, ADVERTISEMENT = 133, 134


class Router(_peer.Packet):
    """The kernel is the router fd21::1 of the link, and the host fd99::1 behind it."""

    kernel, ours, bits = NEAR, "fd21::2", 64

    def __enter__(self):
        super().__enter__()
        _peer.run("ip", "addr", "replace", f"{FAR}/128", "dev", "lo")
        _peer.await_that(lambda: "tentative" not in _peer.run("ip", "-6", "addr", "show", "dev", self.device),
                         "the kernel's own addresses stay tentative")
        return self


class Advertiser:
    """Answers each router solicitation that the kernel hears, as radvd would."""

    def __init__(self, wire, mtu=1400, lifetime=1800, valid=7200, preferred=3600):
        self.wire, self.asked = wire, []
        body = struct.pack("!BBHBBHII", ADVERTISEMENT, 0, 0, 64, 0, lifetime, 0, 0)
        mac = bytes.fromhex(json.loads(_peer.run("ip", "-j", "link", "show", wire.device))[0]["address"].replace(":", ""))
        body += struct.pack("!BB6s", 1, 1, mac) + struct.pack("!BBHI", 5, 1, 0, mtu)
        body += struct.pack("!BBBBIII16s", 3, 4, 64, 0xC0, valid, preferred, 0,
                            socket.inet_pton(socket.AF_INET6, PREFIX))
        self.body = body
        self.socket = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
        self.socket.setsockopt(socket.SOL_SOCKET, 25, wire.device.encode() + b"\0")  # SO_BINDTODEVICE
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, 255)
        index = socket.if_nametoindex(wire.device)
        group = socket.inet_pton(socket.AF_INET6, "ff02::2") + struct.pack("@I", index)
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group)
        self.index = index
        self.thread = threading.Thread(target=self.serve)

    def serve(self):
        self.socket.settimeout(0.2)
        while not self.done:
            try:
                message, source = self.socket.recvfrom(2000)
            except TimeoutError:
                continue
            if message[0] == SOLICITATION:
                self.asked.append(source[0])
                self.socket.sendto(self.body, ("ff02::1", 0, 0, self.index))

    def __enter__(self):
        self.done = False
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.done = True
        self.thread.join(_peer.PATIENCE)
        self.socket.close()


@contextlib.contextmanager
def echo_server(address):
    with socket.create_server((address, PORT), family=socket.AF_INET6) as server:
        server.settimeout(_peer.PATIENCE)
        seen = []

        def serve():
            with contextlib.suppress(OSError):
                s, peer = server.accept()
                with s:
                    seen.append((peer[0], s.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)))
                    s.settimeout(_peer.PATIENCE)
                    while text := s.recv(1000):
                        s.sendall(text)
        thread = threading.Thread(target=serve)
        thread.start()
        yield seen
        server.close()
        thread.join(_peer.PATIENCE)


def connect(host, *options):
    return subprocess.run([ESTAB, "connect", host, str(PORT), "--on", "packet:estab", "--ip", "auto", "--hold",
                           "0", "--msl", "0.1", "--json", *options], capture_output=True, text=True,
                          timeout=2 * _peer.PATIENCE)


def check_end(done):
    _peer.check(done.returncode == 0, f"exit {done.returncode}: {done.stderr.strip()}")
    states = [json.loads(line) for line in done.stdout.splitlines()]
    _peer.check(any("ESTABLISHED" in json.dumps(o) for o in states), "it was never ESTABLISHED")


def a_host_behind_the_router(folder):
    with Router() as wire, Advertiser(wire) as router, echo_server(FAR) as seen, \
            _peer.Capture(wire, folder) as capture:
        done = connect(FAR)
        check_end(done)
        _peer.check(router.asked and all(a.startswith("fe80:") for a in router.asked), f"asked by {router.asked}")
        _peer.check("by the router fe80:" in done.stderr, f"it said {done.stderr}")
        address, mss = seen[0]
        _peer.check(address.startswith("fd21:") and "ff:fe" not in address, f"we came from {address}")
        _peer.check(f"our address is {address}" in done.stderr, f"it said {done.stderr}, and came from {address}")
        _peer.check(mss <= 1340, f"the MSS is {mss}, although the link's MTU is 1400")
    wrong = capture.fields(f"eth.src != {mac_of(capture)} and ({_peer.WRONG})", "frame.number",
                           "_ws.expert.message")
    _peer.check(not wrong, f"tshark objects to {wrong[:5]}")
    kinds = {row[0] for row in capture.fields("icmpv6", "icmpv6.type")}
    _peer.check({"133", "134", "135", "143"} <= kinds, f"ICMPv6 of types {kinds} was seen")


def mac_of(capture):
    """The kernel's station, which sends advertisements."""
    return capture.fields("icmpv6.type == 134", "eth.src")[0][0]


def a_host_on_the_link(folder):
    del folder
    with Router() as wire, Advertiser(wire), echo_server(NEAR) as seen:
        check_end(connect(NEAR))
        _peer.check(seen[0][0].startswith("fd21:"), f"we came from {seen}")


def no_router(folder):
    """The user is told once the three questions had no answer."""
    del folder
    with Router():
        done = connect(FAR)
        _peer.check(done.returncode == 6 and "no router has told" in done.stderr,
                    f"exit {done.returncode}: {done.stderr}")


def usage(folder):
    del folder
    for words in (["connect", "--on", "sim"], ["listen", "--on", "packet:lo"], ["connect", "--on", "kernel"]):
        done = subprocess.run([ESTAB, *words, "--ip", "auto"], capture_output=True, text=True,
                              timeout=_peer.PATIENCE)
        _peer.check(done.returncode == 2 and "--ip auto needs" in done.stderr, f"{words}: {done.stderr}")


if __name__ == "__main__":
    _peer.enter()
    _peer.main(a_host_behind_the_router, a_host_on_the_link, no_router, usage)
