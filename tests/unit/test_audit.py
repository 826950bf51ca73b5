"""Framing of audit events: envelope, time, EventLists, damaged lines."""

from __future__ import annotations

import json
from typing import Any

import framing as audit
import pytest
from closed_json import MEMBERS
from frames_agreement import Known, agree
from framing import Framed, Origin, parse_time_ns
from hypothesis import given, settings
from hypothesis import strategies as st
from repair import close

from k8saudit_eks.log_events import TIME_UNKNOWN, message_bytes

ORIGIN = Origin(
    cluster="prod",
    region="eu-west-1",
    account="123456789012",
    log_group="/aws/eks/prod/cluster",
    log_stream="kube-apiserver-audit-abc",
)


def frame(
    message: str,
    *,
    origin: Origin,
    event_id: str = "",
    timestamp_ms: int = TIME_UNKNOWN,
    ingestion_time_ms: int = TIME_UNKNOWN,
    max_size_bytes: int = 1 << 26,
) -> tuple[Framed, ...]:
    """The oracle's answer, once the native framing has given the same."""
    known = Known(event_id, timestamp_ms, ingestion_time_ms)
    agree(message_bytes(message), known, max_size_bytes=max_size_bytes)
    return audit.frame(
        message,
        origin=origin,
        close=close,
        event_id=event_id,
        timestamp_ms=None if timestamp_ms == TIME_UNKNOWN else timestamp_ms,
        ingestion_time_ms=None if ingestion_time_ms == TIME_UNKNOWN else ingestion_time_ms,
        max_size_bytes=max_size_bytes,
    )


STAGE_NS = 1767225600123456000
STAGE = "2026-01-01T00:00:00.123456Z"


def event(**changes: Any) -> dict[str, Any]:
    document: dict[str, Any] = {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": "RequestResponse",
        "auditID": "9d2b7a7e-0000-4000-8000-000000000001",
        "stage": "ResponseComplete",
        "requestURI": "/api/v1/namespaces/default/pods",
        "verb": "create",
        "user": {"username": "alice", "groups": ["system:authenticated"]},
        "sourceIPs": ["10.0.0.1"],
        "objectRef": {"resource": "pods", "namespace": "default", "name": "web"},
        "responseStatus": {"metadata": {}, "code": 201},
        "requestObject": {"spec": {"containers": [{"name": "a", "image": "nginx"}]}},
        "requestReceivedTimestamp": "2026-01-01T00:00:00.100000Z",
        "stageTimestamp": STAGE,
        "annotations": {"authorization.k8s.io/decision": "allow"},
    }
    document.update(changes)
    return {name: value for name, value in document.items() if value is not ...}


def line(**changes: Any) -> str:
    return json.dumps(event(**changes), separators=(",", ":"), ensure_ascii=False)


def one(message: str, **arguments: Any) -> Framed:
    framed = frame(message, origin=ORIGIN, **arguments)
    assert len(framed) == 1
    return framed[0]


def test_the_envelope_is_the_first_member_and_the_event_is_untouched() -> None:
    """The payload is the line byte for byte, behind one member that says where it is from."""
    framed = one(line(), event_id="38", ingestion_time_ms=7, timestamp_ms=1767225600123)
    document = json.loads(framed.payload)
    assert next(iter(document)) == "k8saudit_eks"
    assert document.pop("k8saudit_eks") == {
        "cluster": "prod",
        "region": "eu-west-1",
        "account": "123456789012",
        "log_group": "/aws/eks/prod/cluster",
        "log_stream": "kube-apiserver-audit-abc",
        "event_id": "38",
        "ingestion_time_ms": 7,
    }
    assert document == event()
    assert framed.payload.endswith(line()[1:].encode())
    assert framed.time_ns == STAGE_NS
    assert not framed.truncated


