"""Tests marked `both_ways` run with each implementation of the log events."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# Not every way to start pytest has read pyproject.toml's pythonpath by now.
sys.path += [str(Path(__file__).parent / folder) for folder in ("reference", "native")]

import readers

BOTH_WAYS = ["reference", "native-bytes"]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Nothing to choose where somebody asked for one of them."""
    if readers.ASKED is None and metafunc.definition.get_closest_marker("both_ways"):
        metafunc.parametrize("log_events_way", BOTH_WAYS, indirect=True)


@pytest.fixture(autouse=True)
def log_events_way(request: pytest.FixtureRequest) -> Iterator[None]:
    """Which implementation the test runs with."""
    way: str | None = getattr(request, "param", None)
    if way is None:
        yield
        return
    with readers.chosen(way):
        yield
