"""Repair of cut or damaged JSON objects: keep every member that is complete.

EKS's log shipper cuts long audit lines anywhere and appends "[Truncated...]".
The members who, what, which object and which result come before the long ones
(k8s.io/apiserver/pkg/apis/audit/v1 Event), so what is left still matters.
"""

from __future__ import annotations

import json
import re
from typing import NamedTuple

__all__ = ["Repaired", "repair"]

# One token of JSON. Possessive quantifiers: a string that never ends is given up
# after one pass over it, so the scan is linear in the text.
_TOKEN = re.compile(
    r'[ \t\r\n]*+(?:(?P<string>"[^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})'
    r'[^"\\\x00-\x1f]*+)*+")'
    r"|(?P<mark>[{}\[\],:])"
    r"|(?P<scalar>-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][+-]?[0-9]++)?+(?=[ \t\r\n,}\]])"
    r"|true(?=[ \t\r\n,}\]])|false(?=[ \t\r\n,}\]])|null(?=[ \t\r\n,}\]])))"
)

_KEY, _COLON, _VALUE, _COMMA = range(4)


class Repaired(NamedTuple):
    """A complete JSON object.

    Attributes:
        text: the object.
        members: its own (not nested) members whose values are strings; of several with
            one name the first counts, whatever its value is.
        cut: whether anything was missing or left out.
    """

    text: str
    members: dict[str, str]
    cut: bool


def repair(text: str) -> Repaired | None:
    """Cut `text` back to its last complete member, at whatever depth, and close it.

    Returns None when it does not start as an object or not even one member is
    complete. Linear in the length of `text`, without recursion.
    """
    closers: list[str] = []
    # Where the last complete member ends, and how many objects and arrays are open
    # there. Nothing that is open there is closed without a new such place, so the
    # closers are the first `keep_depth` ones even at the end of the scan.
    keep_end = keep_depth = 0
    first: dict[str, str | None] = {}  # of each name; None for what is no string
    name = ""
    expect = _VALUE
    empty = False  # right behind an opening bracket: it may close
    position = 0
    match = _TOKEN.match

    while token := match(text, position):
        position = token.end()
        kind = token.lastgroup
        if kind == "mark":
            mark = text[position - 1]
            if mark in "{[":
                if expect != _VALUE or (not closers and mark == "["):
                    break
                if len(closers) == 1:
                    first.setdefault(json.loads(name), None)
                closers.append("}" if mark == "{" else "]")
                expect = _KEY if mark == "{" else _VALUE
                empty = True
                continue
            if mark in "}]":
                if not closers or closers[-1] != mark or not (empty or expect == _COMMA):
                    break
                closers.pop()
                expect = _COMMA
                empty = False
                keep_end, keep_depth = position, len(closers)
                if not closers:
                    rest = text[position:].strip()
                    return Repaired(text[:position].lstrip(), _strings(first), bool(rest))
                continue
            if mark == ",":
                if expect != _COMMA:
                    break
                expect = _KEY if closers[-1] == "}" else _VALUE
            elif expect == _COLON:
                expect = _VALUE
            else:
                break
            empty = False
            continue
        if expect == _KEY and kind == "string":
            if len(closers) == 1:
                name = token["string"]
            expect = _COLON
            empty = False
            continue
        if expect != _VALUE or not closers:
            break
        if len(closers) == 1:
            value = json.loads(token["string"]) if kind == "string" else None
            first.setdefault(json.loads(name), value)
        expect = _COMMA
        empty = False
        keep_end, keep_depth = position, len(closers)

    if keep_depth == 0:
        return None
    kept = text[:keep_end].lstrip() + "".join(reversed(closers[:keep_depth]))
    return Repaired(kept, _strings(first), True)


def _strings(first: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in first.items() if value is not None}
