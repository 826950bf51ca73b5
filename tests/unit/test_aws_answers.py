"""Answers of FilterLogEvents: read before botocore parses them, or after; the real client."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import native_library
import pytest
from botocore.awsrequest import AWSResponse
from hypothesis import given, settings
from hypothesis import strategies as st

from k8saudit_eks.aws.answers import read_answers
from k8saudit_eks.aws.errors import Failure, ReadError
from k8saudit_eks.aws.log_group import LogGroup, Page
from k8saudit_eks.aws.session import new_client, new_session
from k8saudit_eks.config.table import Config
from k8saudit_eks.log_events import DOCUMENT_MAX_BYTES, NO_STREAM, Form, LogEvents
from k8saudit_eks.native_log_events import NativeReader

PREFIX = "kube-apiserver-audit-"


class CountingReader(NativeReader):
    """Counts what it read, and what it declined."""

    read_count = declined_count = 0

    def read(self, document: bytes, form: Form) -> Any:
        events = super().read(document, form)
        if events is None:
            self.declined_count += 1
        else:
            self.read_count += 1
        return events


class Body:
    """What botocore reads an answer's bytes from."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, *_: object) -> list[bytes]:
        return [self._content]

    def release_conn(self) -> None: ...


class EarlierEmitter:
    """Emits what botocore emitted before 1.36: nothing before an answer is parsed."""

    def __init__(self, emitter: Any) -> None:
        self._emitter = emitter

    def emit(self, event_name: str, **more: Any) -> Any:
        if event_name.startswith("before-parse."):
            return []
        return self._emitter.emit(event_name, **more)


class Answering:
    """A log group behind a real client, whose connection gives the bytes that a test sets."""

    def __init__(
        self, reader: NativeReader, *, hooked: bool, prefix: str = PREFIX, earlier: bool = False
    ) -> None:
        self.body = b""
        self.status = 200
        config = Config(region="eu-west-1")
        client: Any = new_client(new_session(config), config, 1)
        client.meta.events.register("before-send.logs.FilterLogEvents", self._send)
        if hooked:
            read_answers(client, reader, prefix)
        if earlier:
            client._endpoint._event_emitter = EarlierEmitter(client._endpoint._event_emitter)
        self.client = client
        self.reader = reader
        self.group = LogGroup(client, reader=reader, name="g", stream_prefix=prefix)

    def _send(self, **_: object) -> AWSResponse:
        headers = {
            "content-type": "application/x-amz-json-1.1",
            "date": "Thu, 01 Jan 2026 00:00:00 GMT",
        }
        return AWSResponse("https://x", self.status, headers, Body(self.body))

    def page(self, body: bytes) -> Page:
        self.body = body
        return self.group.page(0, None)

    def outcome(self, body: bytes) -> tuple[object, ...]:
        """All that can be told of a page, or of why there is none."""
        try:
            page = self.page(body)
        except ReadError as error:
            return error.kind, str(error), error.server_time_ms
        return shown(page.events), page.next_token, page.server_time_ms, page.malformed


def shown(events: LogEvents) -> list[object]:
    names = events.stream_names
    frames: Any = events.frame(
        range(len(events)),
        [b'{"x":"' + name.encode("utf-8", "replace") + b'"' for name in [*names, ""]],
        max_size_bytes=1000,
        unreadable_max=len(events),
    )
    # With the messages' texts. An event without a usable time has the time of framing.
    return [
        [payload for payload, _ in frames.payloads()],
        list(frames.events_of),
        *each(events),
    ]


def each(events: LogEvents) -> list[object]:
    names = events.stream_names
    return [
        (
            events.timestamps_ms[place],
            events.ingestion_times_ms[place],
            None if events.streams[place] == NO_STREAM else names[events.streams[place]],
            events.keys[place],
            events.event_id(place),
        )
        for place in range(len(events))
    ]


