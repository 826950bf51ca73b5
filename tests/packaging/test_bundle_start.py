"""The bundle's start: beside another build in one process, and when it is not whole."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from bundle import FOLDER
from installation import ROOT, compile_host, run

LIBRARY = "libk8saudit-eks.so"


@pytest.fixture(scope="module")
def host_two_copies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """tests/abi's host that loads and inits two libraries."""
    return compile_host(tmp_path_factory.mktemp("start"), "host_two_copies")


@pytest.mark.parametrize("bundle_first", [True, False])
def test_it_mixes_with_no_other_build(
    host_two_copies: Path, bundle: Path, bundle_first: bool
) -> None:
    """Beside the library of this checkout, each starts a Python of its own, in either order.

    Both are of one version, and the checkout's shows its symbols to the whole process:
    nothing in the bundle may take one of them for its own.
    """
    libraries = [bundle / LIBRARY, ROOT / "build" / LIBRARY]
    ordered = libraries if bundle_first else libraries[::-1]
    assert run([host_two_copies, *ordered]).splitlines() == ["started", "started"]


@pytest.mark.parametrize("part", ["python*.zip", "python*/lib-dynload", "python*/site-packages"])
def test_a_part_that_is_missing_is_named(bundle: Path, tmp_path: Path, part: str) -> None:
    """An archive that was unpacked in part refuses init with what to do."""
    shutil.copytree(bundle, tmp_path / "plugins")
    folder = tmp_path / "plugins" / FOLDER
    (missing,) = (folder / "lib").glob(part)
    missing.rename(tmp_path / "taken away")
    program = compile_host(tmp_path, "host_start")
    first, second = run([program, tmp_path / "plugins" / LIBRARY]).splitlines()
    assert first == second
    assert first == (
        f"init: k8saudit-eks finds no readable {missing.relative_to(folder)} in {folder}: "
        "unpack its archive again, whole"
    )
