#!/usr/bin/env python3
"""Builds libk8saudit-eks.so: generates what derives from the package's tables, lets
cffi write its side of the embedding, compiles csrc/ and links.

    python build_plugin.py [--output build/libk8saudit-eks.so]

Needs a C11 and a C++17 compiler, the headers and shared library of the Python that
runs this, and libsimdjson-dev. CC, CXX, CFLAGS, CXXFLAGS and LDFLAGS are respected.
An object is compiled again only when its source, a header or its command changed.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent
CSRC = ROOT / "csrc"
sys.path.insert(0, str(ROOT / "src"))

LIBRARY_NAME = "libk8saudit-eks.so"
MODULE_NAME = "_k8saudit_eks"

WARNINGS = ["-Wall", "-Wextra", "-Werror"]
COMMON = ["-O2", "-fPIC", "-fvisibility=hidden", "-pthread", "-DNDEBUG"]
C_FLAGS = ["-std=c11", "-D_GNU_SOURCE", *COMMON, "-Wstrict-prototypes", "-Wshadow", *WARNINGS]
CXX_FLAGS = ["-std=c++17", *COMMON, "-fno-exceptions", "-fno-rtti", *WARNINGS]
# cffi's own code: not held to this project's warnings.
CFFI_FLAGS = ["-D_GNU_SOURCE", *COMMON, "-w"]

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


class BuildError(Exception):
    """What the machine lacks, and how to get it."""


def write_if_changed(path: Path, text: str) -> None:
    """Write text; leave the file and its time alone when it says so already."""
    if not path.exists() or path.read_text("utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def generate(work: Path) -> None:
    """Write work/generated/: every table whose source of truth is Python, and cffi's code."""
    import cffi

    from k8saudit_eks import codegen
    from k8saudit_eks.fields import emit

    generated = work / "generated"
    write_if_changed(generated / "tables.h", codegen.tables_header())
    write_if_changed(generated / "tables.c", codegen.tables_source())
    write_if_changed(generated / "fields.c", emit.c_source())

    ffibuilder = cffi.FFI()
    for cdef in ("python/python_calls_c.cdef.h", "log_events/log_events.cdef.h"):
        ffibuilder.cdef((CSRC / cdef).read_text("utf-8"))
    ffibuilder.embedding_api((CSRC / "python" / "c_calls_python.cdef.h").read_text("utf-8"))
    ffibuilder.embedding_init_code(CFFI_INIT_CODE)
    ffibuilder.set_source(MODULE_NAME, CFFI_SOURCE)
    fresh = generated / "cffi_embedding.c.new"
    with contextlib.redirect_stdout(io.StringIO()):  # cffi announces every file
        ffibuilder.emit_c_code(str(fresh))
    write_if_changed(generated / "cffi_embedding.c", fresh.read_text("utf-8"))
    fresh.unlink()


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


def run(command: Sequence[str]) -> None:
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    if finished.returncode != 0:
        raise BuildError(f"{shlex.join(command)}\n{finished.stdout}{finished.stderr}")


def compile_object(command: list[str], source: Path, objects: Path, headers: str) -> Path:
    """Compile source unless the same command has compiled the same text before."""
    key = hashlib.sha256()
    key.update(shlex.join(command).encode())
    key.update(headers.encode())
    key.update(source.read_bytes())
    target = objects / f"{source.stem}-{key.hexdigest()[:16]}.o"
    if not target.exists():
        print(f"compiling {source.name}", flush=True)
        for old in objects.glob(f"{source.stem}-*.o"):
            old.unlink()
        unfinished = target.with_suffix(".tmp")
        run([*command, "-c", str(source), "-o", str(unfinished)])
        unfinished.rename(target)
    return target


def compiler(variable: str, default: str) -> list[str]:
    """The compiler's command, from the environment or the default one on PATH."""
    command = shlex.split(os.environ.get(variable, default))
    if shutil.which(command[0]) is None:
        raise BuildError(f"the compiler {command[0]} is missing: apt-get install gcc g++")
    return command


def build(output: Path, work: Path) -> None:
    """Build the library at output, with intermediate files in work."""
    cc = compiler("CC", "gcc")
    cxx = compiler("CXX", "g++")
    require("simdjson.h", "libsimdjson-dev", cxx)
    python_compile, python_link = python_flags()
    generate(work)

    includes = [f"-I{CSRC}", f"-I{work}", *python_compile]
    c_flags = shlex.split(os.environ.get("CFLAGS", ""))
    cxx_flags = shlex.split(os.environ.get("CXXFLAGS", ""))
    c = [*cc, *C_FLAGS, *includes, *c_flags]
    cpp = [*cxx, *CXX_FLAGS, *includes, *cxx_flags]
    cffi_c = [*cc, *CFFI_FLAGS, *includes, *c_flags]

    generated = work / "generated"
    header_files = [*sorted(CSRC.rglob("*.h")), *sorted(generated.glob("*.h"))]
    headers = "".join(path.read_text("utf-8") for path in header_files)
    objects_dir = work / "objects"
    objects_dir.mkdir(parents=True, exist_ok=True)
    jobs = [(c, path) for path in sorted(CSRC.rglob("*.c"))]
    jobs += [(cpp, path) for path in sorted(CSRC.rglob("*.cpp"))]
    jobs += [(c, generated / "tables.c"), (c, generated / "fields.c")]
    jobs += [(cffi_c, generated / "cffi_embedding.c")]
    objects = [compile_object(command, path, objects_dir, headers) for command, path in jobs]

    version_script = work / "exports.map"
    write_if_changed(version_script, EXPORTS_ONLY)
    output.parent.mkdir(parents=True, exist_ok=True)
    unfinished = output.with_name(output.name + ".new")
    print(f"linking {output.name}", flush=True)
    run(
        [
            *cxx,
            "-shared",
            "-pthread",
            # Python can't be unloaded: neither can what it runs in.
            "-Wl,-z,nodelete",
            "-Wl,-z,defs",
            "-Wl,-z,relro",
            "-Wl,-z,now",
            f"-Wl,--version-script={version_script}",
            "-s",
            *map(str, objects),
            "-o",
            str(unfinished),
            *python_link,
            "-lsimdjson",
            "-ldl",
            *shlex.split(os.environ.get("LDFLAGS", "")),
        ]
    )
    # A host may have the old file mapped: replace the name, not the contents.
    unfinished.rename(output)


def main() -> int:
    parser = argparse.ArgumentParser(description="Build libk8saudit-eks.so.")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / LIBRARY_NAME)
    arguments = parser.parse_args()
    try:
        build(arguments.output, arguments.output.resolve().parent)
    except BuildError as error:
        print(f"build_plugin.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
