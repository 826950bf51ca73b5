"""The replay source: every form of file, bad lines, progress, stop, and the end."""

from __future__ import annotations

import gzip
import json
import logging
import threading
from pathlib import Path
from typing import Any

import pytest
from readers import payloads_of, reader

from k8saudit_eks.config.table import Config
from k8saudit_eks.errors import OpenError
from k8saudit_eks.event_queue import QueueClosed
from k8saudit_eks.log_events import Frames
from k8saudit_eks.metrics import Metric
from k8saudit_eks.sources.replay.source import open_replay

pytestmark = pytest.mark.both_ways

STREAM = "kube-apiserver-audit-0123456789abcdef"


class FakeQueue:
    """Takes everything; stops or closes after a number of pages if told to."""

    def __init__(self, *, close_after: int | None = None) -> None:
        self.pages: list[int] = []
        self.payloads: list[bytes] = []
        self.times_ns: list[int] = []
        self.progress: list[int] = []
        self._close_after = close_after

    def push(self, frames: Frames) -> int:
        if self._close_after is not None and len(self.pages) >= self._close_after:
            raise QueueClosed
        events = payloads_of(frames)
        assert len(events) == sum(frames.events_of) > 0
        self.pages.append(len(events))
        self.payloads += [payload for payload, _ in events]
        self.times_ns += [time_ns for _, time_ns in events]
        return len(self.payloads)

    def delivered(self) -> int:
        return len(self.payloads)

    def set_progress(self, hundredths_percent: int) -> None:
        self.progress.append(hundredths_percent)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(payload) for payload in self.payloads]

    @property
    def ids(self) -> list[str]:
        return [event["auditID"] for event in self.events]


class FakeHost:
    """Counts, and keeps what was logged."""

    def __init__(self) -> None:
        self.reader = reader()
        self.counts: dict[Metric, int] = {}
        self.logged: list[logging.LogRecord] = []
        self.log = logging.Logger("test")
        handler = logging.Handler()
        handler.emit = self.logged.append  # type: ignore[method-assign]
        self.log.addHandler(handler)

    def count(self, metric: Metric, amount: int = 1) -> None:
        self.counts[metric] = self.counts.get(metric, 0) + amount

    def age(self, metric: Metric, since_s: float) -> None:
        raise AssertionError("a replay has no lag")

    def messages(self, level: int) -> list[str]:
        return [record.getMessage() for record in self.logged if record.levelno == level]


class FakeClock:
    """Goes on by a step at each look."""

    def __init__(self, step_s: float = 0.0) -> None:
        self.now_s = 0.0
        self.step_s = step_s

    def __call__(self) -> float:
        self.now_s += self.step_s
        return self.now_s


def event(audit_id: str, **more: object) -> dict[str, object]:
    return {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": "Metadata",
        "auditID": audit_id,
        "stage": "ResponseComplete",
        "verb": "get",
        **more,
        "stageTimestamp": "2026-11-23T04:01:02.003004Z",
    }


def line(audit_id: str, **more: object) -> str:
    return json.dumps(event(audit_id, **more), separators=(",", ":"))


def replay(
    path: Path, config: Config | None = None, *, clock: FakeClock | None = None
) -> tuple[FakeQueue, FakeHost]:
    queue, host = FakeQueue(), FakeHost()
    source = open_replay(path, config or Config(), host, clock=clock or FakeClock())
    source.run(queue, threading.Event())
    source.close()
    return queue, host


def replay_text(tmp_path: Path, text: str | bytes) -> tuple[FakeQueue, FakeHost]:
    path = tmp_path / "replayed"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return replay(path)


CLOUDWATCH = [
    {
        "logStreamName": STREAM,
        "timestamp": 1_795_000_000_000 + number,
        "message": line(audit_id),
        "ingestionTime": 1_795_000_001_000,
        "eventId": f"39{number}",
    }
    for number, audit_id in enumerate(("a", "b", "c"))
]
SUBSCRIPTION = {
    "messageType": "DATA_MESSAGE",
    "owner": "123456789012",
    "logGroup": "/aws/eks/prod/cluster",
    "logStream": STREAM,
    "subscriptionFilters": ["f"],
    "logEvents": [
        {"id": f"39{x}", "timestamp": 1_795_000_000_000, "message": line(x)} for x in "abc"
    ],
}
ITEMS = [event("a"), event("b"), event("c")]
LINES = "".join(line(x) + "\n" for x in "abc")

