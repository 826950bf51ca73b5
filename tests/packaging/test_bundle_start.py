"""The bundle's start: beside another build in one process, and when it is not whole."""

from __future__ import annotations

import gzip
import os
import re
import shutil
import sys
from pathlib import Path

import pytest
from bundle import FOLDER
from bundle.libraries import GLIBC
from installation import AUDIT_EVENT, ROOT, compile_host, run

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


def test_a_python_can_host_it(bundle: Path, tmp_path: Path) -> None:
    """library_host in any Python: the bundle starts its own beside it."""
    (tmp_path / "event.json").write_text(AUDIT_EVENT)
    code = (
        "import sys; from pathlib import Path; from k8saudit_eks.library_host import Library\n"
        "with Library(Path(sys.argv[1])).init() as handle, handle.open(sys.argv[2]) as instance:\n"
        "    extraction = handle.extraction([('ka.auditid', None)])\n"
        "    print([extraction.of(event) for event in instance])\n"
        "print('k8saudit_eks.embed' in sys.modules)"
    )
    ran = run([sys.executable, "-c", code, bundle / LIBRARY, f"file://{tmp_path}/event.json"])
    assert ran.splitlines() == ["[['installed']]", "False"]


@pytest.mark.skipif(os.geteuid() != 0, reason="chroot needs root")
def test_a_root_with_glibc_alone_is_enough(bundle: Path, tmp_path: Path) -> None:
    """In a folder that holds glibc's libraries, a host and the bundle, a packed file is read."""
    program = compile_host(tmp_path)
    (libc,) = {
        Path(line.split()[-1])
        for line in Path("/proc/self/maps").read_text("utf-8").splitlines()
        if line.endswith("/libc.so.6")
    }
    (loader,) = re.findall(r"(/\S*ld-linux\S+) \(", run(["ldd", program]))
    root = tmp_path / "root"
    shutil.copytree(bundle, root / "plugins")
    for name in sorted(GLIBC):
        if (libc.parent / name).exists():
            for folder in (libc.parent, Path(loader).parent):
                target = root / folder.relative_to("/") / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(libc.parent / name, target)
    shutil.copy(program, root)
    (root / "events.jsonl.gz").write_bytes(gzip.compress(AUDIT_EVENT.encode()))
    host = ["chroot", str(root), f"/{program.name}", f"/plugins/{LIBRARY}", ""]
    lines = run([*host, "file:///events.jsonl.gz"]).splitlines()
    assert [line for line in lines if not line.startswith("log ")] == ["installed", "end"]


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
