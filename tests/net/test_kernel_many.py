#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""1,000 connections opened and closed in a row, and 500 at once, the kernel on the other side of
each, opened from either side; each carries a little text both ways, and nothing is left in any
pool.

1,000 in a row leave 1,000 in TIME-WAIT at the side that closes first.
"""

import selectors
import socket
import time

import _peer

ROW, AT_ONCE, LENGTH = 1000, 500, 3000
MSL = {"msl_ms": 500}


def all_closed(stack, count, received):
    for number in range(1, count + 1):
        end = stack.closed(number)
        _peer.check(end == {"sent": LENGTH, "received": received, "same": True},
                    f"connection {number} ended with {end}")
    stack.say("unlisten")
    stack.must_be_empty()


def exchange(s, text):
    """We send a little, and receive what the stack gives, until it closes."""
    s.sendall(text.bytes[:100])
    got = _peer.receive_all(s)
    _peer.check(got == text.bytes[:LENGTH], f"the kernel received {len(got)} bytes")


def by_the_kernel_in_a_row(wire, text):
    """The stack closes first, so TIME-WAIT is ours."""
    with wire.stack(text=text.path, **MSL) as stack:
        stack.say(f"listen 5000 give {LENGTH}")
        stack.hear("listening")
        began = time.monotonic()
        for _ in range(ROW):
            with _peer.dial(wire, 5000) as s:
                exchange(s, text)
        took = time.monotonic() - began
        all_closed(stack, ROW, 100)
    return took


def by_us_in_a_row(wire, text):
    """As above, the kernel accepting."""
    with wire.stack(text=text.path, **MSL) as stack, _peer.listener(wire) as server:
        began = time.monotonic()
        stack.say(f"connect {wire.kernel} {server.getsockname()[1]} {ROW} 1 give {LENGTH}")
        for _ in range(ROW):
            with _peer.accept(server) as s:
                exchange(s, text)
        stack.hear("done")
        took = time.monotonic() - began
        all_closed(stack, ROW, 100)
    return took


def echo_by_the_kernel(wire, text):
    """The kernel opens, we echo, the kernel closes first, so TIME-WAIT is the kernel's."""
    with wire.stack(text=text.path, **MSL) as stack:
        stack.say("listen 5001 echo")
        stack.hear("listening")
        began = time.monotonic()
        for _ in range(ROW):
            with _peer.dial(wire, 5001) as s:
                s.sendall(text.bytes[:LENGTH])
                s.shutdown(socket.SHUT_WR)
                got = _peer.receive_all(s)
                _peer.check(got == text.bytes[:LENGTH], f"the echo is {len(got)} bytes")
        took = time.monotonic() - began
        all_closed(stack, ROW, LENGTH)
    return took


def talk_at_once(sockets, text):
    """All of them send, then all receive; nothing is closed before all are open."""
    with selectors.DefaultSelector() as selector:
        got = {}
        for s in sockets:
            s.sendall(text.bytes[:100])
            s.shutdown(socket.SHUT_WR)
            selector.register(s, selectors.EVENT_READ)
            got[s] = bytearray()
        while selector.get_map():
            ready = selector.select(_peer.PATIENCE)
            _peer.check(ready, f"{len(selector.get_map())} connections say nothing any more")
            for key, _ in ready:
                piece = key.fileobj.recv(1 << 16)
                got[key.fileobj] += piece
                if not piece:
                    selector.unregister(key.fileobj)
        wrong = [len(t) for t in got.values() if t != text.bytes[:100]]
        _peer.check(not wrong, f"{len(wrong)} echoes differ; they are {wrong[:5]} bytes")


def at_once(stack, sockets, text):
    counters = stack.counters()
    _peer.check(counters["connections_peak"] == AT_ONCE, f"the peak is not {AT_ONCE}: {counters}")
    states = [row[0] for row in stack.states()]
    _peer.check(states.count("ESTABLISHED") == AT_ONCE, f"we list {len(states)} connections")
    kernel = [state for state, _, _ in _peer.kernel_sockets() if state == "ESTABLISHED"]
    _peer.check(len(kernel) == AT_ONCE, f"the kernel has {len(kernel)} connections")
    talk_at_once(sockets, text)
    for s in sockets:
        s.close()
    for number in range(1, AT_ONCE + 1):
        end = stack.closed(number)
        _peer.check(end == {"sent": 100, "received": 100, "same": True},
                    f"connection {number} ended with {end}")
    stack.say("unlisten")
    stack.must_be_empty()


def start_dialling(wire, port):
    s = socket.socket(socket.AF_INET6 if ":" in wire.ours else socket.AF_INET)
    s.setblocking(False)
    s.connect_ex((wire.ours, port))
    return s


def await_open(sockets):
    with selectors.DefaultSelector() as selector:
        for s in sockets:
            selector.register(s, selectors.EVENT_WRITE)
        while selector.get_map():
            ready = selector.select(_peer.PATIENCE)
            _peer.check(ready, f"{len(selector.get_map())} connections do not open")
            for key, _ in ready:
                error = key.fileobj.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                _peer.check(error == 0, f"connect: errno {error}")
                selector.unregister(key.fileobj)
    for s in sockets:
        s.settimeout(_peer.PATIENCE)


def by_the_kernel_at_once(wire, text):
    with wire.stack(text=text.path, **MSL) as stack:
        stack.say("listen 5002 echo")
        stack.hear("listening")
        began = time.monotonic()
        sockets = [start_dialling(wire, 5002) for _ in range(AT_ONCE)]
        await_open(sockets)
        for number in range(1, AT_ONCE + 1):
            stack.hear(f"{number} opened")
        took = time.monotonic() - began
        at_once(stack, sockets, text)
    return took


def by_us_at_once(wire, text):
    with wire.stack(text=text.path, **MSL) as stack, _peer.listener(wire) as server:
        began = time.monotonic()
        stack.say(f"connect {wire.kernel} {server.getsockname()[1]} {AT_ONCE} {AT_ONCE} echo")
        sockets = [_peer.accept(server) for _ in range(AT_ONCE)]
        for number in range(1, AT_ONCE + 1):
            stack.hear(f"{number} opened")
        took = time.monotonic() - began
        at_once(stack, sockets, text)
    return took


def on_every_wire(folder, test, count):
    text = _peer.Text(folder, LENGTH)
    told = []
    for wire in _peer.wires_of_both():
        with wire:
            told.append(f"{wire.name} {count / test(wire, text):.0f}/s")
    return ", ".join(told)


def a_thousand_opened_by_the_kernel(folder):
    return on_every_wire(folder, by_the_kernel_in_a_row, ROW)


def a_thousand_opened_by_us(folder):
    return on_every_wire(folder, by_us_in_a_row, ROW)


def a_thousand_echoes(folder):
    return on_every_wire(folder, echo_by_the_kernel, ROW)


def five_hundred_at_once_opened_by_the_kernel(folder):
    return on_every_wire(folder, by_the_kernel_at_once, AT_ONCE)


def five_hundred_at_once_opened_by_us(folder):
    return on_every_wire(folder, by_us_at_once, AT_ONCE)


if __name__ == "__main__":
    _peer.enter()
    _peer.main(a_thousand_opened_by_the_kernel, a_thousand_opened_by_us, a_thousand_echoes,
               five_hundred_at_once_opened_by_the_kernel, five_hundred_at_once_opened_by_us)
