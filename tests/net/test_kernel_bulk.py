#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Bulk between our stack and the kernel, each way, over a good wire and two bad ones: SHA-256
equal.

The wire is bad between the stack and the device, in both directions at once (src/loop/impair.h).
"""

import hashlib
import socket
import time

import _peer

MB = 1000 * 1000
SEED = 9293
GOOD, LOSSY, BAD = "", "delay 1ms loss 1%", "delay 2ms jitter 1ms loss 5% reorder 5% 3ms"


def stack_on(wire, text, impairment, **options):
    if impairment:
        options.update({"in": impairment, "out": impairment, "seed": SEED})
    return wire.stack(text=text.path, **options)


def received(s):
    """What a socket receives until its peer closes: how much, and its SHA-256."""
    digest, length = hashlib.sha256(), 0
    room = memoryview(bytearray(1 << 18))
    while n := s.recv_into(room):
        digest.update(room[:n])
        length += n
    return length, digest.hexdigest()


def from_us(wire, text, length, impairment):
    """We listen, the kernel connects, and receives."""
    with stack_on(wire, text, impairment) as stack:
        stack.say(f"listen 5001 give {length}")
        stack.hear("listening")
        began = time.monotonic()
        with _peer.dial(wire, 5001) as s:
            got, digest = received(s)
            took = time.monotonic() - began
        _peer.check((got, digest) == (length, text.sha256(length)),
                    f"the kernel received {got} bytes of {length}, SHA-256 {digest}")
        _peer.check(impairment == "" or stack.counters()["retransmitted"] > 0, "nothing was lost")
        stack.hear("1 ended")
    return took


def to_us(wire, text, length, impairment):
    """The kernel listens, we connect, and receive."""
    store = text.path.with_name("store")
    with stack_on(wire, text, impairment, store=store) as stack, _peer.listener(wire) as server:
        began = time.monotonic()
        stack.say(f"connect {wire.kernel} {server.getsockname()[1]} 1 1 take")
        with _peer.accept(server) as s, text.path.open("rb") as f:
            s.sendfile(f)
            s.shutdown(socket.SHUT_WR)
            stack.hear("done")
            took = time.monotonic() - began
            _peer.check(s.recv(1) == b"", "the kernel did not see our FIN")
        got = stack.closed(1)
        _peer.check(got["received"] == length and got["same"], f"we received {got}")
    _peer.check(_peer.file_sha256(store) == text.sha256(length), "SHA-256 differs")
    return took


def both_ways(folder, length, impairment, wires=_peer.wires_of_both):
    text = _peer.Text(folder, length, SEED)
    told = []
    for wire in wires():
        with wire:
            for name, transfer in (("out", from_us), ("in", to_us)):
                took = transfer(wire, text, length, impairment)
                told.append(f"{wire.name} {name} {took:.2f} s, {length / MB / took:.0f} MB/s")
    return "; ".join(told)


def a_good_wire_carries_100_mb(folder):
    """The wires are good; test_kernel_ipv6.py does the same with IPv6, and 20 MB."""
    return both_ways(folder, 100 * MB, GOOD, _peer.wires)


def one_percent_loss_and_10_mb(folder):
    return both_ways(folder, 10 * MB, LOSSY)


def five_percent_loss_reordering_and_1_mb(folder):
    return both_ways(folder, 1 * MB, BAD)


def tshark_finds_nothing_wrong(folder):
    """In a connection each way over the worst wire, as the kernel's end sees it."""
    text = _peer.Text(folder, 1 * MB, SEED)
    sent = 0
    for kind in _peer.Packet, _peer.Packet6:
        with kind() as wire:
            with _peer.Capture(wire, folder) as capture:
                from_us(wire, text, 1 * MB, BAD)
                to_us(wire, text, 1 * MB, BAD)
            sent += capture.must_be_sound(700)
    return f"{sent} packets of ours"


if __name__ == "__main__":
    _peer.enter()
    _peer.main(five_percent_loss_reordering_and_1_mb, one_percent_loss_and_10_mb,
               a_good_wire_carries_100_mb, tshark_finds_nothing_wrong)
