#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""estab script --ip-version: every script of this tree over IPv4, over IPv6, and over IPv4 through sockets of
AF_INET6. Those that cannot pass are named here with their reason, and must not pass."""

import json
import pathlib
import tempfile
import unittest

from _estab import ROOT, run

SCRIPTS = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "tests/script").glob("*/*.pkt"))

# By version: script, its verdict, and why.
OVER_IPV4 = {
    "tests/script/ipv6/addresses.pkt": ("skip", "it names IPv6 addresses"),
    "tests/script/ipv6/datagram-options.pkt": ("skip", "no_route is ICMPv6's"),
    "tests/script/ipv6/default-mss.pkt": ("fail", "536 bytes are IPv4's default"),
    "tests/script/ipv6/path-mtu.pkt": ("skip", "packet_too_big is ICMPv6's"),
    "tests/script/ipv6/only.pkt": ("fail", "the SYN is IPv4's, and goes to the other socket"),
    "tests/script/ipv6/traffic-class.pkt": ("fail", "IPV6_TCLASS is no option of IPv4's"),
}
EXCEPTIONS = {
    "ipv4": OVER_IPV4,
    "ipv6": {
        "tests/script/info/path-mtu.pkt": ("skip", "frag_needed is ICMPv4's; ipv6/path-mtu.pkt is its twin"),
        "tests/script/language/addresses.pkt": ("skip", "it names IPv4 addresses"),
        "tests/script/language/tos.pkt": ("fail", "IP_TOS; ipv6/traffic-class.pkt is its twin"),
        "tests/script/options/none.pkt": ("fail", "1220 bytes are IPv6's default; ipv6/default-mss.pkt"),
        "tests/script/udp/unconnected.pkt": ("fail", "IP_TTL, IP_TOS; ipv6/datagram-options.pkt"),
    },
    "ipv4-mapped-ipv6": OVER_IPV4,
}

OPEN = """0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
+0 < S 0:0(0) win 32792 <mss 1000>
+0 > S. 0:0(0) ack 1 <mss 1460>
+.1 < . 1:1(0) ack 1 win 32792
+0 accept(3, ..., ...) = 4
"""


def verdicts(version, *files):
    done = run("script", "--json", "--ip-version", version, *files)
    reports = [json.loads(line) for line in done.stdout.splitlines()]
    return {report["file"]: report for report in reports}


class WholeTree(unittest.TestCase):
    def over(self, version):
        self.assertGreater(len(SCRIPTS), 150)
        reports = verdicts(version, *(str(ROOT / script) for script in SCRIPTS))
        for script in SCRIPTS:
            report = reports[str(ROOT / script)]
            expected, why = EXCEPTIONS[version].get(script, ("pass", ""))
            self.assertEqual(report["verdict"], expected, (script, why, report.get("what")))
        for script in EXCEPTIONS[version]:
            self.assertIn(script, SCRIPTS)

    def test_over_ipv4(self):
        self.over("ipv4")

    def test_over_ipv6(self):
        self.over("ipv6")

    def test_over_ipv4_through_sockets_of_ipv6(self):
        self.over("ipv4-mapped-ipv6")


class Version(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name) / "a.pkt"

    def script(self, text):
        self.path.write_text(text)
        return str(self.path)

    def test_the_command_line_wins(self):
        family = "+0 %{ assert False, tcpi_rcv_mss }%\n"
        own = "--ip_version=ipv4\n" + OPEN.replace("socket(...", "socket(AF_INET6")
        self.assertEqual(run("script", self.script(own)).returncode, 1)
        self.assertEqual(run("script", "--ip-version=ipv6", self.script(own)).returncode, 0)
        self.assertEqual(run("script", "--ip-version", "ipv4-mapped-ipv6", self.script(own)).returncode, 0)
        self.assertEqual(run("script", "--ip-version", "ipv6", self.script(own + family)).returncode, 1)

    def test_a_version_that_there_is_not(self):
        done = run("script", "--ip-version", "ipv5", self.script(OPEN))
        self.assertEqual(done.returncode, 2)
        self.assertIn("expected ipv4, ipv6 or ipv4-mapped-ipv6", done.stderr)

    def test_what_a_version_does_not_have_is_skipped(self):
        rows = [
            ("ipv6", OPEN + "+0 < icmp unreachable frag_needed mtu 1300 [1:11(10)]\n",
             "`frag_needed` is ICMPv4's, and this is a run over IPv6"),
            ("ipv4", OPEN + "+0 < icmp packet_too_big mtu 1300 [1:11(10)]\n",
             "`packet_too_big` is ICMPv6's, and this is a run over IPv4"),
            ("ipv6", "--remote_ip=192.0.2.9\n" + OPEN, "it names IPv4 addresses, and this is a run over IPv6"),
            ("ipv4", "--local_ip=fd11::7\n" + OPEN, "it names IPv6 addresses, and this is a run over IPv4"),
            ("ipv4-mapped-ipv6", OPEN + "+0 < [flowlabel 0x1] . 1:1(0) ack 1 win 1\n",
             "a flow label is IPv6's, and this is a run over IPv4"),
        ]
        for version, text, why in rows:
            with self.subTest(why):
                done = run("script", "--ip-version", version, self.script(text))
                self.assertEqual(done.returncode, 1, done.stdout)
                self.assertRegex(done.stdout, r"^skip ")
                self.assertIn(why, done.stdout)

    def test_flow_labels_are_compared(self):
        text = OPEN + "+0 write(4, ..., 10) = 10\n+0 > [flowlabel 0x54321] P. 1:11(10) ack 1\n"
        done = run("script", "--ip-version", "ipv6", self.script(text))
        self.assertEqual(done.returncode, 1)
        self.assertIn("flow label: expected 344865, got ", done.stdout)

    def test_the_mtu_over_ipv6_is_1520_unless_it_is_told(self):
        shorter = "--mtu=1500\n" + OPEN.replace("ack 1 <mss 1460>", "ack 1 <mss 1440>")
        self.assertEqual(run("script", "--ip-version", "ipv6", self.script(OPEN)).returncode, 0)
        self.assertEqual(run("script", "--ip-version", "ipv6", self.script(shorter)).returncode, 0)
        self.assertEqual(run("script", "--ip-version", "ipv4", self.script(shorter)).returncode, 1)


if __name__ == "__main__":
    unittest.main()
