"""Whatever a log group or a file holds, the next event is delivered."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from demo.audit_event import as_line
from demo.local_cloudwatch import LocalCloudWatch
from test_host_cloudwatch import QUICK, now_us, one_event

from host import Host

NewCluster = Callable[[], str]


def nested(levels: int) -> str:
    """A valid audit event whose request object is nested so deep."""
    event = one_event("nested")
    text = as_line({**event, "requestObject": "here"})
    return text.replace('"here"', '{"a":' * levels + "1" + "}" * levels)


def event_list(*names: str) -> str:
    items = [one_event(name) for name in names]
    return json.dumps({"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": items})


def padded(name: str, size_bytes: int) -> str:
    """A valid audit event of that size."""
    event = one_event(name)
    bare = len(as_line({**event, "requestObject": {"filler": ""}}))
    return as_line({**event, "requestObject": {"filler": "x" * (size_bytes - bare)}})


# What a line is: its text, and the names of the objects that must still be seen; None where
# an event has none, as one that says that nothing could be read.
LINES: dict[str, tuple[str, list[str | None]]] = {
    "not JSON": ("I0 this is no JSON", [None]),
    # Cut lines are repaired: what is left of them is evaluated.
    "half an event": (as_line(one_event("half"))[:200], [None]),
    "JSON, but no audit event": ('{"kind":"Pod","metadata":{"name":"web"}}', []),
    "a JSON string": ('"text"', [None]),
    "a JSON number": ("17", [None]),
    "blank": (" ", []),
    "NUL bytes": ("\0\0\0", [None]),
    "NUL in a value": (
        as_line(one_event("nul")).replace('"name":"nul"', r'"name":"nul\u0000tail"'),
        ["nul\ufffdtail"],
    ),
    "lone surrogate": (
        as_line(one_event("lone")).replace('"name":"lone"', r'"name":"lone\ud800"'),
        ["lone\ufffd"],
    ),
    "10,000 levels deep": (nested(10_000), ["nested"]),
    "200,000 levels deep, cut": (nested(200_000)[:900_000], ["nested"]),
    "an EventList": (event_list("first", "second"), ["first", "second"]),
    "as long as CloudWatch takes": (padded("long", 1_000_000), ["long"]),
}


@pytest.mark.parametrize("kind", LINES)
def test_next_event_after_bad_line(
    host: Host, cloudwatch: LocalCloudWatch, new_cluster: NewCluster, kind: str
) -> None:
    """A line of any kind neither stops the host nor hides the event after it."""
    line, expected = LINES[kind]
    cluster = new_cluster()
    now_ms = now_us() // 1000
    good = as_line(one_event("good"))
    cloudwatch.put_lines([(now_ms - 3000, line)], cluster=cluster)
    cloudwatch.put_lines([(now_ms - 1000, good)], cluster=cluster)
    settings = {**cloudwatch.init_config(), **QUICK, "shift": 60}
    with host.running(cluster, ["ka.target.name"], init_config=settings) as run:
        arrived = run.wait_for_events(len(expected) + 1)
        assert arrived, run.errors
        assert run.stop() == 0
    assert [event["ka.target.name"] for event in run.events] == [*expected, "good"]


def test_invalid_utf8_in_a_file(host: Host, tmp_path: Path) -> None:
    """Bytes that are no UTF-8 change only the value they stand in."""
    path = tmp_path / "events.jsonl"
    broken = as_line(one_event("broken")).encode().replace(b'"broken"', b'"bro\xff\xfeken"')
    path.write_bytes(broken + b"\n" + as_line(one_event("good")).encode() + b"\n")
    code, run = host.run(f"file://{path}", ["ka.target.name", "ka.verb"])
    assert (code, run.errors) == (0, "")
    assert [event["ka.verb"] for event in run.events] == ["get", "get"]
    names = [event["ka.target.name"] for event in run.events]
    assert names[0].startswith("bro")
    assert names[0].endswith("ken")
    assert names[1] == "good"


class FaultyProxy(BaseHTTPRequestHandler):
    """Answers some calls with a web page, as a proxy's log-in page; forwards the others."""

    upstream = ""
    faults: Iterator[bool] = iter(())

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if next(type(self).faults, False):
            answer, content_type = b"<html>please log in</html>", "text/html"
        else:
            request = Request(type(self).upstream, body, dict(self.headers))  # noqa: S310 - ours
            with urlopen(request) as response:  # noqa: S310 - the local server's address
                answer, content_type = response.read(), response.headers["Content-Type"]
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def web_page_sometimes(cloudwatch: LocalCloudWatch) -> Iterator[str]:
    """The address of a CloudWatch whose second call and third call bring a web page."""

    class Handler(FaultyProxy):
        upstream = cloudwatch.endpoint_url
        faults = iter([False, True, True])

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_answer_that_is_not_json(
    host: Host, cloudwatch: LocalCloudWatch, new_cluster: NewCluster, web_page_sometimes: str
) -> None:
    """Answers that are no JSON are retried: the event behind them arrives."""
    cluster = new_cluster()
    cloudwatch.put([one_event("good")], cluster)
    settings = {**cloudwatch.init_config(), **QUICK, "shift": 60}
    settings["endpoint_url"] = web_page_sometimes
    with host.running(cluster, ["ka.target.name"], init_config=settings) as run:
        assert run.wait_for_events(1), run.errors
        assert run.stop() == 0
    assert [event["ka.target.name"] for event in run.events] == ["good"]
