#!/usr/bin/env python3
"""Draws where the poller's CPU time goes as a flame graph, from what py-spy has recorded.

    py-spy record --native --rate 250 --format raw --output poller.txt -- \\
        .venv/bin/python bench/poller.py
    .venv/bin/python bench/flame_graph.py poller.txt --root CloudWatchSource.run > poller.svg

Width is time, and a box stands on the function that called it. Only samples below the root
count. The drawing is plain SVG: text and rectangles, no script.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from xml.sax.saxutils import escape

WIDTH_PX = 1000
ROW_PX = 18
# Narrower boxes are left out: nobody could point at them.
NARROWEST_PX = 1.5
CHARACTER_PX = 6.6
# By where a function's time is spent.
COLOURS = {"json": "#e8a33d", "boto": "#d9755a", "plugin": "#5b8fd6", "native": "#63a96b"}
OTHER = "#b8b8b8"

# "function (file:line)", or the same without a line.
_FRAME = re.compile(r"(?P<function>.+?) \((?P<file>[^():]*)(?::\d+)?\)")


class Box:
    """One function in one place of the call tree."""

    def __init__(self, name: str, colour: str) -> None:
        self.name = name
        self.colour = colour
        self.samples = 0
        self.callees: dict[str, Box] = {}

    def add(self, frames: Iterable[tuple[str, str]], samples: int) -> None:
        """Count a stack below this box, from the caller to what it calls."""
        box = self
        box.samples += samples
        for name, colour in frames:
            box = box.callees.setdefault(name, Box(name, colour))
            box.samples += samples

    def depth(self) -> int:
        return 1 + max((box.depth() for box in self.callees.values()), default=0)


def frame_of(text: str) -> tuple[str, str]:
    """A frame's name, without line and folder, and its colour."""
    match = _FRAME.fullmatch(text)
    function, file = (match["function"], match["file"]) if match else (text, "")
    # C++ names carry their arguments and templates.
    name = "(no symbol)" if function.startswith("0x") else function
    name = re.sub(r"<.*>|\(.*", "", name).strip() or name
    return name, colour_of(file, function)


def colour_of(file: str, function: str) -> str:
    if "_json" in file or file.startswith("json/") or "simdjson" in function:
        return COLOURS["json"]
    if file.startswith(("botocore", "boto3", "urllib3")):
        return COLOURS["boto"]
    if file.startswith("k8saudit_eks"):
        return COLOURS["plugin"]
    if "kae" in function:
        return COLOURS["native"]
    return OTHER


def tree(lines: Iterable[str], root: str) -> Box:
    """All stacks that hold `root`, from there on."""
    top = Box(root, COLOURS["plugin"])
    for line in lines:
        stack, _, samples = line.rstrip("\n").rpartition(" ")
        frames = [frame_of(frame) for frame in stack.split(";")]
        names = [name for name, _ in frames]
        if root in names:
            top.add(frames[names.index(root) + 1 :], int(samples))
    return top


def boxes(box: Box, left_px: float, row: int, scale: float) -> Iterator[tuple[Box, float, int]]:
    """Each box that is wide enough, with its left edge and its row."""
    yield box, left_px, row
    for callee in sorted(box.callees.values(), key=lambda other: other.name):
        width_px = callee.samples * scale
        if width_px >= NARROWEST_PX:
            yield from boxes(callee, left_px, row + 1, scale)
        left_px += width_px


def svg(top: Box, title: str) -> str:
    scale = WIDTH_PX / top.samples
    drawn = list(boxes(top, 0.0, 0, scale))
    rows = 1 + max(row for _, _, row in drawn)
    height_px = ROW_PX * (rows + 2)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH_PX} {height_px}" '
        'font-family="monospace" font-size="11">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH_PX}" height="{height_px}" fill="#ffffff"/>',
        f'<text x="4" y="{ROW_PX - 4}" fill="#222222">{escape(title)}</text>',
    ]
    for box, left_px, row in drawn:
        width_px = box.samples * scale
        top_px = ROW_PX * (rows - row)
        share = 100 * box.samples / top.samples
        shown = box.name[: max(0, int((width_px - 6) / CHARACTER_PX))]
        parts.append(
            f"<g><title>{escape(box.name)}: {share:.1f} %</title>"
            f'<rect x="{left_px:.1f}" y="{top_px}" width="{max(width_px - 0.5, 0.5):.1f}" '
            f'height="{ROW_PX - 1}" fill="{box.colour}"/>'
        )
        if len(shown) >= min(len(box.name), 4):
            parts.append(
                f'<text x="{left_px + 3:.1f}" y="{top_px + 13}" fill="#111111">'
                f"{escape(shown)}</text>"
            )
        parts.append("</g>")
    return "\n".join([*parts, "</svg>"]) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("stacks", type=Path, help="what py-spy has written as raw")
    parser.add_argument("--root", default="CloudWatchSource.run")
    parser.add_argument("--title", default="")
    given = parser.parse_args()
    top = tree(given.stacks.read_text("utf-8").splitlines(), given.root)
    if top.samples == 0:
        parser.error(f"{given.stacks} holds no stack with {given.root}: was the poller recorded?")
    sys.stdout.write(svg(top, given.title or f"{top.samples} samples below {given.root}"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
