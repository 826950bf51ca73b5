"""Python's logging, as a host's log gets it."""

from __future__ import annotations

import logging

import pytest

from k8saudit_eks.host_log import HostLogHandler, plugin_logger, severity


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        (logging.CRITICAL, 2),
        (logging.ERROR, 3),
        (logging.WARNING, 4),
        (logging.INFO, 6),
        (logging.DEBUG, 7),
        (5, 8),
    ],
)
def test_levels_have_the_hosts_severities(level: int, expected: int) -> None:
    """Each level maps to the plugin API's severity of the same meaning."""
    assert severity(level) == expected


def test_records_reach_only_their_own_host(capfd: pytest.CaptureFixture[str]) -> None:
    """Two handles in one process log to two hosts, and neither to a standard stream."""
    first: list[tuple[int, str]] = []
    second: list[tuple[int, str]] = []
    log = plugin_logger(HostLogHandler(lambda level, text: first.append((level, text))))
    plugin_logger(HostLogHandler(lambda level, text: second.append((level, text))))
    log.warning("%d events wait", 3)
    log.debug("an event's contents")
    assert first == [(4, "3 events wait")]
    assert second == []
    assert capfd.readouterr() == ("", "")


def test_a_bad_format_loses_no_message(capfd: pytest.CaptureFixture[str]) -> None:
    """A record that can't be formatted is logged as it is, and nothing is printed."""
    lines: list[str] = []
    log = plugin_logger(HostLogHandler(lambda level, text: lines.append(text)))
    log.error("%d of %d", "three")
    assert len(lines) == 1
    assert lines[0].startswith("%d of %d")
    assert capfd.readouterr() == ("", "")
