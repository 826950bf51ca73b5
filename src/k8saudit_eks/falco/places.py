"""Where Falco's packages have their files, below a root; and who the user is that Falco runs as."""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from k8saudit_eks.errors import PluginError
from k8saudit_eks.falco import drop_in

MAIN: Final = PurePosixPath("/etc/falco/falco.yaml")
CONFIG_FOLDER: Final = PurePosixPath("/etc/falco/config.d")
# The folder of rules that Falco's own falco.yaml names.
RULES: Final = PurePosixPath("/etc/falco/rules.d")
PLUGINS: Final = PurePosixPath("/usr/share/falco/plugins")
STATE_DIR: Final = PurePosixPath("/var/lib/k8saudit-eks")


@dataclass(frozen=True)
class Places:
    """Paths as Falco sees them; here() gives them as this process does."""

    root: Path
    plugins: PurePosixPath = PLUGINS
    rules: PurePosixPath = RULES

    @property
    def drop_in(self) -> Path:
        """Our file in config.d, as this process sees it."""
        return self.here(CONFIG_FOLDER / drop_in.NAME)

    def here(self, path: PurePosixPath) -> Path:
        """A path that Falco sees, as this process sees it.

        Raises:
            PluginError: a link or ".." on the way leads out of the root, where it means
                other files than Falco would see.
        """
        here = self.root / path.relative_to("/")
        if not Path(os.path.realpath(here.parent)).is_relative_to(os.path.realpath(self.root)):
            raise PluginError(
                f"{here.parent} leads out of {self.root}: make its links relative, or mount "
                "the folder so that / is the root"
            )
        return here

    def there(self, path: Path) -> str:
        """A path that this process sees, as Falco does; what is not below the root stays."""
        below = path.is_relative_to(self.root)
        return str(PurePosixPath("/") / path.relative_to(self.root)) if below else str(path)


@dataclass(frozen=True)
class User:
    """Attributes:
    home: as Falco sees it.
    """

    name: str
    uid: int
    gid: int
    home: PurePosixPath


def user(root: Path, name: str) -> User:
    """A user of the machine that Falco runs on.

    Args:
        name: a name or a number.

    Raises:
        PluginError: there is none.
    """
    entry = _entry(root, name)
    if entry is not None:
        return entry
    if name in ("root", "0"):
        return User("root", 0, 0, PurePosixPath("/root"))
    if name.isdecimal():
        return User(name, int(name), int(name), PurePosixPath("/"))
    raise PluginError(f"there is no user {name} on this machine: name Falco's user with --user")


def _entry(root: Path, name: str) -> User | None:
    if root != Path("/"):
        return next((one for one in _entries(root) if name in (one.name, str(one.uid))), None)
    # One by one: a directory service need not list its users.
    try:
        one = pwd.getpwuid(int(name)) if name.isdecimal() else pwd.getpwnam(name)
    except (KeyError, OverflowError):
        return None
    return User(one.pw_name, one.pw_uid, one.pw_gid, PurePosixPath(one.pw_dir))


def _entries(root: Path) -> list[User]:
    try:
        lines = (root / "etc/passwd").read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        name, _, uid, gid, _, home, *_ = [*line.split(":"), *[""] * 6]
        if uid.isdecimal() and gid.isdecimal() and home.startswith(os.sep):
            found.append(User(name, int(uid), int(gid), PurePosixPath(home)))
    return found
