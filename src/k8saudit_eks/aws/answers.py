"""What is done with the bytes of FilterLogEvents' answers before botocore parses them.

botocore (1.36 and later) emits an event with the body, and with a dict that it adds to the
parsed answer. Earlier versions emit none: then botocore parses everything, and log_group.py
goes through the log events one by one, as it does where the native reader declines.
"""

from __future__ import annotations

import json
from typing import Any, Final

from k8saudit_eks.log_events import (
    DOCUMENT_MAX_BYTES,
    DocumentSizeError,
    Form,
    LogEventReader,
    LogEvents,
)

# In the answer that boto3 gives. No member of CloudWatch's can have this name: botocore takes
# over only those that it knows.
_LOG_EVENTS: Final = "k8saudit_eks.log_events"
_BEFORE_PARSE: Final = "before-parse.cloudwatch-logs.FilterLogEvents"
# Every version emits it.
_AFTER_PARSE: Final = "response-received.cloudwatch-logs.FilterLogEvents"


def check_answers(client: Any) -> None:
    """Let a boto3 client refuse answers that are too large, and those that botocore misreads.

    The client's calls then raise DocumentSizeError for an answer of more than
    DOCUMENT_MAX_BYTES: where botocore emits no event before it parses, after it has parsed.
    All of an answer is in memory by then; what is bounded is what becomes of it.
    """
    client.meta.events.register(_BEFORE_PARSE, _check_size)
    client.meta.events.register(_AFTER_PARSE, _check_parsed)


def _check_size(response_dict: dict[str, Any], **_more: Any) -> None:
    if len(response_dict["body"]) > DOCUMENT_MAX_BYTES:
        raise DocumentSizeError


def _check_parsed(
    response_dict: dict[str, Any] | None, parsed_response: dict[str, Any] | None, **_more: Any
) -> None:
    """Take the list of events from an answer that has none; both are None without an answer.

    botocore reads {"events": {}} as no events, and a page without events is believed.
    """
    if response_dict is None or parsed_response is None:
        return
    _check_size(response_dict)
    if (
        response_dict["status_code"] < 300
        and _LOG_EVENTS not in parsed_response
        and not parsed_response.get("events")
        and not _has_list(response_dict["body"])
    ):
        parsed_response.pop("events", None)


def _has_list(body: bytes) -> bool:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return False
    return isinstance(answer, dict) and isinstance(answer.get("events"), list)


def read_answers(client: Any, reader: LogEventReader, stream_prefix: str) -> None:
    """Let a boto3 client's answers be read by `reader` where it can, and by botocore else."""

    def read(
        response_dict: dict[str, Any],
        customized_response_dict: dict[str, Any] | None = None,
        **_more: Any,
    ) -> None:
        added, body = customized_response_dict, response_dict["body"]
        if added is None or response_dict["status_code"] != 200 or not isinstance(body, bytes):
            return
        if _LOG_EVENTS in added:  # a client that was given two readers: this is the rest
            return
        events = reader.read(body, Form.ANSWER)
        # Some local servers ignore logStreamNamePrefix: the plain path leaves out the others.
        if events is None or not all(
            name.startswith(stream_prefix) for name in events.stream_names
        ):
            return
        added[_LOG_EVENTS] = events
        response_dict["body"] = events.rest

    client.meta.events.register(_BEFORE_PARSE, read)


def log_events_of(answer: dict[str, Any]) -> LogEvents | None:
    """What the reader of the client made of an answer; None if botocore parsed all of it."""
    events: LogEvents | None = answer.get(_LOG_EVENTS)
    return events
