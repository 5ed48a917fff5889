# SPDX-License-Identifier: MIT
"""Where things are in docs/states.svg: enough geometry to tell whether a label touches anything.

Text is measured as DejaVu Sans would set it, the widest of the fonts that the picture asks for.
"""

import re

SVG = "{http://www.w3.org/2000/svg}"

# Widths in thousandths of the size.
WIDTHS = {" ": 318, ",": 318, ".": 318, ":": 337, ";": 337, "/": 337, "-": 361, "(": 390, ")": 390,
          "i": 278, "l": 278, "j": 278, "f": 352, "t": 392, "r": 411, "s": 521, "c": 550, "z": 525,
          "m": 974, "w": 818, "I": 295, "L": 557, "F": 575, "P": 603, "T": 611, "Y": 611, "E": 632,
          "S": 635, "M": 863, "W": 989, "O": 787, "D": 770, "G": 775, "N": 748, "H": 752, "V": 684,
          "A": 684, "B": 686, "C": 698, "R": 695, "U": 732, "K": 656, "X": 685, "’": 318}
OTHERS = 634
BOLD = 1.12


def text_width(text, size, bold):
    return sum(WIDTHS.get(c, OTHERS) for c in text) * size / 1000 * (BOLD if bold else 1)


def points(path):
    """The corners of a path of M, L, Q and H, as absolute points; a curve is its control point."""
    found = []
    for command, numbers in re.findall(r"([MLQHZ])([^MLQHZ]*)", path.get("d")):
        values = [float(n) for n in numbers.split()]
        if command == "H":
            found.append((values[0], found[-1][1]))
        else:
            found += zip(values[::2], values[1::2])
    return found


def boxes_touch(a, b):
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def rectangle(element):
    x, y, width, height = (float(element.get(key)) for key in ("x", "y", "width", "height"))
    return x, y, x + width, y + height


class Picture:
    """Labels are (text, box); obstacles are (name, box), boxes being (left, top, right, bottom)."""

    def __init__(self, root):
        style = root.find(f"{SVG}style").text.split("@media")[0]
        self.size = {name: float(size) for name, size in
                     re.findall(r"\.([\w-]+) \{[^}]*font-size: (\d+)px", style)}
        self.stroke = {name: float(width) for name, width in
                       re.findall(r"\.(\w+) \.line \{[^}]*stroke-width: ([\d.]+)", style)}
        self.labels, self.obstacles, self.boxes = [], [], []
        self.names = []  # of the boxes: (name, where it is, where it belongs)
        for element in root.iter(f"{SVG}text"):
            self.labels.append(("".join(element.itertext()), self.label_box(element)))
        for group in root.iter(f"{SVG}g"):
            for path in group.findall(f"{SVG}path"):
                self.add_path(path, self.stroke.get(group.get("class"), 1.1))
            rect = group.find(f"{SVG}rect")
            if rect is not None:
                name = group.find(f"{SVG}text")
                self.boxes.append((name.text, rectangle(rect)))
                self.names.append((name.text, self.label_box(name), rectangle(rect)))
        for rect in root.findall(f"{SVG}rect"):
            self.add_frame(rect)

    def label_box(self, element):
        classes = (element.get("class") or "").split()
        size = next((self.size[name] for name in classes if name in self.size), 13.0)
        width = text_width("".join(element.itertext()), size, "name" in classes
                           or "head-line" in classes)
        anchor = element.get("text-anchor") or (
            "middle" if {"name", "cell"} & set(classes) else "start")
        x = float(element.get("x")) - {"start": 0, "middle": width / 2, "end": width}[anchor]
        y = float(element.get("y"))
        return x, y - 0.76 * size, x + width, y + 0.24 * size

    def add_path(self, path, width):
        found = points(path)
        name = path.get("class")
        if name == "head":
            xs, ys = zip(*found)
            self.obstacles.append((name, (min(xs), min(ys), max(xs), max(ys))))
            return
        for a, b in zip(found, found[1:]):
            self.obstacles.append((name, (min(a[0], b[0]) - width / 2, min(a[1], b[1]) - width / 2,
                                          max(a[0], b[0]) + width / 2, max(a[1], b[1]) + width / 2)))

    def add_frame(self, rect):
        left, top, right, bottom = rectangle(rect)
        for side in ((left, top, right, top), (left, bottom, right, bottom),
                     (left, top, left, bottom), (right, top, right, bottom)):
            self.obstacles.append((rect.get("class"), side))

    def box_at(self, x, y):
        for name, (left, top, right, bottom) in self.boxes:
            if left <= x <= right and top <= y <= bottom:
                return name
        return None

    def collisions(self):
        for i, (text, box) in enumerate(self.labels):
            for other, there in self.labels[i + 1:]:
                if boxes_touch(box, there):
                    yield text, other
            for name, there in self.obstacles:
                if boxes_touch(box, there):
                    yield text, name
            for name, there in self.boxes:
                if text != name and boxes_touch(box, there):
                    yield text, name
        for name, box, around in self.names:
            if not (around[0] + 6 < box[0] and box[2] < around[2] - 6):
                yield name, "its box"
