"""Text from files and paths, as a terminal may get it."""

from __future__ import annotations


def printable(text: str) -> str:
    """The text on one line; what could steer a terminal is escaped as in Python."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
