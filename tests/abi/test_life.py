"""Load, init, open, close, destroy, unload: many times, at once, and with other handles."""

from __future__ import annotations

import json
from pathlib import Path

from boundary import ReplayFile, RunHost, audit_event

IDS = [f"event-{number}" for number in range(300)]


def test_a_hundred_reloads_leave_no_thread_and_no_growth(
    run_host: RunHost, library: Path, replay_file: ReplayFile
) -> None:
    """From the 10th to the 100th life in one process: one thread, under 1 MiB of growth.

    Each with a dry run beside it, as Falco's hot reload has.
    """
    ran = run_host("host_reload", library, "", f"file://{replay_file(IDS)}", "100")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    cycles = [tuple(map(int, line.split())) for line in ran.stdout.splitlines()]
    assert len(cycles) == 100
    assert {threads for threads, _ in cycles} == {1}
    assert cycles[99][1] - cycles[9][1] < 1024
    assert ran.stderr == ""


def test_destroy_ends_a_capture_that_was_not_closed(
    run_host: RunHost, library: Path, replay_file: ReplayFile
) -> None:
    """Its poller, which waits for room in the queue, comes out of its push; memory stays whole."""
    ran = run_host("host_destroy_open", library, f"file://{replay_file(IDS)}")
    assert (ran.stdout, ran.stderr) == ("1\n1\n", "")
    assert ran.returncode == 0


def test_a_dry_run_beside_a_capture_disturbs_nothing(
    run_host: RunHost, library: Path, replay_file: ReplayFile
) -> None:
    """While one handle captures, others are loaded, inited, destroyed and unloaded."""
    ran = run_host("host_dry_run", library, f"file://{replay_file(IDS)}")
    assert ran.stdout.splitlines() == IDS
    assert ran.stderr == ""


def test_a_second_capture_never_answers_with_the_first_ones_event(
    run_host: RunHost, library: Path, tmp_path: Path
) -> None:
    """Same address, event number, length and time, other contents: the answer is the new one."""
    first, second = tmp_path / "1.json", tmp_path / "2.json"
    first.write_text(json.dumps(audit_event("aaaa")))
    second.write_text(json.dumps(audit_event("bbbb")))
    ran = run_host("host_same_event", library, f"file://{first}", f"file://{second}")
    (length_1, id_1), (length_2, id_2) = (line.split() for line in ran.stdout.splitlines())
    assert length_1 == length_2, "the test needs events of one length"
    assert (id_1, id_2) == ("aaaa", "bbbb")


def test_an_answer_outlives_other_questions_about_its_event(
    run_host: RunHost, library: Path, tmp_path: Path
) -> None:
    """Hosts read it then: libsinsp before falcosecurity/libs#2935, after `exists`."""
    event = audit_event("a") | {
        "objectRef": {"resource": "pods"},
        "responseStatus": {"code": 201},
        "requestObject": {
            "spec": {"volumes": [{"hostPath": {"path": "//etc"}}]},
            "subjects": [{"kind": "User"}],
        },
    }
    path = tmp_path / "event.json"
    path.write_text(json.dumps(event))
    ran = run_host("host_kept_answers", library, f"file://{path}")
    assert ran.stdout == '/etc 201 {"kind":"User"}\n'
