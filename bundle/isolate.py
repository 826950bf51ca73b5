"""Gives the bundle's shared libraries names of their own, so that no host mixes with them.

A host may have another libssl, libstdc++ or libpython in its process. The loader takes
a library that is there for one that is needed by the same name (DT_SONAME), and looks
for every symbol in the host's own libraries first. So each library of the bundle gets
another soname, and each symbol that a file of the bundle defines another name, in all
files of the bundle alike. Libraries then find each other by DT_RUNPATH from $ORIGIN, and
extension modules find libpython by a DT_NEEDED entry that they lack otherwise: nothing
has to be put into the host's global scope.

patchelf(1) does the writing, strip(1) takes the symbols away that only debuggers read.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bundle import elf
from bundle.libraries import GLIBC

SYMBOL_PREFIX = "kae_"

# Written by the linker into every file, which each keeps.
_OF_THE_FILE = frozenset({"_init", "_fini", "_edata", "_end", "__bss_start"})
# By these, Python and the host find what they have loaded. libpython has some too, but
# finds its own otherwise.
_LOOKED_UP_BY_NAME = ("PyInit_", "plugin_")


class IsolationError(Exception):
    """A file can't be changed; says which and why."""


@dataclass(frozen=True)
class Names:
    """New names in the bundle.

    Attributes:
        sonames: of each library, by the soname it had.
        symbols: of each symbol that a file defines, by the name it had.
    """

    sonames: Mapping[str, str]
    symbols: Mapping[str, str]


def private_soname(soname: str, version: str) -> str:
    """The soname in the bundle: libssl.so.3 becomes libssl-k8saudit-eks-0.100.0.so.3."""
    stem, dot, rest = soname.partition(".so")
    return f"{stem}-k8saudit-eks-{version}{dot}{rest}"


def choose_names(sonames: Iterable[str], files: Iterable[Path], version: str) -> Names:
    """Names for the libraries and for what all files of the bundle define.

    Raises:
        IsolationError: a file defines a symbol that glibc has too, so that its users may
            mean either.
    """
    defined = {
        name for path in files for name in elf.read(path).defined if name not in _OF_THE_FILE
    }
    ambiguous = defined & _glibc_symbols()
    if ambiguous:
        raise IsolationError(f"both glibc and the bundle define {', '.join(sorted(ambiguous))}")
    return Names(
        {soname: private_soname(soname, version) for soname in sonames},
        {name: SYMBOL_PREFIX + name for name in sorted(defined)},
    )


def isolate(path: Path, names: Names, libraries_dir: Path, libpython: str, work: Path) -> None:
    """Rename in one file of the bundle, in place.

    Args:
        libraries_dir: where the bundle's libraries lie, beside or above the file.
        libpython: the soname that libpython had.
        work: a folder for intermediate files.
    """
    _run("strip", "--strip-unneeded", path)
    before = elf.read(path)
    is_library = before.soname in names.sonames
    symbols_file = work / "symbols.map"
    symbols_file.write_text(
        "".join(
            f"{old} {new}\n"
            for old, new in names.symbols.items()
            if is_library or not old.startswith(_LOOKED_UP_BY_NAME)
        )
    )
    command: list[str | Path] = ["--rename-dynamic-symbols", symbols_file]
    if is_library:
        command += ["--set-soname", names.sonames[before.soname]]
    for needed in before.needed:
        if needed in names.sonames:
            command += ["--replace-needed", needed, names.sonames[needed]]
    if libpython not in before.needed and any(map(_is_pythons, before.undefined)):
        command += ["--add-needed", names.sonames[libpython]]
    relative = os.path.relpath(libraries_dir, path.parent)
    command += ["--set-rpath", "$ORIGIN" if relative == "." else f"$ORIGIN/{relative}"]
    _run(_patchelf(), *command, path)


def scrub(path: Path, folder: str) -> None:
    """Overwrite a folder's name inside a binary file with one of the same length.

    libpython carries the folder that it was installed to. The bundle never uses it:
    csrc/python/interpreter.c sets every path. The last part stays, since linkers let one string
    be the end of another: of .../3.11.7, the version.
    """
    old = folder.encode()
    parent, slash, last = old.rpartition(b"/")
    new = (b"/nonexistent" + b"_" * len(parent))[: len(parent)] + slash + last
    path.write_bytes(path.read_bytes().replace(old, new))


def _is_pythons(symbol: str) -> bool:
    return symbol.startswith(("Py", "_Py"))


def _glibc_symbols() -> set[str]:
    """Everything that glibc's libraries on this machine define."""
    loaded = Path("/proc/self/maps").read_text("utf-8").split("\n")
    folder = next(Path(line.split()[-1]).parent for line in loaded if line.endswith("/libc.so.6"))
    present = (folder / name for name in GLIBC)
    return {name for path in present if path.exists() for name in elf.read(path).defined}


def _patchelf() -> Path:
    """The program of the package patchelf, in this environment."""
    program = Path(sys.executable).with_name("patchelf")
    if not program.exists():
        raise IsolationError("patchelf is missing in .venv: run make env")
    return program


def _run(*command: str | Path) -> None:
    if shutil.which(command[0]) is None:
        raise IsolationError(f"{command[0]} is missing: apt-get install binutils")
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    if finished.returncode != 0:
        raise IsolationError(f"{' '.join(map(str, command))}: {finished.stderr.strip()}")


def files_of(tree: Path) -> list[Path]:
    """Every ELF file below a folder, in order of name."""
    return sorted(path for path in tree.rglob("*") if path.is_file() and elf.is_elf(path))
