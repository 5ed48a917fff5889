#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Ordinary programs of the kernel's TCP against our stack: python's sockets, nc, curl.

Each conversation ends with both ends' states, from /proc/net/tcp and from estab_list; tshark looks
at everything that was said.
"""

import contextlib
import errno
import os
import socket
import struct
import subprocess

import _peer

LENGTH = 200000
MSL = {"msl_ms": 300}


def refuses(kind, call):
    """The errno that the kernel's call must fail with."""
    try:
        call()
    except OSError as e:
        _peer.check(e.errno == kind, f"the kernel says {e}, not {errno.errorcode[kind]}")
    else:
        raise _peer.Failure(f"the kernel does not say {errno.errorcode[kind]}")


def reset(s):
    """close() with a RST."""
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


@contextlib.contextmanager
def accepted(wire, stack, role="wait"):
    """The kernel has connected to us: its socket, and the port by which the connection is known."""
    stack.say(f"listen 7 {role}")
    stack.hear("listening")
    with _peer.dial(wire, 7) as s:
        stack.hear("1 opened")
        yield s, s.getsockname()[1]
    stack.say("unlisten")


@contextlib.contextmanager
def connected(wire, stack, role="wait"):
    """We have connected to the kernel: its socket, and its port."""
    with _peer.listener(wire) as server:
        port = server.getsockname()[1]
        stack.say(f"connect {wire.kernel} {port} 1 1 {role}")
        with _peer.accept(server) as s:
            stack.hear("1 opened")
            yield s, port


BOTH = (accepted, connected)


# ---- who closes, and how ------------------------------------------------------------------------

def kernel_closes_first(wire, stack, opened):
    with opened(wire, stack) as (s, port):
        s.shutdown(socket.SHUT_WR)
        stack.hear("1 ended")
        stack.await_state("CLOSE-WAIT", port)
        _peer.await_kernel("FIN-WAIT-2", port)
        stack.say("close 1")
        _peer.check(s.recv(1) == b"", "the kernel did not see our FIN")
        stack.closed(1)
        _peer.await_kernel("TIME-WAIT", port)
        stack.await_state(None, port)


def we_close_first(wire, stack, opened):
    with opened(wire, stack) as (s, port):
        stack.say("close 1")
        _peer.check(s.recv(1) == b"", "the kernel did not see our FIN")
        stack.await_state("FIN-WAIT-2", port)
        _peer.await_kernel("CLOSE-WAIT", port)
        s.close()
        stack.hear("1 ended")
        stack.await_state("TIME-WAIT", port)
        _peer.await_kernel(None, port)
        stack.closed(1)
        stack.await_state(None, port)


def text_after_the_kernels_fin(wire, stack, opened):
    """A half close from the kernel: we go on sending."""
    with opened(wire, stack) as (s, port):
        s.sendall(stack.text.bytes[:1000])
        s.shutdown(socket.SHUT_WR)
        stack.hear("1 ended")
        stack.say(f"send 1 {LENGTH}")
        got = bytearray()
        while len(got) < LENGTH and (piece := s.recv(1 << 16)):
            got += piece
        _peer.check(got == stack.text.bytes[:LENGTH], f"the kernel received {len(got)} bytes")
        stack.say("close 1")
        _peer.check(s.recv(1) == b"", "the kernel did not see our FIN")
        end = stack.closed(1)
        _peer.check(end == {"sent": LENGTH, "received": 1000, "same": True}, f"we saw {end}")
        _peer.await_kernel("TIME-WAIT", port)


def text_after_our_fin(wire, stack, opened):
    """A half close from us: the kernel goes on sending."""
    with opened(wire, stack) as (s, port):
        stack.say("send 1 1000")
        stack.say("close 1")
        _peer.check(_peer.receive_all(s) == stack.text.bytes[:1000],
                    "the kernel received otherwise")
        stack.await_state("FIN-WAIT-2", port)
        s.sendall(stack.text.bytes[:LENGTH])
        s.close()
        stack.hear("1 ended")
        stack.await_state("TIME-WAIT", port)
        end = stack.closed(1)
        _peer.check(end == {"sent": 1000, "received": LENGTH, "same": True}, f"we saw {end}")


def the_kernel_resets(wire, stack, opened):
    with opened(wire, stack) as (s, port):
        s.sendall(stack.text.bytes[:1000])
        reset(s)
        stack.closed(1, "RESET")
        stack.await_state(None, port)
        _peer.await_kernel(None, port)


def we_abort(wire, stack, opened):
    with opened(wire, stack) as (s, port):
        stack.say("send 1 1000")
        stack.say("abort 1")
        refuses(errno.ECONNRESET, lambda: _peer.receive_all(s))
        stack.closed(1, "ABORTED")
        stack.await_state(None, port)
        _peer.await_kernel(None, port)


def the_kernel_has_no_listener(wire, stack):
    """Refused; RFC 9293 section 3.10.7.3 has the user told "connection reset" in SYN-SENT."""
    with _peer.listener(wire) as server:
        port = server.getsockname()[1]
    stack.say(f"connect {wire.kernel} {port} 1 1 wait")
    stack.closed(1, "RESET")
    _peer.check("1 opened" not in " ".join(stack.lines.all), "a refused connection was opened")
    _peer.check(stack.reasons()["SYN_SENT_RST"] == 1, "the reason is another than SYN_SENT_RST")