Make = Callable[..., Answering]


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Make:
    """Makes an Answering."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    ffi, lib = native_library.session_library()

    def make(**how: Any) -> Answering:
        return Answering(CountingReader(ffi, lib), **how)

    return make


def log_event(number: int, **more: object) -> dict[str, object]:
    return {
        "logStreamName": f"{PREFIX}{number % 2}",
        "timestamp": 1000 + number,
        "message": f'{{"auditID":"{number}"}}',
        "ingestionTime": 2000 + number,
        "eventId": str(number),
        **more,
    }


def answer(*events: object, **more: object) -> bytes:
    return json.dumps({"events": events, "nextToken": "t", **more}).encode()


def test_botocore_gets_what_is_left(answering: Make) -> None:
    """It parses the token, and no log event; the page has the native ones."""
    native = answering(hooked=True)
    page = native.page(answer(log_event(1), log_event(2), searchedLogStreams=[]))
    assert page.next_token == "t"  # noqa: S105 (of a page)
    assert page.server_time_ms == 1_767_225_600_000
    assert list(page.events.timestamps_ms) == [1001, 1002]
    assert native.client.filter_log_events(logGroupName="g")["events"] == []
    assert native.reader.declined_count == 0  # type: ignore[attr-defined]


def test_an_answer_that_is_declined_goes_the_plain_path(answering: Make) -> None:
    """One malformed log event hides no other; each path gives the same."""
    odd = [log_event(1), {"timestamp": 1}, {}, log_event(2, eventId="\u00e9", more=1)]
    native, plain = answering(hooked=True), answering(hooked=False)
    page = native.page(answer(*odd))
    assert page.malformed == 2
    assert [page.events.event_id(place) for place in range(2)] == ["1", "\u00e9"]
    assert plain.outcome(answer(*odd)) == native.outcome(answer(*odd))
    assert native.reader.declined_count == 2  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "odd",
    [
        {"eventId": ""},
        {"eventId": "\ud800"},
        {"eventId": "7" * 257},
        {"message": None},
        {"logStreamName": {}},
        {"logStreamName": ""},
        {"logStreamName": "s" * 2049},
    ],
)
def test_what_could_be_taken_for_another_is_malformed(
    answering: Make, odd: dict[str, object]
) -> None:
    """Two events without an id of their own would be one; each is counted, none is lost unsaid."""
    body = answer(log_event(1), log_event(2, **odd), log_event(3, **odd))
    for hooked in (True, False):
        page = answering(hooked=hooked).page(body)
        assert (len(page.events), page.malformed) == (1, 2)


def test_log_streams_without_the_prefix_are_left_out(answering: Make) -> None:
    """Some local servers ignore logStreamNamePrefix; on either path."""
    body = answer(log_event(1), log_event(2, logStreamName="authenticator-1"))
    for hooked in (True, False):
        page = answering(hooked=hooked).page(body)
        assert [page.events.event_id(place) for place in range(len(page.events))] == ["1"]
        assert page.malformed == 0


@pytest.mark.parametrize("hooked", [True, False])
def test_an_answer_that_is_too_large_is_refused_unparsed(
    answering: Make, monkeypatch: pytest.MonkeyPatch, hooked: bool
) -> None:
    """It would take many times its size in memory; the cure is in the sentence."""
    one = answering(hooked=hooked)

    def loads(*_: object, **__: object) -> object:
        raise AssertionError

    monkeypatch.setattr(json, "loads", loads)
    for status in (200, 500):
        one.status = status
        with pytest.raises(ReadError, match=r"more than 64 MiB: check endpoint_url") as caught:
            one.page(b'{"events":[],"x":"' + bytes(DOCUMENT_MAX_BYTES) + b'"}')
        assert caught.value.kind is Failure.PASSING


def test_an_earlier_botocore_refuses_the_same(answering: Make) -> None:
    """It parses first: too much, or what is no list, which it makes an empty one of."""
    earlier, later = answering(hooked=True, earlier=True), answering(hooked=True)
    large = b'{"events":[],"x":"' + b"x" * DOCUMENT_MAX_BYTES + b'"}'
    for body in (large, b'{"events":{}}', b"{}", b'{"nextToken":"t"}'):
        with pytest.raises(ReadError) as caught:
            earlier.page(body)
        assert caught.value.kind is Failure.PASSING
        assert later.outcome(body) == earlier.outcome(body)
    # The connection broke.
    earlier.body = None  # type: ignore[assignment]
    with pytest.raises(ReadError):
        earlier.group.page(0, None)


def test_refusals_are_left_to_botocore(answering: Make) -> None:
    """Whatever their body looks like."""
    native = answering(hooked=True)
    native.status = 400
    native.body = answer(log_event(1), __type="ThrottlingException")
    with pytest.raises(ReadError) as caught:
        native.group.page(0, None)
    assert caught.value.kind is Failure.THROTTLED
    assert native.reader.read_count == 0  # type: ignore[attr-defined]


def test_a_client_that_is_registered_twice_reads_once(answering: Make) -> None:
    """The second would read what the first has left: a page without log events."""
    native = answering(hooked=True)
    read_answers(native.client, native.reader, PREFIX)
    assert len(native.page(answer(log_event(1))).events) == 1


def test_short_memory_is_a_failed_read(answering: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is tried again, on either path; the poller does not end."""

    def short(*_: object) -> object:
        raise MemoryError

    for hooked, method in ((True, "read"), (False, "new")):
        one = answering(hooked=hooked)
        monkeypatch.setattr(one.reader, method, short)
        with pytest.raises(ReadError, match="MemoryError") as caught:
            one.page(answer(log_event(1)))
        assert caught.value.kind is Failure.PASSING


def test_an_earlier_botocore_emits_no_such_event(answering: Make) -> None:
    """What is registered is never called: the plain path gives the same pages."""
    earlier, later = answering(hooked=True, earlier=True), answering(hooked=True)
    odd = answer(log_event(1), {"timestamp": 1}, log_event(2, message="no audit event"))
    for body in (answer(log_event(1), log_event(2)), answer(), odd):
        assert later.outcome(body) == earlier.outcome(body)
    assert earlier.reader.read_count == 0  # type: ignore[attr-defined]
    assert later.reader.read_count == 2  # type: ignore[attr-defined]


