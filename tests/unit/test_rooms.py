"""Rooms import and include what pyproject.toml lets them, and ARCHITECTURE.md says so."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import grimp
import pytest

from k8saudit_eks.docs.rooms import PAGE, ROOMS, settings

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from bundle.contents import ROOMS_OF_THE_PLUGIN  # noqa: E402 - the path above comes first

CSRC = ROOT / "csrc"
PACKAGE = ROOT / "src" / "k8saudit_eks"
LINT = (
    "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
)

Includes = Mapping[str, Sequence[str]]


def lint(source: Path) -> subprocess.CompletedProcess[str]:
    """The contracts of pyproject.toml, on the package in this folder."""
    code = f"import sys; sys.path.insert(0, {str(source)!r}); {LINT}"
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_every_import_is_allowed() -> None:
    """No room of the package imports what its contract forbids."""
    ran = lint(ROOT / "src")
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize(
    ("file", "line", "broken"),
    [
        ("delivery/seen.py", "import botocore.session", "delivery -> botocore"),
        ("sources/replay/files.py", "from _k8saudit_eks import lib", "sources -> _k8saudit_eks"),
        ("config/checks.py", "from k8saudit_eks.delivery import seen", "config -> delivery"),
        ("errors.py", "def f():\n    import k8saudit_eks.cli.main", "in a host -> cli"),
    ],
)
def test_a_forbidden_import_is_found(tmp_path: Path, file: str, line: str, broken: str) -> None:
    """Also one inside a function, and one by a detour into what a host must not load."""
    copy = tmp_path / "k8saudit_eks"
    subprocess.run(["cp", "-r", PACKAGE, copy], check=True)
    changed = copy / file
    changed.write_text(f"{changed.read_text('utf-8')}\n{line}\n", "utf-8")
    ran = lint(tmp_path)
    room, _, module = broken.partition(" -> ")
    assert ran.returncode != 0
    assert f"{room} BROKEN" in ran.stdout
    assert re.search(rf"is not allowed to import (k8saudit_eks\.)?{module}\b", ran.stdout)


def test_every_room_of_the_package_has_a_contract() -> None:
    """A new module has to say what it may not import."""
    contracts = settings()["importlinter"]["contracts"]
    said = {name for contract in contracts for name in contract["source_modules"]}
    rooms = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or path.is_dir()}
    assert rooms - {"__init__", "__pycache__"} == {n.removeprefix("k8saudit_eks.") for n in said}


def test_the_bundle_holds_the_rooms_that_run_in_a_host() -> None:
    """Whatever embed.py imports, on whatever way, and no other room."""
    graph = grimp.build_graph("k8saudit_eks", cache_dir=None)
    modules = {"k8saudit_eks.embed", *graph.find_upstream_modules("k8saudit_eks.embed")}
    rooms = {f"{name}.__init__".split(".")[1] for name in modules}
    assert set(ROOMS_OF_THE_PLUGIN) == rooms


def included(folder: Path) -> Iterator[tuple[str, str, str]]:
    """(room, room that it includes, file) for each include of a project's header."""
    for path in sorted(folder.rglob("*.[ch]*")):
        for room in re.findall(r'^#include "(\w+)/', path.read_text("utf-8"), re.MULTILINE):
            yield path.relative_to(folder).parts[0], room, path.name


def not_allowed(folder: Path, allowed: Includes) -> list[tuple[str, str, str]]:
    return [
        found
        for found in included(folder)
        if found[1] != found[0] and found[1] not in allowed[found[0]]
    ]


def test_every_include_is_allowed(tmp_path: Path) -> None:
    """No room of csrc/ includes a header of a room that it must not know."""
    allowed: Includes = settings()["k8saudit-eks"]["includes"]
    assert {path.name for path in CSRC.iterdir()} == set(allowed)
    assert not_allowed(CSRC, allowed) == []
    (tmp_path / "json").mkdir()
    (tmp_path / "json" / "cut.cpp").write_text('#include "queue/queue.h"\n')
    assert not_allowed(tmp_path, allowed) == [("json", "queue", "cut.cpp")]


def test_the_table_of_rooms_is_up_to_date() -> None:
    """ARCHITECTURE.md has what `make generate` writes, and each room of it exists."""
    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    assert PAGE.updated(text) == text
    for room in ROOMS:
        first = re.findall(r"`([^`]+)`", room.name)[0]
        assert (ROOT / first).exists(), room.name
