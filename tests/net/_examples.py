# SPDX-License-Identifier: MIT
"""What the pages tell people to type: the examples of the help, and the indented commands of README
and docs, found where they stand.

    found()     {command: [where it stands, ...]}
    mentions()  (where, words) of each `estab VERB ...` between backquotes
"""

import json
import re
import subprocess

from _wire import ESTAB, SOURCE

PAGES = [SOURCE / "README.md", *sorted((SOURCE / "docs").glob("*.md"))]

# An indented line that begins so is something to type.
TYPED = re.compile(r" {4,}(?:\$ )?(?P<line>(?:sudo )?(?:\S*build/)?"
                   r"(?:estab(?! \d)|make|cmake|cc|gcc|tshark|wireshark|nc|curl|python3|echo|ss|"
                   r"ip(?! {2}))(?: .*|))")
# Behind it there may be what it is for: after a # or two blanks, outside of quotes.
COMMAND = re.compile(r"""(?:[^\s'"]|'[^']*'|"[^"]*"|\s(?!\s|#\s))+""")


def command(line):
    """What is typed, of a line; the binary goes by its name alone."""
    words = COMMAND.match(line)[0].rstrip()
    return re.sub(r"(^|\s)\S*build/estab(?=\s|$)", r"\1estab", words)


def help_rows():
    done = subprocess.run([ESTAB, "help", "--json"], capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def found():
    places = {}
    for verb in help_rows():
        for row in verb["examples"]:
            places.setdefault(row["command"], []).append(f"estab help {verb['name']}")
    for page in PAGES:
        for number, line in enumerate(page.read_text().splitlines(), 1):
            if match := TYPED.fullmatch(line):
                places.setdefault(command(match["line"]), []).append(f"{page.name}:{number}")
    return places


def mentions():
    for page in PAGES:
        for words in re.findall(r"`estab ([a-z][^`]*)`", page.read_text()):
            yield page.name, words.split()
