"""Close (closed_json.py) in Python: the oracle of csrc/json/cut.cpp."""

from __future__ import annotations

import json
import re

from closed_json import MAX_OPEN, MEMBERS, Closed, Span, closed

__all__ = ["close"]

_STRING = rb'"[^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*+)*+'
# One token of JSON. Possessive quantifiers: a string that never ends is given up
# after one pass over it, so the scan is linear in the text.
_TOKEN = re.compile(
    rb"[ \t\r\n]*+(?:(?P<string>" + _STRING + rb'")'
    rb"|(?P<mark>[{}\[\],:])"
    rb"|(?P<scalar>(?:-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][+-]?[0-9]++)?+"
    rb"|true|false|null)(?=[ \t\r\n,}\]])))"
)
_OPEN_STRING = re.compile(rb"[ \t\r\n]*+(?P<string>" + _STRING + rb")")
_BLANKS = re.compile(rb"[ \t\r\n]*+")

_KEY, _COLON, _VALUE, _COMMA = range(4)
_NO_SPAN = Span(0, 0)
_AUDIT_ID = MEMBERS.index("auditID")


def close(text: bytes, start: int = 0) -> Closed | None:
    """See Close. Linear in the length of `text`, without recursion."""
    closers: list[str] = []
    # Where the last complete member ends, and how many objects and arrays are open
    # there. Nothing that is open there is closed without a new such place, so the
    # closers are the first `keep_depth` ones even at the end of the scan.
    keep_end = keep_depth = 0
    spans = [_NO_SPAN] * len(MEMBERS)
    told: int | None = None  # which of MEMBERS the outermost object's next value is
    expect = _VALUE
    empty = False  # right behind an opening bracket: it may close
    position = _end_of_blanks(text, start)
    begin = position

    def tell(span: Span) -> None:
        if closers == ["}"] and told is not None and not spans[told].start:
            spans[told] = span

    def answer(tail: bytes, whole: bool) -> Closed:
        kept = [span if span.start < keep_end else _NO_SPAN for span in spans]
        rest = _end_of_blanks(text, keep_end)
        cut = not whole or rest != len(text)
        return closed(text, begin, keep_end, tail, kept, cut)

    while token := _TOKEN.match(text, position):
        position = token.end()
        kind = token.lastgroup or ""
        complete = False
        if kind == "mark":
            mark = chr(text[position - 1])
            if mark in "{[":
                if expect != _VALUE or len(closers) == MAX_OPEN:
                    break
                tell(Span(position - 1, 0))
                closers.append("}" if mark == "{" else "]")
                expect = _KEY if mark == "{" else _VALUE
                empty = True
                continue
            if mark in "}]":
                if not closers or closers[-1] != mark or not (empty or expect == _COMMA):
                    break
                closers.pop()
                complete = True
            elif mark == ",":
                if expect != _COMMA:
                    break
                expect = _KEY if closers[-1] == "}" else _VALUE
            elif expect == _COLON:
                expect = _VALUE
            else:
                break
        elif expect == _KEY and kind == "string":
            if len(closers) == 1:
                name = json.loads(token["string"])
                told = MEMBERS.index(name) if name in MEMBERS else None
            expect = _COLON
        elif expect == _VALUE:
            length = len(token["string"]) if kind == "string" else 0
            tell(Span(token.start(kind), length))
            complete = True
        else:
            break
        empty = False
        if complete:
            expect = _COMMA
            keep_end, keep_depth = position, len(closers)
            if not closers:
                return answer(b"", True)

    else:  # the text ends, or no token begins here
        is_audit_id = expect == _VALUE and closers == ["}"] and told == _AUDIT_ID
        unfinished = _OPEN_STRING.match(text, position) if is_audit_id else None
        if unfinished and not spans[_AUDIT_ID].start:
            keep_end = unfinished.end()
            tell(Span(unfinished.start("string"), len(unfinished["string"]) + 1))
            return answer(b'"}', False)

    tail = "".join(reversed(closers[:keep_depth]))
    return answer(tail.encode(), False) if keep_depth else None


def _end_of_blanks(text: bytes, start: int) -> int:
    match = _BLANKS.match(text, start)
    assert match is not None
    return match.end()
