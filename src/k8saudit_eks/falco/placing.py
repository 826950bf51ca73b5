"""Several files put in place as one: all of them, or none.

First everything is written near its place, on the same file system, which is where a full
or read-only disk and missing rights show; then each is moved there at once, so that a
running Falco sees the old or the new one. What was placed is put back when a later one
fails. What is there already as it should be is left alone.

A running Falco starts anew when a name comes to or goes from config.d or a folder of rules,
and notices no change inside a file of config.d (Falco 0.44, userspace/falco/app/
restart_handler.cpp). So nothing but the moved files may appear in these folders.
"""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from errno import EACCES, EISDIR, ENOSPC, EPERM, EROFS
from pathlib import Path
from types import TracebackType
from typing import Self

from k8saudit_eks.errors import PluginError

_WHAT_TO_DO = {
    EACCES: "run as root",
    EPERM: "run as root",
    EROFS: "make the file system writable, or choose another place",
    ENOSPC: "free some space, or choose another place",
}


class PlacingError(PluginError):
    """A file or folder can't be placed; names it and what to do. Nothing was changed."""


class Placing:
    """A block that prepares changes; commit() makes them. What is left of them is undone."""

    def __init__(self) -> None:
        self._undo: list[Callable[[], None]] = []
        self._made: list[Path] = []
        self._changes: list[tuple[Path, Path | None, Path]] = []
        self._scratch = contextlib.ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # In this order: what was there before is in the scratch folders, and those may be
        # in folders that were made.
        for undo in reversed(self._undo):
            with contextlib.suppress(OSError):
                undo()
        self._scratch.close()
        for folder in reversed(self._made):
            with contextlib.suppress(OSError):
                folder.rmdir()

    def folder(
        self, path: Path, *, mode: int = 0o755, owner: tuple[int, int] | None = None
    ) -> None:
        """A folder, made with those above it unless it is there; mode and owner are its own.

        Raises:
            PlacingError: it can't be made.
        """
        if path.is_dir():
            return
        if path.parent != path:
            self.folder(path.parent)
        with _named(path):
            path.mkdir(mode)
            self._made.append(path)
            # Another user may own the folder above, and put a link in this one's place.
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                os.fchmod(descriptor, mode)
                _give(descriptor, owner)
            finally:
                os.close(descriptor)

    def probe(self, folder: Path) -> None:
        """Whether a folder takes files; nothing is left there.

        Raises:
            PlacingError: it does not.
        """
        with _named(folder), tempfile.NamedTemporaryFile(dir=folder) as file:
            file.write(b"\0" * 65_536)
            file.flush()
            os.fsync(file.fileno())

    def link(self, path: Path, to: str) -> None:
        """A symbolic link, instead of what is there.

        Raises:
            PlacingError: it can't be made.
        """
        if path.is_symlink() and str(path.readlink()) == to:
            return
        with _named(path):
            made = self._beside(path) / path.name
            made.symlink_to(to)
        self._change(path, made)

    def file(
        self, path: Path, content: bytes, *, mode: int = 0o644, owner: tuple[int, int] | None = None
    ) -> None:
        """A file, instead of what is there.

        Raises:
            PlacingError: it can't be written.
        """
        if _is_so(path, content, mode, owner):
            return
        with _named(path):
            made = self._beside(path) / path.name
            descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                _give(descriptor, owner)
                os.fchmod(descriptor, mode)
                os.fsync(descriptor)
        self._change(path, made)

    def remove(self, path: Path) -> None:
        """A file or link taken away.

        Raises:
            PlacingError: it can't be.
        """
        self._change(path, None)

    def commit(self) -> None:
        """Make every change, in the order in which they were prepared.

        Raises:
            PlacingError: one failed; those before it are taken back.
        """
        for path, made, before in self._changes:
            with _named(path):
                if made is None:
                    path.unlink()
                else:
                    made.replace(path)
                self._undo.append(_back(path, before))
        self._undo.clear()
        self._made.clear()

    def _beside(self, path: Path) -> Path:
        folder = path.parent.resolve()
        # A file can't be moved from one mount to another. Then Falco starts anew once more,
        # but does not read what is in a folder there.
        near = folder.parent if _mount(folder.parent) == _mount(folder) else folder
        return Path(
            self._scratch.enter_context(
                tempfile.TemporaryDirectory(prefix=".k8saudit-eks-", dir=near)
            )
        )

    def _change(self, path: Path, made: Path | None) -> None:
        with _named(path):
            if path.is_dir() and not path.is_symlink():
                raise IsADirectoryError(EISDIR, os.strerror(EISDIR))
            before = self._beside(path) / path.name
            if path.is_symlink() or path.exists():
                os.link(path, before, follow_symlinks=False)
        self._changes.append((path, made, before))


def _back(path: Path, before: Path) -> Callable[[], None]:
    def back() -> None:
        if before.is_symlink() or before.exists():
            before.replace(path)
        else:
            path.unlink()

    return back


def _is_so(path: Path, content: bytes, mode: int, owner: tuple[int, int] | None) -> bool:
    if path.is_symlink() or not path.is_file():
        return False
    try:
        found = path.stat()
        same = stat.S_IMODE(found.st_mode) == mode and path.read_bytes() == content
    except OSError:
        return False
    return same and owner in (None, (found.st_uid, found.st_gid))


def _mount(folder: Path) -> str:
    """What tells the mount of a folder from others; of a bind mount, too."""
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        lines = Path(f"/proc/self/fdinfo/{descriptor}").read_text("ascii").splitlines()
        return next((line for line in lines if line.startswith("mnt_id:")), "")
    finally:
        os.close(descriptor)


def _give(descriptor: int, owner: tuple[int, int] | None) -> None:
    if owner is not None and owner != (os.geteuid(), os.getegid()):
        os.fchown(descriptor, *owner)


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        code = error.errno or 0
        raise PlacingError(
            f"{path} can't be written: {error.strerror or os.strerror(code)}: "
            f"{_WHAT_TO_DO.get(code, 'choose another place')}"
        ) from error
