#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The state machine in its four formats, held against the rows of fsm.def."""

import json
import re
import shutil
import subprocess
import unittest
import xml.etree.ElementTree

import _svg
from _estab import ROOT, output

FSM = (ROOT / "src/tcp/fsm.def").read_text()
STATES = dict(re.findall(r'^STATE\((\w+), "([^"]+)"', FSM, re.M))
EVENTS = dict(re.findall(r'^EVENT\((\w+), "([^"]+)"', FSM, re.M))
ROWS = [(STATES[a], EVENTS[event], STATES[b], emits, kind.lower()) for a, event, b, emits, _, kind in
        re.findall(r'^EDGE\((\w+), (\w+), (\w+), "([^"]*)", "([^"]*)", (\w+)\)', FSM, re.M)]
DRAWN = {"client", "server", "unusual"}

SVG = "{http://www.w3.org/2000/svg}"


def to_table(row):
    """Whether a row is in the table under a drawing: from a later state straight to CLOSED, and not
    on anybody's normal path."""
    return (row[2] == "CLOSED" and row[4] == "unusual"
            and row[0] not in ("CLOSED", "LISTEN", "SYN-SENT"))


class Json(unittest.TestCase):
    def test_rows(self):
        graph = json.loads(output("states", "--format", "json"))
        self.assertEqual(set(graph), {"states", "edges"})
        self.assertEqual([state["name"] for state in graph["states"]], list(STATES.values()))
        for state in graph["states"]:
            self.assertEqual(set(state), {"name", "facts"})
        for edge in graph["edges"]:
            self.assertEqual(set(edge), {"from", "event", "to", "emits", "source", "kind"})
            self.assertRegex(edge["source"], r"^RFC 9293 section 3\.10")
            self.assertIn(edge["kind"], DRAWN)
        self.assertEqual([(edge["from"], edge["event"], edge["to"], edge["emits"], edge["kind"])
                          for edge in graph["edges"]], ROWS)
        self.assertEqual(len(STATES), 11)
        self.assertEqual(output("states", "--json"), output("states", "--format=json"))

    def test_facts(self):
        facts = {state["name"]: state["facts"]
                 for state in json.loads(output("states", "--json"))["states"]}
        self.assertEqual(facts["CLOSED"], [])
        self.assertEqual(facts["SYN-SENT"], ["may send", "may receive"])
        self.assertEqual(facts["TIME-WAIT"],
                         ["synchronized", "FIN sent", "FIN acknowledged", "FIN received"])


class Dot(unittest.TestCase):
    def test_rows(self):
        text = output("states", "--format", "dot")
        self.assertEqual(len(re.findall(r"^    \"[A-Z0-9-]+\" -> ", text, re.M)), len(ROWS))
        for a, event, b, emits, kind in ROWS:
            line = f'"{a}" -> "{b}" [label="{event}' + (f" /\\n{emits}" if emits else "") + '"'
            found = [row for row in text.splitlines() if line in row]
            self.assertEqual(len(found), 1, line)
            self.assertEqual("penwidth=3" in found[0], kind == "client")
            self.assertEqual("dashed" in found[0], kind == "server")

    @unittest.skipUnless(shutil.which("dot"), "Graphviz is not installed")
    def test_graphviz_reads_it(self):
        done = subprocess.run(["dot", "-Tsvg"], input=output("states", "--format", "dot"),
                              text=True, capture_output=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))


class Drawing:
    """The drawing in characters, read back: its boxes, and for each arrowhead where it comes from."""

    JOINS = {"─": "EW", "━": "EW", "╌": "EW", "│": "NS", "┃": "NS", "╎": "NS",
             "┐": "WS", "┓": "WS", "┘": "WN", "┛": "WN", "┌": "ES", "┏": "ES", "└": "EN", "┗": "EN"}
    KIND = {"━": "client", "┃": "client", "╌": "server", "╎": "server",
            "─": "unusual", "│": "unusual"}
    HEAD = {"►": "W", "◄": "E", "▼": "N", "▲": "S"}  # where its line is
    STEP = {"N": (0, -1), "S": (0, 1), "W": (-1, 0), "E": (1, 0)}
    BACK = {"N": "S", "S": "N", "W": "E", "E": "W"}

    def __init__(self, text):
        self.rows = text.split("\n\n  ━")[0].split("\n")
        self.boxes = []
        for y, row in enumerate(self.rows):
            for match in re.finditer(r"│ *([A-Z0-9-]+) *│", row):
                if match.end() - match.start() == 16 and match[1] in STATES.values():
                    self.boxes.append((match[1], match.start(), y))

    def at(self, x, y):
        return self.rows[y][x] if 0 <= y < len(self.rows) and 0 <= x < len(self.rows[y]) else " "

    def box(self, x, y):
        for name, left, middle in self.boxes:
            if left <= x < left + 16 and abs(y - middle) <= 1:
                return name
        return None

    def arrows(self):
        for y, row in enumerate(self.rows):
            for x, character in enumerate(row):
                if character in self.HEAD:
                    yield self.trace(x, y, self.HEAD[character])

    def trace(self, x, y, toward):
        dx, dy = self.STEP[self.BACK[toward]]
        end, kind = self.box(x + dx, y + dy), None
        while True:
            x, y = x + self.STEP[toward][0], y + self.STEP[toward][1]
            if self.box(x, y):
                return self.box(x, y), end, kind
            joins = self.JOINS[self.at(x, y)]
            assert self.BACK[toward] in joins, (x, y)
            kind = self.KIND.get(self.at(x, y), kind)
            toward = joins.replace(self.BACK[toward], "")


