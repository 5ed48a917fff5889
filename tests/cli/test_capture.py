#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""capture: files of ours and of others, filters, wires; held against tshark's view."""

import json
import os
import pathlib
import shutil
import struct
import subprocess
import tempfile
import unittest

from _estab import ESTAB, output, run


def objects(*words, code=0, **options):
    done = run("capture", "--json", *words, **options)
    assert done.returncode == code, (words, done.returncode, done.stderr)
    return [json.loads(line) for line in done.stdout.splitlines()]


def packets(*words, **options):
    return [row for row in objects(*words, **options) if row["schema"] == "estab.packet/1"]


def ip(text=b"", flags=0x02, seq=1000):
    """A TCP segment over IPv4; the checksums are nobody's concern here."""
    tcp = struct.pack(">HHIIBBHHH", 40000, 80, seq, 0, 5 << 4, flags, 1000, 0, 0) + text
    return struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 1, 0, 64, 6, 0, b"\x0a\x0b\0\1",
                       b"\x0a\x0b\0\2") + tcp


def ethernet(packet, kind=0x0800):
    return b"\2\0\0\0\0\1\2\0\0\0\0\2" + struct.pack(">H", kind) + packet


def pcap(frames, order="<", nano=False, linktype=1, snaplen=65535):
    """frames: (seconds, fraction, bytes)."""
    out = struct.pack(order + "IHHiIII", 0xa1b23c4d if nano else 0xa1b2c3d4, 2, 4, 0, 0, snaplen,
                      linktype)
    for seconds, fraction, frame in frames:
        out += struct.pack(order + "IIII", seconds, fraction, len(frame[:snaplen]), len(frame))
        out += frame[:snaplen]
    return out


def block(kind, body, order):
    body += bytes(-len(body) % 4)
    return (struct.pack(order + "II", kind, 12 + len(body)) + body +
            struct.pack(order + "I", 12 + len(body)))


def option(code, value, order):
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def pcapng(frames, order="<", resolution=None, linktype=1):
    """frames: (units, bytes)."""
    out = block(0x0a0d0d0a, struct.pack(order + "IHHq", 0x1a2b3c4d, 1, 0, -1), order)
    options = option(9, bytes([resolution]), order) if resolution is not None else b""
    out += block(1, struct.pack(order + "HHI", linktype, 0, 0) + options, order)
    out += block(0x0bad, b"what nobody knows", order)
    for units, frame in frames:
        out += block(6, struct.pack(order + "IIIII", 0, units >> 32, units & 0xffffffff, len(frame),
                                    len(frame)) + frame, order)
    return out


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def file(self, content, name="file"):
        path = self.folder / name
        path.write_bytes(content)
        return str(path)

    def demo(self):
        path = str(self.folder / "demo.pcapng")
        done = run("connect", "--on", "sim", "--seed", "1", "--impair", "loss 10%", "-w", path,
                   "--hold", "1")
        self.assertEqual(done.returncode, 0, done.stderr)
        return path


