#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What verbs leave open when they end, and who carries it on: Ctrl-C, SIGTERM, a closed terminal, and a hub
that takes no more."""

import json
import os
import signal
import time
import unittest

import _wire
from _wire import running, wait_until

CARRIED = "carried by the hub"


class Case(_wire.Case):
    def rows(self):
        """The connections that are carried on."""
        done = self.estab("netstat", "--json", code=None)
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        return [row for row in rows if row.get("program") == CARRIED]

    def states(self):
        return sorted(row["state"] for row in self.rows())

    def pair(self, *words, close="never"):
        listener = self.listen("--close", close, "--msl", "1")
        client = self.start("connect", "--hold", "never", "--msl", "1", *words)
        client.hear("SYN-SENT -> ESTABLISHED")
        listener.hear("SYN-RECEIVED -> ESTABLISHED")
        return listener, client


class Left(Case):
    def test_time_wait_has_its_time(self):
        self.listen("--close", "0")
        began = time.monotonic()
        client = self.estab("connect", "--hold", "0", "--msl", "2")
        self.assertIn("1 in TIME-WAIT, which lasts 2 MSL, here 4 s", client.stderr)
        row, = self.rows()
        self.assertEqual((row["state"], row["local_name"], row["remote_name"], row["on"]),
                         ("TIME-WAIT", "client", "server", "wire:lab"))
        self.assertEqual(row["timer"], "2MSL")
        self.assertLessEqual(row["timer_ms"], 4000)
        table = self.estab("netstat", "-p").stdout
        self.assertRegex(table, rf"client:\d+ +server:3333 +TIME-WAIT +estab +{row['pid']}/{CARRIED}")
        wait_until(lambda: not self.rows(), "TIME-WAIT ends")
        self.assertGreaterEqual(time.monotonic() - began, 4)
        wait_until(lambda: not running(row["pid"]), "and its carrier")
        self.assertNotIn("(carried)", self.estab("wire").stdout)

    def test_the_next_may_take_its_port(self):
        """It does not know what is carried on, and its SYN ends that."""
        self.listen("--close", "0")
        for n in (1, 2):
            client = self.estab("connect", "--hold", "0", "--msl", "600", "-p", "5555")
            self.assertIn("1 in TIME-WAIT", client.stderr)
            self.assertEqual(self.states(), ["TIME-WAIT"] * n)

    def test_both_ends_are_left_and_come_to_their_end(self):
        """Two carriers close what two verbs have left, and a monitor sees it."""
        monitor = self.start("capture")
        monitor.hear("capturing on wire lab")
        listener, client = self.pair()
        client.signal()
        client.hear("closing with FIN; Ctrl-C again resets")
        self.assertEqual(client.end(), 130)
        self.assertIn("wire lab carries on what is left: 1 in FIN-WAIT-2", client.text())
        self.assertEqual(self.states(), ["FIN-WAIT-2"])
        listener.signal(signal.SIGTERM)
        self.assertEqual(listener.end(), 130)
        monitor.hear("[FIN,ACK]", "FIN-WAIT-2 -> TIME-WAIT")
        monitor.hear("[ACK]", "LAST-ACK -> CLOSED")
        wait_until(lambda: not self.rows(), "TIME-WAIT ends")

    def test_what_is_closed_already_is_left_at_once(self):
        _, client = self.pair("--hold", "0")
        client.hear("FIN-WAIT-1 -> FIN-WAIT-2")
        client.signal()
        self.assertEqual(client.end(), 130)
        self.assertNotIn("closing with FIN", client.text())
        self.assertEqual(self.states(), ["FIN-WAIT-2"])

    def test_a_closed_terminal(self):
        """The hub has a terminal of nobody's, and its children, too."""
        listener, client = self.pair()
        session = os.getsid(client.pid)
        client.signal(signal.SIGHUP)
        self.assertEqual(client.end(), 130)
        listener.hear("ESTABLISHED -> CLOSE-WAIT")
        row, = self.rows()
        self.assertIn(row["state"], ("FIN-WAIT-1", "FIN-WAIT-2"))
        for fd in "012":
            self.assertEqual(os.readlink(f"/proc/{row['pid']}/fd/{fd}"), "/dev/null")
        self.assertNotEqual(os.getsid(row["pid"]), session)

    def test_nohup(self):
        listener = self.program("nohup", _wire.ESTAB, "listen")
        listener.hear("CLOSED -> LISTEN")
        listener.signal(signal.SIGHUP)
        self.wait_for_port(())
        self.estab("connect", "--hold", "0")
        listener.hear("LAST-ACK -> CLOSED")

    def test_the_wire_goes_down(self):
        _, client = self.pair()
        client.signal(signal.SIGHUP)
        client.end()
        row, = self.rows()
        self.estab("wire", "down")
        wait_until(lambda: not running(row["pid"]), "the carrier ends with the wire")
        self.assertEqual(self.rows(), [])

    def test_the_hub_is_killed(self):
        _, client = self.pair()
        client.signal(signal.SIGHUP)
        client.end()
        row, = self.rows()
        os.kill(self.hub(), signal.SIGKILL)
        wait_until(lambda: not running(row["pid"]), "the carrier ends with the hub")

    def test_a_reset_ends_it(self):
        listener, client = self.pair()
        client.signal(signal.SIGHUP)
        client.end()
        listener.signal()
        listener.signal()
        listener.end()
        wait_until(lambda: not self.rows(), "it was reset, or has had its TIME-WAIT")


class Refused(Case):
    ROOMS = 32

    def test_who_finds_no_place_waits_himself(self):
        self.listen("--close", "0")
        for _ in range(self.ROOMS):
            self.estab("connect", "--hold", "0", "--msl", "600")
        self.assertEqual(self.states(), ["TIME-WAIT"] * self.ROOMS)
        client = self.start("connect", "--hold", "0", "--msl", "600")
        client.hear("wire lab does not carry on what is left", "carries on 32 rooms, and takes no more",
                    "1 in TIME-WAIT; Ctrl-C ends it")
        self.assertIsNone(client.child.poll())
        client.signal()
        self.assertEqual(client.end(), 130)

    def test_a_short_wait_ends_by_itself(self):
        self.listen("--close", "0")
        for _ in range(self.ROOMS):
            self.estab("connect", "--hold", "0", "--msl", "600")
        done = self.estab("connect", "--hold", "0", "--msl", "1")
        self.assertIn("so it is waited for here", done.stderr)


class LeftOverIpv6(Case):
    """The same over IPv6: the hub knows whose segments they are, and the next one's SYN."""
    ipv6 = True
    test_time_wait_has_its_time = Left.test_time_wait_has_its_time
    test_the_next_may_take_its_port = Left.test_the_next_may_take_its_port
    test_both_ends_are_left_and_come_to_their_end = Left.test_both_ends_are_left_and_come_to_their_end


if __name__ == "__main__":
    unittest.main()
