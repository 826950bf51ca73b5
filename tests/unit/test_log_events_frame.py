"""The native framing agrees with the oracle, whatever a line holds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fields_strategies import payloads
from frames_agreement import (
    END,
    ENVELOPE,
    START,
    TIME_MS,
    Known,
    agree,
    expected,
    frames_of,
    native_reader,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from log_events import ReferenceReader

from k8saudit_eks.log_events import TIME_UNKNOWN

EVENTS = Path(__file__).resolve().parents[1] / "data" / "events"
SUFFIX = "[Truncated...]"
STAGE = ',"stageTimestamp":"'


def compact(name: str) -> bytes:
    found = json.loads((EVENTS / f"{name}.json").read_text("utf-8"))
    return json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode()


CORPUS = sorted(path.stem for path in EVENTS.glob("*.json"))


@pytest.mark.parametrize("name", CORPUS)
def test_the_corpus(name: str) -> None:
    """Each event is one event, untouched behind its envelope; formatted or not."""
    line = compact(name)
    framed = agree(line)
    (payload, _) = framed.payloads[0]
    assert payload.startswith(ENVELOPE)
    assert payload.endswith(line[1:])
    assert framed[:3] == ([1], [], 0)
    agree(json.dumps(json.loads(line), indent=1).encode())


def test_cut_at_every_byte() -> None:
    """With and without the shipper's suffix; also inside characters and escapes."""
    line = compact("anonymous_probe").replace(
        b'"verb":"', b'"verb":"\\u00e9\xc3\xa9\xf0\x9f\x98\x80'
    )
    for end in range(len(line)):
        for suffix in ("", SUFFIX) if end % 3 == 0 else (SUFFIX,):
            agree(line[:end] + suffix.encode())


