#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""listen and connect on the stage: both ends are ours, in virtual time."""

import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from _estab import ESTAB, run

CLIENT = ["CLOSED", "SYN-SENT", "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT", "CLOSED"]
SERVER = ["LISTEN", "SYN-RECEIVED", "ESTABLISHED", "CLOSE-WAIT", "LAST-ACK", "CLOSED"]


def objects(*words, code=0):
    """The objects that a run prints with --json."""
    done = run(*words, "--json")
    assert done.returncode == code, (words, done.returncode, done.stderr)
    return [json.loads(line) for line in done.stdout.splitlines()]


def path(rows, end):
    """The states that one end goes through, each once; its moves follow each other."""
    states = []
    for row in rows:
        if row["schema"] == "estab.state/1":
            state = row["state"] if row["end"] == end and row["remote_port"] else None
        else:
            ends = {label.split(":")[0]: state for label, state in row.get("states", {}).items()}
            state = ends.get(end)
        for move in state["moves"] if state else []:
            assert not states or states[-1] == move["from"], (states, row)
            states += [move["to"]] if states else [move["from"], move["to"]]
    return states


class Connect(unittest.TestCase):
    def test_both_ends_go_their_way(self):
        rows = objects("connect", "--on", "sim", "--seed", "1", "--hold", "1")
        self.assertEqual(path(rows, "client"), CLIENT)
        self.assertEqual(path(rows, "server"), SERVER)

    def test_over_ipv6(self):
        rows = objects("connect", "fd11::1", "3333", "--on", "sim", "--seed", "1", "--ip", "fd11::65/64",
                       "--hold", "1")
        self.assertEqual(path(rows, "client"), CLIENT)
        self.assertEqual(path(rows, "server"), SERVER)
        self.assertEqual({row["proto"] for row in rows if "proto" in row}, {"tcp", "icmpv6"})
        self.assertEqual({row["src"] for row in rows if row.get("proto") == "tcp"},
                         {"fd11::65", "fd11::1"})

    def test_a_file_of_ipv6_can_be_read_again(self):
        with tempfile.TemporaryDirectory() as folder:
            name = str(pathlib.Path(folder) / "six.pcapng")
            done = run("connect", "fd11::1", "3333", "--on", "sim", "--seed", "1", "--ip", "fd11::65/64", "-w",
                       name)
            self.assertEqual(done.returncode, 0, done.stderr)
            rows = objects("capture", "-r", name)
        syns = [row for row in rows if row.get("flags") == ["SYN"]]
        self.assertEqual([(row["from"], row["to"]) for row in syns], [("client", "server")])
        self.assertEqual({row["checksum"] for row in rows if row.get("proto")}, {"good"})
        self.assertFalse([row for row in rows if row.get("malformed")])

    def test_two_msl(self):
        for msl, seconds in (("1", 2), ("30", 60)):
            rows = objects("connect", "--on", "sim", "--seed", "1", "--msl", msl)
            waits = [row for row in rows if "TIME-WAIT" in str(row.get("state", ""))]
            fin = [row for row in rows if "FIN" in row.get("flags", []) and row["from"] == "server"]
            self.assertAlmostEqual(waits[-1]["time"] - fin[-1]["time"], seconds, places=3)

    def test_rfc_has_its_own_msl(self):
        rows = objects("connect", "--on", "sim", "--seed", "1", "--rfc")
        self.assertGreater(rows[-1]["time"], 240)

    def test_a_lost_syn_is_sent_again(self):
        rows = objects("connect", "--on", "sim", "--seed", "1", "--rule", "drop 1 syn no-ack")
        syns = [row for row in rows if row.get("flags") == ["SYN"]]
        self.assertEqual(len(syns), 2)
        self.assertEqual(syns[0]["comment"], "lost")
        self.assertEqual(syns[1]["mark"], "retransmission, timeout")
        self.assertEqual(path(rows, "client"), CLIENT)

    def test_a_lost_syn_ack_is_sent_again(self):
        """By its own timer, or because the peer's SYN came once more: each says so."""
        rows = objects("connect", "--on", "sim", "--seed", "1", "--rule", "drop 1 syn ack")
        marks = [row.get("mark") for row in rows if row.get("flags") == ["SYN", "ACK"]]
        self.assertEqual(marks[1:], ["retransmission, the SYN came again", "retransmission, timeout"])
        self.assertNotIn("retransmission", str(marks[0]))
        self.assertEqual(path(rows, "client"), CLIENT)

    def test_a_bad_wire(self):
        for seed in range(1, 9):
            with self.subTest(seed=seed):
                rows = objects("connect", "--on", "sim", "--seed", str(seed), "--impair",
                               "loss 20% duplicate 10% reorder 20% 30ms corrupt 5%")
                self.assertEqual(path(rows, "client")[-1], "CLOSED")

    def test_nobody_listens(self):
        done = run("connect", "--on", "sim", "client", "9")
        self.assertEqual(done.returncode, 5, done.stderr)
        self.assertIn("refused the connection: nobody listens there", done.stderr)

    def test_nobody_is_there(self):
        done = run("connect", "--on", "sim", "10.11.0.77", "9")
        self.assertEqual(done.returncode, 6, done.stderr)
        done = run("connect", "--on", "sim", "192.0.2.1", "9")
        self.assertEqual(done.returncode, 5, done.stderr)
        self.assertIn("no route to 192.0.2.1:9", done.stderr)

    def test_names(self):
        done = run("connect", "--on", "sim", "nowhere", "9")
        self.assertEqual(done.returncode, 2)
        self.assertIn("HOST 'nowhere' is not known here", done.stderr)
        done = run("connect", "--on", "sim", "localhost", "9")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("localhost is taken to mean server", done.stderr)

    def test_numbers_and_addresses_as_the_user_wants_them(self):
        words = ("connect", "--on", "sim", "-p", "1234", "--iss", "4294967295", "--ip",
                 "192.0.2.9/28", "--mac", "02:00:00:00:00:65", "4321")
        rows = objects(*words)
        syn = rows[0]
        self.assertEqual(syn["flags"], ["SYN"])
        self.assertEqual((syn["src"], syn["src_port"], syn["dst_port"]), ("192.0.2.9", 1234, 4321))
        self.assertEqual(syn["seq_absolute"], 4294967295)
        self.assertEqual(syn["dst"], "192.0.2.1")
        self.assertEqual(path(rows, "client"), CLIENT)
        self.assertIn("client:1234>server:4321", run(*words, "-v").stdout)

    def test_hold_never_ends_when_nothing_more_can_happen(self):
        done = run("connect", "--on", "sim", "--hold", "never")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("nothing more will ever happen", done.stderr)


