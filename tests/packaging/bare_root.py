"""A root without Python and without CA certificates, in which sysdig runs the bundle.

It is Debian forky's root (scripts/host-root.sh), seen through an overlay file system that
hides every Python and every certificate, read-only, in a mount namespace that ends with
the process. What a test adds is one more layer. Nothing of the forky root is changed.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TIMEOUT_S = 60.0
NOBODY = 65534

# Where Python, and what Python could take from a host, would be.
_HIDDEN = (
    "etc/python3*",
    "etc/ssl",
    "opt/*",
    "usr/bin/*python*",
    "usr/include/python3*",
    "usr/lib/*/libpython*",
    "usr/lib/binfmt.d/*",
    "usr/lib/python3*",
    "usr/lib/ssl",
    "usr/local/*",
    "usr/share/ca-certificates",
    "usr/share/python3*",
    "usr/src/python3*",
)

_HIDE = 'mount -t overlay overlay -o "lowerdir=$1,upperdir=$2,workdir=$3" "$4"; cd "$4"; rm -rf '
_ENTER = """
layers=$1; root=$2; user=$3; writable=$4; shift 4
mount -t overlay overlay -o "ro,lowerdir=$layers" "$root"
mount -t proc proc "$root/proc"
[ -z "$writable" ] || mount --bind "$writable" "$root/mnt"
exec chroot --userspec="$user:$user" "$root" "$@"
"""


@dataclass
class Run:
    """A process in the root. Its lines come when they are there; its errors at the end."""

    process: subprocess.Popen[str]
    lines: queue.Queue[str | None] = field(default_factory=queue.Queue)

    def line(self, timeout_s: float = TIMEOUT_S) -> str | None:
        """The next line of stdout; None when the process ended or the time was over."""
        try:
            return self.lines.get(timeout=timeout_s)
        except queue.Empty:
            return None

    def events(self, number: int) -> list[dict[str, Any]]:
        """So many events, or fewer when the host ended before or the time was over."""
        found: list[dict[str, Any]] = []
        deadline = time.monotonic() + TIMEOUT_S
        while len(found) < number:
            line = self.line(max(deadline - time.monotonic(), 0.001))
            if line is None:
                break
            found.append(json.loads(line))
        return found

    def end(self) -> str:
        """Wait for the end of the process; what it wrote to stderr."""
        assert self.process.stderr is not None
        self.process.wait(TIMEOUT_S)
        return self.process.stderr.read()


class BareRoot:
    """Use hide() once, then run in it as often as wanted."""

    def __init__(self, forky: Path, folder: Path) -> None:
        self._forky = forky
        self._hidden = folder / "hidden"
        self._mount_point = folder / "root"
        for path in (self._hidden, self._mount_point, folder / "work"):
            path.mkdir()
        subprocess.run(
            ["unshare", "--mount", "sh", "-euc", _HIDE + " ".join(_HIDDEN), "sh",
             forky, self._hidden, folder / "work", self._mount_point],
            check=True,
        )  # fmt: skip

    @contextlib.contextmanager
    def running(
        self,
        layer: Path,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        with_python: bool = False,
        writable: Path | None = None,
    ) -> Iterator[Run]:
        """Run a command as nobody, with this environment and no other; killed at the end.

        Args:
            layer: a folder whose files are in the root as well.
            writable: a folder that the root has at /mnt; nobody owns it then.
            with_python: in forky as it is, where the command finds forky's own Python.
        """
        layer.chmod(0o755)  # the root's own mode is the first layer's
        layers = [layer, self._forky] if with_python else [layer, self._hidden, self._forky]
        if writable is not None:
            os.chown(writable, NOBODY, NOBODY)
        process = subprocess.Popen(
            ["/usr/bin/unshare", "--mount", "/bin/sh", "-euc", _ENTER, "sh",
             ":".join(map(str, layers)), self._mount_point, str(NOBODY),
             writable or "", *command],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        run = Run(process)
        reader = threading.Thread(target=_read, args=(run,))
        reader.start()
        try:
            yield run
        finally:
            process.kill()
            process.wait()
            reader.join()
            for stream in (process.stdout, process.stderr):
                assert stream is not None
                stream.close()


def sysdig(layer: Path, plugin: Mapping[str, Any], fields: Sequence[str]) -> list[str]:
    """The command that prints these fields of every event; its configuration goes into layer."""
    config = {
        "plugins": [{"name": "k8saudit-eks", **plugin}],
        "load_plugins": ["k8saudit-eks"],
    }
    file = layer / "etc" / "falco.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(config), "utf-8")
    output = "*" + " ".join(f"%{name}" for name in fields)
    return ["/usr/bin/sysdig", "--plugin-config-file", "/etc/falco.yaml", "--unbuffered", "-j",
            "-p", output]  # fmt: skip


def forky_root() -> Path:
    """Where scripts/host-root.sh keeps it."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache, "k8saudit-eks", "forky")


def _read(run: Run) -> None:
    assert run.process.stdout is not None
    for line in run.process.stdout:
        run.lines.put(line)
    run.lines.put(None)
