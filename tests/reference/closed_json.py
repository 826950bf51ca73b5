"""What is left of cut or damaged JSON, closed: what framing asks for, and who answers.

EKS's log shipper cuts long audit lines anywhere and appends "[Truncated...]".
The members who, what, which object and which result come before the long ones
(k8s.io/apiserver/pkg/apis/audit/v1 Event), so what is left still matters.

In the plugin csrc/json/cut.cpp does it; repair.py is its oracle.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

__all__ = ["MAX_OPEN", "MEMBERS", "Close", "Closed", "Span", "closed", "of_native"]

# Objects and arrays open at once, at most; as in csrc/json/cut.h.
MAX_OPEN = 10_100

# The members that are told of the outermost object; as in csrc/json/cut.cpp.
MEMBERS = ("kind", "apiVersion", "auditID", "stageTimestamp", "requestReceivedTimestamp", "items")
_ITEMS = MEMBERS.index("items")


class Closed(NamedTuple):
    """A complete JSON value.

    Attributes:
        text: the value, without blanks in front.
        end: where in the given text what is kept of it ends.
        members: of MEMBERS those that it has: a string's value, or None for anything
            else; of several with one name the first.
        items: where in `text` the value of the member "items" starts; 0: there is none.
        cut: whether anything was missing, or left out behind it.
    """

    text: bytes
    end: int
    members: dict[str, str | None]
    items: int
    cut: bool


class Close(Protocol):
    """Cuts JSON back to its last complete member or element, at whatever depth, and closes it.

    The auditID of the outermost object, which a client chooses and without which no
    event is answered, is closed where it is cut; of other members only complete ones
    are kept. What nests deeper than MAX_OPEN counts as damage.
    """

    def __call__(self, text: bytes, start: int = 0) -> Closed | None:
        """The value that starts in `text` (UTF-8) at `start`.

        None when not even one member or element is complete.
        """


class Span(NamedTuple):
    """Where a member's value stands: its start, and of a string its length with quotes."""

    start: int
    length: int


def closed(
    text: bytes, start: int, end: int, closers: bytes, spans: Sequence[Span], cut: bool
) -> Closed:
    """A Closed from where things stand in the text.

    Args:
        text: the text that was given.
        start: where the value starts.
        end: where what is kept of it ends.
        closers: what comes behind it.
        spans: of each of MEMBERS in `text`, closers included; a start of 0 for none.
        cut: as in Closed.
    """
    kept = text[start:end] + closers
    members: dict[str, str | None] = {}
    for name, span in zip(MEMBERS, spans, strict=True):
        if span.start:
            at = span.start - start
            members[name] = json.loads(kept[at : at + span.length]) if span.length else None
    items = spans[_ITEMS].start
    return Closed(kept, end, members, items - start if items else 0, cut)


def of_native(text: bytes, start: int, found: Any, closers: bytes) -> Closed:
    """A Closed from a struct kae_cut (csrc/json/cut.h), whose numbers count from `start`."""
    spans = [
        Span(start + member.start_bytes if member.start_bytes else 0, member.len_bytes)
        for member in found.members
    ]
    cut = not (found.is_whole and found.is_alone)
    begin, end = start + found.start_bytes, start + found.end_bytes
    return closed(text, begin, end, closers, spans, cut)
