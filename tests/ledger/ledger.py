#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The ledgers: each requirement of an RFC, who carries it, which tests name it, and their result.

    ledger.py check             complaints about tests/ledger/*.ledger, and pages that are not current
    ledger.py page RFC          the page as it is when every test passes
    ledger.py run JUNIT         write docs/RFC.md from the results of a test run

An entry of tests/ledger/RFC.ledger is

    NUMBER LEVEL SECTION FILE:NAME      or - for FILE:NAME, where nothing carries it
        What it asks, in our own words.
        @ FILE:NAME                     where the mutation is, if not there
        - a line of it, or a part of one
        + what that becomes
        ! the test that fails then

or, instead of the mutation, one line `inside: why no wire shows it`, `waived: why`, `absent: what the rule is
about, which is not here`, or `missing: what`.  NAME is a function of a .c file, or a word of any other.  What
a mutation changes stands once in it.  Where an RFC has no numbers, its rules have ours: R5961-1 and on.

tests/ledger/bad-inputs.ledger has inputs that broke other stacks instead, BAD-1 and on, with the states in
which each can arrive, which are a set of tests/support/places.h or -, in the place of level and section.

A test names a requirement by its NUMBER, in the comment right above it or in its body; a script in its
head.  `make mutants` (mutants.py) keeps what it found in tests/ledger/RFC.mutants.
"""

import hashlib
import pathlib
import re
import sys
import textwrap
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
LEVELS = {"MUST": ("MUST", "MUST NOT"), "REC": ("SHOULD",), "SHLD": ("SHOULD", "SHOULD NOT"),
          "MAY": ("MAY",)}
COUNTS = {"rfc9293": {"MUST": 69, "REC": 1, "SHLD": 31, "MAY": 18}, "bad-inputs": {"BAD": 18}}
# Source routes, which the Internet now forbids (RFC 7126 section 4.3); beside each MAY, and each SHOULD of
# the RFCs whose numbers are ours.
MAY_BE_WAIVED = ("MUST-51", "MUST-52", "MUST-53", "SHLD-24")
NUMBER = re.compile(r"\b(?:MUST|REC|SHLD|MAY|BAD|R\d{4})-\d+\b")
OWN = re.compile(r"R(\d{4})-\d+")
EXCUSES = ("waived", "absent", "missing") # instead of a test


# As in tests/support/places.h.
CLOSING = ("established", "fin_wait_1", "fin_wait_2", "close_wait", "closing", "last_ack", "time_wait")
STATES = {"-": (), "SYNCHRONIZED": CLOSING, "WITH_PEER": ("syn_received", *CLOSING), "RECEIVING": CLOSING[:3],
          "SENDING": ("established", "fin_wait_1", "close_wait", "closing", "last_ack"),
          "EVERYWHERE": ("closed", "listen", "listener", "cookie", "syn_sent", "syn_received", *CLOSING)}


class Wrong(Exception):
    """A ledger that cannot be read."""


class Entry:
    """A requirement."""

    def __init__(self, head, where):
        match = re.fullmatch(r"(\S+) ((?:MUST|SHOULD|MAY)(?: NOT)?) ([\d.]+) (?:(\S+):(\S+)|-)", head) or \
            re.fullmatch(r"(BAD-\d+) ()([A-Z_]+|-) (?:(\S+):(\S+)|-)", head)
        if not match or (not match[2] and match[3] not in STATES):
            raise Wrong(f"{where}: expected `NUMBER LEVEL SECTION FILE:NAME`, found `{head}`")
        self.number, self.level, self.section, self.file, self.name = match.groups()
        self.states = None if self.level else STATES[self.section]
        self.where, self.words, self.last = where, "", "words"
        self.at = (self.file, self.name)  # of the mutation
        self.before = self.after = self.killer = None
        self.inside = self.waived = self.absent = self.missing = None

    def take(self, line, where):
        mark, _, rest = line.partition(" ")
        if mark == "@":
            self.at = tuple(rest.rsplit(":", 1))
        elif mark == "-":
            self.before = rest
        elif mark == "+":
            self.after = rest
        elif mark == "!":
            self.killer = rest
        elif mark.endswith(":") and mark[:-1] in ("inside", *EXCUSES):
            self.last = mark[:-1]
            setattr(self, self.last, rest)
        else: # of the words, or of the reason that has begun
            setattr(self, self.last, f"{getattr(self, self.last)} {line}".strip())

    def own(self):
        """Whether the number is ours."""
        return bool(OWN.fullmatch(self.number))

    def excused(self):
        """The word, or None."""
        return next((word for word in EXCUSES if getattr(self, word)), None)

    def may_be(self, excuse):
        """Work that is yet to be done anything can be."""
        if excuse == "absent":
            return self.own() and self.level.startswith("MUST")
        if excuse == "waived" and self.own():
            return not self.level.startswith("MUST")
        return excuse != "waived" or self.level == "MAY" or self.number in MAY_BE_WAIVED

    def key(self):
        """Of the mutation: what was found of another one says nothing of this."""
        text = "\n".join(map(str, (*self.at, self.before, self.after, self.killer)))
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def read_ledger(path):
    entries = []
    for i, line in enumerate(path.read_text().splitlines(), 1):
        where = f"{path.name}:{i}"
        if not line.strip() or line.startswith("#"):
            continue
        if not line.startswith(" "):
            entries.append(Entry(line, where))
        elif not entries:
            raise Wrong(f"{where}: expected an entry before `{line.strip()}`")
        else:
            entries[-1].take(line.strip(), where)
    return entries


# --- the sources --------------------------------------------------------------------------------------


def part_of(root, file, name):
    """(first, past) offsets of a function of a .c file, else of the file if the word is in it; or None."""
    path = root / file
    if not path.is_file():
        return None
    text = path.read_text()
    if not file.endswith(".c"):
        return (0, len(text)) if re.search(rf"\b{re.escape(name)}\b", text) else None
    head = re.search(rf"^\w[^;{{}}()=]*\b{re.escape(name)}\([^;{{}}]*\)\n\{{\n", text, re.M)
    return (head.start(), text.index("\n}", head.end())) if head else None


def line_of(root, entry):
    """(offset, text of the file) of what a mutation changes."""
    part = part_of(root, *entry.at)
    if part is None:
        raise Wrong(f"{entry.where}: {entry.at[0]} has no {entry.at[1]}")
    text = (root / entry.at[0]).read_text()
    found = text.count(entry.before, *part)
    if found != 1:
        raise Wrong(f"{entry.where}: {entry.at[0]}: {entry.at[1]} has `{entry.before}` {found} times,"
                    " expected once")
    return text.index(entry.before, part[0]), text


def mutate(root, entry):
    """The text of the file with the mutation in it."""
    at, text = line_of(root, entry)
    return text[:at] + entry.after + text[at + len(entry.before):]


# --- the tests ----------------------------------------------------------------------------------------

CASE = re.compile(r"^(?:WIRE_TEST\((\w+)\)|static void (\w+)\((?:void \*\*|struct rig \*)\w+\))\n\{", re.M)


def program_name(path):
    """tests/state/test_window.c is state.window, tests/unit/tcp/test_rtt.c unit.tcp.rtt."""
    parts = path.parts[path.parts.index("tests") + 1:]
    return ".".join([*parts[:-1], path.stem.removeprefix("test_")])


def comment_above(text, at):
    """The comment that ends on the line before."""
    if not text[:at].endswith("*/\n"):
        return ""
    comment = text[text.rindex("/*", 0, at):at]
    return "" if comment.startswith("/* ----") else comment


