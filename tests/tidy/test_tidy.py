#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every rule of tidy.py accepts a good tree and refuses a bad one."""

import pathlib
import platform
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import tidy

SPDX = "/* SPDX-License-Identifier: MIT */\n"

GOOD = {
    "include/estab.h": SPDX + "#include <stdint.h>\nint estab_one(void);\n",
    "src/base/reason.def": SPDX + 'REASON(PAWS, "RFC 7323 (5.3), R1", "too old, dropped")\n',
    "src/base/seq.h": SPDX + "#include <stdint.h>\n",
    "src/tcp/fsm.def": SPDX + (
        'STATE(CLOSED, "CLOSED", 0)\nSTATE(LISTEN, "LISTEN", A | B)\n'
        'EVENT(OPEN, "OPEN", "call")\nEVENT(CLOSE, "CLOSE", "call")\n'
        'EDGE(CLOSED, OPEN, LISTEN, "create TCB, wait", "3.10.1", SERVER)\n'
        'EDGE(LISTEN, CLOSE, CLOSED, "", "3.10.4", SERVER)\n'),
    "src/tcp/user.c": SPDX + (
        '#include "base/seq.h"\n#include "tcp/fsm.def"\n#include <string.h>\n'
        'int f(void)\n{\n    return EV_OPEN + EV_CLOSE + REASON_PAWS;\n}\n'),
    "src/cli/main.c": SPDX + '#include <stdio.h>\n#include "loop/loop.h"\n#include <estab.h>\n',
    "tests/unit/tcp/test_user.c": SPDX + "int x = REASON_PAWS;\n",
    "scripts/setup": "#!/bin/sh\n# SPDX-License-Identifier: MIT\n",
}


def body(name, lines):
    """A function of exactly so many lines, with the snares that a scanner of braces meets."""
    snares = ["    /* } */", '    const char *s = "}";', "    char c = '}';", "#if X", "    {",
              "#else", "    {{", "#endif", "    }"]
    filler = ["    f();"] * (lines - 3 - len(snares))
    return "\n".join([f"int {name}(int a)", "{"] + snares + filler + ["}"]) + "\n"


def plant(root, files):
    for path, text in dict(GOOD, **files).items():
        if text is not None:
            file = pathlib.Path(root) / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")


