"""No export claims success for what it can't do."""

from __future__ import annotations

from pathlib import Path

from boundary import RunHost


def test_every_export_presets_refusal(run_host: RunHost, library: Path) -> None:
    """Missing handles, bad config, bad open params and malformed events are all refused.

    libsinsp initialises neither `rc` before init and open nor `nevts` before
    next_batch: the host here presets them with garbage.
    """
    ran = run_host("host_refusals", library)
    assert (ran.stdout, ran.stderr) == ("refused\n", "")


def test_a_long_refusal_is_whole_in_the_log(
    run_host: RunHost, library: Path, tmp_path: Path
) -> None:
    """A sentence longer than what hosts show of an error is logged as well, to its end."""
    missing = tmp_path / ("x" * 240)
    ran = run_host("host_replay", library, "", f"file://{missing}")
    logged, refused = ran.stdout.splitlines()
    assert logged.removeprefix("log 3: ") == refused.removeprefix("open: ")
    assert str(missing) in refused
    assert ran.stderr == ""
