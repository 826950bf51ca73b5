"""Places the plugin for a machine's Falco: library, rules, state_dir, and our file in config.d.

Everything is checked before anything is placed, and all of it is placed or nothing.
falco.yaml is never changed.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from k8saudit_eks import __version__
from k8saudit_eks.errors import PluginError
from k8saudit_eks.falco import falcoctl, outcome
from k8saudit_eks.falco.drop_in import Record, digest, drop_in_text, record_of
from k8saudit_eks.falco.merge import FalcoConfigError
from k8saudit_eks.falco.places import MAIN, Places, User
from k8saudit_eks.falco.placing import Placing
from k8saudit_eks.falco.section import section
from k8saudit_eks.falco.version import appends_lists


class InstallError(PluginError):
    """The plugin can't be placed; says why and what to do. Nothing was changed."""


@dataclass(frozen=True)
class Request:
    """What to install, and where.

    Attributes:
        library, rules: the files of this version, where they are now; without rules, those
            that an install before placed stay.
        open_params, init_config: as in the section; init_config's state_dir is made.
        user: whom Falco runs as.
        falco: major and minor version; None where it is not known.
        replace_rules: also rule files that somebody changed.
        replace_library: also another installation's library.
    """

    places: Places
    library: Path
    rules: Sequence[Path]
    open_params: str
    init_config: Mapping[str, Any]
    user: User
    falco: tuple[int, int] | None
    audit_only: bool = False
    replace_rules: bool = False
    replace_library: bool = False

    @property
    def link(self) -> PurePosixPath:
        """The library's link, as Falco sees it."""
        return self.places.plugins / self.library.name

    @property
    def state_dir(self) -> PurePosixPath | None:
        """init_config's state_dir, as Falco sees it."""
        found = self.init_config.get("state_dir")
        return PurePosixPath(found) if found else None


@dataclass(frozen=True)
class Report:
    """What an installation did.

    Attributes:
        placed: a line each, paths as this process sees them.
        warnings: sentences.
    """

    placed: Sequence[str]
    warnings: Sequence[str]


def install(request: Request) -> Report:
    """Check everything, then place everything.

    Raises:
        PluginError: something prevents it; nothing was changed.
    """
    places = request.places
    _refuse_missing(places)
    before = _record_before(places)
    contents = {places.rules / file.name: file.read_bytes() for file in request.rules}
    record = Record(
        __version__,
        {request.link: PurePosixPath(places.there(request.library))},
        {file: digest(content) for file, content in contents.items()}
        or _kept_rules(places, before),
    )
    _refuse_line_breaks(record)
    keys, warnings = _section(request, record)
    _refuse_other_library(request, record)
    if not request.replace_rules:
        _refuse_changed_rules(places, record, before)
    if request.state_dir is not None:
        _check_state_dir(places.here(request.state_dir), request.user)
    warnings += [
        f"{places.root / falcoctl.CONFIG} names {ref}, with which falcoctl puts the Go plugin's "
        f"library over {places.here(request.link)}: take it out of the refs there"
        for ref in falcoctl.plugin_refs(places.root)
    ]
    return Report(_place(request, record, before, contents, drop_in_text(keys, record)), warnings)


def _refuse_missing(places: Places) -> None:
    main = places.here(MAIN)
    if not main.exists():
        raise InstallError(
            f"{main} is missing: install Falco's package first, or name the folder in which its "
            "files are with --root"
        )
    folder = places.drop_in.parent
    if not folder.is_dir():
        raise InstallError(
            f"the folder {folder} does not exist, and Falco reads our settings from there: make "
            f"it, and see that config_files in {main} names it"
        )


def _record_before(places: Places) -> Record | None:
    """What the previous install placed; None if there was none."""
    if not os.path.lexists(places.drop_in):
        return None
    record = record_of(read_text(places.drop_in))
    if record is None:
        raise InstallError(
            f"{places.drop_in} was not written by k8saudit-eks install: delete it or move it to "
            "another folder, then install again"
        )
    return record


def _kept_rules(places: Places, before: Record | None) -> Mapping[PurePosixPath, str]:
    """The rule files of the install before, as uninstall will need them."""
    kept = still_ours(places, before)
    return {} if before is None else {one: before.files[one] for one in kept if one in before.files}


def read_text(file: Path) -> str:
    """A file's text; what is no UTF-8 is replaced.

    Raises:
        InstallError: it can't be read.
    """
    try:
        return file.read_text("utf-8", errors="replace")
    except OSError as error:
        raise InstallError(f"{file} can't be read: {error.strerror}: run as root") from error


def _refuse_line_breaks(record: Record) -> None:
    for path in (*record.links, *record.links.values(), *record.files):
        if not str(path).isprintable():
            raise InstallError(
                f"the path {str(path)!r} has characters that can't be printed: choose another one"
            )


