"""Compiles Python files so that the same sources give the same bytes, wherever they lie.

The code carries no path of this machine and no time of a file: Python neither looks for
a source nor wants to write anything.
"""

from __future__ import annotations

import json
import py_compile
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path


class CompilationError(Exception):
    """A file is no Python that this version understands."""


def compile_files(jobs: Iterable[tuple[Path, Path, str]]) -> None:
    """Compile (source, target, name shown in tracebacks) each, in this order.

    In a process of its own: what is written depends on Python's hash seed and on what
    was compiled before.

    Raises:
        CompilationError: one can't be compiled.
    """
    work = [(str(source), str(target), shown) for source, target, shown in jobs]
    finished = subprocess.run(
        [sys.executable, "-S", "-P", str(Path(__file__).resolve())],
        input=json.dumps(work),
        env={"PYTHONHASHSEED": "0", "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode != 0:
        raise CompilationError(finished.stderr.strip())


def _compile_here() -> None:
    for source, target, shown in json.load(sys.stdin):
        py_compile.compile(
            source,
            target,
            shown,
            doraise=True,
            optimize=0,
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )


if __name__ == "__main__":
    _compile_here()
