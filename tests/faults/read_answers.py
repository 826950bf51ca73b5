"""Answers as boto3 gives them when their bytes are read before botocore parses them."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from k8saudit_eks.aws import answers
from k8saudit_eks.log_events import LogEventReader


class ReadAnswers:
    """In place of boto3's client and botocore's parser: what they do to an answer."""

    def __init__(self, reader: LogEventReader, stream_prefix: str) -> None:
        self.meta = SimpleNamespace(events=self)
        answers.read_answers(self, reader, stream_prefix)

    def register(self, event_name: str, handler: Callable[..., None]) -> None:
        """As botocore's emitter has it; there is one event here."""
        self._handler = handler

    def __call__(self, answer: dict[str, Any]) -> dict[str, Any]:
        """The same answer, with its log events read where the reader takes them."""
        body = dict(answer)
        metadata = body.pop("ResponseMetadata", None)
        response: dict[str, Any] = {"status_code": 200, "body": json.dumps(body).encode()}
        added: dict[str, Any] = {}
        self._handler(response_dict=response, customized_response_dict=added)
        parsed: dict[str, Any] = {**json.loads(response["body"]), **added}
        if metadata is not None:
            parsed["ResponseMetadata"] = metadata
        return parsed
