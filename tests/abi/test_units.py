"""The C parts that need no Python, under the sanitizers."""

from __future__ import annotations

import subprocess

import pytest
from boundary import ABI, BUILD, CSRC, Compile

SANITIZERS = ["address,undefined", "thread"]


@pytest.mark.parametrize("sanitizer", SANITIZERS)
@pytest.mark.parametrize(
    ("name", "sources"),
    [
        ("unit_queue", [CSRC / "queue" / "queue.c"]),
        ("unit_plugin", [CSRC / "abi" / "plugin.c", ABI / "no_extractor.c"]),
    ],
)
def test_contract_holds(compile_c: Compile, name: str, sources: list[str], sanitizer: str) -> None:
    """What unit_queue.c and unit_plugin.c state holds, without a leak, overflow or data race."""
    program = compile_c(
        f"{name}-{sanitizer}",
        [
            ABI / f"{name}.c",
            ABI / "host.c",
            CSRC / "abi" / "metrics.c",
            BUILD / "generated" / "tables.c",
            *sources,
        ],
        [f"-fsanitize={sanitizer}", "-fno-sanitize-recover=all"],
    )
    ran = subprocess.run([program], capture_output=True, text=True, check=False, timeout=120)
    assert (ran.stdout, ran.stderr) == ("held\n", "")
