"""What the native reader takes for a document of log events, and what it declines."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from frames_agreement import native_reader
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from k8saudit_eks.log_events import NO_STREAM, TIME_UNKNOWN, Form, LogEvents

EVENT = '{"eventId":"1","timestamp":5,"message":"m","ingestionTime":6,"logStreamName":"s"}'
ENTRY = '{"id":"1","timestamp":5,"message":"m"}'
LIST_OF = {Form.ANSWER: "events", Form.SUBSCRIPTION: "logEvents"}
ID_OF = {Form.ANSWER: "eventId", Form.SUBSCRIPTION: "id"}


def read(text: str | bytes, form: Form = Form.ANSWER) -> LogEvents | None:
    return native_reader().read(text.encode() if isinstance(text, str) else text, form)


def answer(*events: str, more: str = "") -> str:
    return '{"events":[' + ",".join(events) + "]" + more + "}"


def changed(old: str, new: str, event: str = EVENT) -> str:
    """The usual event, but for one thing, in an answer."""
    assert old in event
    return answer(event.replace(old, new))


USUAL = [
    answer(),
    answer(EVENT, EVENT),
    " \n" + answer(EVENT).replace(":", " :\t").replace(",", " ,\r\n") + " \n",
    answer(EVENT, more=',"nextToken":"t","x":{"events":[7]},"y":[[1e5,null]]'),
    '{"x":[{"events":1}],"events":[]}',
    changed('"m"', '"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00\\u0000"'),
    changed('"m"', '"\u00e9\U0001f600\u2028\x7f"'),
    changed(':"1"', ':"\u00e9\x7f"'),
    changed(":5", ":0"),
    changed(":5", f":{2**63 - 1}"),
    changed(',"ingestionTime":6,"logStreamName":"s"', ""),
    changed(':"1"', f':"{"7" * 256}"'),
    changed('"s"', f'"{"s" * 2048}"'),
    answer(*(EVENT.replace('"s"', f'"{number}"') for number in range(256))),
]


@pytest.mark.parametrize("document", USUAL, ids=range(len(USUAL)))
def test_the_usual_form_is_read(document: str) -> None:
    """Blanks, members beside the list, escapes in messages, all 256 streams."""
    check_against_json(document.encode(), Form.ANSWER, is_declined_allowed=False)


UNUSUAL = {
    "nothing": "",
    "blanks": " ",
    "array": "[]",
    "two documents": answer(EVENT) + answer(EVENT),
    "bytes behind": answer(EVENT) + "\0",
    "without its end": answer(EVENT)[:-1],
    "byte order mark": "\ufeff" + answer(EVENT),
    "no list": '{"nextToken":"t"}',
    "list of another form": answer(ENTRY).replace("events", "logEvents"),
    "list is null": '{"events":null}',
    "list is an object": '{"events":{}}',
    "list twice": answer(EVENT, more=',"events":[]'),
    "list with an escape": answer(EVENT).replace("events", "\\u0065vents"),
    "list twice, by an escape": answer(EVENT, more=',"\\u0065vents":[]'),
    "comma at the end": '{"events":[' + EVENT + ",]}",
    "comma at the start": '{"events":[,' + EVENT + "]}",
    "no comma": '{"events":[' + EVENT + EVENT + "]}",
    "event is a number": answer("7"),
    "event is null": answer("null"),
    "event is a list": answer("[]"),
    "no id": changed('"eventId":"1",', ""),
    "no timestamp": changed('"timestamp":5,', ""),
    "no message": changed('"message":"m",', ""),
    "id twice": changed('"eventId"', '"eventId":"2","eventId"'),
    "message twice": changed('"message"', '"message":"m","message"'),
    "timestamp twice": changed('"timestamp"', '"timestamp":5,"timestamp"'),
    "another member": changed('"eventId"', '"x":1,"eventId"'),
    "member with an escape": changed('"eventId"', '"event\\u0049d"'),
    "subscription's id": changed('"eventId"', '"id"'),
    "no colon": changed('"eventId":', '"eventId"'),
    "comma at an event's end": changed('"s"}', '"s",}'),
    "empty id": changed(':"1"', ':""'),
    "id with an escape": changed(':"1"', ':"\\u0031"'),
    "id is a number": changed(':"1"', ":1"),
    "id is null": changed(':"1"', ":null"),
    "id of 257 bytes": changed(':"1"', f':"{"7" * 257}"'),
    "stream of 2,049 bytes": changed('"s"', f'"{"s" * 2049}"'),
    "stream without a name": changed('"s"', '""'),
    "stream with an escape": changed('"s"', '"\\u0073"'),
    "stream is null": changed('"s"', "null"),
    "message is null": changed('"m"', "null"),
    "message is an object": changed('"m"', "{}"),
    "timestamp is text": changed(":5", ':"5"'),
    "negative": changed(":5", ":-5"),
    "minus zero": changed(":5", ":-0"),
    "fraction": changed(":5", ":5.0"),
    "exponent": changed(":5", ":5e0"),
    "leading zero": changed(":5", ":05"),
    "ends with NUL": changed(":5", ":5\0"),
    "2^63": changed(":5", f":{2**63}"),
    "2^64": changed(":5", f":{2**64}"),
    "5,000 digits": changed(":5", ":" + "7" * 5000),
    "ingestion time is true": changed(":6", ":true"),
    "ingestion time is null": changed(":6", ":null"),
    "lone high surrogate": changed('"m"', '"\\ud800"'),
    "lone low surrogate": changed('"m"', '"\\udc00"'),
    "high before no low": changed('"m"', '"\\ud800\\u0041"'),
    "high at the end": changed('"m"', '"x\\ud83d"'),
    "wrong escape": changed('"m"', '"\\x"'),
    "short escape": changed('"m"', '"\\u00e"'),
    "control character": changed('"m"', '"\n"'),
    "control in a name beside": answer(EVENT, more=',"x\n":1'),
    "257 streams": answer(*(EVENT.replace('"s"', f'"{number}"') for number in range(257))),
}


@pytest.mark.parametrize("document", UNUSUAL.values(), ids=UNUSUAL)
def test_what_differs_is_declined(document: str) -> None:
    """Each for one reason; the plain path judges it."""
    assert read(document) is None


@pytest.mark.parametrize(
    "wrong", [b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\x80"]
)
def test_ill_formed_utf8_is_declined(wrong: bytes) -> None:
    """Wherever it stands."""
    for place in ("m", "s", "1", "t"):
        usual = answer(EVENT, more=',"nextToken":"t"').encode()
        assert read(usual.replace(f'"{place}"'.encode(), b'"' + wrong + b'"')) is None


def test_every_cut_is_declined() -> None:
    """No beginning of a document is one."""
    whole = answer(EVENT, EVENT, more=',"nextToken":"t"')
    assert [end for end in range(len(whole)) if read(whole[:end]) is not None] == []


@pytest.mark.parametrize("member", ["ingestionTime", "logStreamName", "eventId"])
def test_a_subscription_has_three_members(member: str) -> None:
    """Those of an answer are unusual there."""
    usual = '{"logEvents":[' + ENTRY + "]}"
    assert read(usual, Form.SUBSCRIPTION) is not None
    for value in ("6", '"x"'):
        odd = usual.replace('"id"', f'"{member}":{value},"id"')
        assert read(odd, Form.SUBSCRIPTION) is None


@pytest.mark.parametrize(
    "value",
    ["01", "1e", "tru", "nul", "-", "+1", ".5", "NaN", '"\\x"', '"\\u12"', "[1 2]", "{1:2}", "[,]"],
)
def test_what_surrounds_the_list_is_judged_by_who_parses_the_rest(value: str) -> None:
    """It is stepped over; json.loads refuses the rest as it would have refused the document."""
    for more in (f',"nextToken":{value}', f',"x":[{{"y":{value}}}]'):
        document = answer(EVENT, more=more)
        events = read(document)
        if events is not None:
            assert is_json(events.rest) == is_json(document.encode())


def is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def check_against_json(document: bytes, form: Form, *, is_declined_allowed: bool = True) -> bool:
    """Whether it was read; then everything must be as json.loads has it."""
    events = native_reader().read(document, form)
    if events is None:
        assert is_declined_allowed
        return False
    assert is_json(events.rest) == is_json(document)
    if not is_json(document):
        return True
    whole: dict[str, Any] = json.loads(document)
    listed = whole[LIST_OF[form]]
    assert json.loads(events.rest) == {**whole, LIST_OF[form]: []}
    assert list(events.timestamps_ms) == [event["timestamp"] for event in listed]
    assert list(events.ingestion_times_ms) == [
        event.get("ingestionTime", TIME_UNKNOWN) for event in listed
    ]
    ids = [event[ID_OF[form]] for event in listed]
    assert [events.event_id(place) for place in range(len(events))] == ids
    assert list(events.keys) == [
        hashlib.blake2b(event_id.encode(), digest_size=15).digest() for event_id in ids
    ]
    names = [event.get("logStreamName") for event in listed]
    assert events.stream_names == [*dict.fromkeys(name for name in names if name is not None)]
    assert [
        None if stream == NO_STREAM else events.stream_names[stream] for stream in events.streams
    ] == names
    return True


# Where a key or a value is replaced: the usual form, and things that come close.
VALUES = ["5", '"m"', '"1"', '"\\ud83d\\ude00"', '"\\ud800"', "-1", "1.5", "01", "null", "[]", "{}"]
VALUES += ['"\u00e9"', '"\\""', '"]}"', "9223372036854775808", '"', "tru", '"\x00"', "true", '"\\']


@st.composite
def documents(draw: st.DrawFn, form: Form) -> bytes:
    """Documents in the usual form, in which now and then something is not."""
    event = EVENT if form is Form.ANSWER else ENTRY

    def rarely(text: str, others: list[str]) -> str:
        return draw(st.sampled_from(others)) if draw(st.integers(0, 15)) == 0 else text

    def one() -> str:
        pairs = [pair.split(":", 1) for pair in event[1:-1].split(",")]
        pairs = draw(st.permutations(pairs))
        names = [f'"{name}"' for name in ("id", "eventId", "message", "x")]
        body = ",".join(f"{rarely(name, names)}:{rarely(value, VALUES)}" for name, value in pairs)
        return "{" + rarely(body, ["", body + ",", body + body]) + "}"

    events = rarely(",", [", ", ",,", " "]).join(one() for _ in range(draw(st.integers(0, 3))))
    parts = [f'"{LIST_OF[form]}":[{events}]', f'"nextToken":{rarely(chr(34) * 2, VALUES)}']
    parts += [f'"x":[{{"{LIST_OF[form]}":[{rarely("1", VALUES)}]}}]']
    text = "{" + ",".join(draw(st.permutations(parts))) + rarely("}", ["", "}}", "]", "} ", "}x"])
    return text.encode()


@settings(
    max_examples=600, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
@given(st.data(), st.sampled_from(list(Form)))
def test_what_is_read_json_reads_the_same(data: st.DataObject, form: Form) -> None:
    """Events, keys, streams and rest; and no parser refuses only one of rest and document."""
    check_against_json(data.draw(documents(form)), form)


def test_flipped_bytes() -> None:
    """One wrong byte at each place: declined, or read as json.loads reads it."""
    document = answer(EVENT, EVENT, more=',"nextToken":[{"x":1.5}]').encode()
    seen = {False: 0, True: 0}
    for place in range(len(document)):
        for byte in b'\x00 "\\{}[],:0-e\x80\xff':
            flipped = document[:place] + bytes([byte]) + document[place + 1 :]
            seen[check_against_json(flipped, Form.ANSWER)] += 1
    assert min(seen.values()) > 100
