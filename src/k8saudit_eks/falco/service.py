"""The systemd service that runs Falco: whose rights it has, and what its command line sets.

Source: Falco's packages (scripts/systemd): falco-modern-bpf.service, falco-kmod.service and
falco-custom.service, of which the enabled one is linked as falco.service. The first two set
engine.kind on their command line, which wins over every file; the third does not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_ALIAS: Final = "falco.service"
# systemd's order: the administrator's, this boot's, the packages'.
_FOLDERS: Final = (
    "etc/systemd/system",
    "run/systemd/system",
    "usr/lib/systemd/system",
    "lib/systemd/system",
)


@dataclass(frozen=True)
class Service:
    """Attributes:
    name: of the unit, without ".service"; what systemctl takes.
    user: a name or number.
    sets_engine: its command line sets engine.kind.
    """

    name: str = "falco"
    user: str = "root"
    sets_engine: bool = False


def service(root: Path) -> Service | None:
    """The enabled service of a Falco package; None where no service of Falco is enabled."""
    unit = _find(root, _ALIAS)
    if unit is None:
        return None
    name = unit.readlink().name if unit.is_symlink() else unit.name
    packaged = (_find(root, name) or unit) if name != _ALIAS else unit
    text = _read(packaged)
    for folder in reversed(_FOLDERS):
        for names in dict.fromkeys((_ALIAS, name)):
            for more in sorted((root / folder / f"{names}.d").glob("*.conf")):
                text += "\n" + _read(more)
    user = _last(text, "User")
    return Service(
        name.removesuffix(".service"),
        # %u is the user of the service manager.
        "root" if user in ("", "%u") else user,
        "engine.kind" in _last(text, "ExecStart"),
    )


def _find(root: Path, name: str) -> Path | None:
    for folder in _FOLDERS:
        unit = root / folder / name
        if unit.is_symlink() or unit.is_file():
            return unit
    return None


def _read(unit: Path) -> str:
    try:
        return unit.read_text("utf-8", errors="replace")
    except OSError:
        return ""


def _last(text: str, key: str) -> str:
    found = re.findall(rf"^{key}[ \t]*=[ \t]*(.*)$", text, re.MULTILINE)
    return found[-1].strip() if found else ""