FORMS = {
    "lines": LINES,
    "lines, the last one without its end": LINES[:-1],
    "lines with CRLF and blank lines": LINES.replace("\n", "\r\n\r\n"),
    "lines behind a byte order mark": "\ufeff" + LINES,
    "array over lines behind a byte order mark": "\ufeff" + json.dumps(ITEMS, indent=2),
    "lines in another style": "".join(json.dumps(item) + "\n" for item in ITEMS),
    "documents over lines": "\n".join(json.dumps(item, indent=2) for item in ITEMS),
    "documents without anything between": "".join(map(json.dumps, ITEMS)),
    "array": json.dumps(ITEMS),
    "array over lines": json.dumps(ITEMS, indent=2),
    "array with one event a line": "[\n" + ",\n".join(map(json.dumps, ITEMS)) + "\n]\n",
    "EventList": json.dumps({"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": ITEMS}),
    "EventList over lines": json.dumps({"kind": "EventList", "items": ITEMS}, indent=4),
    "EventLists, one a line": "".join(
        json.dumps({"kind": "EventList", "items": [item]}) + "\n" for item in ITEMS
    ),
    "filter-log-events": json.dumps({"events": CLOUDWATCH, "searchedLogStreams": []}, indent=4),
    "filter-log-events in one line": json.dumps({"events": CLOUDWATCH}),
    "events of filter-log-events, one a line": "".join(json.dumps(x) + "\n" for x in CLOUDWATCH),
    "get-log-events": json.dumps(
        {
            "events": [
                {"timestamp": 1_795_000_000_000, "message": line(x), "ingestionTime": 1}
                for x in "abc"
            ],
            "nextForwardToken": "f/1",
        },
        indent=4,
    ),
    "subscription": json.dumps(SUBSCRIPTION),
    "Firehose": json.dumps({"messageType": "CONTROL_MESSAGE", "logEvents": [{"message": "x"}]})
    + json.dumps(SUBSCRIPTION),
    "export to S3": "".join(f"2026-11-23T04:01:02.003Z {line(x)}\n" for x in "abc"),
    "tail": "".join(f"2026-11-23T04:01:02.003000+00:00 {STREAM} {line(x)}\n" for x in "abc"),
    "array of lines as strings": json.dumps([line(x) for x in "abc"]),
}


@pytest.mark.parametrize("layers", [0, 1, 2])
@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_events(tmp_path: Path, form: str, layers: int) -> None:
    """Content decides, plain or compressed once or twice; nothing is lost or repeated."""
    content = FORMS[form].encode()
    for _ in range(layers):
        content = gzip.compress(content)
    queue, host = replay_text(tmp_path, content)
    assert queue.ids == ["a", "b", "c"]
    assert [e["stageTimestamp"] for e in queue.events] == ["2026-11-23T04:01:02.003004Z"] * 3
    assert Metric.EVENTS_INVALID not in host.counts
    assert queue.progress[-1] == 10_000


def test_plain_lines_are_kept_byte_for_byte(tmp_path: Path) -> None:
    """Behind the envelope stands what the API server wrote."""
    queue, _ = replay_text(tmp_path, LINES)
    assert queue.payloads[0] == b'{"k8saudit_eks":{},' + line("a").encode()[1:]
    assert queue.times_ns[0] == 1_795_406_462_003_004_000


def test_what_an_export_knows_is_in_the_envelope(tmp_path: Path) -> None:
    """Cluster, account, group, stream, id and ingestion time where the file has them."""
    queue, _ = replay_text(tmp_path, json.dumps(SUBSCRIPTION))
    assert queue.events[0]["k8saudit_eks"] == {
        "cluster": "prod",
        "account": "123456789012",
        "log_group": "/aws/eks/prod/cluster",
        "log_stream": STREAM,
        "event_id": "39a",
    }
    queue, _ = replay_text(tmp_path, json.dumps({"events": CLOUDWATCH}))
    assert queue.events[1]["k8saudit_eks"] == {
        "log_stream": STREAM,
        "event_id": "391",
        "ingestion_time_ms": 1_795_000_001_000,
    }


def test_cloudwatchs_time_serves_where_the_event_has_none(tmp_path: Path) -> None:
    """From an export's own timestamp, in every form that has one."""
    bare = '{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"a"}'
    for text in (
        f"2026-11-23T04:01:02.003Z {bare}\n",
        json.dumps({"timestamp": 1_795_406_462_003, "message": bare}),
        json.dumps({"timestamp": "2026-11-23T04:01:02.003Z", "message": bare}),
    ):
        queue, _ = replay_text(tmp_path, text)
        assert queue.times_ns == [1_795_406_462_003_000_000]


