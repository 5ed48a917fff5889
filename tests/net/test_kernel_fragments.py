#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Datagrams in parts between our stack and the kernel, over IPv4 and IPv6: what the kernel sends comes back
whole, over a good wire and one that mixes the parts, and tshark finds nothing wrong with ours.
"""

import random
import socket

import _peer

LENGTHS = (1, 1452, 1453, 1472, 1473, 2952, 2953, 9000, 30000, 65000, 65507)
PORT = 40007
MIXED = "delay 1ms reorder 30% 3ms duplicate 20%"


def wires():
    yield from (_peer.Packet, _peer.Packet6)


def dial(wire, seconds):
    s = socket.socket(socket.AF_INET6 if ":" in wire.ours else socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(seconds)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    if s.family == socket.AF_INET: # else a datagram that just fits is refused: of path MTUs it knows
        s.setsockopt(socket.IPPROTO_IP, 10, 0)  # IP_MTU_DISCOVER, IP_PMTUDISC_DONT
    s.connect((wire.ours, PORT))
    return s


def start(wire, **options):
    stack = wire.stack(udp_receive_buffer=1 << 20, udp_send_buffer=1 << 20, **options)
    return stack


def await_addresses(stack):
    _peer.await_that(lambda: "tentative" not in dict(stack.listed("addresses")).values(),
                     lambda: f"our addresses are {stack.listed('addresses')}")


def there_and_back(wire, s, length, earlier=()):
    text = random.Random(length).randbytes(length)
    s.send(text)
    while len(got := s.recv(1 << 17)) in earlier: # that came twice, as a whole
        pass
    _peer.check(got == text, f"{wire.name}: of {length} bytes {len(got)} came back, "
                f"{'others' if len(got) == length else 'not all'}")


def every_length_comes_back(folder):
    del folder
    for kind in wires():
        with kind() as wire, start(wire) as stack, dial(wire, _peer.PATIENCE) as s:
            stack.say(f"datagrams {PORT}")
            stack.hear("waiting")
            await_addresses(stack)
            for length in LENGTHS:
                there_and_back(wire, s, length)
            counters = stack.counters()
            _peer.check(counters["reassembled"] >= 7 and counters["fragments"] == 0 and
                        counters["fragments_in"] >= 100 and counters["fragments_out"] >= 100,
                        f"{wire.name}: {counters}")


def parts_that_come_mixed_and_twice(folder):
    """Some overtake others, some come twice, in both directions; a datagram is lost by nothing else."""
    del folder
    for kind in wires():
        with kind() as wire, start(wire, seed=815, **{"in": MIXED, "out": MIXED}) as stack, \
                dial(wire, _peer.PATIENCE) as s:
            stack.say(f"datagrams {PORT}")
            stack.hear("waiting")
            await_addresses(stack)
            lengths = (2953, 9000, 9001, 30000)
            for i, length in enumerate(lengths):
                there_and_back(wire, s, length, lengths[:i])
            reasons = stack.reasons()
            _peer.check("FRAGMENT_OVERLAP" not in reasons and "FRAGMENT_DUPLICATE" in reasons,
                        f"{wire.name}: {reasons}")


def tshark_objects_to_nothing(folder):
    for kind in wires():
        with kind() as wire, _peer.Capture(wire, folder) as capture:
            with start(wire) as stack, dial(wire, _peer.PATIENCE) as s:
                stack.say(f"datagrams {PORT}")
                stack.hear("waiting")
                await_addresses(stack)
                for length in LENGTHS:
                    there_and_back(wire, s, length)
            _peer.await_that(lambda: capture.path.stat().st_size > 2 * sum(LENGTHS),
                             "not all packets are in the capture")
        ours = f"{'ipv6' if ':' in wire.ours else 'ip'}.src == {wire.ours}"
        wrong = capture.fields(f"{ours} and ({_peer.WRONG} or (udp and udp.checksum.status != 1))", "frame.number",
                               "_ws.expert.message")
        _peer.check(not wrong, f"{wire.name}: tshark objects to {wrong[:5]}")
        whole = capture.fields(f"{ours} and udp", "udp.length")
        _peer.check({row[0] for row in whole} == {str(8 + n) for n in LENGTHS},
                    f"{wire.name}: tshark put together {whole}")
        parts = capture.fields(f"{ours} and {'ipv6.fraghdr' if ':' in wire.ours else 'ip.flags.mf == 1'}",
                               "frame.number")
        _peer.check(len(parts) > 100, f"{wire.name}: only {len(parts)} parts were seen")


if __name__ == "__main__":
    _peer.enter()
    _peer.main(every_length_comes_back, parts_that_come_mixed_and_twice, tshark_objects_to_nothing)
