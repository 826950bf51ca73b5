"""The picture of docs/delivery.md: which ages of the audit log are read when.

``python -m k8saudit_eks.docs.delivery --write docs/delivery.svg`` draws it again.
"""

from __future__ import annotations

import sys
from html import escape

from k8saudit_eks.config.table import Config
from k8saudit_eks.delivery.polling import heads, ladder
from k8saudit_eks.delivery.polling.clock import AHEAD_MAX_MS
from k8saudit_eks.delivery.polling.settling import SLICE_MS
from k8saudit_eks.docs.page import DocsFile

# Pixels, but for the ages.
_WIDTH = 1000
_NOW_X = 960
_OLDEST_X = 190
_FIRST_ROW_Y = 84
_ROW = 40
_BAR = 20
# How much of the time behind the settled mark is drawn, and where the gap lies in it.
_BEHIND_S = 120
_GAP_BEHIND_S = (50, 80)

# Colours of its own in front of a ground of its own: a page around it may be dark or light.
# Without custom properties, which not every viewer knows.
_COLOURS = {
    "light": {
        "ground": "#ffffff", "ink": "#1f2328", "faint": "#59636e", "line": "#d1d9e0",
        "head": "#0969da", "rung": "#8250df", "settle": "#1a7f37", "gap": "#cf222e",
        "ids": "#9a6700",
    },
    "dark": {
        "ground": "#0d1117", "ink": "#f0f6fc", "faint": "#9198a1", "line": "#3d444d",
        "head": "#4493f8", "rung": "#ab7df8", "settle": "#3fb950", "gap": "#f85149",
        "ids": "#d29922",
    },
}  # fmt: skip
_SHAPES = """
text { font: 13px system-ui, "DejaVu Sans", sans-serif; }
.name { font-weight: 600; }
.settled { opacity: 0.12; }
.mark { stroke-width: 2; }
.further { fill: none; stroke-dasharray: 4 3; }
"""


def svg() -> str:
    """The picture, drawn to scale from the constants of the code."""
    return _Picture(Config()).text()


def _style() -> str:
    return f"{_SHAPES}{_fills('light')}@media (prefers-color-scheme: dark) {{\n{_fills('dark')}}}\n"


def _fills(scheme: str) -> str:
    of = _COLOURS[scheme]
    filled = {"text": "ink", ".faint": "faint", ".settled": "settle"}
    filled |= {f".{kind}": kind for kind in ("ground", "head", "rung", "settle", "gap", "ids")}
    drawn = {".ground": "line", ".line": "line", ".now": "faint", ".mark": "settle"}
    drawn |= {".further": "head"}
    rules = [f"{what} {{ fill: {of[colour]}; }}" for what, colour in filled.items()]
    rules += [f"{what} {{ stroke: {of[colour]}; }}" for what, colour in drawn.items()]
    return "\n".join(rules) + "\n"


