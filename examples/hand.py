#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A handshake by hand: joins a wire as docs/wire.md says, with Python's standard library only.

    hand.py [WIRE [HOST [PORT]]]        lab, server, 3333

Connects to a stack that listens, such as `estab listen` in another terminal: SYN, ACK, FIN, each
made here byte by byte, with the states that a TCP would go through told to the wire. So the other
terminal shows them as it would show a stack's.
"""

import os
import socket
import struct
import sys
import time

JOIN, WELCOME, FRAME, REPORT, STATION, DONE, ERROR = 1, 2, 3, 4, 7, 14, 15
SERIAL, FROM, FLAGS, PID, ADDRESS, MAC, NAME = 1, 3, 5, 8, 11, 12, 15
PROGRAM, BEFORE, TEXT, MOVE, BYTES = 16, 19, 20, 21, 25
STATES = ["CLOSED", "LISTEN", "SYN-SENT", "SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2",
          "CLOSE-WAIT", "CLOSING", "LAST-ACK", "TIME-WAIT"]
FIN, SYN, RST, ACK = 1, 2, 4, 16


class Envelope:
    """One message: its type, and its attributes by tag."""

    def __init__(self, kind, attributes=()):
        self.kind, self.attributes = kind, list(attributes)

    def bytes(self):
        head = struct.pack(">4sBBH", b"estb", 1, self.kind, 0)
        return head + b"".join(struct.pack(">HH", tag, len(value)) + value
                               for tag, value in self.attributes)

    @staticmethod
    def read(data):
        magic, version, kind, _ = struct.unpack_from(">4sBBH", data)
        if magic != b"estb" or (version != 1 and kind != ERROR):
            raise SystemExit(f"the hub speaks version {version} of the protocol, and this is 1")
        attributes, at = [], 8
        while at < len(data):
            tag, length = struct.unpack_from(">HH", data, at)
            attributes.append((tag, data[at + 4:at + 4 + length]))
            at += 4 + length
        return Envelope(kind, attributes)

    def get(self, tag):
        return next((value for found, value in self.attributes if found == tag), None)


def number(n):
    return struct.pack(">I", n)


def how(state, moves):
    """Attributes that tell how an end stands: where it was, and its moves (from, to, event)."""
    attributes = [(BEFORE, number(STATES.index(moves[0][0] if moves else state)))]
    for old, new, event in moves:
        attributes.append((MOVE, struct.pack(">BBQB", STATES.index(old), STATES.index(new),
                                             time.monotonic_ns(), len(event)) + event.encode()))
    return attributes


class Wire:
    """A station: frames in and out, and the names of the others."""

    def __init__(self, name, station="hand"):
        runtime = os.environ.get("XDG_RUNTIME_DIR", "")
        ours = os.path.isdir(runtime) and os.stat(runtime).st_uid == os.geteuid()
        place = (runtime + "/estab" if ours else
                 f"{os.environ.get('TMPDIR', '/tmp')}/estab-{os.geteuid()}")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(30)
        self.socket.connect(f"{place}/{name}.wire")
        self.serial, self.stations = 0, {}
        self.say(Envelope(JOIN, [(FLAGS, number(2)), (PID, number(os.getpid())),
                                 (PROGRAM, b"hand.py"),
                                 (NAME, station.encode())]))
        while (heard := self.hear()).kind != DONE:
            if heard.kind == ERROR:
                raise SystemExit(heard.get(TEXT).decode())
            if heard.kind == WELCOME:
                self.ip, self.mac = heard.get(ADDRESS)[12:], heard.get(MAC)
            if heard.kind == STATION:
                self.stations[heard.get(NAME).decode()] = heard.get(ADDRESS)[12:]

    def say(self, envelope):
        self.socket.send(envelope.bytes())

    def hear(self):
        data = self.socket.recv(70000)
        if not data:
            raise SystemExit("the hub has ended")
        return Envelope.read(data)

    def send(self, frame, state, moves=()):
        """Sends a frame, and tells with it how its sender stands."""
        self.serial += 1
        self.say(Envelope(FRAME, [(SERIAL, struct.pack(">Q", self.serial)), *how(state, moves),
                                  (BYTES, frame)]))

    def report(self, envelope, state, moves=()):
        """Tells what a frame did to its receiver."""
        self.say(Envelope(REPORT, [(SERIAL, envelope.get(SERIAL)), (FROM, envelope.get(FROM)),
                                   *how(state, moves)]))

    def frames(self):
        while True:
            heard = self.hear()
            if heard.kind == FRAME:
                yield heard, heard.get(BYTES)


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


class Peer:
    """The other end of one connection, whose segments are made and read here."""

    def __init__(self, wire, ip, port):
        self.wire, self.ip, self.port, self.mac = wire, ip, port, b"\xff" * 6
        self.our_port, self.seq, self.ack = 40000, 1000, 0
        self.state = "CLOSED"

    def resolve(self):
        """ARP, RFC 826."""
        question = struct.pack(">HHBBH6s4s6s4s", 1, 0x0800, 6, 4, 1, self.wire.mac, self.wire.ip,
                               bytes(6), self.ip)
        self.wire.send(b"\xff" * 6 + self.wire.mac + b"\x08\x06" + question, self.state)
        for _, frame in self.wire.frames():
            if frame[12:14] == b"\x08\x06" and frame[20:22] == b"\0\2" and frame[28:32] == self.ip:
                self.mac = frame[22:28]
                return

    def send(self, flags, moves=()):
        tcp = struct.pack(">HHIIBBHHH", self.our_port, self.port, self.seq & 0xffffffff, self.ack,
                          0x50, flags, 65535, 0, 0)
        pseudo = self.wire.ip + self.ip + struct.pack(">BBH", 0, 6, len(tcp))
        tcp = tcp[:16] + struct.pack(">H", checksum(pseudo + tcp)) + tcp[18:]
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 1, 0, 64, 6, 0, self.wire.ip,
                         self.ip)
        ip = ip[:10] + struct.pack(">H", checksum(ip)) + ip[12:]
        self.wire.send(self.mac + self.wire.mac + b"\x08\x00" + ip + tcp, self.state, moves)
        self.state = moves[-1][1] if moves else self.state
        self.seq += bool(flags & SYN) + bool(flags & FIN)

    def answer_arp(self, frame):
        if frame[20:22] == b"\0\1" and frame[38:42] == self.wire.ip:
            reply = struct.pack(">HHBBH6s4s6s4s", 1, 0x0800, 6, 4, 2, self.wire.mac, self.wire.ip,
                                frame[22:28], frame[28:32])
            self.wire.send(frame[22:28] + self.wire.mac + b"\x08\x06" + reply, self.state)

    def await_flags(self, wanted, *moves):
        """The next segment of this connection with these flags, which moves us; takes its text."""
        for envelope, frame in self.wire.frames():
            if frame[12:14] == b"\x08\x06":
                self.answer_arp(frame)
                continue
            header = 14 + (frame[14] & 15) * 4
            if frame[12:14] != b"\x08\x00" or frame[23] != 6 or frame[26:30] != self.ip:
                continue
            source, target, seq, _, offset, flags = struct.unpack_from(">HHIIBB", frame, header)
            if (source, target) != (self.port, self.our_port):
                continue
            if flags & RST:
                raise SystemExit("refused: nobody listens there")
            length = struct.unpack_from(">H", frame, 16)[0] - (header - 14) - (offset >> 4) * 4
            end = seq + length + bool(flags & SYN) + bool(flags & FIN)
            self.ack = max(self.ack, end) & 0xffffffff
            if flags & wanted == wanted:
                self.wire.report(envelope, self.state, moves)
                self.state = moves[-1][1]
                return
            self.wire.report(envelope, self.state)


def main(wire_name="lab", host="server", port="3333"):
    wire = Wire(wire_name)
    if host not in wire.stations:
        raise SystemExit(f"{host} is not on wire {wire_name}; here are: {', '.join(wire.stations)}")
    peer = Peer(wire, wire.stations[host], int(port))
    peer.resolve()
    peer.send(SYN, [("CLOSED", "SYN-SENT", "active OPEN")])
    peer.await_flags(SYN | ACK, ("SYN-SENT", "ESTABLISHED", "rcv SYN,ACK"))
    peer.send(ACK)
    print(f"connected by hand to {host}, port {port}")
    peer.send(FIN | ACK, [("ESTABLISHED", "FIN-WAIT-1", "CLOSE")])
    peer.await_flags(ACK, ("FIN-WAIT-1", "FIN-WAIT-2", "rcv ACK of FIN"))
    peer.await_flags(FIN | ACK, ("FIN-WAIT-2", "TIME-WAIT", "rcv FIN"))
    peer.send(ACK)
    print("closed by hand")


if __name__ == "__main__":
    main(*sys.argv[1:])
