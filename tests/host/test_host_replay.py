"""Files are replayed in a real host, which ends by itself afterwards."""

from __future__ import annotations

import gzip
from pathlib import Path

from demo.audit_event import as_line
from demo.healthy import healthy
from test_host_cloudwatch import now_us

from host import Host


def test_replay_ends_the_host(host: Host, tmp_path: Path) -> None:
    """Every event of a file in order, then exit code 0 and nothing on standard error."""
    events = healthy(3, now_us())
    path = tmp_path / "events.jsonl"
    path.write_text("".join(as_line(event) + "\n" for event in events), "utf-8")
    code, run = host.run(f"file://{path}", ["ka.auditid", "evt.rawtime"])
    assert (code, run.errors) == (0, "")
    assert [event["ka.auditid"] for event in run.events] == [event["auditID"] for event in events]


def test_replay_of_a_compressed_file(host: Host, tmp_path: Path) -> None:
    """A .gz file is read like the file in it; filters apply."""
    events = healthy(3, now_us())
    path = tmp_path / "events.jsonl.gz"
    path.write_bytes(gzip.compress("\n".join(map(as_line, events)).encode()))
    code, run = host.run(f"file://{path}", ["ka.auditid"], condition="ka.verb = patch")
    patched = [event["auditID"] for event in events if event["verb"] == "patch"]
    assert code == 0
    assert patched
    assert [event["ka.auditid"] for event in run.events] == patched


def test_lines_that_are_no_events(host: Host, tmp_path: Path) -> None:
    """Blank lines and lines that are no events are passed over.

    (sysdig 0.41.4 itself crashes when a source ends without a single event.)
    """
    events = healthy(3, now_us())[:1]
    path = tmp_path / "events.jsonl"
    path.write_text(f"\n \nnonsense\n{as_line(events[0])}\n[]\n", "utf-8")
    code, run = host.run(f"file://{path}", ["ka.auditid"])
    assert (code, run.errors) == (0, "")
    assert [event["ka.auditid"] for event in run.events] == [events[0]["auditID"]]
