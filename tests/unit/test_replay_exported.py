"""Documents in CloudWatch's own form: what the reader of pages takes, and what it leaves."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from log_events import ReferenceLogEvents, ReferenceReader
from readers import reader
from test_replay import CLOUDWATCH, FORMS, ITEMS, STREAM, SUBSCRIPTION, FakeHost, FakeQueue, line

from k8saudit_eks.config.table import Config
from k8saudit_eks.log_events import DocumentSizeError, Form
from k8saudit_eks.metrics import Metric
from k8saudit_eks.sources.replay.exported import read_exported
from k8saudit_eks.sources.replay.source import open_replay


class Declining(ReferenceReader):
    """Leaves every document to Python's lenient reader."""

    def read(self, document: bytes, form: Form) -> ReferenceLogEvents | None:
        return None


def replayed(path: Path, host: FakeHost) -> tuple[list[Any], dict[Metric, int], list[str]]:
    queue = FakeQueue()
    open_replay(path, Config(), host).run(queue, threading.Event())
    said = [record.getMessage() for record in host.logged]
    return list(zip(queue.payloads, queue.times_ns, strict=True)), host.counts, said


BAD = {**CLOUDWATCH[0], "message": "rubbish"}
OTHER = {**CLOUDWATCH[1], "logStreamName": "authenticator-01"}
DOCUMENTS = {
    **FORMS,
    "with bad lines": json.dumps({"events": [BAD, CLOUDWATCH[1], BAD, {**BAD, "message": " "}]}),
    "of several log streams": json.dumps({"events": [OTHER, *CLOUDWATCH, OTHER]}),
    "without a log stream": json.dumps({**SUBSCRIPTION, "logStream": None}),
    "of another log stream": json.dumps({**SUBSCRIPTION, "logStream": "x"}),
    "both lists": json.dumps({**SUBSCRIPTION, "events": CLOUDWATCH}),
    "both lists, one escaped": json.dumps({"events": CLOUDWATCH, "logEvents": [1]}).replace(
        "logEvents", r"log\u0045vents"
    ),
    "an audit event": json.dumps({**ITEMS[0], "events": CLOUDWATCH}),
    "subscriptions over lines, one after the other": json.dumps(SUBSCRIPTION, indent=1) * 3,
    "subscriptions of two accounts": "\n".join(
        json.dumps({**SUBSCRIPTION, "owner": owner}) for owner in ("1", "2", "1")
    ),
    "a large one": json.dumps({"events": [CLOUDWATCH[0]] * 1234}),
    "too deep": '{"x":' + "[" * 5000 + "]" * 5000 + f',"events":{json.dumps(CLOUDWATCH)}}}',
}


@pytest.mark.parametrize("form", DOCUMENTS)
def test_the_reader_of_pages_changes_nothing(tmp_path: Path, form: str) -> None:
    """Events, times, counts and messages are those of the lenient reader."""
    path = tmp_path / "f"
    path.write_text(DOCUMENTS[form], "utf-8")
    lenient = FakeHost()
    lenient.reader = Declining()
    assert replayed(path, FakeHost()) == replayed(path, lenient)


@pytest.mark.parametrize(
    "document", [{"events": CLOUDWATCH, "searchedLogStreams": []}, SUBSCRIPTION]
)
@pytest.mark.parametrize("indent", [None, 4])
def test_usual_documents_are_not_read_by_python(document: Any, indent: int | None) -> None:
    """What the AWS CLI prints, and what subscriptions send."""
    found = read_exported(json.dumps(document, indent=indent).encode(), 7, reader())
    assert found is not None
    assert (len(found.events), found.line) == (3, 7)
    if document is SUBSCRIPTION:
        assert (found.account, found.log_group) == ("123456789012", "/aws/eks/prod/cluster")
        assert found.log_stream == STREAM


def test_a_document_too_large_for_the_reader_of_pages_is_read_leniently(tmp_path: Path) -> None:
    """A replayed file may hold larger ones than AWS sends."""

    class Refusing(ReferenceReader):
        def read(self, document: bytes, form: Form) -> ReferenceLogEvents | None:
            raise DocumentSizeError

    host = FakeHost()
    host.reader = Refusing()
    path = tmp_path / "f"
    path.write_text(json.dumps({"events": CLOUDWATCH}) + "\n" + line("d"))
    assert len(replayed(path, host)[0]) == 4


def test_a_log_group_or_account_that_changes_ends_the_batch(tmp_path: Path) -> None:
    """Each event has the envelope of its own document, in the file's order."""
    documents = [{**SUBSCRIPTION, "owner": owner, "more": {"x": 1}} for owner in ("1", "2", "1")]
    path = tmp_path / "f"
    for reading in (ReferenceReader(), Declining()):
        host, queue = FakeHost(), FakeQueue()
        host.reader = reading
        path.write_text("\n".join(map(json.dumps, documents)))
        open_replay(path, Config(), host).run(queue, threading.Event())
        assert queue.ids == ["a", "b", "c"] * 3
        accounts = [event["k8saudit_eks"]["account"] for event in queue.events]
        assert accounts == ["1"] * 3 + ["2"] * 3 + ["1"] * 3
