"""Documents in CloudWatch's own form, which the reader of live pages reads as well.

Those are the output of `aws logs filter-log-events`, and what subscription filters and
Firehose send. Whatever differs from the usual form is left to records.py.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from k8saudit_eks.log_events import DocumentSizeError, Form, LogEventReader, LogEvents

# As a member's name; in a message each quote has a backslash before it.
_SUBSCRIPTION = b'"logEvents"'
_ANSWER = b'"events"'


@dataclass(frozen=True)
class Exported:
    """The log events of one document; what it says of all of them is None if it does not.

    Attributes:
        line: where the document begins, from 1.
        log_stream: of log events that name none themselves.
    """

    events: LogEvents
    line: int
    log_group: str | None
    log_stream: str | None
    account: str | None


def read_exported(document: bytes, line: int, reader: LogEventReader) -> Exported | None:
    """The document if it has the usual form in every detail; else None."""
    if _SUBSCRIPTION in document:
        form = Form.SUBSCRIPTION
    elif _ANSWER in document:
        form = Form.ANSWER
    else:
        return None
    try:
        events = reader.read(document, form)
    except DocumentSizeError:
        return None
    rest = None if events is None else _members(events.rest)
    if events is None or rest is None:
        return None
    return Exported(
        events,
        line,
        log_group=_text(rest.get("logGroup")),
        log_stream=_text(rest.get("logStream")),
        account=_text(rest.get("owner")),
    )


def _members(rest: bytes) -> dict[str, Any] | None:
    """What stands beside the log events; None if that makes it another kind of document."""
    try:
        members = json.loads(rest.decode())
    except (ValueError, RecursionError):  # of numbers too long, and of what is too deep
        return None
    # An audit event; a subscription's test message; a list with an escape in its name.
    if "auditID" in members or members.get("messageType") == "CONTROL_MESSAGE":
        return None
    return None if members.get("logEvents") else members


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
