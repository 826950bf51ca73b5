"""An event's JSON as the reference extractor reads it, and JSON values as text.

The same rules as the native extractor's, written from the other side: of several
members with one name the first counts, in a patch the last, as for the API server, but
of the event's own the first there, too; what a strict parser refuses is repaired with
U+FFFD (ill-formed UTF-8, raw control characters in strings, lone surrogates); a number
beyond 64 bits or beyond a double keeps its text; what is no JSON even then is cut before
the token that offends.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from repair import close

REPLACEMENT = "\ufffd"

# Where repair is needed, the native extractor marks numbers with this noncharacter
# and therefore replaces it in strings.
_RESERVED = "\ufdd0"
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"?', re.DOTALL)
_CONTROL = re.compile("[\x00-\x1f]")
_NOT_TEXT = re.compile(f"[\ud800-\udfff{_RESERVED}]")
# A pair of surrogates, half of one (the group), or any other escape.
_ESCAPE = re.compile(r"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\(u[dD][89a-fA-F]..)|\\.", re.DOTALL)


# Makes an object of its members as they stand in the text.
Members = Callable[[list[tuple[str, Any]]], dict[str, Any]]


class UnparsableError(Exception):
    """Nothing of the payload is JSON, even after repair."""


class TooDeepError(Exception):
    """The payload is nested deeper than Python's json module can read (about 1,000 levels).

    The native extractor reads 10,100.
    """


class NumberText(str):
    """A number that no 64-bit type holds: its text as it stood in the event."""


def parse(payload: bytes) -> tuple[Any, bool]:
    """The payload as dict, list, str, int, float, NumberText, bool or None; whether it is cut.

    Raises:
        UnparsableError: nothing of it is JSON.
        TooDeepError: it can't be read here.
    """
    try:
        text = payload.decode("utf-8")
        if not any(escape.group(1) for escape in _ESCAPE.finditer(text)):
            return _loads(text, _refuse, strict=True), False
    except (RecursionError, ValueError):  # UnicodeDecodeError and JSONDecodeError are some
        pass
    repaired = _repaired(payload)
    try:
        return _loads_repaired(repaired), False
    except (RecursionError, ValueError):
        pass
    short = close(repaired.encode())
    if short is None:
        raise UnparsableError
    try:
        return _loads_repaired(short.text.decode()), short.cut
    except RecursionError as error:
        raise TooDeepError from error


def _loads_repaired(text: str) -> Any:
    document = _loads(text, NumberText, strict=False)
    below = _last_wins if is_patch(document) else _first_wins
    return _clean(document, _first_wins, below)


def _refuse(literal: str) -> Any:
    raise ValueError(f"{literal} is out of range or no JSON")


def _loads(text: str, out_of_range: Callable[[str], Any], *, strict: bool) -> Any:
    def integer(literal: str) -> Any:
        number = Decimal(literal)  # int() refuses very long literals
        return int(number) if -(2**63) <= number < 2**64 else out_of_range(literal)

    def real(literal: str) -> Any:
        number = float(literal)
        return number if math.isfinite(number) else out_of_range(literal)

    def read(members: Members) -> Any:
        return json.loads(
            text,
            strict=strict,
            object_pairs_hook=members,
            parse_int=integer,
            parse_float=real,
            parse_constant=_refuse,
        )

    document = read(_first_wins)
    if not is_patch(document):
        return document
    outermost: list[tuple[str, Any]] = []

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal outermost
        outermost = pairs  # the last object that is read to its end
        return _last_wins(pairs)

    read(members)
    return _first_wins(outermost)


def is_patch(document: Any) -> bool:
    """Whether of several members with one name the last counts."""
    return isinstance(document, dict) and document.get("verb") == "patch"


def _last_wins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name, value in pairs:
        members.pop(name, None)  # so that it stands where the last one stood
        members[name] = value
    return members


def _first_wins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name, value in pairs:
        members.setdefault(name, value)
    return members


def _repaired(payload: bytes) -> str:
    text = payload.decode("utf-8", "replace").removeprefix("\ufeff")
    parts = []
    end = 0
    for string in _STRING.finditer(text):
        parts.append(_CONTROL.sub(" ", text[end : string.start()]))
        parts.append(_CONTROL.sub(REPLACEMENT, string.group()))
        end = string.end()
    parts.append(_CONTROL.sub(" ", text[end:]))
    return "".join(parts)


def _clean(value: Any, own: Members, below: Members) -> Any:
    """Replace what is no text, also in names: different ones may become the same."""
    match value:
        case dict():
            return own(
                [
                    (_clean(name, below, below), _clean(item, below, below))
                    for name, item in value.items()
                ]
            )
        case list():
            return [_clean(item, below, below) for item in value]
        case NumberText():
            return value
        case str():
            return _NOT_TEXT.sub(REPLACEMENT, value)
        case _:
            return value


def as_text(value: Any) -> str:
    """A string as it is (U+0000 as U+FFFD), anything else as compact JSON text."""
    if isinstance(value, str) and not isinstance(value, NumberText):
        return value.replace("\0", REPLACEMENT)
    return as_json(value)


def as_json(value: Any) -> str:
    """Compact JSON text; numbers as Go's encoding/json writes them."""
    match value:
        case dict():
            members = (f"{as_json(name)}:{as_json(item)}" for name, item in value.items())
            return "{" + ",".join(members) + "}"
        case list():
            return "[" + ",".join(map(as_json, value)) + "]"
        case NumberText():
            return str(value)
        case str():
            return json.dumps(as_text(value), ensure_ascii=False)
        case float():
            return _float_text(value)
        case _:
            return json.dumps(value)


def _float_text(value: float) -> str:
    if value == 0:
        return "0"  # -0.0 too: where the API server takes an integer, it takes a 0
    exact = Decimal(repr(value)).normalize()
    if 1e-6 <= abs(value) < 1e21:
        return f"{exact:f}"
    mantissa, _, exponent = f"{exact:e}".partition("e")
    return f"{mantissa}e{int(exponent):+d}"
