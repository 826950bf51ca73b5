"""Reading and framing take linear time and bounded memory, whoever wrote the messages.

Nothing is timed: sizes are such that a quadratic step would take minutes, and what a call
may take of memory is bounded by the operating system.
"""

from __future__ import annotations

import json
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
from frames_agreement import (
    END,
    START,
    Framed,
    Known,
    agree,
    document,
    frames_of,
    native_reader,
)

from k8saudit_eks.log_events import Form

SIZE_BYTES = 8 << 20
# Ten times the message, in what a call may hold at once; and room for the allocator.
SPARE_BYTES = 10 * SIZE_BYTES + (64 << 20)
EVENT = '{"kind":"Event","auditID":"a"'
LIST = '{"kind":"EventList","items":['


def filled(unit: str, size_bytes: int = SIZE_BYTES) -> str:
    return unit * (size_bytes // len(unit))


TEXTS = {
    "arrays": "[",
    "objects": '{"a":',
    "nul": "\0",
    "escapes of nul": "\\u0000",
    "backslashes": "\\",
    "quotes": '"',
    "blanks": " ",
    "marks": "\ufeff",
    "suffixes": "[Truncated...]",
    "stage timestamps": ',"stageTimestamp":"',
    "lists": LIST,
    "elements": "[1],",
    "surrogates": "\\ud800",
}
STARTS = {
    "nothing": "",
    "event": EVENT + ',"x":',
    "text of an event": EVENT + ',"x":"',
    "plain event": START,
    "list": LIST,
}


@pytest.fixture
def bounded() -> Iterator[None]:
    """Memory that is asked for beyond SPARE_BYTES is refused."""
    native_reader()  # compiled and loaded, if it was not yet
    before = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most_bytes = pages * resource.getpagesize() + SPARE_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (most_bytes, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


def framed(line: str) -> Framed:
    added = native_reader().new()
    added.add(line.encode(), **Known()._asdict())
    return frames_of(added)


@pytest.mark.usefixtures("bounded")
@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("text", TEXTS)
def test_a_message_of_megabytes(text: str, start: str) -> None:
    """Whatever it repeats, it is one event, at most of the longest size, or blank."""
    for end in ("", END):
        line = STARTS[start] + filled(TEXTS[text]) + end
        of = framed(line)
        assert sum(of.events_of) == (0 if not line.strip("\ufeff ") else 1)
        assert sum(len(payload) for payload, _ in of.payloads) < (1 << 20) + 15_000


@pytest.mark.parametrize("text", TEXTS)
def test_a_document_of_megabytes(text: str) -> None:
    """Its messages are read, or it is declined, in one pass; then framed in another."""
    line = EVENT + ',"x":"' + filled(TEXTS[text], SIZE_BYTES // 8)
    events = native_reader().read(document(line, Known()), Form.ANSWER)
    assert events is not None
    added = framed(line)
    assert frames_of(events).payloads == added.payloads
    raw = document("RAW", Known()).replace(b"RAW", filled(TEXTS[text]).encode())
    native_reader().read(raw, Form.ANSWER)
    native_reader().read(filled(TEXTS[text]).encode(), Form.ANSWER)


@pytest.mark.parametrize("item", ["{}", "[1]", "7", '{"auditID":1}', "[[],[]]", '"\\""'])
def test_a_list_of_items_that_are_no_events(item: str) -> None:
    """One event stands for them all, however many they are; whole or cut."""
    items = filled(item + ",", SIZE_BYTES)[:-1]
    for end in ("]}", "", "[Truncated...]"):
        of = framed(LIST + items + end)
        assert (of.events_of, of.unreadable) == ([1], [0])


def test_a_list_of_many_events() -> None:
    """Each is an event of its own; the memory is that of their texts and envelopes."""
    count = 100_000
    items = ",".join(f'{{"auditID":"{number}"}}' for number in range(count))
    of = framed(LIST + items + "]}")
    assert of.events_of == [count]
    assert [json.loads(payload)["auditID"] for payload, _ in of.payloads[::9999]] == [
        str(number) for number in range(0, count, 9999)
    ]
    # Each of them is longer than it may be, and cut anew.
    added = native_reader().new()
    added.add((LIST + items + "]}").encode())
    assert frames_of(added, max_size_bytes=14).events_of == [count]


def test_deep_items() -> None:
    """The oracle says the same of items that nest as deep as is read."""
    deep = '{"auditID":"a","x":' + "[" * 5_000 + "]" * 5_000 + "}"
    agree((LIST + ",".join([deep] * 20) + "]}").encode())
    agree((LIST + ",".join([deep] * 20)).encode(), max_size_bytes=3_000)


def test_many_log_events() -> None:
    """As many small ones as a document may hold; ids and streams are found again."""
    count = 100_000
    event = '{"eventId":"%d","timestamp":%d,"message":"%s","logStreamName":"s%d"}'
    line = json.dumps(START + END)[1:-1]
    listed = ",".join(event % (number, number, line, number % 256) for number in range(count))
    events = native_reader().read(('{"events":[' + listed + "]}").encode(), Form.ANSWER)
    assert events is not None
    assert len(events) == count
    assert len(set(events.keys)) == count
    assert frames_of(events).events_of == [1] * count