class Formats(Case):
    def test_times_of_every_form(self):
        second, micro = 1_700_000_000, 123456
        frame = ethernet(ip())
        forms = []
        for order in "<>":
            forms.append(pcap([(second, micro, frame)], order))
            forms.append(pcap([(second, micro * 1000, frame)], order, nano=True))
            forms.append(pcapng([(second * 10**6 + micro, frame)], order))
            forms.append(pcapng([(second * 10**9 + micro * 1000, frame)], order, 9))
            forms.append(pcapng([((second << 20) + (micro << 20) // 10**6, frame)], order, 0x80 | 20))
        for form in forms:
            row, = packets("-r", self.file(form), "--ts", "absolute")
            self.assertAlmostEqual(row["time"], second + micro / 10**6, places=5)
            self.assertEqual((row["src"], row["dst_port"], row["flags"]), ("10.11.0.1", 80, ["SYN"]))

    def test_link_types(self):
        sll = struct.pack(">HHHQH", 0, 1, 6, 0, 0x0800)
        sll2 = struct.pack(">HHIHBBQ", 0x0800, 0, 1, 1, 0, 6, 0)
        for linktype, head in ((1, ethernet(b"")), (101, b""), (228, b""), (113, sll), (276, sll2)):
            row, = packets("-r", self.file(pcap([(1, 0, head + ip())], linktype=linktype)), "tcp")
            self.assertEqual(row["seq_absolute"], 1000)
        done = run("capture", "-r", self.file(pcap([(1, 0, b"x" * 60)], linktype=147)))
        self.assertEqual(done.returncode, 0)
        self.assertIn("1 of a link type that is neither Ethernet nor IP", done.stderr)

    def test_a_cut_packet_says_so(self):
        content = pcap([(1, 0, ethernet(ip(b"x" * 200)))], snaplen=60)
        self.assertEqual(packets("-r", self.file(content))[0]["comment"], "cut: 60 bytes of 254")

    def test_standard_input(self):
        content = pcap([(1, 0, ethernet(ip()))])
        done = subprocess.run([ESTAB, "capture", "-r", "-"], input=content, capture_output=True)
        self.assertEqual(done.returncode, 0)
        self.assertIn(b"10.11.0.1>10.11.0.2 [SYN]", done.stdout)

    def test_bad_files(self):
        good = pcap([(1, 0, ethernet(ip())), (2, 0, ethernet(ip()))])
        goodng = pcapng([(1, ethernet(ip()))])
        rows = (
            (b"", "it is empty"), (b"hello, world", "it begins with 68656c6c"),
            (good[:30], "ends in the midst of a packet"), (good[:-1], "1 bytes more were expected"),
            (good[:24] + struct.pack("<IIII", 1, 0, 1 << 31, 5), "at most 1048576 bytes"),
            (good[:4] + b"\7\0" + good[6:], "expected version 2 of pcap, not 7"),
            (goodng[:40], "ends in the midst"), (goodng[:8] + b"abcd" + goodng[12:], "1a2b3c4d"),
            (goodng[:28] + block(6, bytes(20), "<"), "an interface that was described"),
            (goodng[:28] + struct.pack("<II", 1, 13), "a multiple of four, not 13"),
            (goodng[:28] + struct.pack("<III", 7, 12, 16), "length again, 12"),
        )
        for content, sentence in rows:
            done = run("capture", "-r", self.file(content))
            self.assertEqual(done.returncode, 3, (sentence, done.stderr))
            self.assertIn(sentence, done.stderr)
        self.assertEqual(run("capture", "-r", str(self.folder / "none")).returncode, 3)

    def test_whole_packets_before_a_cut_end_are_told(self):
        content = pcap([(1, 0, ethernet(ip())), (2, 0, ethernet(ip()))])[:-1]
        self.assertEqual(run("capture", "-r", self.file(content)).stdout.count("[SYN]"), 1)


class Filters(Case):
    def test_libpcap_decides(self):
        path = self.demo()
        everything = packets("-r", path)
        fins = [row for row in everything if "FIN" in (row.get("flags") or [])]
        self.assertGreater(len(fins), 1)
        self.assertEqual(len(packets("-r", path, "tcp[tcpflags] & tcp-fin != 0")), len(fins))
        self.assertEqual(len(packets("-r", path, "tcp", "and", "src", "host", "10.11.0.1")),
                         sum(row["proto"] == "tcp" and row["src"] == "10.11.0.1"
                             for row in everything))
        self.assertEqual(len(packets("-r", path, "-c", "3")), 3)
        self.assertEqual(packets("-r", path, "port 9"), [])

    def test_a_wrong_filter(self):
        done = run("capture", "-r", self.demo(), "tcp prot 80")
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stderr, r"filter 'tcp prot 80': .*; expected libpcap's words, such as")
        self.assertIn("syntax error", done.stderr)

    def test_usage(self):
        for words in (("-r", "x", "-i", "lo"), ("--on", "sim"), ("-w", "-", "--json", "-r", "x")):
            self.assertEqual(run("capture", *words).returncode, 2, words)
        self.assertIn(run("capture", "-i", "nosuch0").returncode, (2, 4))
        self.assertIn("-i lo", output("capture", "-D"))
        self.assertIn("lo", [json.loads(line)["name"] for line in
                             output("capture", "-D", "--json").splitlines()])


class States(Case):
    def test_both_ends_are_inferred(self):
        rows = packets("-r", self.demo(), "tcp")
        after = {label: state for row in rows for label, state in row["states"].items()}
        self.assertEqual(after["server"]["after"], "CLOSED")
        self.assertEqual(after["client"]["after"], "TIME-WAIT")
        self.assertTrue(after["client"]["inferred"])

    def test_names(self):
        path = self.demo()
        self.assertEqual(packets("-r", path)[0]["from"], "client")
        self.assertEqual(packets("-r", path, "-n")[0]["from"], "10.11.0.101")

    def test_what_is_written_reads_the_same(self):
        path, copy = self.demo(), str(self.folder / "copy.pcapng")
        first = packets("-r", path, "-w", copy)
        again = packets("-r", copy, "-n")
        self.assertEqual([(row["time"], row["len"], row.get("flags")) for row in first],
                         [(row["time"], row["len"], row.get("flags")) for row in again])


@unittest.skipUnless(shutil.which("tshark"), "tshark is not installed")
class Tshark(Case):
    FIELDS = ("ip.src", "tcp.srcport", "tcp.flags", "tcp.seq_raw", "tcp.len", "tcp.window_size_value")

    def view(self, path):
        words = ["tshark", "-r", path, "-Y", "tcp", "-T", "fields"]
        for field in self.FIELDS:
            words += ["-e", field]
        done = subprocess.run(words, capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        return [line.split("\t") for line in done.stdout.splitlines()]

    def ours(self, path):
        bits = {name: 1 << i for i, name in
                enumerate(("FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"))}
        return [[row["src"], str(row["src_port"]),
                 f"0x{sum(bits[name] for name in row['flags']):04x}", str(row["seq_absolute"]),
                 str(row["len"]), str(row["win_field"])] for row in packets("-r", path, "tcp")]

    def test_the_same_packets(self):
        path, copy = self.demo(), str(self.folder / "copy.pcapng")
        self.assertGreater(len(self.view(path)), 6)
        self.assertEqual(self.ours(path), self.view(path))
        packets("-r", path, "-w", copy)
        self.assertEqual(self.view(copy), self.view(path))

    def test_states_are_comments(self):
        copy = str(self.folder / "copy.pcapng")
        packets("-r", self.demo(), "-w", copy)
        done = subprocess.run(["tshark", "-r", copy, "-Y", 'frame.comment contains "TIME-WAIT"'],
                              capture_output=True, text=True, timeout=120)
        self.assertGreater(len(done.stdout.splitlines()), 0)


class Wire(Case):
    def test_true_states(self):
        environment = {**os.environ, "XDG_RUNTIME_DIR": str(self.folder)}
        quiet = {"stdin": subprocess.DEVNULL, "text": True, "env": environment}
        monitor = subprocess.Popen([ESTAB, "capture", "--json", "-c", "3", "tcp"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, **quiet)
        self.assertIn("capturing on wire lab", monitor.stderr.readline())
        listener = subprocess.Popen([ESTAB, "listen"], stdout=subprocess.PIPE,
                                    stderr=subprocess.DEVNULL, **quiet)
        self.assertIn("LISTEN", listener.stdout.readline())
        client = subprocess.Popen([ESTAB, "connect", "--hold", "0"], stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL, **quiet)
        out, _ = monitor.communicate(timeout=60)
        client.wait(60)
        subprocess.run([ESTAB, "wire", "down"], capture_output=True, **quiet)
        listener.wait(60)
        listener.stdout.close()
        self.assertEqual(monitor.returncode, 0)
        rows = [row for row in map(json.loads, out.splitlines()) if row["schema"] == "estab.packet/1"]
        self.assertEqual([row["flags"] for row in rows], [["SYN"], ["SYN", "ACK"], ["ACK"]])
        self.assertEqual(rows[2]["states"]["server"]["after"], "ESTABLISHED")
        self.assertFalse(rows[2]["states"]["server"]["inferred"])
        self.assertFalse(rows[2]["states"]["client"]["inferred"])


if __name__ == "__main__":
    unittest.main()
