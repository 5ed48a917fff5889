#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""IPv6 between our stack and the kernel: bulk each way over a good wire and a bad one, what each learns of
the other's station, duplicate addresses, echo, and tshark's word on all of it.
"""

import contextlib
import os
import socket
import struct

import _peer

MB = 1000 * 1000
SEED = 4291
LOSSY = "delay 1ms loss 1%"


class Tun6(_peer.Tap6):
    """Bare packets: there are no stations, and nobody to ask for them."""

    name = "tun"
    spec = "tun:estab1"
    device = "estab1"
    kernel, ours = "fd13::1", "fd13::2"


def wires():
    yield from _peer.wires(_peer.Packet6, _peer.Tap6)
    if os.access("/dev/net/tun", os.R_OK | os.W_OK):
        yield Tun6()


def stack_on(wire, text, impairment, **options):
    if impairment:
        options.update({"in": impairment, "out": impairment, "seed": SEED})
    return wire.stack(text=text.path, **options)


def from_us(wire, text, length, impairment):
    """We listen, on all addresses of both families; the kernel connects, and receives."""
    with stack_on(wire, text, impairment) as stack:
        stack.say(f"listen 5001 give {length}")
        stack.hear("listening")
        with _peer.dial(wire, 5001) as s:
            got = _peer.receive_all(s)
        _peer.check(got == text.bytes[:length], f"the kernel received {len(got)} bytes of {length}")
        stack.hear("1 ended")


def to_us(wire, text, length, impairment):
    """The kernel listens, we connect, and receive."""
    with stack_on(wire, text, impairment) as stack, _peer.listener(wire) as server:
        stack.say(f"connect {wire.kernel} {server.getsockname()[1]} 1 1 take")
        with _peer.accept(server) as s:
            _peer.check(s.getpeername()[0] == wire.ours, f"we came from {s.getpeername()[0]}")
            s.sendall(text.bytes[:length])
            s.shutdown(socket.SHUT_WR)
            stack.hear("done")
        got = stack.closed(1)
        _peer.check(got["received"] == length and got["same"], f"we received {got}")


def both_ways(folder, length, impairment):
    text = _peer.Text(folder, length, SEED)
    for wire in wires():
        with wire:
            from_us(wire, text, length, impairment)
            to_us(wire, text, length, impairment)


def bulk_over_a_good_wire(folder):
    both_ways(folder, 20 * MB, "")


def bulk_over_a_bad_wire(folder):
    both_ways(folder, 2 * MB, LOSSY)


def link_local_addresses_talk(folder):
    """From fe80:: to fe80::, on a link that has both."""
    del folder
    with _peer.Packet6() as wire, wire.stack() as stack:
        ours = await_address(stack, "preferred", "fe80::")
        stack.say("listen 5002 echo")
        stack.hear("listening")
        _peer.await_that(lambda: "tentative" not in _peer.run("ip", "-6", "addr", "show", "dev", wire.device),
                         "the kernel's own link-local address stays tentative")
        zoned = f"{ours}%{wire.device}"
        with socket.create_connection((zoned, 5002), timeout=_peer.PATIENCE) as s:
            s.sendall(b"over the link")
            s.shutdown(socket.SHUT_WR)
            _peer.check(_peer.receive_all(s) == b"over the link", "it did not come back")
            _peer.check(s.getsockname()[0].startswith("fe80::"), f"from {s.getsockname()[0]}")


# ---- neighbours ---------------------------------------------------------------------------------

def addresses(stack):
    return dict(stack.listed("addresses"))


def await_address(stack, state, start):
    """Until one of our addresses that starts so is in that state; the address."""
    def there():
        return [a for a, its in addresses(stack).items() if a.startswith(start) and its == state]
    _peer.await_that(there, lambda: f"our addresses are {addresses(stack)}")
    return there()[0]


def neighbours_are_known(folder):
    del folder
    with _peer.Packet6() as wire, wire.stack() as stack:
        stack.say("listen 5003 echo")
        stack.hear("listening")
        with _peer.dial(wire, 5003) as s:
            s.sendall(b"x")
            _peer.check(s.recv(1) == b"x", "no echo")
            row = _peer.run("ip", "-6", "neigh", "show", wire.ours, "dev", wire.device)
            _peer.check("lladdr" in row and "FAILED" not in row, f"the kernel knows of us: {row}")
        reasons = stack.reasons()
        for name in ("NDP_MALFORMED", "NEIGHBOUR_UNKNOWN", "ICMP_CHECKSUM", "TCP_CHECKSUM"):
            _peer.check(name not in reasons, f"{name}: {reasons}")


def an_address_that_the_kernel_has_is_not_ours(folder):
    del folder
    with _peer.Packet6() as wire:
        _peer.run("ip", "addr", "add", f"{wire.ours}/64", "dev", wire.device, "nodad")
        with wire.stack() as stack:
            await_address(stack, "duplicate", wire.ours)
            await_address(stack, "preferred", "fe80::")


def an_address_that_is_ours_is_not_the_kernels(folder):
    del folder
    with _peer.Packet6() as wire, wire.stack() as stack:
        await_address(stack, "preferred", wire.ours)
        _peer.run("ip", "addr", "add", f"{wire.ours}/64", "dev", wire.device)
        _peer.await_that(lambda: "dadfailed" in _peer.run("ip", "-6", "addr", "show", "dev", wire.device),
                         "the kernel has not found our address to be a duplicate")
        _peer.check(addresses(stack)[wire.ours] == "preferred", "and we have lost it")


# ---- ICMPv6 ---------------------------------------------------------------------------------------

def echoes_are_answered(folder):
    del folder
    for wire in wires():
        with wire, wire.stack() as stack:
            await_address(stack, "preferred", wire.ours)
            with contextlib.closing(socket.socket(socket.AF_INET6, socket.SOCK_RAW,
                                                  socket.IPPROTO_ICMPV6)) as s:
                s.settimeout(_peer.PATIENCE)
                for length in (0, 1, 56, 1400):
                    sent = struct.pack("!BBHHH", 128, 0, 0, 7, length) + bytes(range(256)) * 6
                    s.sendto(sent[:8 + length], (wire.ours, 0))
                    while (got := s.recv(2000))[0] != 129:  # what the kernel hears otherwise
                        pass
                    _peer.check(got[4:] == sent[4:8 + length], f"{wire.name}: an echo of {length}")


def a_closed_udp_port_is_told(folder):
    del folder
    with _peer.Packet6() as wire, wire.stack() as stack:
        await_address(stack, "preferred", wire.ours)
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
            s.settimeout(_peer.PATIENCE)
            s.connect((wire.ours, 9))
            s.send(b"anybody?")
            try:
                s.recv(1)
                raise _peer.Failure("somebody answered")
            except ConnectionRefusedError:
                pass


def tshark_objects_to_nothing(folder):
    text = _peer.Text(folder, 1 * MB, SEED)
    with _peer.Packet6() as wire, _peer.Capture(wire, folder) as capture:
        from_us(wire, text, 1 * MB, "")
        to_us(wire, text, 1 * MB, "")
    capture.must_be_sound(100)
    seen = {row[0] for row in capture.fields("icmpv6", "icmpv6.type")}
    _peer.check({"135", "136"} <= seen, f"only ICMPv6 of types {seen} was seen")
    wrong = capture.fields(f"icmpv6 and ({_peer.WRONG})", "frame.number", "_ws.expert.message")
    _peer.check(not wrong, f"tshark objects to {wrong[:5]}")


if __name__ == "__main__":
    _peer.enter()
    _peer.main(bulk_over_a_good_wire, bulk_over_a_bad_wire, link_local_addresses_talk,
               neighbours_are_known, an_address_that_the_kernel_has_is_not_ours,
               an_address_that_is_ours_is_not_the_kernels, echoes_are_answered,
               a_closed_udp_port_is_told, tshark_objects_to_nothing)
