"""Short, repeatable runs of the fuzzers: `make fuzz` runs them for longer."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
INSTALL = [ROOT / "scripts" / "system-packages.sh", "fuzz"]


@pytest.fixture(scope="module")
def clang() -> None:
    """clang with its sanitizer runtime; as root it is installed."""
    if os.geteuid() == 0:
        subprocess.run(INSTALL, check=True)
    elif shutil.which("clang++") is None:
        pytest.skip("fuzzing needs clang: apt-get install clang libclang-rt-dev")


@pytest.mark.usefixtures("clang")
@pytest.mark.parametrize(("target", "runs"), [("extract", 10_000), ("log_events", 5_000)])
def test_no_input_breaks_native_code(target: str, runs: int, tmp_path: Path) -> None:
    """Inputs from the corpus and a fixed seed hold every invariant under ASan and UBSan."""
    command = [sys.executable, HERE / "fuzz.py", "--target", target, "--runs", str(runs)]
    command += ["--seed", "1"]
    ran = subprocess.run(
        [*command, "--folder", tmp_path], capture_output=True, text=True, check=False, timeout=600
    )
    assert ran.returncode == 0, ran.stdout[-2000:] + ran.stderr[-4000:]
    assert f"Done {runs} runs" in ran.stderr


def test_no_line_breaks_framing_or_repair(tmp_path: Path) -> None:
    """2,000 log lines from the corpus and a fixed seed are framed and repaired as promised."""
    pytest.importorskip("atheris", reason="no atheris for this Python and machine")
    command = [sys.executable, HERE / "fuzz_frame.py", "--runs", "2000", "--seed", "1"]
    ran = subprocess.run(
        [*command, "--folder", tmp_path], capture_output=True, text=True, check=False, timeout=600
    )
    assert ran.returncode == 0, ran.stdout[-2000:] + ran.stderr[-4000:]
    assert "Done 2000 runs" in ran.stdout + ran.stderr