class Listen(unittest.TestCase):
    def test_both_ends_go_their_way_and_back_to_listen(self):
        rows = objects("listen", "--on", "sim", "--seed", "1")
        self.assertEqual(path(rows, "server"), SERVER)
        self.assertEqual(path(rows, "client"), CLIENT)
        listening = [row for row in rows
                     if row["schema"] == "estab.state/1" and row["remote_port"] == 0]
        self.assertEqual([row["state"]["after"] for row in listening], ["LISTEN", "LISTEN"])
        self.assertEqual(listening[0]["state"]["before"], "CLOSED")

    def test_text_is_shown(self):
        done = run("listen", "--on", "sim", "--seed", "1")
        self.assertRegex(done.stderr, r'received 6 bytes from 10\.11\.0\.101:\d+: "hello\\n"')
        rows = objects("listen", "--on", "sim", "--seed", "1")
        text = [row for row in rows if row["schema"] == "estab.text/1"]
        self.assertEqual([(row["len"], row["preview"]) for row in text], [(6, "hello\n")])

    def test_close(self):
        def waited(seconds):
            rows = objects("listen", "--on", "sim", "--seed", "1", "--close", seconds)
            fins = [row["time"] for row in rows if "FIN" in row.get("flags", [])]
            return fins[1] - fins[0]
        self.assertAlmostEqual(waited("0"), 0.01, places=3)
        self.assertAlmostEqual(waited("10"), 10.01, places=3)

    def test_close_never(self):
        rows = objects("listen", "--on", "sim", "--seed", "1", "--close", "never")
        self.assertEqual(path(rows, "server")[-1], "CLOSE-WAIT")
        self.assertEqual(path(rows, "client")[-1], "FIN-WAIT-2")


