"""Resident memory of a process by part, from /proc/PID/smaps (proc(5))."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

_MIB = 1024
# address perms offset dev inode, and a path or a name if there is one
_MAPPING = re.compile(
    r"(?P<start>[0-9a-f]+)-(?P<end>[0-9a-f]+) (?P<perms>\S+) \S+ \S+ \d+ *(?P<path>.*)"
)
# What glibc keeps for one thread's arena begins at a multiple of this (HEAP_MAX_SIZE,
# twice DEFAULT_MMAP_THRESHOLD_MAX on machines of 64 bits).
_ARENA_BYTES = 64 << 20

_FILES = (
    ("libpython", "libpython"),
    ("libcrypto", "OpenSSL"),
    ("libssl", "OpenSSL"),
    ("libsimdjson", "simdjson"),
    ("libk8saudit-eks.so", "the library"),
    ("_cffi_backend", "Python's extension modules"),
    ("lib-dynload", "Python's extension modules"),
    ("-k8saudit-eks-", "other libraries of the bundle"),
)
ANONYMOUS = "Python's objects, and large blocks"
HOST = "the host and its libraries"


def by_part_mb(pid: int) -> dict[str, float]:
    """Resident megabytes of each part; their sum is the process's resident memory."""
    kib: Counter[str] = Counter()
    part = HOST
    for line in Path(f"/proc/{pid}/smaps").read_text("utf-8").splitlines():
        mapping = _MAPPING.fullmatch(line)
        if mapping is not None:
            part = _part_of(int(mapping["start"], 16), mapping["path"])
        elif line.startswith("Rss:"):
            kib[part] += int(line.split()[1])
    return {name: amount / _MIB for name, amount in kib.items()}


def peak_mb(pid: int) -> float:
    """The most that was resident at a time since the process's program started (VmHWM)."""
    status = Path(f"/proc/{pid}/status").read_text("utf-8")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / _MIB


def _part_of(start: int, path: str) -> str:
    if path == "[heap]":
        return "malloc: main arena"
    if path == "[stack]":
        return HOST
    if path.startswith("/"):
        return next((part for name, part in _FILES if name in path), HOST)
    if start % _ARENA_BYTES == 0:
        return "malloc: arenas of threads"
    return ANONYMOUS