def cases_of(path):
    """(name, numbers) of each case that the program runs."""
    text = path.read_text()
    run = set(re.findall(r"\b(?:cmocka_unit_test\w*|TEST|BOTH|SIX)\(\s*(\w+)", text))
    placed = dict(re.findall(r"\bIN_STATES\w*\((\w+), (\w+)\)", text))
    for match in CASE.finditer(text):
        name = match[1] or match[2]
        body = text[match.start():text.index("\n}", match.start())]
        numbers = NUMBER.findall(comment_above(text, match.start()) + body)
        if name in run:
            yield f"{program_name(path)}.{name}", numbers
        for state in STATES[placed.get(name, "-")]:
            yield f"{program_name(path)}.{name}_in_{state}", numbers


def all_tests(root):
    """Every test that can be named, with the numbers that it names."""
    tests = {}
    for folder in ("unit", "state", "sim"):
        for path in sorted((root / "tests" / folder).rglob("test_*.c")):
            tests.update(cases_of(path))
    for path in sorted((root / "tests/script").glob("*/*.pkt")):
        head = path.read_text().split("\n\n")[0]
        tests[f"script.{path.parent.name}/{path.stem}"] = NUMBER.findall(head)
    return tests


def named_by(tests, number):
    return [name for name, numbers in tests.items() if number in numbers]


