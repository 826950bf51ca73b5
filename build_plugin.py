#!/usr/bin/env python3
"""Builds libk8saudit-eks.so: generates what derives from the package's tables, lets
cffi write its side of the embedding, compiles csrc/ and links.

    python build_plugin.py [--mode release] [--output build/libk8saudit-eks.so]

Needs a C11 and a C++17 compiler, the headers and shared library of the Python that
runs this, and libsimdjson-dev. CC, CXX, CFLAGS, CXXFLAGS and LDFLAGS are respected.
native_build.py says how a source is compiled, and when again.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import shlex
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent
if str(ROOT) not in sys.path:  # a build backend runs this from elsewhere
    sys.path.insert(0, str(ROOT))

import native_build as native  # noqa: E402 - needs the lines above
from native_build import CSRC, BuildError  # noqa: E402 - the same

__all__ = ["LIBRARY_NAME", "BuildError", "build"]

LIBRARY_NAME = "libk8saudit-eks.so"
MODULE_NAME = "_k8saudit_eks"

# cffi's own code: not held to this project's warnings.
CFFI_FLAGS = ["-w"]

# The only C beside cffi's generated code: callbacks.h says why it exists.
CFFI_SOURCE = """
#include "python/callbacks.h"

static int cffi_start_python(void);

int kae_cffi_start(void)
{
    return cffi_start_python();
}
"""

# The package is imported by csrc/python/interpreter.c, which can report a failure; cffi
# could only print it.
CFFI_INIT_CODE = "pass"

EXPORTS_ONLY = "{ global: plugin_*; local: *; };\n"


def write_embedding(work: Path) -> Path:
    """Write cffi's code, work/generated/cffi_embedding.c."""
    import cffi

    generated = work / "generated"
    ffibuilder = cffi.FFI()
    for declarations in native.CDEF_FILES:
        ffibuilder.cdef(declarations.read_text("utf-8"))
    ffibuilder.embedding_api((CSRC / "python" / "c_calls_python.cdef.h").read_text("utf-8"))
    ffibuilder.embedding_init_code(CFFI_INIT_CODE)
    ffibuilder.set_source(MODULE_NAME, CFFI_SOURCE)
    fresh = generated / "cffi_embedding.c.new"
    with contextlib.redirect_stdout(io.StringIO()):  # cffi announces every file
        ffibuilder.emit_c_code(str(fresh))
    path = generated / "cffi_embedding.c"
    native.write_if_changed(path, fresh.read_text("utf-8"))
    fresh.unlink()
    return path


def python_flags() -> tuple[list[str], list[str]]:
    """(compile flags, link flags) for embedding the running Python."""
    include = sysconfig.get_path("include")
    if not Path(include, "Python.h").exists():
        raise BuildError(f"Python.h is missing in {include}: apt-get install python3-dev")
    if not sysconfig.get_config_var("Py_ENABLE_SHARED"):
        raise BuildError(
            f"{sys.executable} was built without a shared libpython: use Debian's python3, "
            "or build yours with --enable-shared"
        )
    libdir = str(sysconfig.get_config_var("LIBDIR"))
    version = sysconfig.get_config_var("LDVERSION")
    link = [f"-L{libdir}", f"-lpython{version}"]
    if not libdir.startswith("/usr/lib"):
        link.append(f"-Wl,-rpath,{libdir}")
    return ["-isystem", include], link


def require(path: str, package: str, compiler: Sequence[str]) -> None:
    """Raise BuildError naming the package when a header can't be included."""
    probe = subprocess.run(
        [*compiler, "-E", "-x", "c++", "-"],
        input=f"#include <{path}>\n",
        text=True,
        capture_output=True,
        check=False,
    )
    if probe.returncode != 0:
        raise BuildError(f"<{path}> can't be included: apt-get install {package}")


def build(output: Path, work: Path, mode: native.Mode = native.RELEASE) -> None:
    """Build the library at output, with intermediate files in work."""
    compilers = native.compilers_of_environment()
    require("simdjson.h", "libsimdjson-dev", compilers.cxx)
    python_compile, python_link = python_flags()
    tables = native.generate_tables(work)

    def compiled(files: Sequence[Path], *flags: str) -> list[Path]:
        return native.compile_objects(
            files,
            mode,
            compilers=compilers,
            include=[work],
            flags=[*python_compile, *flags],
            work=work,
        )

    objects = compiled([*native.sources(), tables.tables, tables.fields])
    objects += compiled([write_embedding(work)], *CFFI_FLAGS)
    version_script = work / "exports.map"
    native.write_if_changed(version_script, EXPORTS_ONLY)
    print(f"linking {output.name}", flush=True)
    native.link(
        objects,
        output,
        mode,
        compilers=compilers,
        flags=[
            "-shared",
            # Python can't be unloaded: neither can what it runs in.
            "-Wl,-z,nodelete",
            "-Wl,-z,defs",
            "-Wl,-z,relro",
            "-Wl,-z,now",
            f"-Wl,--version-script={version_script}",
            *(["-s"] if mode is native.RELEASE else []),
            *python_link,
            *shlex.split(os.environ.get("LDFLAGS", "")),
        ],
    )


def main() -> int:
    parser = argparse.ArgumentParser(description="Build libk8saudit-eks.so.")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / LIBRARY_NAME)
    parser.add_argument("--mode", choices=native.MODES, default=native.RELEASE.name)
    arguments = parser.parse_args()
    mode = native.MODES[arguments.mode]
    try:
        build(arguments.output, arguments.output.resolve().parent, mode)
    except BuildError as error:
        print(f"build_plugin.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
