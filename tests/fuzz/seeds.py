"""What the libFuzzer targets start from."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from k8saudit_eks.fields.table import FIELDS

EVENTS = Path(__file__).resolve().parents[1] / "data" / "events"
# As libFuzzer reads them: backslashes twice.
TOKENS = [
    *["{", "}", "[", "]", ":", ",", "null", "true", "1e9", "e9223372036854775807"],
    *["\\\\u0000", "\\\\ud800", "\\\\udc00", '\\\\\\"', "\\\\\\\\", "%ff"],
]


def compact(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def events() -> Iterator[bytes]:
    """The corpus."""
    for path in sorted(EVENTS.glob("*.json")):
        yield compact(json.loads(path.read_text("utf-8")))


def of_extract() -> Iterator[bytes]:
    """The corpus, and ways to damage it."""
    for text in events():
        yield text
        yield b"/objectRef/name\n" + text
        yield text[: len(text) // 2]
        yield text.replace(b'"', b'"\\u0000', 40)
        yield text.replace(b"a", b"\xff", 3)
        yield text.replace(b'"requestURI":"', b'"requestURI":"/%e2%28?timeout=%ff%c3&command=%80&')
        yield b"/metadata/~1~0~\n" + text
        yield text[:-1] + b',"x":1e9223372036854775807}'
        yield text[:-1] + b',"x":1e999x}'
        yield text.replace(
            b'"requestURI":"', b'"requestURI":"/?command=a;&command=%z' + b"&" * 10_000
        )
    yield b"[" * 9_000 + b"]" * 9_000
    yield b'{"auditID":"a","x":' + b"[" * 11_000
    yield b'{"auditID":"\\u003c\\u003'


def extract_words() -> list[str]:
    """Member names of the field table."""
    names = {part for row in FIELDS for text in row.paths for part in text.split(".")}
    words = {name.split("[")[0] for name in names if name.isascii()} - {"", "$"}
    return sorted(word for word in words if word.isalnum())


def _answer(*messages: str) -> bytes:
    listed = [
        {
            "logStreamName": f"kube-apiserver-audit-{number % 3}",
            "timestamp": 1767225600000 + number,
            "message": message,
            "ingestionTime": 1767225600500 + number,
            "eventId": f"{number:056}",
        }
        for number, message in enumerate(messages)
    ]
    return compact({"events": listed, "nextToken": "t", "searchedLogStreams": []})


def of_log_events() -> Iterator[bytes]:
    """Answers and subscription documents with the corpus in them, and ways to damage them."""
    lines = [text.decode() for text in events()]
    for line in lines:
        answer = _answer(line)
        yield answer
        yield answer[: len(answer) // 2]
        yield line.encode()
    several = _answer(*(line for line in lines if len(line) < 3_000))[:15_000]
    yield several
    plain = _answer("a", 'b\\\\"\n\x00\u2028', "", "[Truncated...]")
    yield plain
    yield json.dumps(json.loads(plain), indent=1).encode()
    yield plain.replace(b'"timestamp":', b'"timestamp" : 1.0e')
    yield plain.replace(b"[]", b'{"x":[{"events":[]}, 1e999]}')
    yield plain.replace(b'"a"', b'"\\ud83d\\ude00\\ud800"')
    yield plain[:-1] + b',"events":[]}'
    yield plain[:-1] + b',"\\u0065vents":[]}'
    document = {"messageType": "DATA_MESSAGE", "logGroup": "g", "logStream": "s"}
    entry = {"id": "1", "timestamp": 5, "message": lines[0]}
    yield compact({**document, "logEvents": [entry, {**entry, "id": "2", "message": "x\ty"}]})
    yield b'{"events":[]}'
    yield b"\xef\xbb\xbf" + plain


def log_events_words() -> list[str]:
    return [
        *["events", "logEvents", "eventId", "id", "timestamp", "message"],
        *["ingestionTime", "logStreamName", "nextToken"],
    ]