# --- the check ----------------------------------------------------------------------------------------


def check_mutation(root, entry, tests):
    if entry.before is None:
        if not (entry.states is not None or entry.inside or entry.excused()):
            yield f"{entry.where}: {entry.number} needs a mutation, or `inside: why no wire shows it`"
        return
    if not entry.after or not entry.killer or entry.after == entry.before:
        yield f"{entry.where}: a mutation is `- before`, `+ after` and `! test`"
        return
    if entry.number not in tests.get(entry.killer, ()):
        yield f"{entry.where}: {entry.killer} is no test that names {entry.number}"
    try:
        line_of(root, entry)
    except Wrong as wrong:
        yield str(wrong)


def check_entry(root, entry, tests):
    kind = entry.number.split("-")[0]
    if entry.level not in LEVELS.get(kind, (entry.level,)):
        yield f"{entry.where}: {entry.number} is no {entry.level}"
    if not entry.words:
        yield f"{entry.where}: {entry.number} says nothing in our own words"
    if entry.excused() and not entry.may_be(entry.excused()):
        yield f"{entry.where}: {entry.number} may not be {entry.excused()}"
    if entry.file and part_of(root, entry.file, entry.name) is None:
        yield f"{entry.where}: {entry.file} has no {entry.name}"
    if not entry.file and not entry.excused():
        yield f"{entry.where}: nothing carries {entry.number}"
    if not named_by(tests, entry.number) and not entry.excused():
        yield f"{entry.where}: no test names {entry.number}"
    for state in entry.states or ():
        if not any(name.endswith(f"_in_{state}") for name in named_by(tests, entry.number)):
            yield f"{entry.where}: no test of {entry.number} in {state}"
    yield from check_mutation(root, entry, tests)


def expected_numbers(rfc):
    return [f"{kind}-{i}" for kind, n in COUNTS.get(rfc, {}).items() for i in range(1, n + 1)]


def check_numbers(rfc, entries):
    numbers = [entry.number for entry in entries]
    for number in expected_numbers(rfc):
        if number not in numbers:
            yield f"{rfc}.ledger: {number} is missing"
    own = [entry for entry in entries if entry.own()]
    for i, entry in enumerate(own, 1):
        if entry.number != f"R{rfc.removeprefix('rfc')}-{i}":
            yield f"{entry.where}: expected R{rfc.removeprefix('rfc')}-{i}, found {entry.number}"
    for entry in entries:
        if numbers.count(entry.number) > 1:
            yield f"{entry.where}: {entry.number} stands twice"
        if rfc in COUNTS and entry.number not in expected_numbers(rfc):
            yield f"{entry.where}: {rfc} has no {entry.number}"


def check_names(root, known):
    """A number that a source or a test names is a requirement."""
    for folder in ("src", "include", "tests"):
        for path in sorted((root / folder).rglob("*")):
            if not path.is_file() or "corpus" in path.parts or "ledger" in path.parts:
                continue
            for number in NUMBER.findall(path.read_text(errors="replace")):
                if number not in known:
                    yield f"{path.relative_to(root)}: {number} is in no ledger"


def ledgers(root):
    return {path.stem: read_ledger(path) for path in sorted((root / "tests/ledger").glob("*.ledger"))}


