#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Stacks on a wire, each in its own process: what they print, and what happens when one of them, or
the hub, is killed, floods, does not read, or speaks another language."""

import json
import os
import pathlib
import signal
import socket
import struct
import sys
import threading
import unittest

import _wire
from _wire import ESTAB, PATIENCE, SOURCE, running, wait_until

sys.path.insert(0, str(SOURCE / "examples"))
import hand

CLIENT = ["CLOSED -> SYN-SENT", "SYN-SENT -> ESTABLISHED", "ESTABLISHED -> FIN-WAIT-1",
          "FIN-WAIT-1 -> FIN-WAIT-2", "FIN-WAIT-2 -> TIME-WAIT"]
SERVER = ["LISTEN -> SYN-RECEIVED", "SYN-RECEIVED -> ESTABLISHED", "ESTABLISHED -> CLOSE-WAIT",
          "CLOSE-WAIT -> LAST-ACK", "LAST-ACK -> CLOSED"]


class Two(_wire.Case):
    """Two terminals."""

    def test_both_print_both_ends(self):
        listener = self.listen("--close", "0.2")
        client = self.start("connect", "--hold", "0.2", "--msl", "0.5")
        self.assertEqual(client.end(), 0, client.text())
        listener.hear("client: TIME-WAIT -> CLOSED (by timeout 2MSL")
        listener.signal()
        self.assertEqual(listener.end(), 130)
        for terminal in client.text(), listener.text():
            for end, moves in ("client", CLIENT), ("server", SERVER):
                for move in moves:
                    self.assertIn(f" {end}: {move} (by ", terminal)
            self.assertNotIn("~", terminal)
            bars = {line.index(" | ") for line in terminal.splitlines() if " | " in line}
            self.assertEqual(len(bars), 1, terminal)
        self.assertIn("client>server [SYN]", client.text())
        self.assertIn("wire lab carries on what is left: 1 in TIME-WAIT, which lasts", client.text())

    def test_a_name_is_free_while_time_wait_is_carried_on(self):
        self.listen("--close", "0")
        for _ in range(2):
            client = self.start("connect", "--hold", "0", "--msl", "30")
            self.assertEqual(client.end(), 0, client.text())
            self.assertIn("client: FIN-WAIT-2 -> TIME-WAIT", client.text())
            self.assertNotIn("client2", client.text())
        carried = [row for row in self.show() if "carried" in row.get("flags", [])]
        self.assertEqual([row["address"] for row in carried], ["10.11.0.101"] * 2)
        for row in carried:
            self.assertTrue(running(row["pid"]))

    def test_the_server_closes_first(self):
        """Its TIME-WAIT is carried on, and another server has its name."""
        listener = self.listen()
        client = self.start("connect", "--hold", "never")
        listener.hear("SYN-RECEIVED -> ESTABLISHED")
        listener.signal()
        client.hear("ESTABLISHED -> CLOSE-WAIT")
        client.signal()
        self.assertEqual(client.end(), 130, client.text())
        self.assertEqual(listener.end(), 130, listener.text())
        self.assertRegex(listener.text(),
                         "wire lab carries on what is left: 1 in (TIME-WAIT|FIN-WAIT-2)")
        again = self.start("listen")
        again.hear("listening on 10.11.0.1:3333, also known as server")

    def test_names_and_addresses(self):
        self.listen()
        second = self.start("listen", "3334")
        second.hear("listening on 10.11.0.2:3334, also known as server2")
        third = self.start("listen", "--name", "here", "--ip", "10.11.0.77/24", "3335")
        third.hear("listening on 10.11.0.77:3335, also known as here")
        done = self.estab("listen", "--name", "here", code=2)
        self.assertIn("the name here is in use on wire lab, by estab listen", done.stderr)
        done = self.estab("listen", "--ip", "10.11.0.77/24", code=2)
        self.assertIn("the address 10.11.0.77 is in use on wire lab, by here", done.stderr)
        done = self.estab("connect", "nowhere", "3333", code=2)
        self.assertIn("HOST 'nowhere' is not on wire lab; here are: ", done.stderr)
        self.assertIn("here (10.11.0.77)", done.stderr)

    def test_localhost_is_the_one_that_listens(self):
        self.listen("3333")
        other = self.start("listen", "3334")
        other.hear("CLOSED -> LISTEN")
        wait_until(lambda: self.stations()["server2"]["ports"] == [3334], "its port is known")
        words = ("--hold", "0", "--msl", "0.1")
        done = self.estab("connect", "localhost", "3334", *words)
        self.assertIn("localhost is taken to mean server2 (10.11.0.2), the one stack", done.stderr)
        done = self.estab("connect", "127.0.0.1", "9", *words, code=2)
        self.assertIn("nobody on wire lab listens on port 9", done.stderr)
        again = self.start("listen", "3334")
        again.hear("CLOSED -> LISTEN")
        wait_until(lambda: self.stations()["server3"]["ports"] == [3334], "its port is known")
        done = self.estab("connect", "localhost", "3334", *words, code=2)
        self.assertIn("localhost is ambiguous", done.stderr)
        self.assertIn("server2 (10.11.0.2), server3 (10.11.0.3)", done.stderr)

    def test_names_and_addresses_of_ipv6(self):
        listener = self.start("listen", "--ip", "fd11::1/64", "--close", "0")
        listener.hear("listening on [fd11::1]:3333, also known as server")
        done = self.estab("listen", "--ip", "fd11::1/64", code=2)
        self.assertIn("the address fd11::1 is in use on wire lab, by server", done.stderr)
        client = ("--ip", "fd11::65/64", "--hold", "0", "--msl", "0.1")
        for host in ("fd11::1", "server", "localhost"):
            done = self.estab("connect", host, "3333", *client)
            self.assertRegex(done.stdout, r"client>server +\[SYN\]")
            self.assertIn("client: FIN-WAIT-2 -> TIME-WAIT", done.stdout)
        done = self.estab("connect", "fd11::99", "9", *client, code=6)
        self.assertIn("nobody answers neighbour discovery for [fd11::99]:9", done.stderr)
        done = self.estab("connect", "server", "9", *client, code=5)
        self.assertIn("[fd11::1]:9 refused the connection: nobody listens there", done.stderr)
        self.assertIn("fd11::1", self.estab("wire").stdout)

    def test_nobody_listens(self):
        self.listen("3333")
        done = self.estab("connect", "server", "9", code=5)
        self.assertIn("refused the connection: nobody listens there", done.stderr)
        done = self.estab("connect", "10.11.0.99", "9", code=6)
        self.assertIn("nobody answers ARP for 10.11.0.99:9", done.stderr)

    def test_two_wires_are_two(self):
        self.listen("--on", "wire:other")
        done = self.estab("connect", code=2)
        self.assertIn("nobody else is", done.stderr)
        done = self.estab("wire")
        self.assertIn("there is a wire other, too", done.stderr)
        done = self.estab("connect", "--on", "wire:other", "--hold", "0", "--msl", "0.1")
        self.assertIn("ESTABLISHED", done.stdout)
        self.estab("wire", "--on", "wire:other", "down")


class Impaired(_wire.Case):
    def test_two_seconds_of_delay(self):
        """Long enough to see each state; and mended while packets are under way."""
        listener = self.listen("--close", "0")
        self.estab("wire", "set", "delay", "2s")
        client = self.start("connect", "--hold", "0", "--msl", "0.1")
        line = client.hear("[SYN] ", "server: LISTEN -> SYN-RECEIVED")
        self.assertGreaterEqual(float(line.split()[0]), 2)
        self.assertIn("client: CLOSED -> SYN-SENT", line)
        line = client.hear("[SYN,ACK]", "client: SYN-SENT -> ESTABLISHED")
        self.assertGreaterEqual(float(line.split()[0]), 4)
        self.estab("wire", "clear")
        self.assertEqual(client.end(), 0, client.text())
        self.assertIn("retransmission", client.text())
        listener.hear("LAST-ACK -> CLOSED")

    def test_what_a_rule_drops_is_told(self):
        self.listen("--close", "0")
        self.estab("wire", "rule", "drop", "1", "syn", "ack")
        client = self.start("connect", "--hold", "0", "--msl", "0.1")
        self.assertEqual(client.end(), 0, client.text())
        self.assertIn("CLOSED -> SYN-SENT", client.text())
        rule = [row for row in self.show() if row["kind"] == "rule"]
        self.assertEqual([(row["rule"], row["hits"]) for row in rule], [("drop 1 syn ack", 1)])

    def test_a_retransmission_is_known_where_its_first_copy_is_not(self):
        """The sender says so beside the packet; from its number alone nobody could tell."""
        listener = self.listen("--close", "0")
        self.estab("wire", "rule", "drop", "1", "syn")
        self.assertEqual(self.start("connect", "--hold", "0", "--msl", "0.1").end(), 0)
        listener.hear("LAST-ACK -> CLOSED")
        self.assertRegex(listener.text(), r"\[SYN\] .*\(retransmission, timeout\)")

    def test_show_set_and_clear(self):
        self.estab("wire", "set", "delay", "1ms", "loss", "2%")
        self.estab("wire", "set", "loss", "0%", "rate", "10mbit")
        self.assertIn("delay 1ms rate 10mbit", self.estab("wire").stdout)
        done = self.estab("wire", "set", "loss", "200%", code=2)
        self.assertIn("loss", done.stderr)
        self.estab("wire", "clear")
        self.assertEqual(self.show()[0]["impairment"], "none")
        self.estab("wire", "down")
        self.assertIn("there is no wire lab", self.estab("wire").stderr)
        self.assertIn("there is no wire lab", self.estab("wire", "clear", code=2).stderr)

    def test_options_of_a_verb_are_the_wires(self):
        listener = self.start("listen", "--impair", "delay 5ms", "--rule", "drop 1 rst")
        listener.hear("the wire lab is impaired from now on")
        rows = self.show()
        self.assertEqual(rows[0]["impairment"], "delay 5ms")
        self.assertEqual(rows[1]["rule"], "drop 1 rst")


class Killed(_wire.Case):
    def test_a_client(self):
        listener = self.listen()
        client = self.start("connect", "--hold", "never")
        client.hear("SYN-SENT -> ESTABLISHED")
        client.kill()
        listener.hear("client (estab connect, process", "has left the wire and did not close")
        self.assertNotIn("client", self.stations())

    def test_a_server(self):
        listener = self.listen()
        client = self.start("connect", "--hold", "never")
        client.hear("SYN-SENT -> ESTABLISHED")
        listener.kill()
        client.hear("server (estab listen, process", "has left the wire")
        client.signal()
        client.hear("[FIN,ACK]", "lost: nobody has this address") # and not our ACK, sent before
        client.signal()
        self.assertEqual(client.end(), 130)

    def test_the_hub(self):
        listener = self.listen()
        client = self.start("connect", "--hold", "never")
        client.hear("SYN-SENT -> ESTABLISHED")
        os.kill(self.hub(), signal.SIGKILL)
        for terminal in listener, client:
            self.assertEqual(terminal.end(), 1)
            self.assertIn("the hub of wire lab has ended, and the wire with it", terminal.text())
        self.assertTrue(self.place("lab.wire").exists())
        self.estab("wire")
        self.assertFalse(self.place("lab.wire").exists())
        self.listen()

    def test_the_hub_goes_by_its_own_name(self):
        """And not by the words of the verb that found none: that one may have ended long ago."""
        self.estab("connect", "--hold", "0", code=2) # nobody listens
        told = pathlib.Path(f"/proc/{self.hub()}/cmdline").read_bytes().rstrip(b"\0")
        self.assertEqual(told, b"estab-wire")

    def test_a_carrier(self):
        self.listen("--close", "0")
        self.estab("connect", "--hold", "0")
        carrier = [row for row in self.show() if "carried" in row.get("flags", [])]
        os.kill(carrier[0]["pid"], signal.SIGKILL)
        wait_until(lambda: len(self.show()) == 2, "it has left")

    def test_down(self):
        listener = self.listen()
        self.estab("connect", "--hold", "0", "--msl", "30")
        self.estab("wire", "down")
        self.assertEqual(listener.end(), 1)
        wait_until(lambda: not _wire.family(self.runtime), "the carrier ends with the wire")


class Strange(_wire.Case):
    """Those who do not speak as they should."""

    def fake_hub(self, answer):
        self.place().mkdir(mode=0o700)
        words = [sys.executable, "-uc",
                 "import socket\n"
                 "s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)\n"
                 f"s.bind({str(self.place('lab.wire'))!r})\n"
                 "s.listen()\n"
                 "print('listening')\n"
                 "while True:\n"
                 "    c, _ = s.accept()\n"
                 "    try:\n"
                 f"        c.recv(70000) and c.send({answer!r}) and c.recv(70000)\n"
                 "    except OSError:\n"
                 "        pass\n"]
        fake = self.program(*words)
        fake.hear("listening")
        return fake

    def test_a_hub_of_another_version(self):
        fake = self.fake_hub(b"estb\x09\x02\0\0")
        done = self.estab("listen", code=1)
        self.assertRegex(done.stderr, r"the hub of wire lab, process \d+, speaks version 9 of the "
                         r"wire's protocol, and this estab version 1; to end it: estab wire")
        done = self.estab("wire", "down")
        self.assertIn("its process was ended", done.stderr)
        fake.child.wait(PATIENCE)

    def test_a_hub_that_is_none(self):
        self.fake_hub(b"HTTP/1.0 400 Bad Request\r\n\r\n")
        done = self.estab("listen", code=1)
        self.assertIn("does not speak its protocol", done.stderr)

    def test_a_socket_without_a_hub(self):
        self.place().mkdir(mode=0o700)
        for name in ("lab.wire", "other.wire"):
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
                s.bind(str(self.place(name)))
                s.listen()
        self.estab("wire")
        self.assertEqual(sorted(p.name for p in self.place().iterdir()), ["lock"])

    def test_a_directory_that_is_not_ours_alone(self):
        self.place().mkdir(mode=0o755)
        self.place().chmod(0o755)
        done = self.estab("listen", code=4)
        self.assertIn("is not safe: expected a directory of our own with mode 0700",
                      done.stderr)

    def raw(self):
        s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        s.settimeout(PATIENCE)
        s.connect(str(self.place("lab.wire")))
        self.addCleanup(s.close)
        return s

    def converse(self):
        """The others go on."""
        done = self.estab("connect", "--hold", "0", "--msl", "0.1")
        self.assertIn("server: LAST-ACK -> CLOSED", done.stdout)
        self.assertNotIn("~", done.stdout)

    def test_a_malformed_envelope(self):
        self.listen("--close", "0")
        for bad in (b"GET / HTTP/1.1\r\n", b"estb\x01\x01\0\0\0\x0f\0\x40x", b"estb\x02\x01\0\0",
                    b"\0" * 65536, b"estb\x01\x01\0\0\0\x0f\0\x03\x1b[J"):
            s = self.raw()
            s.send(bad)
            answer = hand.Envelope.read(s.recv(70000))
            self.assertEqual(answer.kind, hand.ERROR)
            self.assertGreater(len(answer.get(hand.TEXT)), 20)
            self.assertEqual(s.recv(70000), b"")
        self.converse()
        self.assertEqual(self.show()[0]["malformed"], 5)

    def join(self, name):
        os.environ["XDG_RUNTIME_DIR"] = self.runtime
        wire = hand.Wire("lab", name)
        self.addCleanup(wire.socket.close)
        return wire

    def test_a_flood_and_a_slow_reader(self):
        self.listen("--close", "0")
        slow, flooder = self.join("slow"), self.join("flooder")
        target = struct.pack(">BB", 2, 0) + slow.ip
        frame = target + flooder.mac + b"\x88\xb5" + bytes(1400)
        flood = threading.Thread(target=lambda: [flooder.send(frame, "CLOSED")
                                                 for _ in range(20000)])
        flood.start()
        self.converse()
        flood.join()
        wait_until(lambda: self.stations()["slow"]["slow"] > 0, "the slow reader has lost frames")
        self.converse()


class Published(_wire.Case):
    """A port of this machine's loopback, relayed onto the wire."""

    def port(self):
        with socket.create_server(("127.0.0.1", 0)) as s:
            return s.getsockname()[1]

    def publish(self, *words):
        port = self.port()
        listener = self.start("listen", "--publish", str(port), *words)
        listener.hear(f"127.0.0.1:{port} of this machine reaches server, port 3333, over wire lab")
        return listener, port

    def test_text_and_ends_are_relayed(self):
        listener, port = self.publish("--close", "0")
        for text in b"hello", b"once more":
            with socket.create_connection(("127.0.0.1", port), PATIENCE) as s:
                s.sendall(text)
                s.shutdown(socket.SHUT_WR)
                self.assertEqual(s.recv(100), b"")
            listener.hear(f'"{text.decode()}"')
        self.assertRegex(listener.text(), r"relay>server +\[SYN\]")
        self.assertNotIn("~", listener.text())
        listener.signal()
        listener.end()
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), PATIENCE)

    def test_bulk_and_many(self):
        listener, port = self.publish("--close", "0", "--json")
        sockets = [socket.create_connection(("127.0.0.1", port), PATIENCE) for _ in range(20)]
        for s in sockets:
            s.sendall(bytes(100_000))
            s.shutdown(socket.SHUT_WR)
        for s in sockets:
            self.assertEqual(s.recv(100), b"")
            s.close()
        listener.signal()
        listener.end()
        rows = [json.loads(line) for line in listener.lines if line.startswith("{")]
        text = [row for row in rows if row["schema"] == "estab.text/1"]
        self.assertEqual(sum(row["len"] for row in text), 2_000_000)
        self.assertEqual(len({row["from"] for row in text}), 20)

    def test_a_port_in_use(self):
        with socket.create_server(("127.0.0.1", 0)) as s:
            port = s.getsockname()[1]
            done = self.estab("listen", "--publish", str(port), code=2)
            self.assertIn(f"127.0.0.1:{port} cannot be published: Address already in use",
                          done.stderr)

    def test_a_reset_reaches_the_kernels_end(self):
        listener, port = self.publish()
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as s:
            s.sendall(b"x")
            listener.hear('"x"')
            listener.signal()
            self.assertEqual(s.recv(1), b"")
            listener.signal()
            self.assertEqual(listener.end(), 130)

    def test_the_silent_one_makes_room(self):
        """A browser keeps connections that it does not use."""
        listener, port = self.publish("--close", "0")
        sockets = []
        for i in range(128):
            sockets.append(socket.create_connection(("127.0.0.1", port), PATIENCE))
            sockets[i].sendall(b"%03d" % i)
            listener.hear(f'"{i:03}"')
        for i, s in enumerate(sockets):  # of whom the seventh has been silent longest
            if i != 6:
                s.sendall(b"+%03d" % i)
                listener.hear(f'"+{i:03}"')
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as late:
            late.sendall(b"late")
            listener.hear('"late"')
            with self.assertRaises(ConnectionResetError):
                sockets[6].settimeout(PATIENCE)
                sockets[6].recv(1)
            late.shutdown(socket.SHUT_WR)
            self.assertEqual(late.recv(1), b"")
        for i, s in enumerate(sockets):  # the others are all there, and one that ends makes room at once
            if i != 6:
                s.shutdown(socket.SHUT_WR)
                self.assertEqual(s.recv(1), b"")
            s.close()

    def test_netstat_shows_both_ends(self):
        _, port = self.publish("--close", "0")
        with socket.create_connection(("127.0.0.1", port), PATIENCE):
            def rows():
                done = self.estab("netstat", "--json", code=None)
                rows = [json.loads(line) for line in done.stdout.splitlines()]
                return sorted((row["local_name"], row["state"], row["program"]) for row in rows
                              if row["on"] == "wire:lab")
            wait_until(lambda: rows() == [("relay", "ESTABLISHED", "estab --publish"),
                                          ("server", "ESTABLISHED", "estab listen")],
                       "both ends are listed")

    def test_who_is_relayed_comes_to_the_end(self):
        """The server has ended, and so has its verb; the relay goes on until all is delivered."""
        port = self.port()
        server = self.start("serve", "echo", "--msl", "1", "--publish", str(port))
        server.hear("echo is served on")
        text = bytes(range(256)) * 4000
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            s.settimeout(PATIENCE)
            s.connect(("127.0.0.1", port))
            s.sendall(text)
            s.shutdown(socket.SHUT_WR)
            server.hear("worker-1", f"{len(text)} bytes")
            server.signal(signal.SIGHUP)
            self.assertEqual(server.end(), 130)
            with self.assertRaises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port), PATIENCE)
            got = b""
            while piece := s.recv(5000):
                got += piece
            self.assertTrue(got == text)
        wait_until(lambda: "relay" not in self.stations(), "the relay ends")

    def test_only_on_a_wire(self):
        done = self.estab("listen", "--on", "sim", "--publish", "1", code=2)
        self.assertIn("--publish relays onto a wire: expected --on wire:NAME", done.stderr)


