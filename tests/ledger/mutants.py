#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Change one line of the source, and see a test fail: what is behind `make mutants`.

    mutants.py [NUMBER|RFC...]    all mutations of tests/ledger/*.ledger, or those of these numbers or RFCs

Each is made in a copy of the tree, below build/mutants, where only what its test needs is built.  It
is killed if the test that the ledger names fails, or does not end; if that test passes
it has survived.  What was found is kept in tests/ledger/RFC.mutants, from which the page tells it; the
exit status is 0 if none survived.  Before the first one each test has to pass without any.
"""

import datetime
import os
import pathlib
import re
import shutil
import subprocess
import sys

import ledger

ROOT = ledger.ROOT
WORK = ROOT / "build/mutants"
TREE, BUILD = WORK / "tree", WORK / "build"
NOT_COPIED = {".git", "build", "__pycache__"}
MINUTES_OF_A_TEST = 2


def copy_tree():
    """The tree as it is now; a file that has not changed keeps its time, and what was built of it."""
    wanted = set()
    for folder, folders, names in os.walk(ROOT):
        folders[:] = set(folders) - NOT_COPIED
        wanted.update((pathlib.Path(folder) / name).relative_to(ROOT) for name in names)
    for path in wanted:
        there = TREE / path
        if not there.is_file() or there.read_bytes() != (ROOT / path).read_bytes():
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / path, there)
    for path in TREE.rglob("*"):
        if path.is_file() and path.relative_to(TREE) not in wanted:
            path.unlink()


def configure():
    command = ["cmake", "-S", TREE, "-B", BUILD, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=None",
               "-DCMAKE_C_FLAGS=-O2", "-DESTAB_TESTS=ON"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def target_of(test):
    """What has to be built."""
    return "estab" if test.startswith("script.") else "test_" + test.rsplit(".", 1)[0].replace(".", "_")


def build(targets):
    done = subprocess.run(["cmake", "--build", BUILD, "--target", *targets], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode == 0, done.stdout


def run_test(test):
    """pass, fail, or hangs."""
    case = test.rsplit(".", 1)[1]
    if test.startswith("script."):
        command = [BUILD / "estab", "script", TREE / "tests/script" / f"{test.split('.', 1)[1]}.pkt"]
        passed = r"^ok +"
    else:
        command = [BUILD / target_of(test)]
        passed = rf"^\[ +OK \] {case}$"
    try:
        done = subprocess.run(command, text=True, errors="replace", stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              env={**os.environ, "ESTAB_CASE": case}, timeout=MINUTES_OF_A_TEST * 60)
    except subprocess.TimeoutExpired:
        return "hangs"
    return "pass" if done.returncode == 0 and re.search(passed, done.stdout, re.M) else "fail"


def try_one(entry):
    """killed, survived, or why neither."""
    path = TREE / entry.at[0]
    kept = path.read_text()
    try:
        path.write_text(ledger.mutate(TREE, entry))
        built, said = build([target_of(entry.killer)])
        if not built:
            return "does not build:\n" + "\n".join(line for line in said.splitlines() if "error" in line)
        return "survived" if run_test(entry.killer) == "pass" else "killed"
    finally:
        path.write_text(kept)


def keep(rfc, entries, found):
    """Of the mutations that are still in the ledger."""
    if not any(entry.before for entry in entries):
        return
    path = ROOT / f"tests/ledger/{rfc}.mutants"
    _, known = ledger.read_mutants(ROOT, rfc)
    known.update(found)
    lines = [f"{entry.key()} {known[entry.key()]}" for entry in entries
             if entry.before and entry.key() in known]
    path.write_text("# SPDX-License-Identifier: MIT\n#\n# What `make mutants` found of each mutation.\n"
                    f"# run on {datetime.date.today()}\n" + "\n".join(lines) + "\n")


def main():
    numbers = sys.argv[1:]
    books = ledger.ledgers(ROOT)
    chosen = [(rfc, entry) for rfc, entries in books.items() for entry in entries
              if entry.before and (not numbers or entry.number in numbers or rfc in numbers)]
    if not chosen:
        print(f"mutants.py: no mutation of {' '.join(numbers)}", file=sys.stderr)
        return 2
    copy_tree()
    configure()
    built, said = build(sorted({target_of(entry.killer) for _, entry in chosen}))
    if not built:
        print("\n".join(said.splitlines()[-20:]))
        return 1
    for test in sorted({entry.killer for _, entry in chosen}):
        if run_test(test) != "pass":
            print(f"{test} fails without any mutation")
            return 1
    found, counts = {rfc: {} for rfc in books}, {}
    chosen.sort(key=lambda pair: pair[1].at[0])  # so that most builds compile one file
    for rfc, entry in chosen:
        verdict = try_one(entry)
        word = verdict.split(":")[0]
        counts[word] = counts.get(word, 0) + 1
        print(f"{word:9} {entry.number:8} {entry.at[0]}: {entry.at[1]}: {entry.killer}", flush=True)
        if ":" in verdict:
            print(verdict)
        else:
            found[rfc][entry.key()] = verdict
    for rfc, entries in books.items():
        keep(rfc, entries, found[rfc])
    print(", ".join(f"{n} {word}" for word, n in sorted(counts.items())))
    return 0 if list(counts) == ["killed"] else 1


if __name__ == "__main__":
    sys.exit(main())