class Program(unittest.TestCase):
    def status(self, files, *arguments):
        with tempfile.TemporaryDirectory() as root:
            plant(root, files)
            return subprocess.run([sys.executable, tidy.__file__, *arguments, root],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode

    def test_exit_status(self):
        self.assertEqual(self.status({}), 0)
        self.assertEqual(self.status({"src/ip/a.c": "\n"}), 1)
        self.assertEqual(self.status({}, "--objects", "/dev/null"), 1)
        self.assertNotEqual(self.status({}, "--library", "/dev/null"), 0)


class Sources(unittest.TestCase):
    def complaints(self, files):
        """What tidy says of the good tree with some files changed; None removes one."""
        with tempfile.TemporaryDirectory() as root:
            plant(root, files)
            return tidy.check(root)

    def assert_caught(self, expected, files):
        complaints = self.complaints(files)
        self.assertEqual(len(complaints), 1, complaints)
        self.assertIn(expected, complaints[0])

    def assert_fine(self, files):
        self.assertEqual(self.complaints(files=files), [])

    def test_good_tree(self):
        self.assert_fine({})

    def test_empty_tree(self):
        self.assertIn("src: no sources", self.complaints(files={path: None for path in GOOD}))

    def test_spdx(self):
        for path in ("src/ip/a.c", "src/ip/a.h", "tests/a.py", "tests/a.sh", "CMakeLists.txt",
                     "cmake/a.cmake"):
            self.assert_caught(f"{path}:1: no line SPDX", files={path: "\n"})
        self.assert_caught("scripts/run:1: no line SPDX", files={"scripts/run": "#!/bin/sh\n"})
        self.assert_caught("SPDX", files={"src/ip/a.h": "\n\n" + SPDX})
        self.assert_fine({"README.md": "no source\n", "build/a.c": "\n"})

    def test_file_length(self):
        self.assert_fine({"src/ip/a.h": SPDX + "\n" * 799})
        self.assert_caught("801 lines", files={"src/ip/a.h": SPDX + "\n" * 800})
        self.assert_caught("801 lines", files={"tests/a.py": "# " + SPDX + "\n" * 800})

    def test_function_length(self):
        self.assert_fine({"src/ip/a.c": SPDX + body("f", 70) + body("g", 70)})
        self.assert_caught("src/ip/a.c:3: g has 71 lines",
                           files={"src/ip/a.c": SPDX + "\n" + body("g", 71) + body("h", 70)})
        self.assert_caught("g has 71 lines", files={"tests/sim/a.c": SPDX + body("g", 71)})

    def test_function_length_in_any_surrounding(self):
        long = body("g", 71)
        for before in ("struct a {\n    int b;\n};\n", "int a[] = {1,\n 2};\n", "enum { A, B };\n",
                       'extern "C" {\n', "#define M(x) \\\n    { x\n", "int p(void);\n",
                       "static ", "__attribute__((noinline))\n", "#ifdef X\nint a;\n#endif\n"):
            complaints = self.complaints(files={"src/ip/a.c": SPDX + before + long})
            self.assertEqual(len(complaints), 1, (before, complaints))
            self.assertRegex(complaints[0], "g has 7[12] lines")

    def test_tables_are_no_functions(self):
        rows = "    F(1),\n" * 100
        for table in ("int a[] = {\n", "struct a b = (struct a){\n", "enum a {\n",
                      "struct __attribute__((packed)) a {\n",
                      "struct a __attribute__((packed)) {\n"):
            self.assert_fine({"src/ip/a.c": SPDX + table + rows + "};\n"})

    def test_include_ranks(self):
        for path, line, expected in (
                ("src/base/a.c", '#include "packet/a.h"', "base may not include packet"),
                ("src/tcp/a.c", '#include "ip/a.h"', "tcp may not include ip"),
                ("src/ip/a.c", '#include "stack/a.h"', "ip may not include stack"),
                ("src/stack/a.h", '#  include "sim/a.h"', "stack may not include sim"),
                ("src/sim/a.c", '#include "device/a.h"', "sim may not include device"),
                ("src/device/a.c", '#include "loop/a.h"', "device may not include loop"),
                ("src/loop/a.c", '#include "cli/a.h"', "loop may not include cli"),
                ("src/tcp/a.c", "#include <stdio.h>", "the core includes no <stdio.h>"),
                ("src/base/a.c", "#include <stdlib.h>", "the core includes no <stdlib.h>"),
                ("src/base/a.def", "#include <time.h>", "the core includes no <time.h>"),
                ("src/stack/a.c", "#include <estab_host.h>", "stack lies below estab_host.h"),
                ("src/tcp/a.c", '#include "fsm.h"', "names no room"),
                ("src/tcp/a.c", '#include "../ip/a.h"', "names no room"),
                ("src/cli/a.c", '#include "cellar/a.h"', "names no room"),
                ("include/estab_host.h", '#include "base/a.h"', "a public header includes")):
            self.assert_caught(expected, files={path: SPDX + line + "\n"})
        self.assert_caught("in no room", files={"src/cellar/a.c": SPDX})
        self.assert_caught("in no room", files={"src/a.c": SPDX})

    def test_includes_that_are_fine(self):
        for path, line in (
                ("src/tcp/a.c", '#include "base/a.h"'), ("src/tcp/a.c", '#include "tcp/a.h"'),
                ("src/tcp/a.c", "/* #include <stdio.h> */"), ("src/tcp/a.c", "#include <limits.h>"),
                ("src/sim/a.c", "#include <stdio.h>"), ("src/base/a.c", '#include "estab.h"'),
                ("src/device/a.c", '#include "estab_host.h"'),
                ("src/loop/a.c", '#include "sim/a.h"')):
            self.assert_fine({path: SPDX + line + "\n"})

    def test_fsm_rows(self):
        path, good = "src/tcp/fsm.def", GOOD["src/tcp/fsm.def"]
        self.assertIn(f"{path}: missing", self.complaints(files={path: None}))
        self.assert_caught("STATE(LOST) is not both", files={
            path: good + 'STATE(LOST, "LOST", 0)\n'})
        self.assert_caught("STATE(SINK) is not both", files={
            path: good + 'STATE(SINK, "", 0)\nEDGE(LISTEN, OPEN, SINK, "", "", SERVER)\n'})
        self.assert_caught("a second EDGE(LISTEN, CLOSE)", files={
            path: good + 'EDGE(LISTEN, CLOSE, LISTEN, "", "", SERVER)\n'})
        self.assert_caught("names what is not declared", files={
            path: good + 'EDGE(LISTEN, OPEN, NOWHERE, "", "", SERVER)\n'})
        complaints = self.complaints(files={path: good + 'EVENT(SEND, "SEND", "call")\n'})
        self.assertIn(f"{path}:8: no EDGE takes EVENT(SEND)", complaints)
        self.assertIn(f"{path}:8: nothing in src/ raises EV_SEND", complaints)
        self.assertEqual(len(complaints), 2)

    def test_fsm_event_in_comment_only(self):
        text = GOOD["src/tcp/user.c"].replace("EV_CLOSE", "0 /* EV_CLOSE */")
        self.assert_caught("nothing in src/ raises EV_CLOSE", files={"src/tcp/user.c": text})

    def test_fsm_without_rows(self):
        complaints = self.complaints(files={"src/tcp/fsm.def": SPDX + "/* STATE(A) */\n"})
        self.assertEqual(len(complaints), 3, complaints)

    def test_one_writer(self):
        for write in ("head->state = TCP_LISTEN;", "*h = (struct tcp_head){.state = 1};",
                      "b->head.state  =  x;"):
            source = SPDX + "\nvoid f(void)\n{\n    " + write + "\n}\n"
            self.assert_caught("writes a state", {"src/tcp/a.c": source})
            self.assert_fine({"src/tcp/conn.c": source})
        self.assert_fine({"src/tcp/a.c": SPDX + "\n/* b.state = 1 */\nint f(struct s *b)\n{\n"
                                         "    return b->state == 1;\n}\n"})

    def test_reason_rows(self):
        user, test, rows = "src/tcp/user.c", "tests/unit/tcp/test_user.c", "src/base/reason.def"
        self.assertIn(f"{rows}: missing", self.complaints(files={rows: None}))
        self.assert_caught("no REASON row", files={rows: SPDX})
        self.assert_caught("nothing in the core uses REASON_PAWS", files={
            user: GOOD[user].replace("REASON_PAWS", "0 /* REASON_PAWS */"),
            "src/cli/why.c": SPDX + "int a = REASON_PAWS;\n"})
        self.assert_caught("no test names REASON_PAWS", files={
            test: SPDX, "tests/tidy/test_x.c": SPDX + "int a = REASON_PAWS;\n"})


@unittest.skipUnless(platform.machine() == "x86_64", "the core's symbols are checked on x86-64")
class Objects(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def compile(self, name, text, *options):
        source, target = self.folder / f"{name}.c", self.folder / name
        source.write_text(text, encoding="utf-8")
        subprocess.run(["gcc", "-O2", "-fPIC", "-fno-stack-protector", *options, "-o", target,
                        source], check=True)
        return str(target)

    def objects(self, *texts):
        return [self.compile(f"{i}.o", text, "-c") for i, text in enumerate(texts)]

    def test_core_needs(self):
        memory = "#include <string.h>\nvoid f(char *a, int n) { memcpy(a, a + n, n); }\n"
        caller = "void f(char *, int); void g(char *a) { f(a, 1); }\n"
        self.assertEqual(list(tidy.rule_core_needs(self.objects(memory, caller))), [])
        complaints = list(tidy.rule_core_needs(self.objects(caller)))
        self.assertEqual([text.split(": ")[1] for text in complaints], ["the core needs f"])
        complaints = list(tidy.rule_core_needs(self.objects(
            memory, caller, "int puts(const char *); int h(void) { return puts(\"\"); }\n")))
        self.assertEqual([text.split(": ")[1] for text in complaints], ["the core needs puts"])

    def test_core_needs_not_a_neighbours_static(self):
        hidden = "static int f(void) { return 1; } int g(void) { return f(); }\n"
        caller = "int f(void); int h(void) { return f(); }\n"
        objects = [self.compile("a.o", hidden, "-c", "-O0"), self.compile("b.o", caller, "-c")]
        self.assertEqual(len(list(tidy.rule_core_needs(objects))), 1)

    def test_core_data(self):
        constant = "static const char *const a[] = {\"a\", \"b\"}; const int b[4] = {1};\n" \
                   "const char *f(int i) { return a[i]; }\n"
        self.assertEqual(list(tidy.rule_core_data(self.objects(constant))), [])
        for text, section in (("int a = 1;\n", ".data"), ("int a;\n", ".bss"),
                              ("int f(void) { static int a; return ++a; }\n", ".bss"),
                              ("_Thread_local int a;\n", ".tbss"),
                              ("char b; char *a = &b;\n", ".data.rel")):
            complaints = list(tidy.rule_core_data(self.objects(text)))
            self.assertTrue(any(f"in {section}" in complaint for complaint in complaints),
                            (text, complaints))
        common = [self.compile("c.o", "int a;\n", "-c", "-fcommon")]
        self.assertIn("a is a common symbol", "".join(tidy.rule_core_data(common)))

    def test_exports(self):
        estab = "int estab_f(void) { return 1; }\n"
        other = "int f(void) { return 1; }\n"
        def library(text):
            return self.compile("l.so", text, "-shared")
        self.assertEqual(list(tidy.rule_exports(library(estab))), [])
        self.assertIn("exports f", "".join(tidy.rule_exports(library(estab + other))))
        self.assertIn("exports nothing", "".join(tidy.rule_exports(library("static int a;\n"))))

    def test_module_exports(self):
        def module(names):
            text = "".join(f"int {name}(void) {{ return 1; }}\n" for name in names)
            return self.compile("m.so", text, "-shared", "-fno-builtin")
        self.assertEqual(list(tidy.rule_module_exports(module(tidy.MODULE_EXPORTS))), [])
        said = "".join(tidy.rule_module_exports(module({"close", "estab_f"})))
        self.assertIn("exports estab_f", said)
        self.assertIn("does not export packetdrill_interface_init", said)

    def test_check_calls_each(self):
        bad = self.objects("int a = 1; int g(void); int f(void) { return g(); }\n")
        library = self.compile("l.so", "int f(void) { return 1; }\n", "-shared")
        said = "\n".join(tidy.check(self.folder, bad, library, library))
        for expected in ("the core needs g", "in .data", "exports f", "does not export close"):
            self.assertIn(expected, said)
        self.assertIn("no objects of the core", tidy.check(self.folder, []))


if __name__ == "__main__":
    unittest.main()
