"""The file that `install` adds to Falco's config.d: our section, and a record of what was placed.

The record stands in comments, so that one file tells all: Falco reads the section below
them, `uninstall` and the next `install` read the record.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import PurePosixPath
from typing import Any, Final

import yaml

from k8saudit_eks.falco.section import section_yaml

NAME: Final = "k8saudit-eks.yaml"

_FIRST = re.compile(
    r"# Written by k8saudit-eks (\S+) \(k8saudit-eks install\); "
    r"the next install replaces this file, k8saudit-eks uninstall removes it\."
)
_LINK = re.compile(r"# placed link (/.*?) -> (/.*)")
_FILE = re.compile(r"# placed file (/.*) sha256 ([0-9a-f]{64})")


@dataclass(frozen=True)
class Record:
    """What an install placed, by paths as Falco sees them.

    Attributes:
        version: of the k8saudit-eks that wrote it.
        links: link to the file that it points to.
        files: file to the SHA-256 of its content, in hexadecimal.
        state_dir: init_config's, or None.
    """

    version: str
    links: Mapping[PurePosixPath, PurePosixPath]
    files: Mapping[PurePosixPath, str]
    state_dir: PurePosixPath | None = None


def digest(content: bytes) -> str:
    """A content's SHA-256, as the record has it."""
    return sha256(content).hexdigest()


def drop_in_text(keys: Mapping[str, Any], record: Record) -> str:
    """The file's text: the record, and the section as falco.section gives it."""
    lines = [
        f"# Written by k8saudit-eks {record.version} (k8saudit-eks install); "
        "the next install replaces this file, k8saudit-eks uninstall removes it."
    ]
    lines += [f"# placed link {link} -> {target}" for link, target in record.links.items()]
    lines += [f"# placed file {file} sha256 {checksum}" for file, checksum in record.files.items()]
    return "\n".join(lines) + "\n" + section_yaml(keys)


def record_of(text: str) -> Record | None:
    """The record in a drop-in's text; None if `install` did not write that file."""
    lines = text.splitlines()
    first = _FIRST.fullmatch(lines[0]) if lines else None
    if first is None:
        return None
    links: dict[PurePosixPath, PurePosixPath] = {}
    files: dict[PurePosixPath, str] = {}
    for line in lines[1:]:
        if link := _LINK.fullmatch(line):
            links[PurePosixPath(link[1])] = PurePosixPath(link[2])
        elif file := _FILE.fullmatch(line):
            files[PurePosixPath(file[1])] = file[2]
        elif not line.startswith("#"):
            break
    return Record(first[1], links, files, _state_dir(text))


def _state_dir(text: str) -> PurePosixPath | None:
    # Somebody may have edited the section: then there is no state_dir to be sure of.
    try:
        (plugin,) = yaml.safe_load(text)["plugins"]
        found = plugin["init_config"]["state_dir"]
    except (yaml.YAMLError, KeyError, TypeError, ValueError):
        return None
    absolute = isinstance(found, str) and found.startswith("/")
    return PurePosixPath(found.replace("$${", "${")) if absolute else None
