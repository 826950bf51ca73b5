"""csrc/abi/falco_abi.h against the hosts' own headers, and the export list against both."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
from pathlib import Path

import cffi
import pytest
from boundary import ABI, CSRC, ROOT, native

from k8saudit_eks.host_log import severity

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


def drift(folder: Path, header: str, declared: str, drifted: str) -> None:
    """A copy of csrc/ in this folder, in which one header says something else."""
    shutil.copytree(CSRC, folder, dirs_exist_ok=True)
    text = (CSRC / header).read_text("utf-8")
    assert declared in text
    (folder / header).write_text(text.replace(declared, drifted), "utf-8")


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
    drift(tmp_path, "abi/falco_abi.h", declared, drifted)
    compiled = compile_drift(headers, tmp_path)
    assert compiled.returncode != 0
    assert "static assertion failed" in compiled.stderr


@pytest.mark.parametrize(
    ("header", "declared", "drifted"),
    [
        ("python/python_calls_c.cdef.h", "uint32_t metric, int64_t", "uint64_t metric, int64_t"),
        ("python/python_calls_c.cdef.h", "int32_t kae_queue_set_cap", "uint32_t kae_queue_set_cap"),
        ("queue/queue.h", "uint64_t kae_queue_delivered(", "uint32_t kae_queue_delivered("),
        ("abi/plugin.h", "int32_t severity, const", "uint32_t severity, const"),
    ],
)
def test_a_prototype_that_python_reads_otherwise_does_not_compile(
    tmp_path: Path, header: str, declared: str, drifted: str
) -> None:
    """What cffi reads, and the headers of C, can't say different things."""
    source = tmp_path / "boundary.c"
    source.write_text('#include "python/callbacks.h"\n')
    include = [tmp_path, native.generate_tables().folder]
    command = ["gcc", "-std=c11", "-fsyntax-only", *(f"-I{folder}" for folder in include), source]
    drift(tmp_path, header, "", "")
    assert subprocess.run(command, check=False).returncode == 0
    drift(tmp_path, header, declared, drifted)
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert refused.returncode != 0
    assert "conflicting types" in refused.stderr


def test_log_levels_become_the_hosts_severities() -> None:
    """host_log.py's numbers are those of the ABI."""
    ffi = cffi.FFI()
    ffi.cdef((CSRC / "abi" / "severity.cdef.h").read_text("utf-8"))
    names = ffi.typeof("enum kae_abi_severity").elements
    levels = ("CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG")
    told = {f"KAE_ABI_{name}": severity(getattr(logging, name)) for name in levels}
    assert told | {"KAE_ABI_TRACE": severity(1)} == {
        name: value for value, name in names.items() if name in told or name == "KAE_ABI_TRACE"
    }


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