class _Picture:
    """Each row is one kind of reading; ages are seconds before now, which is on the right."""

    def __init__(self, config: Config) -> None:
        self._late_window_s = config.late_window
        self._poll_s = config.polling_interval
        # The oldest moment that may wait to be settled, just before its slice is read.
        self._slice_s = SLICE_MS // 1000
        self._due_s = self._late_window_s + AHEAD_MAX_MS / 1000
        self._settled_s = self._due_s + self._slice_s
        self._oldest_s = self._settled_s + _BEHIND_S
        self._parts: list[str] = []
        self._y = _FIRST_ROW_Y

    def text(self) -> str:
        """The whole file."""
        rows = len(self._ages_s) + 4
        bottom = _FIRST_ROW_Y + rows * _ROW
        self._ground(bottom)
        self._axis()
        self._head()
        for age_s in self._ages_s:
            self._rung(age_s)
        self._settling()
        self._gap()
        self._ids()
        lines = "\n".join(self._parts)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {bottom + 8}" '
            f'role="img" aria-labelledby="title">\n'
            f'<title id="title">Which ages of the audit log are read when</title>\n'
            f"<style>{_style()}</style>\n{lines}\n</svg>\n"
        )

    @property
    def _ages_s(self) -> list[int]:
        return [age_ms // 1000 for age_ms in ladder.AGES_MS if age_ms < self._late_window_s * 1000]

    def _ground(self, bottom: int) -> None:
        self._parts.append(
            f'<rect class="ground" x="0.5" y="0.5" width="{_WIDTH - 1}" height="{bottom + 7}" '
            f'rx="8"/>'
        )
        mark_x = self._x(self._settled_s)
        self._parts.append(
            f'<rect class="settled" x="{_OLDEST_X}" y="64" width="{mark_x - _OLDEST_X:.1f}" '
            f'height="{bottom - 72}"/>'
        )
        self._line("mark", mark_x, 40, bottom - 8)
        self._line("now", _NOW_X, 40, bottom - 8)
        self._words(mark_x - 6, 36, "settled mark", "end", "name")
        self._words(mark_x - 6, 54, "all before it is settled, except gaps", "end", "faint")

    def _axis(self) -> None:
        self._parts.append(f'<line class="line" x1="{_OLDEST_X}" y1="64" x2="{_NOW_X}" y2="64"/>')
        self._words(_NOW_X, 24, "now", "middle", "name")
        self._words(16, 54, "seconds ago", "start", "faint")
        for age_s in (*self._ages_s, self._late_window_s):
            self._line("now", self._x(age_s), 60, 68)
            self._words(self._x(age_s), 54, str(age_s), "middle", "faint")
        self._words(self._x(self._late_window_s), 36, "late_window", "middle", "faint")

    def _head(self) -> None:
        least_s = heads._LOOK_BACK_MIN_MS // 1000
        most_s = heads._LOOK_BACK_MAX_MS // 1000
        self._name("head", f"every {self._poll_s} s")
        self._bar("further", 0, most_s)
        self._bar("head", 0, least_s)
        self._caption(most_s, f"begins {least_s} to {most_s} s before the newest event")

    def _rung(self, age_s: int) -> None:
        piece_s = max(self._poll_s, age_s // ladder._SLICE_SHARE)
        self._name(f"rung {age_s} s", f"every {piece_s} s")
        self._bar("rung", age_s, age_s + piece_s)
        self._caption(age_s + piece_s, f"finds events that are up to {age_s} s late")

    def _settling(self) -> None:
        self._name("settling", f"every {self._slice_s} s")
        self._bar("settle", self._due_s, self._settled_s)
        self._caption(self._due_s, "reads a slice for the last time, then moves the mark", side=1)

    def _gap(self) -> None:
        near_s, far_s = (self._settled_s + behind_s for behind_s in _GAP_BEHIND_S)
        self._name("gap", "less and less often")
        self._bar("gap", near_s, far_s)
        self._caption(self._settled_s, "refused by AWS, asked for again until given up", side=1)

    def _ids(self) -> None:
        near_s, far_s = (self._settled_s + behind_s for behind_s in _GAP_BEHIND_S)
        self._name("event ids kept", "memory, state_dir")
        self._bar("ids", 0, self._settled_s)
        self._bar("ids", near_s, far_s)

    def _x(self, age_s: float) -> float:
        return _NOW_X - (_NOW_X - _OLDEST_X) * age_s / self._oldest_s

    def _name(self, name: str, often: str) -> None:
        """Begin a row."""
        middle = self._y + _BAR / 2
        self._words(16, middle, name, "start", "name")
        self._words(16, middle + 15, often, "start", "faint")
        self._y += _ROW

    def _bar(self, kind: str, from_s: float, to_s: float) -> None:
        """In the row that was begun."""
        x = self._x(to_s)
        self._parts.append(
            f'<rect class="{kind}" x="{x:.1f}" y="{self._y - _ROW}" '
            f'width="{self._x(from_s) - x:.1f}" height="{_BAR}" rx="2"/>'
        )

    def _caption(self, age_s: float, words: str, *, side: int = -1) -> None:
        """Beside a bar, at that age; side 1 is on the right."""
        y = self._y - _ROW + 15
        self._words(self._x(age_s) + 8 * side, y, words, "end" if side < 0 else "start")

    def _words(self, x: float, y: float, words: str, anchor: str, kind: str = "") -> None:
        self._parts.append(
            f'<text x="{x:.1f}" y="{y:.0f}" text-anchor="{anchor}" class="{kind}">'
            f"{escape(words)}</text>"
        )

    def _line(self, kind: str, x: float, from_y: int, to_y: int) -> None:
        self._parts.append(
            f'<line class="{kind}" x1="{x:.1f}" y1="{from_y}" x2="{x:.1f}" y2="{to_y}"/>'
        )


PICTURE = DocsFile("python -m k8saudit_eks.docs.delivery", svg)

if __name__ == "__main__":
    sys.exit(PICTURE.main())
