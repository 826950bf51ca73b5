"""The plugin built by Debian forky's own compiler for its own Python (3.14)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from installation import AUDIT_EVENT, ROOT, run

HOST_ROOT = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"), "k8saudit-eks", "forky")
PACKAGES = ["boto3", "cffi", "pyyaml", "jsonpath-ng", "click", "rich", "setuptools", "wheel"]


@pytest.fixture(scope="module")
def forky() -> Path:
    """The forky root with Python and compilers in it."""
    if os.geteuid() != 0:
        pytest.skip("building inside the forky root needs root: run make test with sudo once")
    run([ROOT / "scripts" / "system-packages.sh", "host"])
    run([ROOT / "scripts" / "host-root.sh", "--with-python"])
    return HOST_ROOT


# sysdig looks into /proc when it opens. The mount lives in a namespace of this
# process alone and goes with it.
WITH_PROC = [
    "unshare",
    "--mount",
    "sh",
    "-c",
    'mount -t proc proc "$0/proc" && exec chroot "$0" "$@"',
]


def chroot(root: Path, *command: str) -> str:
    """Run a command inside the root that must succeed; returns its stdout."""
    clean = {"PATH": "/usr/sbin:/usr/bin", "HOME": "/root", "LC_ALL": "C.UTF-8"}
    finished = subprocess.run(
        [*WITH_PROC, str(root), *command],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
        env=clean,
    )
    assert finished.returncode == 0, f"{command}\n{finished.stdout}\n{finished.stderr}"
    return finished.stdout


def test_a_build_for_python_3_14_runs_in_sysdig(forky: Path) -> None:
    """pip install in forky's Python, and sysdig there prints a field of a replayed event.

    The root needs no network: what pip installs is downloaded outside.
    """
    version = chroot(forky, "python3", "-c", "import sys; print('%d.%d' % sys.version_info[:2])")
    version = version.strip()
    work = forky / "k8saudit-eks"
    shutil.rmtree(work, ignore_errors=True)
    try:
        (work / "source").mkdir(parents=True)
        for name in ("csrc", "rules", "src"):
            ignore = shutil.ignore_patterns("__pycache__", "*.egg-info", "*.so")
            shutil.copytree(ROOT / name, work / "source" / name, ignore=ignore)
        build = ("build_plugin.py", "native_build.py", "setup.py")
        for name in (*build, "pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(ROOT / name, work / "source")
        wheels = work / "wheels"
        target = ["--only-binary=:all:", "--python-version", version, "--implementation", "cp"]
        run([sys.executable, "-m", "pip", "download", "-q", *target, "-d", wheels, *PACKAGES])
        (work / "event.json").write_text(AUDIT_EVENT)

        inside = "/k8saudit-eks"
        chroot(forky, "python3", "-m", "venv", f"{inside}/venv")
        offline = ["--no-index", f"--find-links={inside}/wheels"]
        pip = [f"{inside}/venv/bin/pip", "install", "-q", *offline]
        chroot(forky, *pip, f"{inside}/source")
        library = chroot(forky, f"{inside}/venv/bin/k8saudit-eks", "path").strip()
        printed = chroot(
            forky, "sysdig", "-H", f"{library}:", "-I",
            f"k8saudit-eks:file://{inside}/event.json", "-p", "*%ka.auditid %ka.verb",
        )  # fmt: skip
        assert printed.split() == ["installed", "get"]
    finally:
        shutil.rmtree(work, ignore_errors=True)
