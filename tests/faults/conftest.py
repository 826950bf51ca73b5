"""A real host for the tests here that need one; see tests/host."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# The project's demo package, and the modules that other folders of tests share.
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "host"), str(ROOT / "tests" / "abi")]

from counting import compile_host  # noqa: E402 (the path comes first)
from demo import hosts  # noqa: E402

from host import Sysdig  # noqa: E402


@pytest.fixture(scope="session")
def library() -> Path:
    """The library that `make` built."""
    if not hosts.LIBRARY.exists():
        pytest.fail(f"{hosts.LIBRARY} is missing: run make")
    return hosts.LIBRARY


@pytest.fixture
def sysdig(library: Path, tmp_path: Path) -> Sysdig:
    """A real host; skipped where there is none."""
    command = hosts.sysdig_command()
    if command is None:
        pytest.skip(hosts.HOW_TO_GET_ONE)
    return Sysdig(command, library, tmp_path)


@pytest.fixture(scope="session")
def counting_host() -> Path:
    """The program of host_counting.c."""
    return compile_host()


@pytest.fixture(autouse=True)
def no_ambient_aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Only what a test sets: invented credentials, no profile, no instance role."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "aws-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "aws-credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