def test_other_log_streams_are_passed_over(tmp_path: Path) -> None:
    """An export of the whole log group holds other logs; they are no bad audit events."""
    other = {**CLOUDWATCH[1], "logStreamName": "authenticator-01", "message": "level=info"}
    queue, host = replay_text(
        tmp_path,
        json.dumps({"events": [CLOUDWATCH[0], other, CLOUDWATCH[2]]})
        + "\n"
        + json.dumps({**SUBSCRIPTION, "logStream": "kube-apiserver-01"}),
    )
    assert queue.ids == ["a", "c"]
    assert host.counts == {}
    assert "lines of other log streams: 4" in host.messages(logging.INFO)[-1]


def test_only_other_log_streams_names_the_key_to_check(tmp_path: Path) -> None:
    """Seeing nothing is never silent, and the cure is the one that fits."""
    _, host = replay_text(tmp_path, json.dumps({**SUBSCRIPTION, "logStream": "audit"}))
    assert host.messages(logging.WARNING)[-1].endswith("check log_stream_prefix")


def test_the_folders_of_an_s3_export_name_the_stream(tmp_path: Path) -> None:
    """aws logs create-export-task writes <prefix>/<task>/<stream>/000000.gz."""
    folder = tmp_path / "exportedlogs" / "task" / STREAM
    folder.mkdir(parents=True)
    (folder / "000000.gz").write_bytes(gzip.compress(FORMS["export to S3"].encode()))
    queue, _ = replay(tmp_path)
    assert queue.events[0]["k8saudit_eks"] == {"log_stream": STREAM}


@pytest.mark.parametrize(
    "bad",
    [
        "not JSON at all",
        "{",
        '{"kind":"Event",',
        '{"kind":"Pod","metadata":{}}',
        "[1,2]",
        '"text"',
        "17",
        "2026-11-23T04:01:02.003Z Permission Check Successful",
        "\x00\x00\x00",
        "\x1f",  # blank to str, not to bytes
        "9" * 5000,
        "[" * 10_000,
        '{"message":"not JSON"}',
    ],
)
@pytest.mark.parametrize("place", ["first", "between", "last"])
def test_a_bad_line_is_counted_named_and_passed_over(tmp_path: Path, bad: str, place: str) -> None:
    """The next event is delivered, wherever the bad line stands."""
    lines = [line("a"), line("b"), line("c")]
    at = {"first": 0, "between": 1, "last": 3}[place]
    lines.insert(at, bad)
    queue, host = replay_text(tmp_path, "\n".join(lines) + "\n")
    assert queue.ids == ["a", "b", "c"]
    assert host.counts[Metric.EVENTS_INVALID] >= 1
    assert f"replayed line {at + 1}" in host.messages(logging.WARNING)[0]
    assert bad not in host.messages(logging.WARNING)[0]


def test_invalid_utf8_hides_nothing(tmp_path: Path) -> None:
    """A byte that is no UTF-8 becomes U+FFFD; the event is delivered as JSON."""
    text = line("a", userAgent="x?y").encode().replace(b"?", b"\xff")
    queue, host = replay_text(tmp_path, text + b"\n" + line("b").encode())
    assert queue.ids == ["a", "b"]
    assert queue.events[0]["userAgent"] == "x\ufffdy"
    assert host.counts == {}


def test_deep_nesting_is_survived(tmp_path: Path) -> None:
    """10,000 levels in one event: that event and the next are delivered."""
    deep = line("a", requestObject={"x": 0}).replace(":0}", ":" + "[" * 10_000 + "]" * 10_000 + "}")
    queue, _ = replay_text(tmp_path, f"{deep}\n{line('b')}\n")
    assert len(queue.payloads) == 2
    assert b'"auditID":"a"' in queue.payloads[0]


def test_a_cut_line_is_repaired_and_counted(tmp_path: Path) -> None:
    """Lines cut by EKS come out marked, in files of lines and in exports to S3."""
    cut = line("a", requestObject={"metadata": {"name": "x" * 100}})
    cut = cut[: cut.index("xxx")] + "[Truncated...]"
    for text in (f"{cut}\n{line('b')}\n", f"2026-11-23T04:01:02.003Z {cut}\n{line('b')}\n", cut):
        queue, host = replay_text(tmp_path, text)
        assert queue.ids == ["a", "b"][: len(queue.ids)]
        assert queue.events[0]["k8saudit_eks"]["truncated"] is True
        assert host.counts == {Metric.EVENTS_TRUNCATED: 1}


