#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Check the shape of the tree: what the style asks for and a program can see.

    tidy.py [--objects LIST] [--library LIBESTAB.SO] ROOT

Each rule is a function that yields its complaints, one line each; any complaint fails the run.
LIST is a file with the path of one object of the core a line. test_tidy.py shows that every rule
can fail.
"""

import argparse
import os
import pathlib
import platform
import re
import statistics
import subprocess
import sys

FILE_LINES = 800
FUNCTION_LINES = 70

# A room may include its own headers and those of rooms with a lower rank; never an equal's.
RANK = {
    "base": 0, "packet": 1, "tcp": 2, "udp": 2, "ip": 3, "stack": 4,
    "sim": 5, "device": 5, "names": 5, "loop": 6, "posix": 7, "capture": 7,
    "wire": 8, "control": 8, "virtual": 8, "http": 8, "craft": 8, "script": 9, "packetdrill": 9,
    "lab": 9, "shim": 9, "cli": 10,
}
CORE = ("base", "packet", "tcp", "udp", "ip", "stack", "names")
CORE_LIBC = {"stdint.h", "stdbool.h", "stddef.h", "string.h", "limits.h", "stdalign.h"}
PUBLIC = {"estab.h": RANK["base"], "estab_udp.h": RANK["base"], "estab_host.h": RANK["device"],
          "estab_posix.h": RANK["posix"]}
# What the adapter for packetdrill exports: its entrance, and what stands before libc's functions.
MODULE_EXPORTS = {"packetdrill_interface_init", "close", "getsockopt", "mlockall", "times"}
CORE_NEEDS = {"memcpy", "memmove", "memset", "memcmp"}

IGNORED_FOLDERS = {".git", "build", "corpus", "node_modules", "__pycache__"}
SOURCE_ENDINGS = (".c", ".h", ".def", ".py", ".sh", ".cmake", ".in", ".S", ".js", ".ts", ".css")
SOURCE_NAMES = {"CMakeLists.txt", "Makefile"}


class Tree:
    """The sources below a root; reads each file once."""

    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.texts = {}
        for folder, folders, names in os.walk(self.root):
            folders[:] = sorted(set(folders) - IGNORED_FOLDERS)
            for name in sorted(names):
                self.add(pathlib.Path(folder) / name)

    def add(self, path):
        if not path.is_file() or path.is_symlink():
            return
        with open(path, "rb") as file:
            script = file.read(2) == b"#!"
        if script or path.name in SOURCE_NAMES or path.name.endswith(SOURCE_ENDINGS):
            text = path.read_text(encoding="utf-8", errors="replace")
            self.texts[path.relative_to(self.root).as_posix()] = text

    def below(self, *prefixes, endings=(".c", ".h")):
        return {path: text for path, text in self.texts.items()
                if path.startswith(prefixes) and path.endswith(endings)}


# --- reading C ----------------------------------------------------------------------------------

LITERAL = re.compile(r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])+'""", re.DOTALL)
COMMENT = re.compile(r"""("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])+')|//[^\n]*|/\*.*?\*/""", re.DOTALL)
ATTRIBUTE = re.compile(r"__attribute__\s*\(\(.*?\)\)|\b_Alignas\s*\([^()]*\)", re.DOTALL)
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', re.MULTILINE)
WORD = re.compile(r"\w+")


def without_comments(text):
    return COMMENT.sub(lambda match: match[1] or "\n" * match[0].count("\n") or " ", text)


def without_preprocessor(text):
    """Blank the directives, and of each #if all branches but the first: braces then pair up."""
    lines, skipping, continued = [], 0, False
    for line in text.split("\n"):
        directive = re.match(r"\s*#\s*(\w+)", line) if not continued else None
        blank = continued or directive is not None or skipping > 0
        if directive:
            word = directive[1]
            if skipping and word.startswith("if"):
                skipping += 1
            elif word == "endif" and skipping:
                skipping -= 1
            elif word in ("else", "elif") and not skipping:
                skipping = 1
        continued = (continued or directive is not None) and line.endswith("\\")
        lines.append("" if blank else line)
    return "\n".join(lines)


def functions(text):
    """Yield (name, first line, number of lines) of each function definition, signature included."""
    code = LITERAL.sub(lambda match: "\n" * match[0].count("\n") or " ", text)
    code = without_preprocessor(code)
    depth, linkage, start, first, name = 0, 0, 0, 0, None
    for match in re.finditer(r"[{};]", code):
        token, position = match[0], match.start()
        if token == "{" and depth == 0:
            name, first = signature(code, start, position)
            if name == "extern":
                linkage, start = linkage + 1, position + 1
                continue
        if token == "{":
            depth += 1
        elif token == "}" and depth == 0:
            linkage -= 1
        elif token == "}":
            depth -= 1
            if depth == 0 and name:
                yield name, first, code.count("\n", 0, position) + 2 - first
        if depth == 0 and token != "{":
            start = position + 1


