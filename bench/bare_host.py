"""The host without the plugin: the same sysdig with a source that does nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from demo import hosts  # noqa: E402 - the path above comes first


def build_do_nothing(folder: Path) -> Path:
    """do_nothing.c as a plugin library in the folder."""
    library = folder / "do_nothing.so"
    source = ROOT / "bench" / "do_nothing.c"
    flags = ["-std=c11", "-D_GNU_SOURCE", "-shared", "-fPIC", "-O2", f"-I{ROOT / 'csrc'}"]
    command = ["gcc", *flags, str(source), "-o", str(library)]
    subprocess.run(command, check=True)
    return library


def sysdig(plugin: Path, name: str, settings: str, open_params: str) -> list[str]:
    """The command of a sysdig that reads one source."""
    command = hosts.sysdig_command()
    if command is None:
        sys.exit(hosts.HOW_TO_GET_ONE)
    return [*command, "-H", f"{plugin}:{settings}", "-I", f"{name}:{open_params}"]
