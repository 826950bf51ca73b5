"""Compiles Python files so that the same sources give the same bytes, wherever they lie.

The code carries no path of this machine and no time of a file: Python neither looks for
a source nor wants to write anything. It carries no docstrings either, which would stay in
the host's memory; assertions stay.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import marshal
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


# Flags of a .pyc whose source is known by its hash, and is not looked at (PEP 552).
_UNCHECKED_HASH = (0b01).to_bytes(4, "little")
_Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def _compile_here() -> None:
    for source, target, shown in json.load(sys.stdin):
        text = Path(source).read_bytes()
        tree = ast.parse(text, shown)
        for node in ast.walk(tree):
            if isinstance(node, _Documented) and ast.get_docstring(node, clean=False) is not None:
                # A body must not be empty, and imports from __future__ come first.
                nothing = ast.copy_location(ast.Pass(), node.body[0])
                node.body = node.body[1:] or [nothing]
        code = compile(tree, shown, "exec", dont_inherit=True, optimize=0)
        Path(target).write_bytes(
            importlib.util.MAGIC_NUMBER
            + _UNCHECKED_HASH
            + importlib.util.source_hash(text)
            + marshal.dumps(code)
        )


if __name__ == "__main__":
    _compile_here()
