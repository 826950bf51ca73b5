"""Writes archives whose bytes follow from the files' names and contents alone."""

from __future__ import annotations

import gzip
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)
_FILE_MODE = 0o644
_FOLDER_MODE = 0o755


def write_zip(target: Path, files: Mapping[str, Path]) -> None:
    """Write a zip of files, by name in it. Stored: Python reads it without zlib."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _ZIP_EPOCH)
            entry.external_attr = _FILE_MODE << 16
            archive.writestr(entry, files[name].read_bytes())


def write_tar_gz(target: Path, tree: Path, modified_s: int) -> None:
    """Write everything below a folder, as root's, with an entry for each folder.

    Args:
        modified_s: the time of every entry, seconds since the epoch.
    """
    with (
        target.open("wb") as raw,
        gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=9, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        for path in sorted(tree.rglob("*")):
            entry = tarfile.TarInfo(path.relative_to(tree).as_posix())
            entry.mtime = modified_s
            if path.is_dir():
                entry.type = tarfile.DIRTYPE
                entry.mode = _FOLDER_MODE
                archive.addfile(entry)
                continue
            entry.mode = _FILE_MODE
            entry.size = path.stat().st_size
            with path.open("rb") as file:
                archive.addfile(entry, file)
