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
