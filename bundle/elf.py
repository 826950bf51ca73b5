"""Reads what the dynamic loader reads of an ELF file: names, needs, symbols, versions.

Only 64-bit little-endian files, which all supported machines have. Layouts are those
of elf(5) and of the GNU symbol versioning chapter of the Linux Standard Base.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

_MAGIC = b"\x7fELF\x02\x01"
_PT_LOAD, _PT_DYNAMIC = 1, 2
_DT_NEEDED, _DT_STRTAB, _DT_SYMTAB, _DT_SONAME, _DT_RPATH, _DT_RUNPATH = 1, 5, 6, 14, 15, 29
_DT_VERNEED = 0x6FFFFFFE
_SHT_DYNSYM = 11
_STB_LOCAL = 0
_SHN_UNDEF = 0


class ElfError(Exception):
    """The file is not an ELF file of the expected kind."""


@dataclass(frozen=True)
class Elf:
    """One shared object.

    Attributes:
        needed: DT_NEEDED, in order.
        run_paths: DT_RPATH and DT_RUNPATH, split at colons.
        defined: names of the dynamic symbols that others may use.
        undefined: names of those that others must provide.
        versions: (file, version) pairs that others must provide, GLIBC_2.34 for example.
    """

    soname: str
    needed: tuple[str, ...]
    run_paths: tuple[str, ...]
    defined: frozenset[str]
    undefined: frozenset[str]
    versions: frozenset[tuple[str, str]]


def is_elf(path: Path) -> bool:
    """Whether the file begins like an ELF file of the kind that read() takes."""
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def read(path: Path) -> Elf:
    """Read a shared object.

    Raises:
        ElfError: it is none.
    """
    data = path.read_bytes()
    if not data.startswith(_MAGIC):
        raise ElfError(f"{path} is not a 64-bit little-endian ELF file")
    try:
        return _Reader(data).elf()
    except (struct.error, IndexError, StopIteration) as error:
        raise ElfError(f"{path} is not a complete shared object") from error


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        program_offset, self._section_offset = struct.unpack_from("<QQ", data, 0x20)
        size, count, self._section_size, self._section_count = struct.unpack_from("<HHHH", data, 54)
        self._segments = [
            struct.unpack_from("<IIQQQQQQ", data, program_offset + i * size) for i in range(count)
        ]
        self._dynamic = self._read_dynamic()
        self._strings = self._offset_of(self._first(_DT_STRTAB))

    def elf(self) -> Elf:
        defined, undefined = self._symbols()
        soname = self._all(_DT_SONAME)
        paths = [self._string(at) for at in (*self._all(_DT_RPATH), *self._all(_DT_RUNPATH))]
        return Elf(
            soname=self._string(soname[0]) if soname else "",
            needed=tuple(self._string(at) for at in self._all(_DT_NEEDED)),
            run_paths=tuple(part for path in paths for part in path.split(":")),
            defined=frozenset(defined),
            undefined=frozenset(undefined),
            versions=frozenset(self._needed_versions()),
        )

    def _read_dynamic(self) -> list[tuple[int, int]]:
        segment = next(s for s in self._segments if s[0] == _PT_DYNAMIC)
        entries = []
        for at in range(segment[2], segment[2] + segment[5], 16):
            tag, value = struct.unpack_from("<QQ", self._data, at)
            if tag == 0:
                break
            entries.append((tag, value))
        return entries

    def _all(self, tag: int) -> list[int]:
        return [value for entry, value in self._dynamic if entry == tag]

    def _first(self, tag: int) -> int:
        return self._all(tag)[0]

    def _offset_of(self, address: int) -> int:
        """Where in the file lies what is loaded at this address."""
        for kind, _flags, offset, start, _physical, file_size, *_rest in self._segments:
            if kind == _PT_LOAD and start <= address < start + file_size:
                return int(offset + address - start)
        raise IndexError(address)

    def _string(self, at: int) -> str:
        start = self._strings + at
        return self._data[start : self._data.index(b"\0", start)].decode()

    def _symbols(self) -> tuple[set[str], set[str]]:
        defined: set[str] = set()
        undefined: set[str] = set()
        table = self._offset_of(self._first(_DT_SYMTAB))
        for at in range(table, table + self._symbol_table_bytes(), 24):
            name, info, _other, section = struct.unpack_from("<IBBH", self._data, at)
            if name and info >> 4 != _STB_LOCAL:
                (undefined if section == _SHN_UNDEF else defined).add(self._string(name))
        return defined, undefined

    def _symbol_table_bytes(self) -> int:
        for i in range(self._section_count):
            at = self._section_offset + i * self._section_size
            kind, _flags, _address, _offset, size = struct.unpack_from("<IQQQQ", self._data, at + 4)
            if kind == _SHT_DYNSYM:
                return int(size)
        raise IndexError("no .dynsym")

    def _needed_versions(self) -> set[tuple[str, str]]:
        found: set[tuple[str, str]] = set()
        if not self._all(_DT_VERNEED):
            return found
        at = self._offset_of(self._first(_DT_VERNEED))
        while True:
            _version, _count, file, auxiliary, following = struct.unpack_from(
                "<HHIII", self._data, at
            )
            entry = at + auxiliary
            while True:
                _hash, _flags, _other, name, after = struct.unpack_from("<IHHII", self._data, entry)
                found.add((self._string(file), self._string(name)))
                if after == 0:
                    break
                entry += after
            if following == 0:
                return found
            at += following