def signature(code, start, brace):
    """The name of the function whose body opens at the brace, or None; and its first line."""
    head = code[start:brace]
    if head.strip() == "extern":
        return "extern", 0
    gap = [match.end() for match in re.finditer(r"\n[ \t]*\n", head.rstrip())]
    start += gap[-1] if gap else 0
    head = code[start:brace]
    start += len(head) - len(head.lstrip())
    head = ATTRIBUTE.sub(" ", head).strip()
    call = re.search(r"(\w+)\s*\(", head)
    if not head.endswith(")") or not call or "=" in head.split("(")[0]:
        return None, 0
    return call[1], code.count("\n", 0, start) + 1


def macro_rows(text, macro):
    """Yield (line, arguments) of each top-level use of a macro in a .def file."""
    code = without_comments(text)
    for match in re.finditer(rf"^[ \t]*{macro}[ \t]*\(", code, re.MULTILINE):
        arguments, depth, current, position = [], 1, "", match.end()
        while depth and position < len(code):
            literal = LITERAL.match(code, position)
            piece = literal[0] if literal else code[position]
            position += len(piece)
            depth += (piece == "(") - (piece == ")")
            if depth == 0 or (piece == "," and depth == 1):
                arguments.append(current.strip())
                current = ""
            else:
                current += piece
        yield code.count("\n", 0, match.start()) + 1, arguments


# --- the rules that read sources ----------------------------------------------------------------

def rule_spdx(tree):
    for path, text in tree.texts.items():
        if not any("SPDX-License-Identifier: MIT" in line for line in text.split("\n")[:2]):
            yield f"{path}:1: no line SPDX-License-Identifier: MIT at the top"


def rule_file_length(tree):
    for path, text in tree.texts.items():
        lines = text.count("\n")
        if lines > FILE_LINES:
            yield f"{path}: {lines} lines; at most {FILE_LINES}"


def rule_function_length(tree):
    for path, text in tree.below("").items():
        for name, line, length in functions(text):
            if length > FUNCTION_LINES:
                yield f"{path}:{line}: {name} has {length} lines; at most {FUNCTION_LINES}"


def includes(text):
    """Yield (line, "<" or '"', name) of each #include."""
    code = without_comments(text)
    for match in INCLUDE.finditer(code):
        yield code.count("\n", 0, match.start()) + 1, match[1], match[2]


def judge_include(room, bracket, name):
    """Why a room may not include a header, or None."""
    if name in PUBLIC:
        if PUBLIC[name] > RANK[room]:
            return f"{room} lies below {name}"
        return None
    if bracket == "<":
        if room in CORE and name not in CORE_LIBC:
            return f"the core includes no <{name}>"
        return None
    other = name.split("/")[0] if "/" in name else None
    if other not in RANK:
        return f'"{name}" names no room'
    if other != room and RANK[other] >= RANK[room]:
        return f"{room} may not include {other}: only downward"
    return None


def rule_include_ranks(tree):
    for path, text in tree.below("src/", endings=(".c", ".h", ".def")).items():
        parts = path.split("/")
        if len(parts) != 3 or parts[1] not in RANK:
            yield f"{path}: in no room that has a rank"
            continue
        for line, bracket, name in includes(text):
            complaint = judge_include(parts[1], bracket, name)
            if complaint:
                yield f"{path}:{line}: {complaint}"
    for path, text in tree.below("include/").items():
        for line, bracket, name in includes(text):
            if bracket == '"' and name not in PUBLIC:
                yield f'{path}:{line}: a public header includes "{name}"'


def words(texts):
    return {word for text in texts for word in WORD.findall(without_comments(text))}


def rule_fsm_rows(tree):
    path = "src/tcp/fsm.def"
    if path not in tree.texts:
        yield f"{path}: missing"
        return
    text = tree.texts[path]
    states = {row[0]: line for line, row in macro_rows(text, "STATE")}
    events = {row[0]: line for line, row in macro_rows(text, "EVENT")}
    edges = [(line, row) for line, row in macro_rows(text, "EDGE")]
    used = words(tree.below("src/").values())
    for kind, rows in (("STATE", states), ("EVENT", events), ("EDGE", edges)):
        if not rows:
            yield f"{path}: no {kind} row"
    seen = set()
    for line, row in edges:
        if len(row) < 3 or row[0] not in states or row[1] not in events or row[2] not in states:
            yield f"{path}:{line}: EDGE({', '.join(row[:3])}) names what is not declared"
        elif (row[0], row[1]) in seen:
            yield f"{path}:{line}: a second EDGE({row[0]}, {row[1]})"
        seen.add(tuple(row[:2]))
    left, taken, entered = ({row[i] for _, row in edges if len(row) > i} for i in range(3))
    for name, line in states.items():
        if name not in left & entered:
            yield f"{path}:{line}: STATE({name}) is not both entered and left"
    for name, line in events.items():
        if name not in taken:
            yield f"{path}:{line}: no EDGE takes EVENT({name})"
        if f"EV_{name}" not in used:
            yield f"{path}:{line}: nothing in src/ raises EV_{name}"