class Text(unittest.TestCase):
    def setUp(self):
        self.text = output("states", environment={"LC_ALL": "C.UTF-8"})

    def test_every_arrow_is_a_row_and_every_row_an_arrow(self):
        drawing = Drawing(self.text)
        self.assertEqual({box[0] for box in drawing.boxes}, set(STATES.values()))
        self.assertEqual(len(drawing.boxes), 12)  # CLOSED stands at both ends
        arrows = sorted(drawing.arrows())
        self.assertEqual(arrows, sorted({(row[0], row[2], row[4])
                                         for row in ROWS if not to_table(row)}))

    def test_every_event_is_written(self):
        drawing = self.text.split("straight to CLOSED")[0]
        for row in ROWS:
            if not to_table(row):
                self.assertIn(row[1], drawing)

    def test_table(self):
        lines = self.text.split("straight to CLOSED, emitting:\n\n")[1].splitlines()
        columns = re.split(r" {2,}", lines[0].strip())
        cells = set()
        for line in lines[1:]:
            state, *emits = re.split(r" {2,}", line.strip())
            self.assertEqual(len(emits), len(columns))
            cells |= {(state, event, what) for event, what in zip(columns, emits) if what != "-"}
        self.assertEqual(cells, {(row[0], row[1], row[3]) for row in ROWS if to_table(row)})

    def test_fits_a_terminal(self):
        for locale in ("C", "C.UTF-8"):
            text = output("states", environment={"LC_ALL": locale})
            self.assertLessEqual(max(map(len, text.splitlines())), 80)
            self.assertEqual(text, "\n".join(map(str.rstrip, text.split("\n"))))
            self.assertEqual(text.isascii(), locale == "C")


class Svg(unittest.TestCase):
    def setUp(self):
        self.text = output("states", "--format", "svg")
        self.root = xml.etree.ElementTree.fromstring(self.text)

    def test_every_row_has_an_element(self):
        keys = ("data-from", "data-event", "data-to", "data-emits", "data-kind")
        found = [tuple(element.get(key) for key in keys) for element in self.root.iter()
                 if element.get("data-from")]
        self.assertEqual(sorted(found), sorted(ROWS))

    def test_every_state_has_a_box(self):
        boxes = [element.get("data-state") for element in self.root.iter()
                 if element.get("data-state")]
        self.assertEqual(sorted(boxes), sorted(STATES.values()))

    def test_lines_join_the_boxes_of_their_rows(self):
        picture = _svg.Picture(self.root)
        for group in self.root.findall(f"{SVG}g"):
            rows = {(element.get("data-from"), element.get("data-to"), element.get("data-kind"))
                    for element in group.iter() if element.get("data-from")}
            head = group.find(f"{SVG}path[@class='head']")
            if head is None or not rows:
                continue
            self.assertEqual(len(rows), 1)
            a, b, kind = rows.pop()
            line = group.find(f"{SVG}path[@class='line']")
            self.assertEqual(group.get("class"), kind)
            self.assertEqual(picture.box_at(*_svg.points(line)[0]), a)
            self.assertEqual(picture.box_at(*_svg.points(head)[0]), b)

    def test_table_is_of_later_states(self):
        table = {(element.get("data-from"), element.get("data-event"))
                 for element in self.root.iter(f"{SVG}text") if element.get("data-from")}
        self.assertEqual(table, {(row[0], row[1]) for row in ROWS if to_table(row)})

    def test_labels_touch_nothing(self):
        picture = _svg.Picture(self.root)
        self.assertGreater(len(picture.labels), 40)
        self.assertEqual(list(picture.collisions()), [])

    def test_the_check_can_fail(self):
        moved = self.text.replace('x="122" y="462"', 'x="106" y="462"')
        self.assertNotEqual(moved, self.text)
        picture = _svg.Picture(xml.etree.ElementTree.fromstring(moved))
        self.assertNotEqual(list(picture.collisions()), [])

    def test_for_everybody(self):
        self.assertEqual(self.root.get("role"), "img")
        self.assertEqual(self.root.get("aria-labelledby"), "t d")
        self.assertEqual(self.root.find(f"{SVG}title").get("id"), "t")
        description = self.root.find(f"{SVG}desc")
        self.assertEqual(description.get("id"), "d")
        for row in ROWS:
            self.assertIn(f"{row[1]}{' / ' if row[3] else ''}{row[3]} to {row[2]}",
                          description.text)
        self.assertIn("prefers-color-scheme: dark", self.text)
        for tag in ("script", "image", "foreignObject"):
            self.assertEqual(list(self.root.iter(SVG + tag)), [])
        self.assertNotRegex(self.text, r"@import|url\(|href")


if __name__ == "__main__":
    unittest.main()
