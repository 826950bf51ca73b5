"""What is done with the bytes of FilterLogEvents' answers before botocore parses them.

botocore (1.36 and later) emits an event with the body, and with a dict that it adds to the
parsed answer. Earlier versions emit none: then botocore parses everything, and log_group.py
goes through the log events one by one, as it does where the native reader declines.
"""

from __future__ import annotations

import re
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
_LIST_OF_EVENTS = re.compile(rb'"events"\s*:\s*\[')


def check_answers(client: Any) -> None:
    """Let a boto3 client refuse answers that botocore would misread, or choke on.

    The client's calls then raise DocumentSizeError for an answer of more than
    DOCUMENT_MAX_BYTES: where botocore emits no event before it parses, after it has parsed.
    """
    client.meta.events.register(_BEFORE_PARSE, _check)
    client.meta.events.register(_AFTER_PARSE, _check_parsed)


def _check_parsed(
    response_dict: dict[str, Any] | None, parsed_response: dict[str, Any] | None, **_more: Any
) -> None:
    """_check for earlier versions of botocore; both are None if there was no answer.

    The body is the one that came, also where it was replaced before it was parsed.
    """
    if response_dict is None or parsed_response is None:
        return
    if len(response_dict["body"]) > DOCUMENT_MAX_BYTES:
        raise DocumentSizeError
    if _has_no_list(response_dict):
        parsed_response.pop("events", None)


def _check(response_dict: dict[str, Any], **_more: Any) -> None:
    """Empty an answer without a list of events, before botocore makes a list of it.

    It reads {"events": {}} as no events, and a page without events is believed.
    """
    if len(response_dict["body"]) > DOCUMENT_MAX_BYTES:
        raise DocumentSizeError
    if _has_no_list(response_dict):
        response_dict["body"] = b"{}"


def _has_no_list(response_dict: dict[str, Any]) -> bool:
    return response_dict["status_code"] < 300 and not _LIST_OF_EVENTS.search(response_dict["body"])


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
