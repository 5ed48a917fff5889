#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""docs/sockets.md has a row for each member of struct tcp_info: of Linux's header on this machine, and of the
kernel's own, which is newer (src/script/tcp_info.def)."""

import pathlib
import re
import unittest

TREE = pathlib.Path(__file__).resolve().parents[2]
HEADER = pathlib.Path("/usr/include/linux/tcp.h")


def rows():
    """The first cells of the table's rows: names, without Linux's tcpi_."""
    page = (TREE / "docs/sockets.md").read_text(encoding="utf-8")
    section = page.split("## TCP_INFO\n")[1].split("\n## ")[0]
    cells = re.findall(r"^\| (`[^|]*) \|", section, re.M)
    return [name for cell in cells for name in re.findall(r"`(\w+)`", cell)]


def ours():
    text = (TREE / "src/script/tcp_info.def").read_text(encoding="utf-8")
    return re.findall(r"^(?:FIELD|BITS)\((\w+),", text, re.M)


def linux():
    struct = HEADER.read_text(encoding="utf-8").split("struct tcp_info {")[1].split("\n};")[0]
    return re.findall(r"\btcpi_(\w+)", struct)


class Page(unittest.TestCase):
    def test_each_member_has_one_row(self):
        self.assertEqual(sorted(rows()), sorted(ours()))

    def test_each_member_of_the_header_has_a_row(self):
        if not HEADER.exists():
            self.skipTest("no linux/tcp.h on this machine")
        members = linux()
        self.assertGreater(len(members), 50)
        self.assertEqual([name for name in members if name not in rows()], [])

    def test_each_row_says_what_differs(self):
        page = (TREE / "docs/sockets.md").read_text(encoding="utf-8")
        table = page.split("## TCP_INFO\n")[1].split("\n## ")[0]
        for line in re.findall(r"^\| `.*", table, re.M):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            self.assertEqual(len(cells), 4, line)
            self.assertTrue(cells[2] and cells[3], line)

    def test_what_comes_from_the_status_is_in_it(self):
        status = (TREE / "include/estab.h").read_text(encoding="utf-8")
        status = status.split("struct estab_status {")[1].split("\n};")[0]
        page = (TREE / "docs/sockets.md").read_text(encoding="utf-8")
        table = page.split("## TCP_INFO\n")[1].split("\n## ")[0]
        for line in re.findall(r"^\| `.*", table, re.M):
            for name in re.findall(r"`(\w+)`", line.strip("|").split("|")[2]):
                self.assertRegex(status, rf"\b{name}\b", line)


if __name__ == "__main__":
    unittest.main()