def test_unknown_members_of_the_envelope_are_left_out() -> None:
    """A source that knows nothing still frames; nothing is made up."""
    (framed,) = frame(line(), origin=Origin())
    assert framed.payload.startswith(b'{"k8saudit_eks":{},"kind":"Event"')
    (framed,) = frame(line(), origin=Origin(), event_id='a"b')
    assert json.loads(framed.payload)["k8saudit_eks"] == {"event_id": 'a"b'}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2026-01-01T00:00:00Z", 1767225600 * 10**9),
        (STAGE, STAGE_NS),
        ("2026-01-01T00:00:00.123456789Z", 1767225600123456789),
        ("2026-01-01T00:00:00.1234567899Z", None),
        ("2026-01-01T00:00:00.000000001Z", 1767225600000000001),
        ("2026-01-01T02:00:00.5+02:00", 1767225600500000000),
        ("2025-12-31T19:00:00-05:00", 1767225600 * 10**9),
        ("1969-12-31T23:59:59Z", None),
        ("9999-12-31T23:59:59Z", None),
        ("2026-02-30T00:00:00Z", None),
        ("2026-01-01T00:00:00", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_times_are_exact_nanoseconds(text: str, expected: int | None) -> None:
    """RFC 3339 with up to nine digits becomes integers, never floats."""
    assert parse_time_ns(text) == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"requestURI": '/x,"stageTimestamp":"2001-01-01T00:00:00.000000Z"}'},
        {"userAgent": ',"stageTimestamp":"2001-01-01T00:00:00.000000Z","annotations":{"a":"b"}}'},
        {"requestObject": {"a": 1, "stageTimestamp": "2001-01-01T00:00:00.000000Z"}},
        {"annotations": {"a": "b", "stageTimestamp": "2001-01-01T00:00:00.000000Z"}},
        {"annotations": {"stageTimestamp": "2001-01-01T00:00:00.000000Z", "z": "b"}},
        {"annotations": {"a": ',"stageTimestamp":"2001-01-01T00:00:00.000000Z"'}},
        {"zzz": {"a": 1, "stageTimestamp": "2001-01-01T00:00:00.000000Z"}},
        {"zzz": {"a": 1, "stageTimestamp": "2001-01-01T00:00:00Z", "annotations": {"a": "b"}}},
    ],
)
def test_what_a_user_sends_cannot_set_the_time_of_an_event(changes: dict[str, Any]) -> None:
    """Only the event's own member counts, whatever strings and objects it carries."""
    framed = one(line(**changes), timestamp_ms=STAGE_NS // 10**6)
    assert framed.time_ns == STAGE_NS


def test_without_a_stage_timestamp_the_time_is_cloudwatchs() -> None:
    """Then ingestion, then the time the request was received."""
    message = line(stageTimestamp=...)
    assert one(message, timestamp_ms=5, ingestion_time_ms=6).time_ns == 5 * 10**6
    assert one(message, ingestion_time_ms=6).time_ns == 6 * 10**6
    assert one(message).time_ns == 1767225600100000000


def test_blanks_between_members_change_nothing() -> None:
    """A line that another writer formatted is the same event."""
    message = " " + json.dumps(event(), indent=1) + "\n"
    framed = one(message, timestamp_ms=1767225600123)
    document = json.loads(framed.payload)
    assert document.pop("k8saudit_eks")
    assert document == event()
    assert framed.time_ns == STAGE_NS


def test_an_event_list_in_one_line_becomes_its_events() -> None:
    """Each item keeps its own time; of items that are no events one event tells."""
    items = [
        event(kind=..., apiVersion=..., auditID="a"),
        event(auditID="b", stageTimestamp="2026-01-01T00:00:01Z"),
        "no event",
    ]
    message = json.dumps({"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": items})
    *framed, unreadable = frame(message, origin=ORIGIN, event_id="1")
    assert unreadable.unreadable
    assert [json.loads(f.payload)["auditID"] for f in framed] == ["a", "b"]
    assert [f.time_ns for f in framed] == [STAGE_NS, 1767225601 * 10**9]
    assert all(json.loads(f.payload)["k8saudit_eks"]["event_id"] == "1" for f in framed)


@pytest.mark.parametrize("number", ["1e999", "7" * 5000, "1.0", "-0.0", "1E400"])
def test_numbers_of_an_event_list_stay_as_they_are(number: str) -> None:
    """Each item is the text that stood in the list; none is marked for what it holds."""
    items = [line(auditID="a", requestObject="NUMBER"), line(auditID="b")]
    message = f'{{"kind":"EventList","items":[{items[0]} , {items[1]}]}}'
    framed = frame(message.replace('"NUMBER"', number), origin=ORIGIN)
    assert [f.truncated for f in framed] == [False, False]
    assert f'"requestObject":{number},'.encode() in framed[0].payload
    assert framed[1].payload.endswith(items[1][1:].encode())


@pytest.mark.parametrize("cut", ["x\u00e9", "\\u003c", "\\u003", "\\", "\0", ""])
def test_a_cut_inside_the_audit_id_closes_it(cut: str) -> None:
    """A client chooses its length; what came before it, and of it, is answered."""
    start = '{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"'
    for suffix in ("[Truncated...]", ""):
        framed = one(start + "\\u003c" * 170_000 + cut + suffix, timestamp_ms=5)
        document = json.loads(framed.payload)
        assert framed.truncated
        assert document["level"] == "Metadata"
        assert document["auditID"].startswith("<" * 170_000)
        assert document["k8saudit_eks"]["truncated"] is True
    # The same where the plugin cuts it.
    message = start + "\\u003c" * 170_000 + '","stage":"ResponseComplete"}'
    framed = one(message, timestamp_ms=5, max_size_bytes=65_536)
    assert framed.truncated
    assert json.loads(framed.payload)["auditID"] == "<" * ((65_536 - len(start)) // 6)


def test_a_cut_event_list_keeps_its_events_and_marks_the_last() -> None:
    """The items before the cut are whole."""
    message = json.dumps({"kind": "EventList", "items": [event(auditID="a"), event(auditID="b")]})[
        :-60
    ]
    first, last = frame(message + "[Truncated...]", origin=ORIGIN)
    assert not first.truncated
    assert last.truncated
    assert json.loads(last.payload)["auditID"] == "b"


@pytest.mark.parametrize(
    "message",
    [
        "",
        " ",
        '{"kind":"Pod","auditID":"a"}',
        ' {"kind":"Event","apiVersion":"v1","auditID":"a"}\n',
    ],
)
def test_what_is_plainly_no_audit_event_gives_nothing(message: str) -> None:
    """A blank line, and a whole object of another kind: no client can make his event one."""
    assert frame(message, origin=ORIGIN) == ()


@pytest.mark.parametrize(
    "message",
    [
        "hello",
        "[Truncated...]",
        "{",
        "{}",
        "[]",
        "null",
        "17",
        '"text"',
        '{"kind":"Event"}',
        '{"kind":"Event","auditID":7}',
        '{"kind":"Event","apiVersion":7,"auditID":"a"}',
        '{"kind":"EventList","items":7}',
        '{"kind":"EventList"}',
        '{"kind":"EventList","items":[',
        '{"kind":"Pod","auditID":"a"',
        '{"kind":"Pod","auditID":"a"}[Truncated...]',
        '{"kind":"Pod","auditID":"a"}}',
        '{"kind":null,"auditID":"a"}',
        '{"a":NaN}',
        "\0",
        "\ud800",
        "{" * 10_000,
        "[" * 100_000,
    ],
)
def test_what_can_not_be_read_says_so(message: str) -> None:
    """No exception, and an event that rules see, whatever it was."""
    framed = one(message, event_id='3"8', ingestion_time_ms=7, timestamp_ms=5)
    assert framed.unreadable
    assert not framed.truncated
    assert framed.time_ns == 5 * 10**6
    document = json.loads(framed.payload)
    envelope = document.pop("k8saudit_eks")
    assert (envelope["cluster"], envelope["event_id"]) == ("prod", '3"8')
    assert envelope["truncated"] is True
    assert document == {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "auditID": 'unreadable-3"8',
        "stage": "ResponseComplete",
    }


def test_odd_characters_survive() -> None:
    """NUL bytes and lone surrogates become what JSON allows; the rest of the event is kept."""
    framed = one(line(userAgent="NUL").replace("NUL", "a\0b"), timestamp_ms=1767225600123)
    assert json.loads(framed.payload)["userAgent"] == "a\0b"
    framed = one(line(userAgent="x\ud800yé"), timestamp_ms=1767225600123)
    assert json.loads(framed.payload)["userAgent"] == "x\ufffdyé"
    assert framed.time_ns == STAGE_NS


def test_deep_nesting_is_delivered() -> None:
    """10,000 levels break no parser here, in a plain line or in a cut one."""
    deep = "[" * 10_000 + "]" * 10_000
    message = line(requestObject="DEEP").replace('"DEEP"', deep)
    framed = one(message, timestamp_ms=1767225600123)
    assert deep.encode() in framed.payload
    blanks = message.replace('{"kind"', '{ "kind"')
    assert not one(blanks, timestamp_ms=1767225600123).truncated
    cut = message[: message.index(deep) + 10_000] + "1,[Truncated...]"
    framed = one(cut, timestamp_ms=5)
    assert framed.truncated
    assert b"[1]" in framed.payload


def test_a_cut_line_says_who_did_what_and_that_it_was_cut() -> None:
    """Everything complete before the cut is kept, also inside nested objects."""
    whole = line(requestObject={"spec": {"containers": [{"name": "a", "image": "x" * 500}]}})
    framed = one(whole[: whole.index("xxx") + 40] + "[Truncated...]", timestamp_ms=5)
    document = json.loads(framed.payload)
    assert framed.truncated
    assert framed.time_ns == 5 * 10**6
    assert document["k8saudit_eks"]["truncated"] is True
    assert document["user"]["username"] == "alice"
    assert document["objectRef"]["name"] == "web"
    assert document["responseStatus"]["code"] == 201
    assert document["requestObject"] == {"spec": {"containers": [{"name": "a"}]}}


def test_a_line_with_something_behind_the_object_is_kept_and_marked() -> None:
    """Damage need not carry the shipper's suffix."""
    framed = one(line() + "garbage", timestamp_ms=1767225600123)
    assert framed.truncated
    assert framed.time_ns == STAGE_NS


def test_longer_events_are_cut_instead_of_dropped() -> None:
    """max_size_bytes cuts to that size, keeps the time, and marks the event."""
    message = line(requestObject={"data": ["é" * 50] * 200, "z": 1})
    framed = one(message, timestamp_ms=1767225600123, max_size_bytes=4096)
    document = json.loads(framed.payload)
    assert framed.truncated
    assert framed.time_ns == STAGE_NS
    assert len(framed.payload) < 4096 + 400
    assert len(document["requestObject"]["data"]) > 20
    exact = len(message.encode())
    assert not one(message, timestamp_ms=1767225600123, max_size_bytes=exact).truncated
    assert one(message, timestamp_ms=1767225600123, max_size_bytes=exact - 1).truncated


def test_a_cut_never_costs_the_audit_id() -> None:
    """An event in an odd order stays whole where the cut would leave it without fields."""
    line = json.dumps({"kind": "Event", "requestObject": "x" * 5000, "auditID": "behind"})
    (framed,) = frame(line, origin=Origin(), max_size_bytes=1024)
    assert not framed.truncated
    assert json.loads(framed.payload)["auditID"] == "behind"


@settings(max_examples=300, deadline=None)
@given(cut=st.integers(0, len(line())))
def test_every_cut_gives_a_prefix_of_the_event(cut: int) -> None:
    """Wherever a line is cut, what remains is valid, complete members of the same values."""

    def is_part(part: Any, whole: Any) -> bool:
        if isinstance(whole, dict):
            return all(name in whole and is_part(part[name], whole[name]) for name in part)
        if isinstance(whole, list):
            return len(part) <= len(whole) and all(map(is_part, part, whole))
        return bool(part == whole)

    text = line()[:cut]
    closed = close(text.encode())
    if closed is None:
        assert cut < len('{"kind":"Event"')
        return
    document = json.loads(closed.text)
    audit_id = document.pop("auditID", "")
    whole = event()
    assert whole.pop("auditID").startswith(audit_id)
    assert is_part(document, whole)
    assert closed.cut == (cut < len(line()))
    told = {name: document[name] for name in MEMBERS if name in document}
    assert {name: value for name, value in closed.members.items() if name != "auditID"} == told


def test_first_of_repeated_members_counts() -> None:
    """Also where it is no string."""
    closed = close(b'{"auditID":{"auditID":"1"},"auditID":"2","kind":[],"kind":"3","items":"6",')
    assert closed is not None
    assert closed.members == {"auditID": None, "kind": None, "items": "6"}


@settings(max_examples=500, deadline=None)
@given(st.text(alphabet='{}[]:,"\\u0 1e.-truefalsn\ud800\0é', max_size=60))
def test_repair_gives_valid_json_or_nothing(text: str) -> None:
    """Whatever the text, no exception and no broken JSON; valid objects stay as they are."""
    closed = close(text.encode("utf-8", "replace"))
    try:
        document = json.loads(text.strip(" \t\r\n"))
    except ValueError:
        document = None
    if isinstance(document, dict):
        assert closed is not None
        assert not closed.cut
        assert json.loads(closed.text) == document
    elif closed is not None:
        json.loads(closed.text)


def test_repair_takes_linear_time() -> None:
    """1 MiB that ends inside a string, inside deep brackets, or full of escapes.

    It takes a second or two; a quadratic scan would not end today.
    """
    size = 1 << 20
    texts = [
        '{"a":1,"b":"' + "x" * size,
        '{"a":1,"b":"' + '\\"' * (size // 2),
        '{"a":1,"b":' + "[" * size,
        '{"a":1,"b":' + "[[1]," * (size // 5),
        '{"a":1' + ',"b":"\\' * (size // 7),
        '{"a":1' + " " * size,
    ]
    for text in texts:
        assert close(text.encode()) is not None
