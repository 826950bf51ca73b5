"""Finding and opening the files of a replay, compressed or not."""

from __future__ import annotations

import gzip
import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from k8saudit_eks.errors import OpenError

_GZIP_MAGIC = b"\x1f\x8b"
# Firehose compresses what CloudWatch Logs already compressed: two layers occur.
_MAX_GZIP_LAYERS = 4


@dataclass(frozen=True)
class ReplayFile:
    """One file to read; size_bytes as stored, name relative to what was asked for."""

    path: Path
    name: str
    size_bytes: int


def find(path: Path) -> tuple[ReplayFile, ...]:
    """The files behind a path: the file itself, or everything in and below a folder.

    A folder's files come in the order of their names, each folder's own files and
    folders together. Names starting with "." are left out, links to folders are
    not followed.

    Raises:
        OpenError: there is nothing to read, or something that can't be read.
    """
    try:
        if path.is_dir():
            files = tuple(_file(found, str(found.relative_to(path))) for found in _below(path))
            if not files:
                raise OpenError(
                    f"replay: the folder {path} contains no files: put files into it, with one "
                    f"audit event on each line"
                )
            return files
        if not path.exists():
            hint = "" if path.is_absolute() else f" (looked for in {Path.cwd()})"
            raise OpenError(f"replay: {path} does not exist{hint}: check open_params")
        return (_file(path, path.name),)
    except OSError as error:
        raise _refused(path, error) from None


def _below(folder: Path) -> list[Path]:
    found: list[Path] = []
    for entry in sorted(folder.iterdir(), key=lambda entry: os.fsencode(entry.name)):
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            if not entry.is_symlink():
                found += _below(entry)
        elif entry.is_file():
            found.append(entry)
        elif entry.is_symlink():
            raise OpenError(f"replay: the link {entry} points to nothing: repair or remove it")
    return found


def _file(path: Path, name: str) -> ReplayFile:
    if not path.is_file():
        raise OpenError(
            f"replay: {path} is neither a file nor a folder: copy its contents into a file first"
        )
    try:
        with path.open("rb") as file:
            return ReplayFile(path, name, os.fstat(file.fileno()).st_size)
    except OSError as error:
        raise _refused(path, error) from None


def _refused(path: Path, error: OSError) -> OpenError:
    reason = error.strerror or type(error).__name__
    advice = "allow the user that the host runs as to read it"
    return OpenError(f"replay: {error.filename or path} can't be read ({reason}): {advice}")


class OpenFile:
    """An opened file: its bytes decompressed, and how far into the stored file one is."""

    def __init__(self, path: Path) -> None:
        self._stored = path.open("rb")
        # Closing the stored file frees what matters; the layers need no closing.
        self.content: BinaryIO = self._stored
        try:
            for _ in range(_MAX_GZIP_LAYERS):
                if cast(io.BufferedReader, self.content).peek(2)[:2] != _GZIP_MAGIC:
                    break
                layer = gzip.GzipFile(fileobj=self.content, mode="rb")
                self.content = io.BufferedReader(cast(io.RawIOBase, layer), 256 * 1024)
        except BaseException:
            self._stored.close()
            raise

    def position_bytes(self) -> int:
        """How much of the stored file has been read; decompression reads ahead a little."""
        return self._stored.tell()

    def __enter__(self) -> OpenFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._stored.close()
