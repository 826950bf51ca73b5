"""The bundle, built once a session, and roots to run it in."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bare_root import BareRoot, forky_root
from demo.local_cloudwatch import LocalCloudWatch
from installation import ROOT, run

DEBIAN_PYTHON = Path("/usr/bin/python3")

# The Python that the tests run with (a user's own, or Debian's), and Debian's.
PYTHONS = sorted(
    {
        Path(sys.base_prefix, "bin", "python3").resolve(),
        *([DEBIAN_PYTHON.resolve()] if DEBIAN_PYTHON.exists() else []),
    }
)


@pytest.fixture(scope="session", params=PYTHONS, ids=str)
def environment(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh virtual environment in which `pip install .` was run."""
    folder = tmp_path_factory.mktemp("pip")
    run([request.param, "-m", "venv", folder / "venv"])
    python = folder / "venv" / "bin" / "python"
    run([python, "-m", "pip", "install", "-q", ROOT])
    return folder


@pytest.fixture(scope="session")
def bundle_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive that `make bundle` builds of the sources as they are."""
    output = tmp_path_factory.mktemp("dist")
    run([sys.executable, "-m", "bundle.build", "--output", output], cwd=ROOT)
    (archive,) = output.iterdir()
    return archive


@pytest.fixture(scope="session")
def bundle(bundle_archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the archive's contents; tests leave it as it is."""
    folder = tmp_path_factory.mktemp("bundle")
    run(["tar", "-xzf", bundle_archive, "-C", folder])
    return folder


@pytest.fixture(scope="session")
def bare_root(tmp_path_factory: pytest.TempPathFactory) -> BareRoot:
    """A forky root with sysdig, in which nothing sees its Python unless it asks to."""
    if os.geteuid() != 0:
        pytest.skip("mounting a root without Python needs root: run make test with sudo once")
    run([ROOT / "scripts" / "system-packages.sh", "host"])
    # With Python: another one beside the bundle's, for the test that wants it.
    run([ROOT / "scripts" / "host-root.sh", "--with-python"])
    return BareRoot(forky_root(), tmp_path_factory.mktemp("bare"))


@pytest.fixture(scope="session")
def cloudwatch() -> Iterator[LocalCloudWatch]:
    """A local CloudWatch Logs with one cluster."""
    with LocalCloudWatch() as server:
        server.create_cluster()
        yield server
