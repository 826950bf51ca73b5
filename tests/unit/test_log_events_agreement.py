"""csrc/log_events/read.cpp against json.loads: generated documents, whole and damaged."""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import Any

import native_library
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from k8saudit_eks.log_events import NO_STREAM, TIME_UNKNOWN, Form
from k8saudit_eks.native_log_events import NativeLogEvents, NativeReader

LISTS = {Form.ANSWER: ("events", "eventId"), Form.SUBSCRIPTION: ("logEvents", "id")}
# On every machine, however busy it is.
SAME_EVERYWHERE = settings(deadline=None, derandomize=True)
ENVELOPE = b'{"k8saudit_eks":{"cluster":"c"'
MEBIBYTE = 2**20

# JSON has characters only: no surrogates.
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
# json.dumps writes these as they are.
PLAIN = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters='"\\'), min_size=1
)
TIMES = st.integers(0, 2**63 - 1)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def reader() -> NativeReader:
    return NativeReader(*native_library.session_library())


@st.composite
def log_events(draw: st.DrawFn, form: Form) -> dict[str, Any]:
    """A log event with an audit event in it, in any order of members."""
    audit_event = {"auditID": "a", "x": draw(TEXTS)}
    message = json.dumps(audit_event, ensure_ascii=draw(st.booleans()), separators=(",", ":"))
    members: list[tuple[str, object]] = [
        (LISTS[form][1], draw(PLAIN)),
        ("timestamp", draw(TIMES)),
        ("message", message),
    ]
    if form is Form.ANSWER and draw(st.booleans()):
        members.append(("ingestionTime", draw(TIMES)))
    if form is Form.ANSWER and draw(st.booleans()):
        members.append(("logStreamName", draw(PLAIN)))
    return dict(draw(st.permutations(members)))


@st.composite
def documents(draw: st.DrawFn, form: Form) -> bytes:
    """Written with any whitespace; only the list's own characters may lack escapes."""
    names = PLAIN.filter(lambda name: name != LISTS[form][0])
    before = draw(st.dictionaries(names, VALUES, max_size=3))
    behind = draw(st.dictionaries(names, VALUES, max_size=3))
    listed = draw(st.lists(log_events(form), max_size=5))
    document = {**before, LISTS[form][0]: listed}
    document |= {name: value for name, value in behind.items() if name not in document}
    indent = draw(st.sampled_from([None, "", "\t", 1]))
    return json.dumps(document, ensure_ascii=False, indent=indent).encode()


def loaded(text: bytes) -> tuple[bool, Any]:
    """(whether json.loads takes it, what it makes of it)."""
    try:
        return True, json.loads(text)
    except (ValueError, RecursionError):
        return False, None


def check_agreement(document: bytes, events: NativeLogEvents, form: Form) -> None:
    """What was read is what json.loads reads, if it takes the rest of the document."""
    name, id_name = LISTS[form]
    is_json, whole = loaded(document)
    is_rest_json, rest = loaded(events.rest)
    assert is_json == is_rest_json
    if not is_json:
        return
    listed = whole.pop(name)
    assert rest.pop(name) == []
    assert repr(rest) == repr(whole)  # NaN, which json.loads takes, does not equal itself
    assert len(events) == len(listed)
    assert events.timestamps_ms == [entry["timestamp"] for entry in listed]
    times = [entry.get("ingestionTime", TIME_UNKNOWN) for entry in listed]
    assert events.ingestion_times_ms == times
    ids = [entry[id_name] for entry in listed]
    assert [events.event_id(place) for place in range(len(events))] == ids
    assert events.keys == [blake2b(text.encode(), digest_size=15).digest() for text in ids]
    names = [
        None if stream == NO_STREAM else events.stream_names[stream] for stream in events.streams
    ]
    assert names == [entry.get("logStreamName") for entry in listed]
    assert len(set(events.stream_names)) == len(events.stream_names)


def check_messages(document: bytes, events: NativeLogEvents, form: Form) -> None:
    """Each is unescaped to the text that json.loads reads."""
    envelopes = [ENVELOPE] * (len(events.stream_names) + 1)
    frames = events.frame(
        range(len(events)), envelopes, max_size_bytes=MEBIBYTE, unreadable_max=1_000
    )
    listed = json.loads(document)[LISTS[form][0]]
    for (payload, _), entry in zip(frames.payloads(), listed, strict=True):
        assert payload.endswith(entry["message"][1:].encode())