def rule_reason_rows(tree):
    path = "src/base/reason.def"
    if path not in tree.texts:
        yield f"{path}: missing"
        return
    rows = list(macro_rows(tree.texts[path], "REASON"))
    core = words(tree.below(*(f"src/{room}/" for room in CORE)).values())
    tests = words(text for name, text in
                  tree.below("tests/", endings=(".c", ".h", ".py", ".sh")).items()
                  if not name.startswith("tests/tidy/"))
    if not rows:
        yield f"{path}: no REASON row"
    for line, row in rows:
        if f"REASON_{row[0]}" not in core:
            yield f"{path}:{line}: nothing in the core uses REASON_{row[0]}"
        if f"REASON_{row[0]}" not in tests:
            yield f"{path}:{line}: no test names REASON_{row[0]}"


STATE_WRITE = re.compile(r"(?:->|\.)\s*state\s*=(?!=)")


def rule_one_writer(tree):
    """A state is written where tcp_move is, and nowhere else."""
    for name, text in tree.below("src/tcp/").items():
        if name == "src/tcp/conn.c":
            continue
        for number, line in enumerate(without_comments(text).split("\n"), 1):
            if STATE_WRITE.search(line):
                yield f"{name}:{number}: writes a state; only src/tcp/conn.c may"


SOURCE_RULES = (rule_spdx, rule_file_length, rule_function_length, rule_include_ranks,
                rule_fsm_rows, rule_reason_rows, rule_one_writer)


# --- the rules that read objects ----------------------------------------------------------------

def output(*command):
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout


def symbols(path, *options):
    """(name, type) of each symbol."""
    for line in output("nm", "-P", *options, path).splitlines():
        fields = line.split()
        if len(fields) >= 2:
            yield fields[0], fields[1]


def rule_core_needs(objects):
    defined, needed = set(), {}
    for path in objects:
        defined |= {name for name, _ in symbols(path, "--defined-only", "--extern-only")}
        for name, _ in symbols(path, "--undefined-only"):
            needed.setdefault(name, path)
    for name in sorted(set(needed) - defined - CORE_NEEDS):
        yield f"{needed[name]}: the core needs {name}"


def rule_core_data(objects):
    for path in objects:
        for line in output("size", "-A", path).splitlines():
            section = re.match(r"(\.(?:t?data|t?bss|common)\S*)\s+([1-9]\d*)\s", line)
            if section and not section[1].startswith(".data.rel.ro"):
                names = ", ".join(name for name, kind in symbols(path, "--defined-only")
                                  if kind in "dDbB")
                yield f"{path}: {section[2]} bytes in {section[1]} ({names})"
        for name, kind in symbols(path):
            if kind == "C":
                yield f"{path}: {name} is a common symbol"


def rule_exports(library):
    names = [name for name, _ in symbols(library, "--dynamic", "--defined-only")]
    if not names:
        yield f"{library}: exports nothing"
    for name in names:
        if not name.startswith("estab_"):
            yield f"{library}: exports {name}"


def rule_module_exports(module):
    names = {name for name, _ in symbols(module, "--dynamic", "--defined-only")}
    for name in sorted(names - MODULE_EXPORTS):
        yield f"{module}: exports {name}"
    for name in sorted(MODULE_EXPORTS - names):
        yield f"{module}: does not export {name}"


# --- the run ------------------------------------------------------------------------------------

def describe(tree):
    """The sizes that have no limit of their own, for whoever reads the log."""
    found = [(length, name) for text in tree.below("src/", "include/").values()
             for name, _, length in functions(text)]
    if found:
        median = statistics.median(length for length, _ in found)
        print(f"src: {len(found)} functions, median {median:g} lines, longest {max(found)[0]} "
              f"({max(found)[1]}); {sum(t.count(chr(10)) for t in tree.below('src/').values())} "
              f"lines")


def read_list(path):
    return [line for line in pathlib.Path(path).read_text(encoding="utf-8").split("\n") if line]


def check(root, objects=None, library=None, module=None):
    """All complaints about a tree and what was built from it."""
    tree = Tree(root)
    complaints = [text for rule in SOURCE_RULES for text in rule(tree)]
    if not tree.below("src/"):
        complaints.append("src: no sources")
    if objects is not None and not objects:
        complaints.append("no objects of the core")
    if objects and platform.machine() == "x86_64": # elsewhere compilers call helpers of their own
        complaints += [text for rule in (rule_core_needs, rule_core_data) for text in rule(objects)]
    if library:
        complaints += rule_exports(library)
    if module:
        complaints += rule_module_exports(module)
    return complaints


def main():
    parser = argparse.ArgumentParser(description="Check the shape of the tree.")
    parser.add_argument("--objects", help="file that lists the core's objects")
    parser.add_argument("--library", help="the shared library")
    parser.add_argument("--module", help="the adapter for packetdrill")
    parser.add_argument("root")
    options = parser.parse_args()
    objects = read_list(options.objects) if options.objects else None
    complaints = check(options.root, objects, options.library, options.module)
    describe(Tree(options.root))
    for complaint in complaints:
        print(complaint)
    print(f"tidy: {len(complaints)} complaints")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
