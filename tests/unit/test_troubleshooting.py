"""docs/troubleshooting.md quotes the plugin's messages as the code has them."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "troubleshooting.md"
# Whatever a message is filled with, in the code and on the page.
FILLED = "\N{HORIZONTAL ELLIPSIS}"
_PERCENT = re.compile(r"%(?:\.\*)?[sd]")


def quoted() -> list[str]:
    """The messages in the first column of the tables that hold the plugin's own."""
    text = PAGE.read_text("utf-8")
    rows = re.findall(r"^\| message \|.*\n\|[-|]+\|\n((?:\|.*\n?)+)", text, re.MULTILINE)
    firsts = [row.split(" | ")[0] for table in rows for row in table.splitlines()]
    return [message for first in firsts for message in re.findall(r"`([^`]+)`", first)]


def strings_of_python(path: Path) -> list[str]:
    """Every text of a module, f-strings too, with FILLED for what is filled in."""
    texts = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.JoinedStr):
            parts = [v.value if isinstance(v, ast.Constant) else FILLED for v in node.values]
            texts.append("".join(map(str, parts)))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            texts.append(_PERCENT.sub(FILLED, node.value))
    return texts


def strings_of_c(path: Path) -> list[str]:
    """Every string literal of a file, neighbours joined."""
    found = re.findall(r'"(?:[^"\\\n]|\\.)*"(?:\s*"(?:[^"\\\n]|\\.)*")*', path.read_text("utf-8"))
    return [_PERCENT.sub(FILLED, re.sub(r'"\s*"', "", text).strip('"')) for text in found]


@functools.cache
def messages() -> list[str]:
    python = (ROOT / "src" / "k8saudit_eks").rglob("*.py")
    c = (ROOT / "csrc").rglob("*.c")
    return [
        *(text for path in python for text in strings_of_python(path)),
        *(text for path in c for text in strings_of_c(path)),
    ]


def is_said(quote: str) -> bool:
    """Whether some message of the code holds the quote."""
    pattern = re.compile(".*".join(map(re.escape, quote.split(FILLED))), re.DOTALL)
    return any(pattern.search(message) for message in messages())


@pytest.mark.parametrize("quote", quoted())
def test_a_quoted_message_is_one_of_the_code(quote: str) -> None:
    """Else nobody finds it by what he sees."""
    assert is_said(quote)


def test_the_tables_are_found() -> None:
    """And a message that is not the code's is noticed."""
    assert len(quoted()) > 30
    assert not is_said("the ledger … is held by another programme")
