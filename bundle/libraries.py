"""Which shared libraries the bundle must bring, and where this machine has them."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

from bundle import elf

# What the C library's own package brings: every host has it, and only one of it can be
# in a process.
GLIBC = frozenset(
    {
        "ld-linux-aarch64.so.1",
        "ld-linux-x86-64.so.2",
        "libanl.so.1",
        "libc.so.6",
        "libdl.so.2",
        "libm.so.6",
        "libpthread.so.0",
        "libresolv.so.2",
        "librt.so.1",
        "libutil.so.1",
    }
)

_FOUND = re.compile(r"^\s*(\S+) => (/\S+) \(0x", re.MULTILINE)


class MissingLibraryError(Exception):
    """A shared library that is needed is not on this machine."""


def closure(files: Iterable[Path]) -> dict[str, Path]:
    """What the files need, and what that needs, by name as needed; glibc left out.

    Raises:
        MissingLibraryError: the loader does not find one.
    """
    wanted: dict[str, Path] = {}
    for file in files:
        found = {name: Path(path) for name, path in _FOUND.findall(_loaders_view(file))}
        queue = [file]
        while queue:
            for name in elf.read(queue.pop()).needed:
                if name in GLIBC or name in wanted:
                    continue
                if name not in found:
                    raise MissingLibraryError(f"{file} needs {name}, which this machine lacks")
                wanted[name] = found[name].resolve()
                queue.append(wanted[name])
    return wanted


def _loaders_view(file: Path) -> str:
    """What `ldd` prints: every library that would be loaded, with its path."""
    finished = subprocess.run(["ldd", file], capture_output=True, text=True, check=False)  # noqa: S607 - libc-bin's
    if finished.returncode != 0:
        raise MissingLibraryError(f"ldd {file}: {finished.stderr.strip()}")
    return finished.stdout