def _section(request: Request, record: Record) -> tuple[dict[str, Any], list[str]]:
    """Our section, checked against what Falco has already; and warnings."""
    places = request.places
    files = outcome.Files(places.root, places.here(MAIN), places.drop_in)
    appends = appends_lists(request.falco) if request.falco else True
    before = outcome.without_ours(files, appends_lists=appends)
    keys = section(
        request.open_params,
        str(request.link),
        request.init_config,
        rules_files=(
            [str(places.rules)]
            if record.files and not outcome.names_rules(before, places.rules)
            else []
        ),
        audit_only=request.audit_only,
    )
    text = drop_in_text(keys, record)
    warnings = outcome.check(files, text, keys, before, appends_lists=appends)
    if request.falco is None:
        try:
            before = outcome.without_ours(files, appends_lists=False)
            outcome.check(files, text, keys, before, appends_lists=False)
        except FalcoConfigError as error:
            warnings.append(
                f"no program falco below {places.root} tells its version; if it is 0.40: {error}"
            )
    return keys, warnings


def _refuse_other_library(request: Request, record: Record) -> None:
    places = request.places
    link = places.here(request.link)
    if request.replace_library or not os.path.lexists(link):
        return
    again = "or run again with --replace-library"
    if not link.is_symlink():
        if link.is_file():
            raise InstallError(
                f"{link} is a library of another installation (the Go plugin or the bundle): "
                f"delete it, {again}"
            )
        return
    to = str(link.readlink())
    if to == str(record.links[request.link]):
        return
    # The root's "/", not ours.
    target = places.here(PurePosixPath(to)) if to.startswith("/") else link.parent / to
    if target.exists() or Path(to).exists():
        raise InstallError(
            f"{link} belongs to another installation of k8saudit-eks ({to}): run that one's "
            f"k8saudit-eks uninstall first, {again}"
        )


def _refuse_changed_rules(places: Places, record: Record, before: Record | None) -> None:
    for file, checksum in record.files.items():
        target = places.here(file)
        found = checksum_of(target)
        placed_by_us = before is not None and before.files.get(file) == found
        if found is not None and found != checksum and not placed_by_us:
            raise InstallError(
                f"{target} differs from this version's: if the changes are yours, move them to a "
                "rule file of your own (it is loaded after this one if its name sorts after it); "
                "then run again with --replace-rules"
            )


def checksum_of(file: Path) -> str | None:
    """A file's SHA-256 as the record has it; None if there is no file.

    Raises:
        InstallError: it can't be read.
    """
    try:
        return digest(file.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise InstallError(f"{file} can't be read: {error.strerror}: run as root") from error


def _check_state_dir(folder: Path, user: User) -> None:
    try:
        found = folder.lstat()
    except FileNotFoundError:
        return
    except OSError as error:
        raise InstallError(
            f"state_dir {folder} can't be used: {error.strerror}: choose another with --state-dir"
        ) from error
    if stat.S_ISLNK(found.st_mode):
        raise InstallError(
            f"state_dir {folder} is a link: name the folder that it points to with --state-dir"
        )
    if not stat.S_ISDIR(found.st_mode):
        raise InstallError(
            f"state_dir {folder} is a file: delete it, or choose a folder with --state-dir"
        )
    if found.st_uid != user.uid:
        raise InstallError(
            f"state_dir {folder} belongs to user {found.st_uid}, but Falco runs as {user.name} "
            f"({user.uid}): run chown {user.uid}:{user.gid} {folder}, or name Falco's user with "
            "--user"
        )
    if found.st_mode & 0o077:
        raise InstallError(
            f"state_dir {folder} is open to other users (mode {found.st_mode & 0o777:04o}): run "
            f"chmod 700 {folder}"
        )


def _place(
    request: Request,
    record: Record,
    before: Record | None,
    contents: Mapping[PurePosixPath, bytes],
    text: str,
) -> list[str]:
    places = request.places
    owner = (request.user.uid, request.user.gid)
    secret = "external_id" in request.init_config
    placed = []
    with Placing() as placing:
        if request.state_dir is not None:
            folder = places.here(request.state_dir)
            placing.folder(folder, mode=0o700, owner=owner)
            placing.probe(folder)
            placed.append(f"{folder}/ (for {request.user.name} only)")
        for path in (places.plugins, places.rules):
            placing.folder(places.here(path))
        # In this order: a running Falco starts anew for each of these, and neither our file
        # without its library nor rules without their plugin would do.
        for link, to in record.links.items():
            placing.link(places.here(link), str(to))
            placed.append(f"{places.here(link)} -> {to}")
        placing.file(
            places.drop_in,
            text.encode(),
            mode=0o600 if secret else 0o644,
            owner=owner if secret else None,
        )
        placed.append(str(places.drop_in))
        for file, content in contents.items():
            placing.file(places.here(file), content)
            placed.append(str(places.here(file)))
        for path in still_ours(places, before):
            if path not in record.links and path not in record.files:
                placing.remove(places.here(path))
        placing.commit()
    return placed


def still_ours(places: Places, record: Record | None) -> list[PurePosixPath]:
    """Of what a record names, what is there and as it was placed."""
    if record is None:
        return []
    links = [
        link
        for link, to in record.links.items()
        if places.here(link).is_symlink() and str(places.here(link).readlink()) == str(to)
    ]
    files = [
        file
        for file, checksum in record.files.items()
        if checksum_of(places.here(file)) == checksum
    ]
    return [*links, *files]