def test_a_last_line_that_broke_off_is_repaired(tmp_path: Path) -> None:
    """A log file copied while it was written to, in any style of JSON."""
    for broken in (line("c"), json.dumps(event("c"))):
        queue, host = replay_text(tmp_path, f"{line('a')}\n{line('b')}\n{broken[:-20]}")
        assert queue.ids == ["a", "b", "c"]
        assert host.counts == {Metric.EVENTS_TRUNCATED: 1}


def test_max_event_size_cuts_and_repairs(tmp_path: Path) -> None:
    """A larger event still says who did what; it is not dropped."""
    path = tmp_path / "big.jsonl"
    path.write_text(line("a", requestObject={"data": "x" * 5000}) + "\n" + line("b"))
    queue, host = replay(path, Config(max_event_size=1024))
    assert queue.ids == ["a", "b"]
    assert len(queue.payloads[0]) < 1200
    assert host.counts == {Metric.EVENTS_TRUNCATED: 1}


def test_a_cut_document_gives_what_is_whole(tmp_path: Path) -> None:
    """A download that broke off: its complete events are delivered, the rest is counted."""
    text = json.dumps({"events": CLOUDWATCH}, indent=4)
    queue, host = replay_text(tmp_path, text[: text.index('"eventId": "392"')])
    assert queue.ids == ["a", "b"]
    assert host.counts[Metric.EVENTS_INVALID] >= 1


def test_a_broken_document_does_not_hide_the_next(tmp_path: Path) -> None:
    """After a syntax error reading goes on at the next object that starts a line."""
    documents = [json.dumps(item, indent=2) for item in ITEMS]
    documents[1] = documents[1].replace('"verb": "get"', '"verb": get')
    queue, host = replay_text(tmp_path, "\n".join(documents))
    assert queue.ids == ["a", "c"]
    assert host.counts == {Metric.EVENTS_INVALID: 1}
    assert "line 10" in host.messages(logging.WARNING)[0]


def test_many_broken_documents_are_each_passed_over(tmp_path: Path) -> None:
    """Far into a file as at its start: every whole event comes out, lines stay right."""
    broken = json.dumps(event("x"), indent=2).replace('"verb": "get"', '"verb": get')
    whole = [json.dumps(event(str(n)), indent=2) for n in range(200)]
    queue, host = replay_text(tmp_path, "\n".join(f"{broken}\n{text}" for text in whole))
    assert queue.ids == [str(n) for n in range(200)]
    assert host.counts == {Metric.EVENTS_INVALID: 200}
    assert f"line {199 * 18 + 1}" in host.messages(logging.WARNING)[-1]


def test_bad_lines_are_reported_at_once_then_once_a_minute_and_at_the_end(tmp_path: Path) -> None:
    """A file full of rubbish can't fill the host's log."""
    path = tmp_path / "rubbish"
    path.write_text("rubbish\n" * 1000)
    _, host = replay(path, clock=FakeClock(step_s=0.1))
    lines = [m for m in host.messages(logging.WARNING) if "skipped because" in m]
    assert len(lines) == 3  # at 0.1 s, 60.1 s and, after 100 s, at the end
    assert lines[0].startswith("replay: lines skipped because they are not audit events: 1, ")
    assert lines[-1].endswith("rubbish line 1000")
    assert host.counts[Metric.EVENTS_INVALID] == 1000


@pytest.mark.parametrize("content", [b"", b"\n\n", gzip.compress(b""), b"[]", b"{}", b"x"])
def test_a_replay_without_events_says_so(tmp_path: Path, content: bytes) -> None:
    """It ends cleanly, and warns: rules that saw nothing are not rules that passed."""
    queue, host = replay_text(tmp_path, content)
    assert queue.pages == []
    assert queue.progress == [10_000]
    assert "replay: events: 0, files: 1," in host.messages(logging.WARNING)[-1]