@pytest.mark.parametrize("form", Form)
@settings(SAME_EVERYWHERE)
@given(data=st.data())
def test_what_cloudwatch_writes_is_read(
    reader: NativeReader, form: Form, data: st.DataObject
) -> None:
    """No usual document is declined: all members, the rest, and the text of every message."""
    document = data.draw(documents(form))
    events = reader.read(document, form)
    assert events is not None
    check_agreement(document, events, form)
    check_messages(document, events, form)


# What damage is made of: JSON's own tokens, and bytes that some parsers take for them.
PIECES = st.sampled_from(
    [
        *(b'"', b"\\", b"\\\\", b"{", b"}", b"[", b"]", b":", b",", b" ", b"\n", b"0", b"-", b"."),
        *(b"e1", b"null", b"NaN", b'"events":', b'"events":[]', b'"logEvents":[]', b"{}", b"[]"),
        *(b"\\u0000", b"\\ud83d", b"\\ude00", b"\0", b"\x0c", b"\x1a", b"\xff", b"\xef\xbb\xbf"),
        *(b'"timestamp":1,', b'"id":"x",', b'"eventId":"x",', b"\xed\xa0\x80", b"/**/", b"}]"),
    ]
) | st.binary(max_size=3)


@st.composite
def damaged(draw: st.DrawFn, form: Form) -> bytes:
    """A document in which stretches were replaced, by nothing or by something."""
    document = draw(documents(form))
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(document)))
        len_bytes = draw(st.sampled_from([0, 0, 1, 2, 10, 100]))
        document = document[:start] + draw(PIECES) + document[start + len_bytes :]
    return document


@pytest.mark.parametrize("form", Form)
@settings(SAME_EVERYWHERE, max_examples=300)
@given(data=st.data())
def test_whatever_is_read_json_reads_the_same(
    reader: NativeReader, form: Form, data: st.DataObject
) -> None:
    """Damage is declined, or is in the rest, or makes another document with the same meaning."""
    document = data.draw(damaged(form))
    events = reader.read(document, form)
    if events is not None:
        check_agreement(document, events, form)


@settings(SAME_EVERYWHERE)
@given(document=st.binary(max_size=200), form=st.sampled_from(Form))
@example(document=b'{"events":[}', form=Form.ANSWER)
@example(document=b'{"a":[}],"events":[]}', form=Form.ANSWER)
@example(document=b'{"a":}{"events":[]}', form=Form.ANSWER)
@example(document=b'{\\"a":1,"events":[]}', form=Form.ANSWER)
@example(document=b'{"a":1\x0c"events":[]}', form=Form.ANSWER)
@example(document=b'{"a":NaN,"events":[]}', form=Form.ANSWER)
@example(document=b'{"events":[] ,"a":tru}', form=Form.ANSWER)
def test_any_bytes(reader: NativeReader, document: bytes, form: Form) -> None:
    """Nothing but a document is read; errors in its rest are for whoever parses that."""
    events = reader.read(document, form)
    if events is not None:
        check_agreement(document, events, form)


@settings(SAME_EVERYWHERE)
@given(lines=st.lists(st.binary(max_size=80) | TEXTS.map(str.encode), max_size=20), more=TEXTS)
def test_any_lines_are_added(reader: NativeReader, lines: list[bytes], more: str) -> None:
    """Their order, ids, times and streams stay; adding never fails."""
    events = reader.new()
    for number, line in enumerate(lines):
        place = events.stream(more[: number % 3])
        events.add(line, event_id=more[number:], timestamp_ms=number, stream=place)
    assert events.timestamps_ms == list(range(len(lines)))
    assert events.ingestion_times_ms == [TIME_UNKNOWN] * len(lines)
    assert [events.stream_names[stream] for stream in events.streams] == [
        more[: number % 3] for number in range(len(lines))
    ]
    for place in range(len(lines)):
        event_id = more[place:]
        assert events.event_id(place) == event_id
        digest = blake2b(event_id.encode(), digest_size=15).digest()
        assert events.keys[place] == (digest if event_id else bytes(15))
