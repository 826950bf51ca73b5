"""csrc/abi/falco_abi.h against the hosts' own headers, and the export list against both."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from boundary import ABI, CSRC, ROOT

ROOTS = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"), "k8saudit-eks")


# Debian suites: plugin API 3.10, as Falco 0.40 has it, and a newer one.
@pytest.fixture(scope="module", params=["trixie", "forky"])
def headers(request: pytest.FixtureRequest) -> Path:
    """The headers of a Debian's libfalcosecurity0-dev."""
    folder = ROOTS / request.param / "usr" / "include" / "falcosecurity"
    if not folder.is_dir():
        if os.geteuid() != 0:
            pytest.skip(f"{folder} is missing: run sudo make hosts once")
        for script in (["system-packages.sh", "host"], ["host-root.sh", request.param]):
            subprocess.run([ROOT / "scripts" / script[0], *script[1:]], check=True)
    return folder


def compile_drift(headers: Path, abi: Path) -> subprocess.CompletedProcess[str]:
    command = ["gcc", "-std=c11", "-Wall", "-Wextra", "-Werror", f"-I{abi}", "-isystem", headers]
    return subprocess.run(
        [*command, "-fsyntax-only", ABI / "abi_drift.c"],
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_size_and_offset_agrees(headers: Path) -> None:
    """The static assertions of abi_drift.c hold beside the real headers."""
    compiled = compile_drift(headers, CSRC)
    assert compiled.returncode == 0, compiled.stderr


@pytest.mark.parametrize(
    ("declared", "drifted"),
    [
        ("uint32_t len_bytes; /* of", "uint64_t len_bytes; /* of"),
        (
            "    uint64_t arg_index;\n    uint32_t arg_present;",
            "    uint32_t arg_present;\n    uint64_t arg_index;",
        ),
        ("KAE_ABI_END_OF_FILE = 2", "KAE_ABI_END_OF_FILE = 4"),
    ],
)
def test_a_drifted_declaration_does_not_compile(
    headers: Path, tmp_path: Path, declared: str, drifted: str
) -> None:
    """A changed size, order or constant is refused by the compiler."""
    text = (CSRC / "abi" / "falco_abi.h").read_text()
    assert declared in text
    (tmp_path / "abi").mkdir()
    (tmp_path / "abi" / "falco_abi.h").write_text(text.replace(declared, drifted))
    compiled = compile_drift(headers, tmp_path)
    assert compiled.returncode != 0
    assert "static assertion failed" in compiled.stderr


def test_only_the_hosts_symbols_are_exported(library: Path) -> None:
    """Nothing but plugin_* leaves the library: no clash with what the host links."""
    listing = subprocess.run(
        ["nm", "-D", "--defined-only", "-f", "posix", library],
        capture_output=True,
        text=True,
        check=True,
    )
    names = {line.split()[0] for line in listing.stdout.splitlines()}
    assert {name for name in names if not name.startswith("plugin_")} == set()
    assert {"plugin_init", "plugin_next_batch", "plugin_extract_fields"} <= names