@pytest.mark.parametrize("damage", ["cut", "changed", "header", "block"])
def test_damaged_compression_costs_only_the_rest_of_that_file(tmp_path: Path, damage: str) -> None:
    """What came before is delivered, the loss is an error with the cure, the next file is read."""
    whole = gzip.compress("".join(line(str(n)) + "\n" for n in range(5000)).encode())
    damaged = {
        "cut": whole[: len(whole) // 2],
        "changed": whole[:-40] + bytes(40),
        "header": whole[:3] + b"\xff" * 20,
        "block": whole[:10] + b"\xff" * 20,
    }[damage]
    (tmp_path / "1.gz").write_bytes(damaged)
    (tmp_path / "2.jsonl").write_text(LINES)
    queue, host = replay(tmp_path)
    assert queue.ids[-3:] == ["a", "b", "c"]
    assert queue.ids[:-3] == [str(n) for n in range(len(queue.ids) - 3)]
    (error,) = host.messages(logging.ERROR)
    assert "1.gz" in error
    assert "download it again" in error
    assert host.counts[Metric.EVENTS_INVALID] >= 1


def test_a_folder_is_read_with_everything_below_in_order(tmp_path: Path) -> None:
    """By name, folders in their place; hidden names and links to folders are left out."""
    for name, audit_id in {
        "2.json": "2",
        "10.jsonl": "10",
        "1/z.log": "1z",
        "1/a": "1a",
        ".hidden": "no",
        ".git/x": "no",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(line(audit_id))
    (tmp_path / "link").symlink_to(tmp_path / "1")
    (tmp_path / "3").symlink_to(tmp_path / "2.json")
    queue, host = replay(tmp_path)
    assert queue.ids == ["1a", "1z", "10", "2", "2"]
    assert "replay: events: 5, files: 5," in host.messages(logging.INFO)[-1]


def test_what_can_not_be_read_is_refused_at_open(tmp_path: Path) -> None:
    """Missing, empty folder, no file, dangling link: one line each, naming the path."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "dangling").mkdir()
    (tmp_path / "dangling" / "link").symlink_to(tmp_path / "nowhere")
    for path, part in {
        tmp_path / "none.jsonl": "does not exist",
        tmp_path / "empty": "contains no files",
        tmp_path / "dangling": "points to nothing",
        Path("/dev/null"): "neither a file nor a folder",
        Path("none/relative"): f"looked for in {Path.cwd()}",
    }.items():
        with pytest.raises(OpenError) as caught:
            open_replay(path, Config(), FakeHost())
        assert part in str(caught.value)
        assert path.name in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_file_that_vanishes_between_open_and_run_is_reported(tmp_path: Path) -> None:
    """An error with the file's name; the other files are read."""
    (tmp_path / "1").write_text(line("1"))
    (tmp_path / "2").write_text(line("2"))
    queue, host = FakeQueue(), FakeHost()
    source = open_replay(tmp_path, Config(), host)
    (tmp_path / "1").unlink()
    source.run(queue, threading.Event())
    assert queue.ids == ["2"]
    assert "1 after line 0" in host.messages(logging.ERROR)[0]


def test_pages_and_progress(tmp_path: Path) -> None:
    """At most 500 events a page; progress never falls and ends at 10,000."""
    for name in ("1", "2.gz"):
        content = "".join(line(f"{name}-{n}") + "\n" for n in range(1234)).encode()
        (tmp_path / name).write_bytes(gzip.compress(content) if name == "2.gz" else content)
    queue, _ = replay(tmp_path)
    assert len(queue.payloads) == 2468
    assert max(queue.pages) == 500
    assert queue.progress == sorted(queue.progress)
    assert queue.progress[0] > 0
    assert queue.progress[-1] == 10_000


def test_progress_is_complete_only_at_the_end(tmp_path: Path) -> None:
    """A last page that is full has read the whole file; the replay has not ended yet."""
    queue, _ = replay_text(tmp_path, "".join(line(str(n)) + "\n" for n in range(500)))
    assert queue.progress == [9_999, 10_000]


def test_large_events_make_smaller_pages(tmp_path: Path) -> None:
    """1 MiB events don't wait for 500 of their kind."""
    path = tmp_path / "large"
    path.write_text("".join(line(str(n), x="y" * 1_000_000) + "\n" for n in range(10)))
    queue, _ = replay(path)
    assert queue.pages == [5, 5]


def test_stop_ends_it_without_a_last_page(tmp_path: Path) -> None:
    """The stop event is heeded even where no line is an event."""
    path = tmp_path / "f"
    path.write_text("rubbish\n" * 10 + LINES)
    queue, host, stop = FakeQueue(), FakeHost(), threading.Event()
    stop.set()
    open_replay(path, Config(), host).run(queue, stop)
    assert queue.pages == []
    assert host.counts == {}


def test_a_closed_queue_ends_it_quietly(tmp_path: Path) -> None:
    """Close during a replay is no error and claims no end."""
    path = tmp_path / "f"
    path.write_text("".join(line(str(n)) + "\n" for n in range(2000)))
    queue, host = FakeQueue(close_after=2), FakeHost()
    open_replay(path, Config(), host).run(queue, threading.Event())
    assert queue.pages == [500, 500]
    assert 10_000 not in queue.progress
    assert host.logged == []