class Starting(_wire.Case):
    def test_many_at_once_start_one_hub(self):
        many = [self.start("listen", "--name", f"n{i}") for i in range(8)]
        for process in many:
            process.hear("CLOSED -> LISTEN")
        self.assertEqual(len(self.stations()), 8)
        addresses = {row["address"] for row in self.stations().values()}
        self.assertEqual(addresses, {f"10.11.0.{i}" for i in range(1, 9)})
        mine = {process.pid for process in many}
        self.assertEqual(set(_wire.family(self.runtime)) - mine, {self.hub()})

    def test_without_a_runtime_directory(self):
        del self.environment["XDG_RUNTIME_DIR"]
        self.environment["TMPDIR"] = self.runtime
        listener = self.start("listen")
        listener.hear("CLOSED -> LISTEN")
        place = pathlib.Path(self.runtime, f"estab-{os.geteuid()}")
        self.assertEqual(place.stat().st_mode & 0o777, 0o700)
        self.assertTrue((place / "lab.wire").is_socket())
        self.estab("wire", "down")
        self.assertEqual(listener.end(), 1)
        self.assertFalse((place / "lab.wire").exists())


class ByHand(_wire.Case):
    def test_the_example(self):
        listener = self.listen("--close", "0.1")
        done = self.run_words(sys.executable, str(SOURCE / "examples/hand.py"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout,
                         "connected by hand to server, port 3333\nclosed by hand\n")
        listener.hear("hand: TIME-WAIT")
        for move in ["LISTEN -> SYN-RECEIVED", *SERVER[1:4]]:
            self.assertIn(f"server: {move}", listener.text())
        for move in CLIENT:
            self.assertIn(f" hand: {move} (by ", listener.text())
        self.assertNotIn("~", listener.text())

    def test_nobody_listens(self):
        self.listen()
        done = self.run_words(sys.executable, str(SOURCE / "examples/hand.py"), "lab", "server", "9")
        self.assertIn("refused", done.stderr)
        done = self.run_words(sys.executable, str(SOURCE / "examples/hand.py"), "lab", "nobody")
        self.assertIn("nobody is not on wire lab; here are: server", done.stderr)


if __name__ == "__main__":
    unittest.main()
