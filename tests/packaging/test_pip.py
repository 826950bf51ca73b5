"""pip install gives a library that hosts can load, wherever Python comes from."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

from installation import AUDIT_EVENT, ROOT, compile_host, run


def replay(folder: Path, library: str) -> list[str]:
    """What a host prints that replays one event through the library; not its log."""
    event = folder / "event.json"
    event.write_text(AUDIT_EVENT)
    host = compile_host(folder)
    lines = run([host, library, "", f"file://{event}"]).splitlines()
    return [line for line in lines if not line.startswith("log ")]


def test_the_installed_library_works_in_a_host(environment: Path) -> None:
    """`k8saudit-eks path` names a library that a host loads and replays an event with."""
    command = environment / "venv" / "bin" / "k8saudit-eks"
    library = run([command, "path"]).strip()
    assert library.startswith(str(environment))
    assert replay(environment, library) == ["installed", "end"]


def test_a_folder_without_an_environment_works_too(environment: Path) -> None:
    """The same files in a plain folder, as `pip install --target` lays them out, work as well."""
    packages = next((environment / "venv" / "lib").glob("python3.*/site-packages"))
    target = environment / "target"
    if not target.exists():
        run(["cp", "-r", packages, target])
    library = target / "k8saudit_eks" / "libk8saudit-eks.so"
    assert replay(environment, str(library)) == ["installed", "end"]


def test_the_installed_command_asks_the_library(environment: Path) -> None:
    """Python may be a program of its own (Debian's) or one with a libpython; on any path."""
    event = environment / "extracted.json"
    event.write_text(AUDIT_EVENT)
    bin_folder = environment / "venv" / "bin"
    command = bin_folder / "k8saudit-eks"
    assert run([command, "extract", event, "ka.auditid"], cwd=environment) == "installed\n"
    path = f"PATH={bin_folder}:{os.environ['PATH']}"
    by_name = ["env", path, "python3", "-m", "k8saudit_eks.cli"]
    assert run([*by_name, "extract", event, "ka.auditid"], cwd=environment) == "installed\n"


def test_the_package_holds_the_rules_and_no_tests(environment: Path) -> None:
    """Library, its ABI, rules and the typing marker are in the package; tests are not."""
    packages = next((environment / "venv" / "lib").glob("python3.*/site-packages"))
    package = packages / "k8saudit_eks"
    installed = {str(path.relative_to(package)) for path in package.rglob("*")}
    rules = {f"rules/{path.name}" for path in (ROOT / "rules").glob("*.yaml")}
    assert rules
    headers = {f"library_host/abi/{name}" for name in ("falco_abi.h", "severity.cdef.h")}
    assert rules | headers | {"libk8saudit-eks.so", "py.typed"} <= installed
    assert not any(name.endswith((".c", ".cpp")) for name in installed)
    assert not any("test" in Path(name).name for name in installed)


def test_the_wheel_is_marked_as_binary(tmp_path: Path) -> None:
    """`pip wheel` gives a wheel for this platform and Python: the library fits no other."""
    run([sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation",
         "-w", tmp_path, ROOT])  # fmt: skip
    (wheel,) = tmp_path.glob("*.whl")
    version = f"cp{sys.version_info.major}{sys.version_info.minor}"
    assert f"-{version}-{version}-linux_" in wheel.name
    names = zipfile.ZipFile(wheel).namelist()
    assert "k8saudit_eks/libk8saudit-eks.so" in names


def test_a_python_that_can_not_be_embedded_is_refused(tmp_path: Path) -> None:
    """build_plugin.py says what is missing instead of linking something that can't start."""
    probe = "import sysconfig; sysconfig.get_config_vars()['Py_ENABLE_SHARED'] = 0"
    code = f"{probe}; import runpy; runpy.run_path('build_plugin.py', run_name='__main__')"
    finished = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": ""},
    )
    assert finished.returncode == 1
    assert "without a shared libpython" in finished.stderr
