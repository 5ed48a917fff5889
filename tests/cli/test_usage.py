#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The frame of the command line: what is refused and with what sentence; help; exit codes."""

import fcntl
import json
import os
import re
import signal
import subprocess
import unittest

from _estab import ESTAB, output, run

VERBS = ["demo", "listen", "connect", "wire", "host", "serve", "states", "script", "doctor",
         "netstat", "craft", "capture", "help", "completion"]

# The words, and what the sentence on stderr says: every refusal tells what was expected.
REFUSED = [
    ("lisen", "there is no verb 'lisen'; did you mean 'listen'?"),
    ("conect 80", "did you mean 'connect'?"),
    ("xyzzy", "expected one of those that 'estab help' lists"),
    ("--json states", "'--json' before the verb: expected a verb"),
    # Options.
    ("listen --clsoe 3", "there is no option --clsoe; did you mean --close?"),
    ("demo --no-kernal", "did you mean --no-kernel?"),
    ("connect --close 3", "there is no option --close here; 'listen' has it"),
    ("states --why", "there is no option --why here; 'demo' or 'listen' has it"),
    ("connect --xyzzy", "expected one of those that 'estab connect --help' lists"),
    ("connect -q", "there is no option -q"),
    ("connect -Sq", "there is no option -q"),
    ("connect --json=yes", "--json 'yes': expected no value"),
    ("connect --hold", "--hold lacks its value: expected seconds"),
    ("connect -p", "--local-port lacks its value: expected a number from 1 to 65535"),
    # Operands.
    ("listen 80 90", "'90' is one word too many: expected estab listen [OPTION]... [PORT]"),
    ("connect a 80 90", "'90' is one word too many"),
    ("states x", "'x' is one word too many: expected estab states [OPTION]..."),
    ("completion", "an operand is missing: expected bash, zsh or fish"),
    ("completion tcsh", "'tcsh': expected bash, zsh or fish"),
    ("help lsten", "VERB 'lsten': expected a verb; did you mean 'listen'?"),
    # Ports.
    ("listen 0", "PORT '0': expected a number from 1 to 65535"),
    ("listen 65536", "PORT '65536': expected a number from 1 to 65535"),
    ("listen http", "PORT 'http': expected a number"),
    ("connect server 80x", "PORT '80x': expected a number from 1 to 65535\n"),
    ("connect server", "PORT 'server': expected a number from 1 to 65535, or a HOST and its PORT\n"),
    ("connect -p 70000", "--local-port '70000': expected a number from 1 to 65535"),
    ("connect -p70000", "--local-port '70000'"),
    ("listen 99999999999999999999", "expected a number from 1 to 65535"),
    # Addresses.
    ("connect 10.11.0 80", "HOST '10.11.0': expected an address A.B.C.D, or a name"),
    ("connect 10.11.0.256 80", "HOST '10.11.0.256': expected an address"),
    ("connect a/b 80", "HOST 'a/b': expected an address"),
    ("listen --ip 10.11.0.7", "expected a host's address with its prefix, A.B.C.D/N"),
    ("listen --ip 10.11.0.7/31", "N from 1 to 30"),
    ("listen --ip dhcp --on packet:lo", "--ip dhcp needs a network with a server of DHCP"),
    ("connect --ip dhcp --on wire:nobody", "--ip dhcp needs a network with a server of DHCP"),
    ("connect --ip DHCP", "expected a host's address with its prefix"),
    ("connect --dns 10.11.0", "expected the address of a server of DNS, at most 3 of them"),
    ("connect --dns 224.0.0.1", "expected the address of a server of DNS"),
    ("connect --dns ff02::1", "expected the address of a server of DNS"),
    ("connect --dns 10.0.0.1 --dns 10.0.0.2 --dns 10.0.0.3 --dns 10.0.0.4", "at most 3 of them"),
    ("connect host.example 80 --on sim --dns 10.0.0.1", "HOST 'host.example' is not known here"),
    ("listen --ip fd11::7", "or of IPv6 with N from 1 to 127, such as fd11::7/64"),
    ("listen --ip fd11::7/128", "expected a host's address"),
    ("listen --ip ff02::1/64", "expected a host's address"),
    ("listen --ip ::1/64", "expected a host's address"),
    ("listen --ip ::ffff:10.11.0.7/64", "expected a host's address"),
    ("connect fd11:: 80 --ip fd11::7/64x --on sim", "expected a host's address"),
    ("connect ff02::1 80", "or an IPv6 address"),
    ("listen --ip 10.11.0.0/24", "expected a host's address"),
    ("listen --ip 10.11.0.255/24", "expected a host's address"),
    ("listen --ip 127.0.0.1/8", "expected a host's address"),
    ("listen --ip 224.0.0.1/8", "expected a host's address"),
    ("listen --ip 10.11.0.7/24x", "expected a host's address"),
    ("listen --mac 01:00:00:00:00:01", "expected the Ethernet address of one station"),
    ("listen --mac 02:00:00:00:00", "expected the Ethernet address"),
    ("listen --mac 02:00:00:00:00:01:02", "expected the Ethernet address"),
    ("listen --mac 00:00:00:00:00:00", "expected the Ethernet address"),
    # Devices.
    ("listen --on wire", "--on 'wire': expected wire:NAME, sim, kernel, packet:IFACE or tap:NAME"),
    ("listen --on packet:", "expected wire:NAME, sim, kernel, packet:IFACE or tap:NAME"),
    ("listen --on packet:nowhere0", "; interfaces here: "),
    ("listen --on tap:a-name-much-too-long", "expected wire:NAME, sim, kernel"),
    ("listen --on tap:a/b", "expected wire:NAME, sim, kernel"),
    # Numbers and words.
    ("connect --hold -1", "--hold '-1': expected seconds from 0 to 86400"),
    ("connect --hold 1.", "expected seconds"),
    ("connect --hold 0.0001", "expected seconds"),
    ("connect --hold always", "or never"),
    ("connect --msl never", "expected seconds from 0.001 to 3600"),
    ("connect --msl 0", "expected seconds from 0.001 to 3600"),
    ("connect --iss 4294967296", "expected a number from 0 to 4294967295"),
    ("connect --iss 0x", "expected a number"),
    ("connect --seed 18446744073709551616", "expected a number from 0 to 18446744073709551615"),
    ("connect --ts sometimes", "--ts 'sometimes': expected relative, absolute or delta"),
    ("connect --color red", "expected auto, always or never"),
    ("serve http --congestion bbr", "--congestion 'bbr': expected newreno or cubic"),
    ("states --format png", "--format 'png': expected text, dot, svg or json"),
    # Impairments and rules have their own language.
    ("connect --impair loss", "--impair 'loss': loss: expected a share such as 1%"),
    ("connect --impair gremlins", "expected delay, jitter, rate, queue, loss"),
    ("connect --rule explode", "--rule 'explode': "),
    ("connect" + " --rule drop" * 17, "expected at most 16 rules"),
    # Commands.
    ("connect --", "nothing follows '--': expected a command"),
    ("connect --on sim -- nc", "expected --on kernel with it"),
    # The wire.
    ("listen --on wire:", "expected wire:NAME"),
    ("listen --on wire:a/b", "expected wire:NAME"),
    ("listen --on wire:a-name-of-more-than-23-bytes", "expected wire:NAME"),
    ("listen --name 10.11", "--name '10.11': expected a name"),
    ("listen --name localhost", "and not localhost"),
    ("listen --on sim --name x", "expected --on wire:NAME with it"),
    ("wire explode", "'explode': expected show, set, clear, rule or down"),
    ("wire set", "set lacks its words: expected an impairment"),
    ("wire rule", "rule lacks its words: expected a rule"),
    ("wire clear all", "'all' is one word too many: clear takes none"),
    ("wire --on sim", "expected --on wire:NAME"),
    ("host", "an operand is missing: expected a name"),
    ("host 1.2", "NAME '1.2': expected a name"),
    ("host vm --on kernel", "a host is on a wire: expected --on wire:NAME"),
    ("states -- ls", "takes no command after '--'"),
    # Servers.
    ("serve", "an operand is missing: expected http, echo or print"),
    ("serve 8080", "'8080': expected http, echo or print"),
    ("serve htp", "'htp': expected http, echo or print"),
    ("serve http 0", "PORT '0': expected a number from 1 to 65535"),
    ("serve http 80 81", "'81' is one word too many: expected estab serve [OPTION]... "
                         "http|echo|print [PORT] [-- COMMAND [ARGUMENT]...]"),
    ("serve http --leave-open", "--leave-open is for print: expected it with serve print"),
    ("serve echo --on sim", "--on sim has no real time"),
]