class Output(unittest.TestCase):
    def test_the_line_of_every_packet(self):
        done = run("connect", "--on", "sim", "--seed", "1")
        pattern = re.compile(r"^ *\d+\.\d{6} (client>server|server>client) \[[A-Z,]+\] +seq \d+ "
                             r".* \| client: [A-Z0-9-]+.*  server: [A-Z0-9-]+")
        lines = done.stdout.splitlines()
        self.assertEqual(len(lines), 8)
        for line in lines[:-1]:
            self.assertRegex(line, pattern)
        self.assertIn("| client: TIME-WAIT -> CLOSED (by timeout 2MSL, 3.10.8)", lines[-1])
        self.assertNotIn("\x1b", done.stdout)

    def test_why(self):
        done = run("connect", "--on", "sim", "--seed", "1", "--why")
        self.assertIn("why: sent: open; server in LISTEN: rcv SYN, snd SYN,ACK "
                      "(RFC 9293 3.10.7.2); received: a SYN that opens a connection",
                      done.stdout.replace("client in CLOSED: active OPEN, create TCB, snd SYN "
                                          "(RFC 9293 3.10.1); ", ""))

    def test_absolute_numbers(self):
        done = run("connect", "--on", "sim", "--iss", "1000", "-S")
        self.assertIn("[SYN]     seq 1000", done.stdout)
        self.assertIn("ack 1001", done.stdout)

    def test_times(self):
        done = run("connect", "--on", "sim", "--seed", "1", "--hold", "1", "--ts", "delta")
        times = [float(line.split()[0]) for line in done.stdout.splitlines()]
        self.assertEqual(times[:4], [0.0, 0.01, 0.01, 1.0])

    def test_crossing_packets_are_told_in_order(self):
        """A CLOSE whose FIN is still under way comes before what arrives meanwhile."""
        rows = objects("listen", "--on", "sim", "--seed", "1", "--close", "0.005")
        self.assertEqual(path(rows, "server"), SERVER)
        times = [row["time"] for row in rows]
        self.assertEqual(times, sorted(times))

    def test_arp_with_v(self):
        self.assertNotIn("[ARP]", run("connect", "--on", "sim").stdout)
        self.assertIn("[ARP] who has 10.11.0.1?", run("connect", "--on", "sim", "-v").stdout)

    def test_json_and_a_file_cannot_share_stdout(self):
        done = run("connect", "--on", "sim", "--json", "-w", "-")
        self.assertEqual(done.returncode, 2)
        self.assertIn("expected one of them", done.stderr)

    def test_a_file_that_cannot_be_written(self):
        done = run("connect", "--on", "sim", "-w", "/nowhere/x.pcapng")
        self.assertEqual(done.returncode, 3)
        self.assertIn("/nowhere/x.pcapng: No such file or directory", done.stderr)


class Files(unittest.TestCase):
    WORDS = ("--on", "sim", "--seed", "7", "--impair", "delay 20ms loss 10% duplicate 5%")

    def test_one_seed_one_run(self):
        """The text, the objects and the file: byte for byte."""
        with tempfile.TemporaryDirectory() as folder:
            for verb in ("connect", "listen"):
                for extra in ((), ("--json",), ("--why", "-v")):
                    seen = []
                    for name in ("a", "b"):
                        file = pathlib.Path(folder, name)
                        done = run(verb, *self.WORDS, *extra, "-w", str(file))
                        self.assertEqual(done.returncode, 0, done.stderr)
                        seen.append((done.stdout, done.stderr, file.read_bytes()))
                    self.assertEqual(seen[0], seen[1])
                    self.assertGreater(len(seen[0][2]), 1000)

    def test_stdout(self):
        done = subprocess.run([ESTAB, "connect", "--on", "sim", "-w", "-"], capture_output=True,
                              stdin=subprocess.DEVNULL, timeout=60)
        self.assertEqual(done.stdout[:4], b"\x0a\x0d\x0d\x0a")
        self.assertIn(b"[SYN,ACK]", done.stderr)

    @unittest.skipUnless(shutil.which("tshark"), "no tshark here: apt-get install tshark")
    def test_tshark_finds_nothing_wrong(self):
        with tempfile.TemporaryDirectory() as folder:
            file = str(pathlib.Path(folder, "x.pcapng"))
            run("connect", *self.WORDS, "-w", file)
            tshark = ["tshark", "-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE",
                      "-r", file, "-Y"]

            def frames(expression):
                done = subprocess.run([*tshark, expression], capture_output=True, text=True)
                return done.stdout.splitlines()
            self.assertGreater(len(frames("tcp")), 6)
            self.assertEqual(frames("_ws.malformed or tcp.checksum.status == 0 or "
                                    "ip.checksum.status == 0"), [])
            self.assertNotEqual(frames('frame.comment contains "FIN-WAIT-2 -> TIME-WAIT"'), [])


if __name__ == "__main__":
    unittest.main()
