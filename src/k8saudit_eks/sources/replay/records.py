"""What a replay file holds: log lines, in any of the forms people keep them in.

Understood, each by its content and never by the file's name:

- one audit event a line, as the API server writes them; cut lines as well
- `aws logs tail` and exports to S3: a time, perhaps the stream's name, the event
- documents, one a line, one after the other or spread over lines: an audit
  event, an EventList, an array of events, the output of `aws logs
  filter-log-events` and `get-log-events`, single events of it, and what
  subscription filters and Firehose send ({"logEvents": [...], "logGroup": ...})

Files of lines are read line by line. A document spread over lines is read at
once, so it may have at most MAX_DOCUMENT_BYTES, uncompressed; so may a line.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

from k8saudit_eks.log_events import DocumentSizeError, LogEventReader, message_bytes
from k8saudit_eks.rfc3339 import parse_time_ns
from k8saudit_eks.sources.replay.exported import Exported, read_exported

MAX_DOCUMENT_BYTES = 256 * 1024 * 1024

# What EKS's log shipper puts at the end of a line that it cut.
_TRUNCATED_SUFFIX = "[Truncated...]"
_PLAIN = b'{"kind":"Event",'
_STAMPED = re.compile(r"(\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d))\s+(?:([^\s{]+)\s+)?(?=\{)")
_ONLY_BRACKETS = re.compile(r"[\[{\s]*")
_BETWEEN_DOCUMENTS = re.compile(r"[\s,\ufeff]*")
# Not \s*: a long run of blank lines would be searched again from each of them.
_OBJECT_AT_LINE_START = re.compile(r"\n[ \t\r]*(?=\{)")
_DECODER = json.JSONDecoder()
_FORGET_CHARS = 16_384


class Record(NamedTuple):
    """One log line and what is known of it.

    message is as it was logged; None where nothing that could be a log line was found.
    line counts from 1; item is the place within a document of several events,
    from 1, or 0.
    """

    message: bytes | None
    line: int
    item: int = 0
    event_id: str | None = None
    timestamp_ms: int | None = None
    ingestion_time_ms: int | None = None
    log_group: str | None = None
    log_stream: str | None = None
    account: str | None = None


def records(
    content: BinaryIO, reader: LogEventReader, *, limit_bytes: int = MAX_DOCUMENT_BYTES
) -> Iterator[Record | Exported]:
    """What one file holds, in its order.

    The reader gets the documents first; what it declines is read here, leniently.

    Raises:
        DocumentSizeError: at the place where it stands; everything before it came out.
    """
    lines = _lines(content, limit_bytes)
    start = list(itertools.islice(lines, 2))
    if not start:
        return
    if _is_lines(start):
        for number, raw in itertools.chain(start, lines):
            yield from _of_line(number, raw, reader)
        return
    (first, text), (second, more) = start
    blocks = [text, b"\n" * (second - first - 1), more]
    blocks.append(content.read(max(0, limit_bytes - sum(map(len, blocks)))))
    if content.read(1):
        raise DocumentSizeError
    yield from _read(b"".join(blocks), first, reader)


def _lines(content: BinaryIO, limit_bytes: int) -> Iterator[tuple[int, bytes]]:
    """Lines that are not blank, with their numbers."""
    number = 0
    while raw := content.readline(limit_bytes + 1):
        number += 1
        if len(raw) > limit_bytes:
            raise DocumentSizeError
        if number == 1:
            raw = raw.removeprefix(b"\xef\xbb\xbf")
        if not raw.isspace() and raw:
            yield number, raw


def _is_lines(start: list[tuple[int, bytes]]) -> bool:
    """Whether a file is read line by line, told from its first two lines.

    It is not if the first line can't stand alone; unless the second one can:
    then the first is a line that was cut.
    """
    if len(start) == 1:
        return True
    first = start[0][1].decode("utf-8", "replace")
    if _stands_alone(first):
        return True
    return not _ONLY_BRACKETS.fullmatch(first) and _stands_alone(
        start[1][1].decode("utf-8", "replace")
    )


def _stands_alone(line: str) -> bool:
    text = line.strip()
    if text[:1] not in ("{", "[") or text.endswith(_TRUNCATED_SUFFIX):
        return True
    try:
        _, end = _DECODER.raw_decode(text)
    except (ValueError, RecursionError):
        return False
    return text[end : end + 1] in ("", "{", "[")


def _of_line(number: int, raw: bytes, reader: LogEventReader) -> Iterator[Record | Exported]:
    # As the API server writes it: nothing is parsed here.
    if raw.startswith(_PLAIN):
        yield Record(raw.strip(), number)
        return
    line = raw.decode("utf-8", "replace").strip()
    if stamp := _STAMPED.match(line):
        time_ns = parse_time_ns(stamp[1])
        yield Record(
            line[stamp.end() :].encode(),
            number,
            timestamp_ms=None if time_ns is None else time_ns // 1_000_000,
            log_stream=stamp[2],
        )
    elif line[:1] in ("{", "[") and not line.endswith(_TRUNCATED_SUFFIX):
        yield from _read(raw, number, reader)
    else:
        yield Record(line.encode(), number)


def _read(text: bytes, line: int, reader: LogEventReader) -> Iterator[Record | Exported]:
    """A text of documents."""
    exported = read_exported(text, line, reader)
    if exported is None:
        yield from _of_documents(text.decode("utf-8", "replace").strip(), line)
    else:
        yield exported


def _of_documents(text: str, line: int) -> Iterator[Record]:
    """Documents one after the other; after a broken one, the next that starts a line.

    What is left of a document that was cut is found too: its parts that start a
    line are documents.
    """
    position, counted = 0, 0
    while True:
        match = _BETWEEN_DOCUMENTS.match(text, position)
        position = match.end() if match else position
        if position >= len(text):
            return
        line += text.count("\n", counted, position)
        counted = position
        try:
            document, end = _DECODER.raw_decode(text, position)
        except (ValueError, RecursionError):
            # A JSON error counts the lines up to it: it must not find many again and again.
            if position > _FORGET_CHARS:
                text, position, counted = text[position:], 0, 0
            rest = _OBJECT_AT_LINE_START.search(text, position)
            # The event framing repairs single lines, so a broken one goes there.
            lines = text.find("\n", position, len(text) - 1)
            yield Record(text[position:].encode() if lines < 0 else None, line)
            if rest is None:
                return
            position = rest.end()
            continue
        yield from _of_document(document, text[position:end], line)
        position = end


def _of_document(document: Any, text: str, line: int) -> Iterator[Record]:
    """The records of one document; text is the document as it was written."""
    if isinstance(document, dict) and "auditID" in document:
        # The text and not the document: numbers and repeated members stay as they were.
        yield Record(message_bytes(text), line)
    elif isinstance(document, dict) and document.get("messageType") == "CONTROL_MESSAGE":
        # A subscription's test message, sent by CloudWatch Logs itself.
        return
    else:
        items = _items(document)
        if items is None:
            yield _of_item(document, line, 0, {})
            return
        shared = document if isinstance(document, dict) else {}
        for number, item in enumerate(items, start=1):
            inner = _items(item)
            if inner is None:
                yield _of_item(item, line, number, shared)
            else:
                for part in inner:
                    yield _of_item(part, line, number, item if isinstance(item, dict) else shared)


def _items(document: Any) -> list[Any] | None:
    """The list inside a document of several events, or None."""
    if isinstance(document, list):
        return document
    if isinstance(document, dict) and "auditID" not in document:
        for member in ("logEvents", "events", "items"):
            if isinstance(document.get(member), list):
                items: list[Any] = document[member]
                return items
    return None


def _of_item(item: Any, line: int, number: int, shared: dict[str, Any]) -> Record:
    if not isinstance(item, dict):
        # An array of log lines as strings.
        return Record(_message(item), line, number)
    if "auditID" in item:
        return Record(
            message_bytes(_written(item)), line, number, log_stream=_text(shared.get("logStream"))
        )
    message = item.get("message")
    if isinstance(message, dict):
        message = _written(message)
    return Record(
        _message(message),
        line,
        number,
        event_id=_text(item.get("eventId", item.get("id"))),
        timestamp_ms=_milliseconds(item.get("timestamp")),
        ingestion_time_ms=_milliseconds(item.get("ingestionTime")),
        log_group=_text(shared.get("logGroup")),
        log_stream=_text(item.get("logStreamName", shared.get("logStream"))),
        account=_text(shared.get("owner")),
    )


def _written(document: dict[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _message(value: Any) -> bytes | None:
    return message_bytes(value) if isinstance(value, str) else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _milliseconds(value: Any) -> int | None:
    """CloudWatch's times are integers; the AWS CLI can be told to write RFC 3339."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str):
        time_ns = parse_time_ns(value)
        return None if time_ns is None else time_ns // 1_000_000
    return None
