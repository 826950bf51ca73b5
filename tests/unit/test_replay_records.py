"""Records of replay files: what is read at once, line numbers, and limits."""

from __future__ import annotations

import io
import json

import pytest
from readers import reader

from k8saudit_eks.log_events import DocumentSizeError
from k8saudit_eks.sources.replay import records as replay_records
from k8saudit_eks.sources.replay.records import Record, records

pytestmark = pytest.mark.both_ways


class CountingReader(io.BytesIO):
    """Remembers the largest number of bytes asked for and got at once."""

    largest = 0

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self.largest = max(self.largest, len(data))
        return data

    def readline(self, size: int | None = -1) -> bytes:
        data = super().readline(size)
        self.largest = max(self.largest, len(data))
        return data


def of(text: str, limit_bytes: int = 1 << 20) -> list[Record]:
    """The records of a file that holds no document in CloudWatch's own form."""
    found = list(records(io.BytesIO(text.encode()), reader(), limit_bytes=limit_bytes))
    assert all(isinstance(record, Record) for record in found)
    return [record for record in found if isinstance(record, Record)]


@pytest.mark.parametrize(
    "one", ['{"kind":"Event","auditID":"a"}', '{"auditID":"a"}', "2026-11-23T04:01:02Z {}", "bad"]
)
def test_lines_are_never_read_at_once(one: str) -> None:
    """Whatever a file of lines holds, only a line at a time is in memory."""
    content = CountingReader(f"{one}\n".encode() * 1000)
    assert sum(1 for _ in records(content, reader())) == 1000
    assert content.largest == len(one) + 1


def test_a_first_line_that_was_cut_does_not_make_it_a_document() -> None:
    """A log file that was rotated in the middle of a line is still read line by line."""
    content = CountingReader(b'{"kind":"Event","level":\n' + b'{"auditID":"a"}\n' * 1000)
    assert sum(1 for _ in records(content, reader())) == 1001
    assert content.largest < 100


def test_documents_have_a_limit() -> None:
    """At the limit a document is read, above it nothing is held in memory for it."""
    text = json.dumps([{"auditID": "a"}], indent=1)
    assert len(of(text, limit_bytes=len(text))) == 1
    with pytest.raises(DocumentSizeError):
        of(text, limit_bytes=len(text) - 1)


def test_a_line_above_the_limit_comes_after_the_ones_before() -> None:
    """What stands before it has been given out."""
    content = io.BytesIO(b'{"auditID":"a"}\nx\n' + b"y" * 200)
    found = records(content, reader(), limit_bytes=100)
    assert next(found).line == 1
    assert next(found).line == 2
    with pytest.raises(DocumentSizeError):
        next(found)


def test_line_numbers_are_those_of_the_file() -> None:
    """Blank lines count, in files of lines and of documents."""
    assert [r.line for r in of('\n{"auditID":"a"}\n\n\n{"auditID":"b"}\n')] == [2, 5]
    assert [r.line for r in of('{\n\n"auditID":"a"}\n\n\n{"auditID":"b"}\n')] == [1, 6]
    assert [(r.line, r.item) for r in of('[\n{"auditID":"a"},\n{"auditID":"b"}]')] == [
        (1, 1),
        (1, 2),
    ]


def test_an_event_keeps_its_text() -> None:
    """Numbers and repeated members are not rewritten."""
    text = '{ "auditID": "a", "x": 1.10, "x": 12345678901234567890123 }'
    assert of(text)[0].message == text.encode()
    assert of(f"{text}{text}")[1].message == text.encode()
    assert of(text.replace(" ", "\n"))[0].message == text.replace(" ", "\n").encode()


def test_an_event_about_log_events_is_an_event() -> None:
    """Members named like a container's don't hide an audit event."""
    text = '{"auditID":"a","items":[1],"events":[2],"message":"x"}'
    assert [r.message for r in of(text)] == [text.encode()]
    assert [r.message for r in of(f"[{text},{text}]")] == [text.encode()] * 2


def test_lines_of_the_api_server_are_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first lines tell the form; after that a plain line costs no JSON parser."""

    class CountingDecoder(json.JSONDecoder):
        calls = 0

        def raw_decode(self, s: str, idx: int = 0) -> tuple[object, int]:
            self.calls += 1
            return super().raw_decode(s, idx)

    decoder = CountingDecoder()
    monkeypatch.setattr(replay_records, "_DECODER", decoder)
    assert len(of('{"kind":"Event","auditID":"a"}\n' * 1000)) == 1000
    assert decoder.calls <= 2