class Refusals(unittest.TestCase):
    def test_exit_2_with_a_sentence(self):
        for words, sentence in REFUSED:
            with self.subTest(words):
                done = run(*words.split())
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertIn(sentence, done.stderr)
                self.assertEqual(done.stderr.count("\n"), 1)
                self.assertTrue(done.stderr.startswith("estab"))
                self.assertEqual(done.stdout, "")

    def test_an_empty_word(self):
        for words in (["listen", ""], ["connect", "", "80"], ["listen", "-w", ""], [""],
                      ["listen", "--on", ""], ["listen", "--impair", ""]):
            with self.subTest(words):
                self.assertEqual(run(*words).returncode, 2)


class Help(unittest.TestCase):
    def test_alone_prints_five_commands(self):
        lines = [line for line in output().splitlines() if line.startswith("  estab ")]
        self.assertEqual([line.split()[1] for line in lines], VERBS[:5])

    def test_list(self):
        text = output("help")
        self.assertEqual(text, output("--help"))
        self.assertEqual(text, output("-h"))
        for verb in VERBS:
            self.assertRegex(text, rf"(?m)^  {verb} +\S")
        for number in (0, 1, 2, 3, 4, 5, 6, 130):
            self.assertRegex(text, rf"(?m)^  {number} +\S")

    def test_every_verb(self):
        for verb in VERBS:
            with self.subTest(verb):
                text = output("help", verb)
                self.assertEqual(text, output(verb, "--help"))
                self.assertEqual(text, output(verb, "-h"))
                self.assertIn(f"usage: estab {verb}", text)
                self.assertIn("Examples\n", text)
                self.assertLessEqual(max(map(len, text.splitlines())), 80)
                self.assertNotIn("`", text)

    def test_help_wins_over_what_else_is_there(self):
        self.assertIn("usage:", output("listen", "80", "--json", "--help", "--nonsense"))

    def test_json_names_every_option_that_help_shows(self):
        for line in output("help", "--json").splitlines():
            verb = json.loads(line)
            self.assertEqual(verb["schema"], "estab.verb/1")
            text = output("help", verb["name"])
            for option in verb["options"]:
                self.assertIn(f"--{option['name']}" if option["name"] else option["argument"], text)
                self.assertTrue(option["meaning"].endswith("."))
        self.assertEqual(len(output("help", "--json", "states").splitlines()), 1)

    def test_defaults(self):
        presets = {}
        for line in output("help", "--json").splitlines():
            verb = json.loads(line)
            for option in verb["options"]:
                presets[verb["name"], option["name"] or option["argument"]] = option["default"]
        self.assertEqual(presets["demo", "on"], "sim")
        self.assertEqual(presets["demo", "msl"], "1")
        self.assertEqual(presets["listen", "on"], "wire:lab")
        self.assertEqual(presets["listen", "PORT"], "3333")
        self.assertEqual(presets["listen", "close"], "1")
        self.assertEqual(presets["connect", "HOST"], "server")
        self.assertEqual(presets["connect", "PORT"], "3333")
        self.assertEqual(presets["connect", "hold"], "5")
        self.assertEqual(presets["connect", "msl"], "30")

    def test_examples_name_options_that_exist(self):
        for verb in VERBS:
            known = output("help", verb)
            for line in known[known.index("Examples\n"):].splitlines():
                if not line.startswith("  estab "):
                    continue
                ours = line.split(" -- ")[0].split("|")[0]
                for option in re.findall(r" (--[a-z-]+)", ours):
                    self.assertIn(option, known)

    def test_version(self):
        self.assertRegex(output("--version"), r"^estab \d+\.\d+\.\d+\n$")

    def test_colour_only_when_it_is_asked_for(self):
        self.assertNotIn("\033", output("help", "listen"))
        self.assertIn("\033[1m", output("help", "listen", "--color", "always"))
        no_color = {"NO_COLOR": "1"}
        self.assertNotIn("\033", output("help", "listen", environment=no_color))
        # Whoever says `always` means it (no-color.org).
        self.assertIn("\033", output("help", "listen", "--color=always", environment=no_color))


class Streams(unittest.TestCase):
    def test_sigterm_is_ctrl_c(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            ours, theirs = os.pipe()
            fcntl.fcntl(theirs, fcntl.F_SETPIPE_SZ, 4096)  # so that the picture does not fit
            with subprocess.Popen([ESTAB, "states", "--format", "svg"], stdout=theirs) as child:
                os.close(theirs)
                os.read(ours, 1)
                child.send_signal(number)
                self.assertEqual(child.wait(10), 130)
            os.close(ours)

    def test_a_full_disk_is_not_success(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([ESTAB, "states"], stdout=full, stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("No space left", done.stderr)


if __name__ == "__main__":
    unittest.main()
