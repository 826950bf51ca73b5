"""Takes away what `install` placed, and nothing else."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from k8saudit_eks.falco import without_plugin
from k8saudit_eks.falco.drop_in import Record, digest, record_of
from k8saudit_eks.falco.install import InstallError, read_text, still_ours
from k8saudit_eks.falco.places import STATE_DIR, Places
from k8saudit_eks.falco.placing import Placing


@dataclass(frozen=True)
class Report:
    """What was done: a line each, paths as this process sees them.

    Attributes:
        removed: what is gone now.
        kept: what is still there, and why.
    """

    removed: Sequence[str]
    kept: Sequence[str]


def uninstall(
    places: Places,
    library: Path,
    rules: Sequence[Path],
    *,
    state_dir: PurePosixPath | None = None,
    purge_state: bool = False,
    force: bool = False,
) -> Report:
    """Take away our file in config.d, the link, unchanged rule files and, if asked, the state.

    Args:
        library, rules: this version's, for what was placed without a record.
        state_dir: of the state, where the record does not name it.
        force: also where Falco would not start with what stays.

    Raises:
        PluginError: something can't be removed, or Falco would not start with what stays.
    """
    kept = []
    record = None
    drop_in_is_ours = False
    if os.path.lexists(places.drop_in):
        record = record_of(read_text(places.drop_in))
        drop_in_is_ours = record is not None
        if record is None:
            kept.append(f"{places.drop_in}: k8saudit-eks install did not write it")
    record = record or _without_record(places, library, rules)
    ours = still_ours(places, record)
    # In this order: a running Falco starts anew for each of these, and neither rules without
    # their plugin nor our file without its library would do.
    files = [places.here(path) for path in ours if path in record.files]
    links = [places.here(path) for path in ours if path in record.links]
    gone = [*files, *([places.drop_in] if drop_in_is_ours else []), *links]
    if not force:
        without_plugin.check(places, gone, links)
    with Placing() as placing:
        for file in gone:
            placing.remove(file)
        placing.commit()
    removed = [str(path) for path in gone]
    for path in (*record.links, *record.files):
        if path not in ours and os.path.lexists(places.here(path)):
            kept.append(f"{places.here(path)}: changed since it was placed")
    folder = places.here(state_dir or record.state_dir or STATE_DIR)
    if os.path.lexists(folder):
        if purge_state:
            _purge(folder)
            removed.append(f"{folder}/")
        else:
            kept.append(f"{folder}/: it remembers what was delivered; --purge-state removes it")
    return Report(removed, kept)


def _without_record(places: Places, library: Path, rules: Sequence[Path]) -> Record:
    """What is left of an installation whose file in config.d was deleted by hand."""
    link = places.plugins / library.name
    target = PurePosixPath(places.there(library))
    found = places.here(link)
    if not found.is_symlink() or str(found.readlink()) != str(target):
        return Record("", {}, {})
    files = {places.rules / file.name: digest(file.read_bytes()) for file in rules}
    return Record("", {link: target}, files)


def _purge(folder: Path) -> None:
    """Remove a state_dir. Its owner may be another user: no link is followed."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            names = os.listdir(descriptor)  # noqa: PTH208 - of a descriptor, not of a path
            for name in names:
                mode = os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_mode
                if not stat.S_ISREG(mode) or ".ledger" not in name:
                    raise InstallError(
                        f"{folder}/{name} is no file of k8saudit-eks: move it away, then run again"
                    )
            for name in names:
                os.unlink(name, dir_fd=descriptor)
        finally:
            os.close(descriptor)
        folder.rmdir()
    except OSError as error:
        raise InstallError(f"{folder} can't be removed: {error.strerror}") from error
