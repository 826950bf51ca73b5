#!/usr/bin/env python3
"""How soon the bundle is at work: from the packed archive to the first event.

    sudo .venv/bin/python bench/bundle.py

In a root without Python, as in Falco's images: the archive that `make bundle` builds is
unpacked, a host starts with it, and reads from a local CloudWatch Logs. The limit is that
of the best of some starts, as the disk may be busy; the exit code is 1 if it is missed.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# The root without Python is the tests' one.
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(ROOT / "tests" / "packaging"))

from bare_root import BareRoot, forky_root  # noqa: E402 - the paths above come first
from demo.local_cloudwatch import CREDENTIALS, LocalCloudWatch  # noqa: E402
from installation import run  # noqa: E402
from unpacked import look, unpack, watch  # noqa: E402

LIMIT_S = 1.5
STARTS = 5


def build(folder: Path) -> Path:
    """The archive."""
    run([sys.executable, "-m", "bundle.build", "--output", folder], cwd=ROOT)
    (archive,) = folder.iterdir()
    return archive


def first_event_s(root: BareRoot, archive: Path, layer: Path, cloudwatch: LocalCloudWatch) -> float:
    """One start."""
    started_s = time.monotonic()
    command = watch(layer, unpack(archive, layer).plugin(cloudwatch))
    with root.running(layer, command, CREDENTIALS) as host:
        if not host.events(1):
            host.process.terminate()
            sys.exit(f"no event came: {host.end()}")
        return time.monotonic() - started_s


def main() -> int:
    """Measure, print, compare."""
    if os.geteuid() != 0:
        print("not measured: a root without Python can be mounted by root only")
        return 0
    run([ROOT / "scripts" / "system-packages.sh", "host"])
    run([ROOT / "scripts" / "host-root.sh"])
    with tempfile.TemporaryDirectory() as name, LocalCloudWatch() as cloudwatch:
        folder = Path(name)
        for part in ("dist", "bare"):
            (folder / part).mkdir()
        archive = build(folder / "dist")
        root = BareRoot(forky_root(), folder / "bare")
        cloudwatch.create_cluster()
        cloudwatch.put([look("pod")])
        took_s = sorted(
            first_event_s(root, archive, folder / f"layer-{number}", cloudwatch)
            for number in range(STARTS)
        )
    print(
        f"from the packed archive to the first event: best {took_s[0]:.2f} s, "
        f"slowest {took_s[-1]:.2f} s of {STARTS} (limit {LIMIT_S} s for the best)"
    )
    return 0 if took_s[0] < LIMIT_S else 1


if __name__ == "__main__":
    sys.exit(main())