def we_have_no_listener(wire, stack):
    refuses(errno.ECONNREFUSED, lambda: _peer.dial(wire, 9))


# ---- programs -----------------------------------------------------------------------------------

def program(*words, **options):
    options.setdefault("stdout", subprocess.PIPE)
    return subprocess.Popen([_peer.find(words[0]), *map(str, words[1:])], **options)


def nc_sends_to_us(wire, stack):
    """nc -N: shuts down its side at the end of its input, and ends when we have closed."""
    stack.say("listen 2000 take")
    stack.hear("listening")
    with stack.text.path.open("rb") as f:
        nc = program("nc", "-N", wire.ours, 2000, stdin=f)
        _peer.check(nc.wait(_peer.PATIENCE) == 0, f"nc ended with {nc.returncode}")
    nc.stdout.close()
    end = stack.closed(1)
    _peer.check(end["received"] == LENGTH and end["same"], f"we received {end}")


def nc_listens(wire, stack):
    """nc -l takes our text and ends after our FIN; its own comes with it."""
    nc = program("nc", "-l", wire.kernel, 2001, stdin=subprocess.DEVNULL)
    _peer.await_listener(2001)
    stack.say(f"connect {wire.kernel} 2001 1 1 give {LENGTH}")
    got = nc.communicate(timeout=_peer.PATIENCE)[0]
    _peer.check(got == stack.text.bytes, f"nc received {len(got)} bytes")
    _peer.check(nc.returncode == 0, f"nc ended with {nc.returncode}")
    stack.closed(1)


def nc_talks_with_our_echo(wire, stack):
    stack.say("listen 7 echo")
    stack.hear("listening")
    with stack.text.path.open("rb") as f:
        nc = program("nc", "-N", wire.ours, 7, stdin=f)
        got = nc.communicate(timeout=_peer.PATIENCE)[0]
    _peer.check(got == stack.text.bytes, f"the echo is {len(got)} bytes")
    stack.closed(1)


def curl_gets_from_us(wire, stack):
    """Three in a row; curl checks Content-Length itself."""
    stack.say(f"listen 80 http {LENGTH}")
    stack.hear("listening")
    for _ in range(3):
        curl = program("curl", "--silent", "--show-error", "--noproxy", "*", "--max-time",
                       _peer.PATIENCE, f"http://{wire.host()}/")
        got = curl.communicate(timeout=_peer.PATIENCE)[0]
        _peer.check(curl.returncode == 0, f"curl ended with {curl.returncode}")
        _peer.check(got == stack.text.bytes, f"curl received {len(got)} bytes")
    for number in (1, 2, 3):
        stack.closed(number)


def ss_shows_the_kernels_end_only(wire, stack):
    """The kernel's own list has its end of the connection, and nothing of ours."""
    with accepted(wire, stack) as (_, port):
        kernel = f"[{wire.kernel}]" if ":" in wire.kernel else wire.kernel
        rows = [row.split() for row in _peer.run("ss", "-Htan").splitlines()]
        rows = [row for row in rows if f":{port}" in row[3] + " " + row[4]]
        _peer.check([(row[0], row[3], row[4]) for row in rows]
                    == [("ESTAB", f"{kernel}:{port}", f"{wire.host()}:7")], f"ss shows {rows}")
        stack.say("abort 1")


STATES = (kernel_closes_first, we_close_first, text_after_the_kernels_fin, text_after_our_fin,
          the_kernel_resets, we_abort)
SINGLE = (the_kernel_has_no_listener, we_have_no_listener, nc_sends_to_us, nc_listens,
          nc_talks_with_our_echo, curl_gets_from_us, ss_shows_the_kernels_end_only)


def case(wire, text, test, *arguments):
    """One conversation with a stack of its own, after which nothing may be left of it."""
    name = " ".join([test.__name__, *(a.__name__ for a in arguments)])
    try:
        with wire.stack(text=text.path, **MSL) as stack:
            stack.text = text
            test(wire, stack, *arguments)
            stack.say("unlisten")
            stack.must_be_empty()
    except (_peer.Failure, OSError, subprocess.TimeoutExpired) as e:
        raise _peer.Failure(f"{wire.name}: {name}: {e}") from e


def cases(wire, text):
    count = 0
    for test in STATES:
        for opened in BOTH:
            case(wire, text, test, opened)
            count += 1
    for test in SINGLE:
        case(wire, text, test)
        count += 1
    return count


def conversations(folder):
    text = _peer.Text(folder, LENGTH)
    told = []
    for wire in _peer.wires_of_both():
        with wire:
            told.append(f"{wire.name} {cases(wire, text)}")
    return ", ".join(told)


def tshark_finds_nothing_wrong(folder):
    """The same once more, captured at the kernel's end, with each family."""
    text = _peer.Text(folder, LENGTH)
    sent = 0
    for kind in _peer.Packet, _peer.Packet6:
        with kind() as wire:
            wire.quick = True
            with _peer.Capture(wire, folder) as capture:
                cases(wire, text)
            sent += capture.must_be_sound(500)
    return f"{sent} packets of ours"


if __name__ == "__main__":
    _peer.need("nc", "curl", "ss")
    _peer.enter()
    _peer.main(conversations, tshark_finds_nothing_wrong)