def check(root):
    """All complaints."""
    try:
        books = ledgers(root)
    except Wrong as wrong:
        return [str(wrong)]
    tests = all_tests(root)
    complaints = [] if books else ["tests/ledger: no ledger"]
    for rfc, entries in books.items():
        _, found = read_mutants(root, rfc)
        complaints += check_numbers(rfc, entries)
        for entry in entries:
            complaints += check_entry(root, entry, tests)
            if found.get(entry.key()) == "survived":
                complaints.append(f"{entry.where}: the mutation of {entry.number} survived its test")
    complaints += check_names(root, {entry.number for book in books.values() for entry in book})
    for rfc, entries in books.items():
        kept = root / f"docs/{rfc}.md"
        if not complaints and (not kept.is_file() or kept.read_text() != page(root, rfc, entries, tests)):
            complaints.append(f"docs/{rfc}.md is not current: run scripts/generate")
    return complaints


# --- the page -----------------------------------------------------------------------------------------

HEAD = """\
# {title}, one by one

{sum}.

{about}
"""

ABOUT = """\
{what}, in our own words, the function that carries it, the tests that name it, and their result. This page is
written by the test run (`make test`) from `tests/ledger/{book}.ledger` and the results of the tests;
`scripts/generate` writes the page of a run in which all of them pass, and the test `unit.ledger` refuses any
other, a row without a test, a function or a test that does not exist, and a number that a test names and no
ledger has. {excuses} What is missing is work that is yet to be done."""

COLUMNS = ["number", "level", "section", "what", "function", "tests", "result"]
NUMBERED = {"title": "The requirements of RFC {}", "noun": "requirements", "what": "Each requirement, what it asks",
            "columns": COLUMNS,
            "excuses": "Only a MAY may be waived, and source routes, which the Internet now forbids."}
OWN_NUMBERS = {"title": "The rules of RFC {}", "noun": "rules", "columns": COLUMNS,
               "what": "Each MUST, SHOULD and MAY, with a number of ours, what it asks",
               "excuses": "Only a SHOULD or a MAY may be waived, with its reason; a MUST is absent where"
                          " what it is about is not here."}
INPUTS = {"title": "Inputs that broke other stacks", "noun": "rows",
          "columns": ["row", "states", "what", "function", "tests", "result"],
          "what": "Each row of a list that this project keeps, the states in which it can arrive, what it is",
          "excuses": "Of a test that ends in `_in_*` there is one for each of the row's states, and a state"
                     " without one is refused: EVERYWHERE is the eleven of RFC 9293, LISTEN as an OPEN, as a"
                     " listener, and behind a SYN cookie; SYNCHRONIZED those in which our SYN is acknowledged,"
                     " WITH_PEER SYN-RECEIVED and these; RECEIVING those that take text, SENDING those in which"
                     " text of ours is outstanding. None may be waived."}

MUTANTS = """
## Mutations

{sum}.

For each row that shows on the wire, one line of the source, what it becomes, and the test that must
fail then. `make mutants` changes the line, builds, and runs that test.
"""


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in rows:
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |")
    return "\n".join(lines) + "\n"


def code(text):
    return f"`{text}`"


def result_of(entry, names, results):
    """One word, and why."""
    if entry.excused():
        return entry.excused()
    if results is None:
        return "pass"
    found = {results.get(name, "not run") for name in names}
    return next(iter(found)) if len(found) == 1 else next(word for word in sorted(found) if word != "pass")


def shown(names):
    """Of one test in many states one name."""
    ends = "|".join(STATES["EVERYWHERE"])
    return list(dict.fromkeys(re.sub(rf"(_in_states\.\w+_in_)(?:{ends})$", r"\1*", name) for name in names))


def row_of(entry, tests, results):
    names = named_by(tests, entry.number)
    result = result_of(entry, names, results)
    words = " ".join(filter(None, (entry.words, *(
        f"*{word.capitalize()}:* {text}" for word in EXCUSES
        if (text := getattr(entry, word))))))
    carrier = f"{code(entry.name)}, {entry.file}" if entry.file else "-"
    return [entry.number, *filter(None, (entry.level, entry.section)), words, carrier,
            "<br>".join(map(code, shown(names))) or "-", result]


def counted(words, order):
    return ", ".join(f"{words.count(word)} {word}" for word in
                     [*order, *sorted(set(words) - set(order))] if word in words)


