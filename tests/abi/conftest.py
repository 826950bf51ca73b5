"""Small C hosts, compiled where they changed and run as processes of their own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sysconfig
from collections.abc import Sequence
from pathlib import Path

import pytest
from boundary import (
    BUILD,
    ROOT,
    ReplayFile,
    RunHost,
    audit_event,
    compile_host,
    version_dir,
)


@pytest.fixture(scope="session")
def library() -> Path:
    """The library that `make` built."""
    path = BUILD / "libk8saudit-eks.so"
    if not path.exists():
        pytest.fail(f"{path} is missing: run make")
    return path


@pytest.fixture(scope="session")
def run_host() -> RunHost:
    """run_host(name, *arguments, env=…): one of the host_*.c programs, run to its end."""

    def run(
        name: str,
        *arguments: str | Path,
        env: dict[str, str] | None = None,
        cwd: Path | None = None,
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [compile_host(name), *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            cwd=cwd,
            env={**os.environ, **(env or {})},
        )

    return run


@pytest.fixture
def replay_file(tmp_path: Path) -> ReplayFile:
    """replay_file(audit_ids): a file with one event for each id."""

    def write(audit_ids: Sequence[str]) -> Path:
        path = tmp_path / f"{audit_ids[0]}.jsonl"
        path.write_text("".join(json.dumps(audit_event(i)) + "\n" for i in audit_ids))
        return path

    return write


@pytest.fixture
def environment(tmp_path: Path, library: Path) -> Path:
    """A virtual environment's layout around a copy of the library and of the package.

    Dependencies come from the environment that runs the tests. Returns the copy of
    the package; tests may break it.
    """
    site_packages = tmp_path / "env" / "lib" / version_dir() / "site-packages"
    site_packages.mkdir(parents=True)
    (tmp_path / "env" / "pyvenv.cfg").write_text(
        f"home = {sysconfig.get_config_var('BINDIR')}\ninclude-system-site-packages = false\n"
    )
    package = site_packages / "k8saudit_eks"
    shutil.copytree(
        ROOT / "src" / "k8saudit_eks", package, ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copy(library, package)
    (site_packages / "dependencies.pth").write_text(sysconfig.get_path("platlib") + "\n")
    return package
