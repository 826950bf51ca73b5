"""What a running Falco notices in the folders that it watches."""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

# inotify(7). Falco asks for these (userspace/falco/app/restart_handler.cpp).
_MOVED_FROM, _MOVED_TO, _CREATE, _DELETE = 0x40, 0x80, 0x100, 0x200
_EVENT = struct.Struct("iIII")
_LIBC = ctypes.CDLL(None, use_errno=True)


class FalcoWatch:
    """A block in which names come to folders and go from them; notes which, in order."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders
        self._names: dict[int, str] = {}
        self._descriptor = -1

    def __enter__(self) -> Self:
        self._descriptor = _LIBC.inotify_init1(os.O_NONBLOCK)
        for folder in self._folders:
            wanted = _MOVED_FROM | _MOVED_TO | _CREATE | _DELETE
            number = _LIBC.inotify_add_watch(self._descriptor, os.fsencode(folder), wanted)
            assert number > 0, os.strerror(ctypes.get_errno())
            self._names[number] = folder.name
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._descriptor)

    def noticed(self) -> list[str]:
        """Since the last call: "+folder/name" for what came, "-folder/name" for what went."""
        return list(self._events())

    def _events(self) -> Iterator[str]:
        try:
            read = os.read(self._descriptor, 65_536)
        except BlockingIOError:
            return
        while read:
            number, mask, _, length = _EVENT.unpack_from(read)
            name = read[_EVENT.size : _EVENT.size + length].rstrip(b"\0").decode()
            yield f"{'+' if mask & (_MOVED_TO | _CREATE) else '-'}{self._names[number]}/{name}"
            read = read[_EVENT.size + length :]
