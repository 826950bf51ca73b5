"""Which version of Falco is installed."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

_TIMEOUT_S = 10
_FOLDERS = ("usr/bin", "usr/local/bin")


def falco_version(root: Path) -> tuple[int, int] | None:
    """Major and minor version of the Falco below a root; None where that can't be seen."""
    falco = shutil.which("falco", path=":".join(str(root / folder) for folder in _FOLDERS))
    if falco is None:
        return None
    try:
        # With an empty configuration: the one in place may be what has to be mended.
        said = subprocess.run(
            [falco, "-c", "/dev/null", "--version"],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_S,
            check=False,
            stdin=subprocess.DEVNULL,
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"Falco version:\s*(\d+)\.(\d+)", said)
    return (int(found[1]), int(found[2])) if found else None


def appends_lists(version: tuple[int, int]) -> bool:
    """Whether this Falco appends lists of config.d to those before; 0.40 replaces them."""
    return version >= (0, 41)


def command_line_wins(version: tuple[int, int]) -> bool:
    """Whether `-o` of this Falco's command line wins over config.d; in 0.40 config.d wins."""
    return version >= (0, 41)