def test_some_botocore_emits_the_event_without_the_dict(answering: Make) -> None:
    """Nothing could be added to the answer: it is left as it is."""
    native = answering(hooked=True)
    response = {"status_code": 200, "body": answer(log_event(1))}
    native.client.meta.events.emit(
        "before-parse.cloudwatch-logs.FilterLogEvents", response_dict=response
    )
    assert response["body"] == answer(log_event(1))
    assert native.reader.read_count == 0  # type: ignore[attr-defined]


# JSON as it might come: each list of texts is in its place most of the time.
TEXTS = [
    '"x"',
    '""',
    r'"\ud83d\ude00"',
    r'"a\u0000b"',
    r'"{\"auditID\":\"a\\u00e9\",\"x\":\"\\ud800\"}"',
    '"\u00e9\u20ac"',
]
NUMBERS = ["1", "1767225600000", "0", "9223372036854775807"]
ODD = [
    *("-0", "-1", "1.0", "1e3", "9223372036854775808", "1" * 400, "01", "NaN", "Infinity"),
    *(r'"\ud800"', r'"\ud800\ud800\udc00"', rf'"{PREFIX}\u0061"', '"other"'),
    *("true", "null", "{}", "[]", '[{"a":[1]}]', '"\n"', "'x'", ""),
]
STREAMS = [f'"{PREFIX}1"', f'"{PREFIX}2"']


def rarely(draw: st.DrawFn, one_in: int) -> bool:
    """Not at an end of the range, which Hypothesis likes."""
    return draw(st.integers(0, one_in)) == one_in // 2


@st.composite
def mostly(draw: st.DrawFn, usual: list[str]) -> str:
    return draw(st.sampled_from(TEXTS + NUMBERS + ODD if rarely(draw, 40) else usual))


NAMED = {
    "eventId": ['"e1"', '"e2"'],
    "timestamp": NUMBERS,
    "message": TEXTS,
    "ingestionTime": NUMBERS,
    "logStreamName": STREAMS,
}
USUAL_EVENT = st.tuples(*map(mostly, NAMED.values())).map(
    lambda values: list(zip(NAMED, values, strict=True))
)
ODD_MEMBER = st.tuples(st.sampled_from([*NAMED, "id", "x", r"event\u0049d"]), mostly(TEXTS))


@st.composite
def log_event_texts(draw: st.DrawFn) -> str:
    if rarely(draw, 30):
        return draw(st.sampled_from(TEXTS + NUMBERS + ODD))
    members = draw(USUAL_EVENT)
    if rarely(draw, 15):
        members = draw(st.permutations(members + draw(st.lists(ODD_MEMBER, max_size=2))))
        members = members[: draw(st.integers(0, len(members)))]
    return "{" + ",".join(f'"{name}":{value}' for name, value in members) + "}"


@st.composite
def answer_bodies(draw: st.DrawFn) -> bytes:
    events = "[" + ", ".join(draw(st.lists(log_event_texts(), max_size=4))) + "]"
    members = [("events", draw(mostly([events])))]
    members += draw(st.just([]) | st.just([("nextToken", '"n"')]))
    members += draw(
        st.lists(
            st.tuples(
                st.sampled_from(["events", "nextToken", "searchedLogStreams", "x", "__type"]),
                mostly(["[]", events, '"t"']),
            ),
            max_size=draw(st.sampled_from([0, 0, 1])),
        )
    )
    members = draw(st.permutations(members))
    text = "{" + ",".join(f'"{name}" : {value}' for name, value in members) + "}"
    body = text.encode()
    damage = draw(st.integers(0, 20))
    if damage == 5:
        body = body[: draw(st.integers(0, len(body)))]
    elif damage == 9:
        at = draw(st.integers(0, len(body)))
        body = body[:at] + draw(st.sampled_from([b"\xff", b"\xed\xa0\x80", b"\x00"])) + body[at:]
    elif damage == 13:
        body += draw(st.sampled_from([b" ", b"x", b"\x00", b"{}"]))
    return body


@pytest.mark.parametrize("prefix", [PREFIX, ""])
def test_both_paths_give_the_same_page(answering: Make, prefix: str) -> None:
    """Whatever the bytes: the same log events, payloads, token, or the same refusal.

    Earlier versions of botocore may have words of their own for what they can't parse.
    """
    native = answering(hooked=True, prefix=prefix)
    plain = answering(hooked=False, prefix=prefix)
    earlier = answering(hooked=True, prefix=prefix, earlier=True)

    @settings(max_examples=600, deadline=None, derandomize=True)
    @given(answer_bodies())
    def same(body: bytes) -> None:
        outcome = native.outcome(body)
        assert outcome == plain.outcome(body)
        of_earlier = earlier.outcome(body)
        assert outcome[0] is of_earlier[0] is Failure.PASSING or outcome == of_earlier

    same()
    # Neither path was idle.
    counting: Any = native.reader
    assert counting.read_count > 50
    assert counting.declined_count > 50
