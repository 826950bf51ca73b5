"""A real host for every test here: sysdig from Debian forky, and Falco where it is on the PATH."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from demo import hosts
from demo.local_cloudwatch import LocalCloudWatch

from host import Falco, Host, Sysdig

AVAILABLE = ["sysdig", *(["falco"] if hosts.falco_command() else [])]


@pytest.fixture(scope="session")
def library() -> Path:
    """The library that `make` built."""
    if not hosts.LIBRARY.exists():
        pytest.fail(f"{hosts.LIBRARY} is missing: run make")
    return hosts.LIBRARY


@pytest.fixture(scope="session")
def sysdig_root() -> list[str]:
    """The command of a sysdig; builds its root if it is missing and we may."""
    if hosts.sysdig_command() is None and os.geteuid() == 0:
        for script in (["scripts/system-packages.sh", "host"], ["scripts/host-root.sh"]):
            subprocess.run([str(hosts.PROJECT / script[0]), *script[1:]], check=True)
    command = hosts.sysdig_command()
    if command is None:
        pytest.skip(hosts.HOW_TO_GET_ONE)
    return command


@pytest.fixture(params=AVAILABLE)
def host(request: pytest.FixtureRequest, library: Path, tmp_path: Path) -> Host:
    """A host that runs the plugin; each test runs with each host there is."""
    if request.param == "falco":
        command = hosts.falco_command()
        assert command is not None
        return Falco(command, library, tmp_path)
    return Sysdig(request.getfixturevalue("sysdig_root"), library, tmp_path)


@pytest.fixture(scope="session")
def cloudwatch() -> Iterator[LocalCloudWatch]:
    """A local CloudWatch Logs, empty but for what tests put there."""
    with LocalCloudWatch() as server:
        yield server


@pytest.fixture(scope="session")
def new_cluster(cloudwatch: LocalCloudWatch) -> Callable[[], str]:
    """Makes a cluster with a log group of its own; returns its name."""
    numbers = itertools.count(1)

    def make() -> str:
        name = f"cluster-{next(numbers)}"
        cloudwatch.create_cluster(name)
        return name

    return make
