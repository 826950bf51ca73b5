"""AWS refuses everything for most of an hour: patience while it does, and all of it afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fakes import client_error
from history import History

FROM_S, UNTIL_S = 600, 3_000


@pytest.mark.parametrize("polling_interval_s", [1, 5])
@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("AccessDeniedException", 400),
        ("ServiceUnavailableException", 503),
        ("ThrottlingException", 400),
    ],
)
def test_patience_while_everything_is_refused(
    code: str, status: int, polling_interval_s: int, tmp_path: Path
) -> None:
    """At most a call a second, no wake-up in vain; then nothing is lost and soon all is read."""
    history = History(tmp_path, hours=1.0, config={"polling_interval": polling_interval_s})
    calls = 0

    def before(request: dict[str, Any]) -> None:
        nonlocal calls
        if FROM_S <= history.clock.now_s - history.start_ms / 1000 < UNTIL_S:
            calls += 1
            raise client_error(code, status=status)

    history.before = before
    history.run(4_500)
    assert 50 <= calls <= UNTIL_S - FROM_S
    # A wait for each call, and some for what is due meanwhile: twenty times as many is a loop.
    assert history.waits <= 20_000
    assert history.lost == []
    assert history.repeated == 0
    assert min(history.host.ids[55:]) <= 500
    # Two minutes after the end each event comes with the first poll again.
    after_ms = history.start_ms + (UNTIL_S + 120) * 1000
    waits_ms = [
        history.queue.came_ms[event.event_id] - event.visible_ms
        for event in history.written
        if event.timestamp_ms > after_ms
    ]
    assert max(waits_ms) <= polling_interval_s * 1000 + 1_000