def read_mutants(root, rfc):
    """The day of the last run, and what was found of each mutation."""
    path = root / f"tests/ledger/{rfc}.mutants"
    lines = path.read_text().splitlines() if path.is_file() else []
    day = next((line.split()[-1] for line in lines if line.startswith("# run on")), None)
    return day, dict(line.split(" ", 1) for line in lines if line and not line.startswith("#"))


def mutants_of(root, rfc, entries):
    day, found = read_mutants(root, rfc)
    rows, verdicts = [], []
    for entry in entries:
        if entry.before is None:
            continue
        verdict = found.get(entry.key(), "not run")
        verdicts.append(verdict)
        rows.append([entry.number, entry.at[1], code(entry.before), code(entry.after),
                     code(entry.killer), verdict])
    inside = [f"{entry.number}: {entry.inside}" for entry in entries if entry.inside]
    text = MUTANTS.format(sum=f"{counted(verdicts, ['killed', 'survived'])}"
                              f" of {len(verdicts)}; `make mutants`, last on {day or 'no day'}")
    text += "\n" + table(["number", "function", "line", "becomes", "test", "found"], rows)
    if inside:
        text += "\nWithout one:\n\n" + "".join(f"- {line}\n" for line in inside)
    return text


def page(root, rfc, entries, tests, results=None):
    rows = [row_of(entry, tests, results) for entry in entries]
    words = [row[-1] for row in rows]
    phrases = {"rfc9293": NUMBERED, "bad-inputs": INPUTS}.get(rfc, OWN_NUMBERS)
    text = HEAD.format(title=phrases["title"].format(rfc.removeprefix("rfc")),
                       sum=f"{len(words)} {phrases['noun']}: {counted(words, ['pass', *EXCUSES])}",
                       about=textwrap.fill(ABOUT.format(book=rfc, **phrases), 110, break_on_hyphens=False))
    text += "\n" + table(phrases["columns"], rows)
    return text + (mutants_of(root, rfc, entries) if phrases != INPUTS else "")


# --- a test run ---------------------------------------------------------------------------------------

CMOCKA = {"OK": "pass", "FAILED": "fail", "SKIPPED": "skipped", "ERROR": "fail"}


def read_results(path):
    """What each case came to, from CTest's JUnit file."""
    results = {}
    for case in xml.etree.ElementTree.parse(path).getroot().iter("testcase"):
        program, text = case.get("name"), case.findtext("system-out") or ""
        for word, name in re.findall(r"^\[\s+(OK|FAILED|SKIPPED|ERROR)\s+\] (\w+)(?: over IPv[46])?$", text, re.M):
            if results.get(f"{program}.{name}", "pass") == "pass": # of two the worse
                results[f"{program}.{name}"] = CMOCKA[word]
        for word, name in re.findall(r"^(\w+) +\S*/(\S+/\S+)\.pkt(?= \(|:)", text, re.M):
            results[f"script.{name}"] = "pass" if word == "ok" else "fail"
    return results


def run(root, junit):
    """Write the pages; complaints about rows that did not pass."""
    results, tests = read_results(junit), all_tests(root)
    complaints = []
    for rfc, entries in ledgers(root).items():
        text = page(root, rfc, entries, tests, results)
        (root / f"docs/{rfc}.md").write_text(text)
        for entry in entries:
            word = result_of(entry, named_by(tests, entry.number), results)
            if word != "pass" and word not in EXCUSES:
                complaints.append(f"docs/{rfc}.md: {entry.number}: {word}")
    return complaints


def main():
    arguments = sys.argv[1:]
    if arguments[:1] == ["page"] and len(arguments) == 2 and arguments[1] in ledgers(ROOT):
        rfc = arguments[1]
        sys.stdout.write(page(ROOT, rfc, ledgers(ROOT)[rfc], all_tests(ROOT)))
        return 0
    if arguments == ["check"]:
        complaints = check(ROOT)
    elif arguments[:1] == ["run"] and len(arguments) == 2:
        complaints = run(ROOT, arguments[1])
    else:
        print("usage: ledger.py check | page RFC | run JUNIT", file=sys.stderr)
        return 2
    for complaint in complaints:
        print(complaint)
    print(f"ledger: {len(complaints)} complaints")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