@pytest.mark.parametrize("name", CORPUS[::6])
def test_flipped_bytes(name: str) -> None:
    """One wrong byte, at places all over the line."""
    line = compact(name)
    for place in range(0, len(line), max(1, len(line) // 60)):
        for byte in (b"\x00", b"\xff", b'"', b"\\", b"}", b"\x1f", b"\xc3"):
            agree(line[:place] + byte + line[place + 1 :])


ITEM = '{"auditID":"%s","stageTimestamp":"2026-01-01T00:00:01.5Z"}'
LISTS = [
    [],
    [ITEM % "a"],
    [ITEM % "a", ITEM % "b", ITEM % "c"],
    ["7", ITEM % "a", "null", ITEM % "b", '"x"', "[]", "{}"],
    [ITEM % "a", '{"auditID":"b","x":1e999}', '{"auditID":"c","y":' + "7" * 5000 + "}"],
    ['{"kind":"EventList","items":[' + ITEM % "a" + "]}", ITEM % "b"],
    ['{"kind":"Pod","auditID":"x"}'],
    [START + END, ' {"auditID" : "b" , "z":[1, 2]} '],
    ["[" * 300 + "]" * 300, ITEM % "a"],
    ['{"auditID":"' + "x" * 3000 + '"}', ITEM % "é"],
]


@pytest.mark.parametrize("items", LISTS, ids=range(len(LISTS)))
def test_event_lists(items: list[str]) -> None:
    """Whole, cut anywhere, with blanks between items, too long."""
    for comma in (",", " ,\n", "\t"):
        line = '{"kind":"EventList","items":[' + comma.join(items) + '],"metadata":{}}'
        agree(line.encode())
        for max_size_bytes in (20, 60, 1000):
            agree(line.encode(), max_size_bytes=max_size_bytes)
    for end in range(0, len(line), max(1, len(line) // 150)):
        agree(line[:end].encode())
        agree((line[:end] + SUFFIX).encode())


ODD = [
    *["", " ", "\n\t \r", "\ufeff", "\ufeff \ufeff", "x", "\0", "\0\0 ", " \0", "{", "{}", "[]"],
    *["null", "17", "-", "1e999", '"text"', "[1", "tru", '{"a":NaN}', '{"a":1e5,', SUFFIX],
    *['{"kind":"Event"}', '{"kind":"Event","auditID":7}', '{"auditID":""}', '{"auditID":"'],
    *['{"kind":"EventList"}', '{"kind":"EventList","items":7}', '{"kind":"EventList","items":{}}'],
    *['{"kind":"EventList","items":[', '{"items":[],"kind":"EventList"}', '{"kind":"eventlist"}'],
    *['{"items":[{"auditID":"b"}],"kind":"EventList","items":[{"auditID":"c"}]}'],
    *['{"kind":"Pod"}', '{"kind":"Pod"', '{"kind":"Pod"}x', '{"kind":"Pod"}' + SUFFIX],
    *['{"kind":"Event","apiVersion":"v1","auditID":"a"}', '{"kind":null,"auditID":"a"}'],
    *['{"kind":"Event","apiVersion":"audit.k8s.io","auditID":"a"}', '{"kind":"","auditID":"a"}'],
    *['{"apiVersion":"audit.k8s.io/' + "v" * n + '\u00e9","auditID":"a"}' for n in (0, 50, 52, 90)],
    *['{"apiVersion":7,"auditID":"a"}', '{"apiVersion":7}', '{"kind":"Event","apiVersion":7}'],
    *['{"\\u006bind":"Pod","kind":"Event","auditID":"a"}', '{"k\\u0069nd":"Event\\u0000"}'],
    *['{"kind":"\\u0045vent","auditID":"a"}', '{"kind":"\\u0045vent\\u004CIST","auditID":"a"}'],
    *['{"kind":"\\u0045ventList","\\u0069tems":[{"audit\\u0049D":"\\u00e9"}]}'],
    *['{"kind":"Event\\ud800","auditID":"a"}', '{"apiVersion":"audit.k8s.io\\/v1","auditID":"a"}'],
    *['{"apiVersion":"\\u0061udit.k8s.io/v1","auditID":"a"}', '{"kind":"Ev\u00e9nt"}'],
    *['{"kind\\u0000":"Pod","auditID":"a"}', '{"KIND":"Pod","auditID":"a"}'],
    *['{"kind":"Event","auditID":{"auditID":"a"}}', '{"auditID":"a","auditID":7}'],
    *["\ufeff " + START + END, START + END + "\r\n", START + END + "x", START + END + "\ufeff"],
    *[START + END[:-1] + "\0}", START + "\0" + END, START + "\x1f" + END, START + "\\u0000" + END],
    *[START + "\\" + END, START + "\\ud800" + END, START + "\x7f\u2028\U0001f600" + END],
    *[START.replace("Metadata", level) + END for level in ("", "_" * 32, "x" * 33, "a-b", "é")],
    *[START.replace("/v1", version) + END for version in ("", "/", "/v" * 2, "/" + "v" * 17)],
    *["[" * 10_101 + "]" * 10_101, START + '","x":' + "[" * 10_200 + END[1:]],
    *['{"auditID":"a","x":' + "[" * 10_100 + "1," + SUFFIX, "\\" * 1000, '"' * 1000],
]


@pytest.mark.parametrize("line", ODD, ids=range(len(ODD)))
def test_odd_lines(line: str) -> None:
    """Blanks, marks, NUL, other kinds, escapes in names and values, damage."""
    agree(line.encode())
    agree(line.encode(), max_size_bytes=60)
    agree((line + SUFFIX).encode(), Known(ingestion_time_ms=TIME_UNKNOWN))


@pytest.mark.parametrize("line", [b"\xff", b"\xed\xa0\x80x", b"\xc3", b"\xf0\x9f\x98", b"\xef\xbb"])
def test_ill_formed_utf8(line: bytes) -> None:
    """Becomes U+FFFD, alone, in an event, and at both ends of it."""
    event = (START + "?" + END).encode()
    for text in (line, event.replace(b"?", line), line + event, event + line):
        agree(text)


@pytest.mark.parametrize(
    "line",
    [
        (START + END).encode(),
        compact("configmap_aws_auth_update"),
        json.dumps({"auditID": "a", "x": [["é\U0001f600"] * 20], "y": {"z": [{}]}}).encode(),
        '{"auditID":"a","x":[["é","é\U0001f600"],"\u2028"]}'.encode(),
        b'{"x":"' + b"y" * 50 + b'","auditID":"behind"}',
    ],
)
def test_every_limit(line: bytes) -> None:
    """Each size around that of the event, with and without envelope, and many below it."""
    whole = len(expected(line).payloads[0][0])
    near = {*range(len(line) - 3, len(line) + 4), *range(whole - 3, whole + 4)}
    for max_size_bytes in {0, 1, 2, *range(0, len(line), max(1, len(line) // 100)), *near}:
        agree(line, max_size_bytes=max_size_bytes)
        agree(line[:-2] + SUFFIX.encode(), max_size_bytes=max_size_bytes)


@pytest.mark.parametrize("unreadable_max", [0, 1, 2, 3, 9])
def test_so_many_are_made_up(unreadable_max: int) -> None:
    """All are told of; places count, also in another order, twice, or not at all."""
    events, oracle = native_reader().new(), ReferenceReader().new()
    lines = ["x", START + END, "", '{"kind":"EventList","items":[7,' + ITEM % "a" + "]}", "y"]
    for number, line in enumerate(lines):
        for one in (events, oracle):
            name = "s" if number % 2 else "t"
            one.add(line.encode(), event_id=str(number), stream=one.stream(name), timestamp_ms=5)
    for places in ([0, 1, 2, 3, 4], [4, 3, 3, 0], [], [1], [2, 2]):
        limits = {"places": places, "unreadable_max": unreadable_max}
        assert frames_of(events, **limits) == frames_of(oracle, **limits)  # type: ignore[arg-type]


STAMPS = [
    "2026-01-01T00:00:00.123456Z",
    *["1970-01-01T00:00:00Z", "1969-12-31T23:59:59.999999999Z", "1970-01-01T00:00:00+00:01"],
    *[
        "2026-01-01T00:00:00.1Z",
        "2026-01-01T00:00:00.123456789Z",
        "2026-01-01T00:00:00.1234567891Z",
    ],
    *[
        "2026-01-01T00:00:00.Z",
        "2026-01-01T00:00:00.0000000000Z",
        "2026-01-01T00:00:00." + "1" * 60,
    ],
    *["2026-01-01t00:00:00z", "2026-01-01 00:00:00Z", "2026-01-01T00:00:00", "2026-01-01", ""],
    *[
        "2026-01-01T24:00:00Z",
        "2026-01-01T23:59:60Z",
        "2026-01-01T23:60:00Z",
        "2026-13-01T00:00:00Z",
    ],
    *[
        "2026-02-29T00:00:00Z",
        "2024-02-29T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "0000-01-01T00:00:00Z",
    ],
    *["2261-12-31T23:59:59.999999999Z", "2261-12-31T23:59:59-23:59", "2262-01-01T00:00:00Z"],
    *["2262-01-01T00:00:00+01:00", "9999-12-31T23:59:59Z", "1677-01-01T00:00:00Z"],
    *["2026-01-01T00:00:00+24:00", "2026-01-01T00:00:00+23:60", "2026-01-01T00:00:00-00:00"],
    *["2026-01-01T00:00:00+0100", "2026-01-01T00:00:00+01", "+2026-01-01T00:00:00Z", "yesterday"],
    *["\u0662026-01-01T00:00:00Z", "2026-01-01T00:00:00Z ", "2026-01-01T00:00:00\\u005a"],
    *["2026-01-01T00:00:00\\u0000", "2026\\u002d01-01T01:00:00Z", "2026-01-01T00:00:00,5Z"],
]


@pytest.mark.parametrize("stamp", STAMPS, ids=range(len(STAMPS)))
def test_one_definition_of_a_time(stamp: str) -> None:
    """In a plain line and in another, near CloudWatch's time and without one."""
    line = START + END.replace("2026-01-01T00:00:00.000000Z", stamp)
    received = line.replace("stageT", "requestReceivedT")
    for text in (line, line.replace('{"kind"', '{ "kind"'), received, received + "x"):
        for timestamp_ms in (TIME_UNKNOWN, 0, TIME_MS, 2**63 // 10**6, 2**63 - 1):
            agree(text.encode(), Known("", timestamp_ms, TIME_UNKNOWN))
            agree(text.encode(), Known("7", timestamp_ms, 5))


def test_the_time_must_agree_with_cloudwatchs() -> None:
    """Of a plain line within an hour; a member of the client's does not count."""
    hour_ms = 3_600_000
    for away_ms in (0, 1, -1, hour_ms, hour_ms + 1, -hour_ms, -hour_ms - 1, 10**12):
        known = Known(timestamp_ms=1_767_225_600_000 + away_ms)
        agree((START + END).encode(), known)
        agree((START + END[:-1] + ',"x":1e999999x}').encode(), known)
    spoofed = STAGE + '2001-01-01T00:00:00Z"'
    for text in (
        START + '","requestObject":{"a":1' + spoofed + "}" + END[1:],
        START + END[:-1] + ',"annotations":{"a":"b"' + spoofed + "}}",
        START + END[:-1] + ',"annotations":{"a":"b"}}',
        START + END[:-1] + ',"z":{"a":1' + spoofed + ',"annotations":{"a":"b"}}}',
        START + END[:-1] + spoofed + "}",
        START + END[:-1] + STAGE + "}",
    ):
        for known in (Known(), Known(timestamp_ms=TIME_UNKNOWN, ingestion_time_ms=TIME_UNKNOWN)):
            agree(text.encode(), known)


@pytest.mark.parametrize(
    "event_id", ['a"b', "\\", "\x01\x1f", "é\u2028\U0001f600", "\x7f", "x" * 256, ""]
)
def test_ids(event_id: str) -> None:
    """Quotes and controls are escaped, in the envelope and in an unreadable event's name."""
    for line in (START + END, "x", "{ " + START[1:] + END, '{"kind":"EventList"}'):
        agree(line.encode(), Known(event_id))


def test_without_any_time_it_is_now() -> None:
    """An event and one that is made up."""
    for line in (b'{"auditID":"a"}', b"x", b'{"kind":"EventList","items":[{"auditID":"a"},7]}'):
        agree(line, Known("", TIME_UNKNOWN, TIME_UNKNOWN))


def members() -> Iterator[str]:
    names = ["kind", "apiVersion", "auditID", "stageTimestamp", "requestReceivedTimestamp", "items"]
    yield from names
    yield from ("x", "\\u006bind", "i\\u0074ems", "k8saudit_eks")


VALUES = ['"Event"', '"EventList"', '"audit.k8s.io/v1"', '"a"', '"2026-01-01T00:00:00.5Z"', '"Pod"']
VALUES += [
    "7",
    "null",
    "[]",
    "{}",
    '[{"auditID":"b"}]',
    '[{"auditID":"b"},7',
    '"\\u0045vent"',
    '"é',
]


@st.composite
def objects(draw: st.DrawFn) -> bytes:
    """Objects of the members that framing looks at, in any order, some twice."""
    pairs = draw(st.lists(st.tuples(st.sampled_from([*members()]), st.sampled_from(VALUES))))
    blank = draw(st.sampled_from(["", " ", "\n"]))
    body = ("," + blank).join(f'"{name}"{blank}:{value}' for name, value in pairs)
    end = draw(st.sampled_from(["}", "", "}}", "]", SUFFIX, "}" + SUFFIX, "\0}"]))
    return ("{" + blank + body + end).encode()


@st.composite
def texts(draw: st.DrawFn) -> bytes:
    start = draw(st.sampled_from(["", START, START + '","x":', '{"kind":"EventList","items":[']))
    inside = draw(st.text(alphabet='{}[]:,"\\u0 1e.-truefalsn\0\ufeffé\x1f', max_size=60))
    return (start + inside + draw(st.sampled_from(["", END, END[1:], SUFFIX]))).encode()


LINES = st.one_of(objects(), texts(), payloads(), st.binary(max_size=40))


@settings(
    max_examples=800, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
@given(
    line=LINES,
    max_size_bytes=st.sampled_from([0, 30, 100, 1024, 1 << 20]),
    unreadable_max=st.sampled_from([0, 1]),
    timestamp_ms=st.sampled_from([TIME_UNKNOWN, 0, TIME_MS]),
)
def test_any_line(line: bytes, max_size_bytes: int, unreadable_max: int, timestamp_ms: int) -> None:
    """The same events, byte for byte."""
    known = Known(timestamp_ms=timestamp_ms)
    agree(line, known, max_size_bytes=max_size_bytes, unreadable_max=unreadable_max)
