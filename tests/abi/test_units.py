"""The C parts that need no Python, under the sanitizers."""

from __future__ import annotations

import subprocess
from pathlib import Path

import native_build as native
import pytest
from boundary import ABI, CSRC, compile_program

pytestmark = pytest.mark.sanitizers


@pytest.mark.parametrize("mode", [native.ASAN, native.TSAN], ids=lambda mode: mode.name)
@pytest.mark.parametrize(
    ("name", "sources"),
    [
        ("unit_queue", native.sources("queue")),
        ("unit_frames", native.sources("json", "log_events", "queue")),
        ("unit_plugin", [CSRC / "abi" / "plugin.c", ABI / "no_extractor.c"]),
    ],
)
def test_contract_holds(name: str, sources: list[Path], mode: native.Mode) -> None:
    """What the unit_*.c state holds, without a leak, overflow or data race."""
    tests = [ABI / f"{name}.c", ABI / "host.c"]
    tables = native.generate_tables().tables
    program = compile_program(name, [*tests, CSRC / "abi" / "metrics.c", tables, *sources], mode)
    ran = subprocess.run([program], capture_output=True, text=True, check=False, timeout=120)
    assert (ran.stdout, ran.stderr) == ("held\n", "")
