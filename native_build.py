"""How this project's C and C++ is compiled: one description for the library, the tests, the
fuzzers and the benches.

A mode says what objects are for. An object is compiled again only if its command, its
source or a file that it includes changed; what it includes, the compiler writes beside it.
"""

from __future__ import annotations

import functools
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, NamedTuple

ROOT = Path(__file__).resolve().parent
CSRC = ROOT / "csrc"
BUILD = ROOT / "build"

# What Python may call and needs to know of the native code, as cffi reads it, in this order.
CDEF_FILES: Final = (
    CSRC / "abi" / "severity.cdef.h",
    CSRC / "queue" / "push_refusal.cdef.h",
    CSRC / "python" / "python_calls_c.cdef.h",
    CSRC / "log_events" / "log_events.cdef.h",
)

_WARNINGS = ("-Wall", "-Wextra", "-Werror")
# Hidden: the library's parts call each other directly. A library of a test that shows its
# functions asks for -fvisibility=default.
_COMMON = ("-D_GNU_SOURCE", "-fPIC", "-fvisibility=hidden", "-pthread", *_WARNINGS)
# Not for C++, where a function may have the name of a struct, as in log_events.cdef.h.
_C_FLAGS = ("-std=c11", "-Wstrict-prototypes", "-Wshadow", *_COMMON)
_CXX_FLAGS = ("-std=c++17", "-fno-exceptions", "-fno-rtti", *_COMMON)
_SANITIZED = ("-g", "-O1", "-fno-omit-frame-pointer", "-fno-sanitize-recover=all")


class BuildError(Exception):
    """What the machine lacks and how to get it, or what a compiler said."""


class Mode(NamedTuple):
    """What objects are for.

    Attributes:
        compile_flags: added for each source.
        link_flags: added where such objects become a program or a library.
    """

    name: str
    compile_flags: tuple[str, ...]
    link_flags: tuple[str, ...] = ()


RELEASE: Final = Mode("release", ("-O2", "-DNDEBUG"))
DEBUG: Final = Mode("debug", ("-Og", "-g"))
ASAN: Final = Mode(
    "asan", (*_SANITIZED, "-fsanitize=address,undefined"), ("-fsanitize=address,undefined",)
)
TSAN: Final = Mode("tsan", (*_SANITIZED, "-fsanitize=thread"), ("-fsanitize=thread",))
COVERAGE: Final = Mode("coverage", ("-O0", "-g", "--coverage"), ("--coverage",))
MODES: Final = {mode.name: mode for mode in (RELEASE, DEBUG, ASAN, TSAN, COVERAGE)}


class Compilers(NamedTuple):
    """The commands that compile C and C++, and what users add; the second one links, too."""

    c: tuple[str, ...]
    cxx: tuple[str, ...]
    c_flags: tuple[str, ...] = ()
    cxx_flags: tuple[str, ...] = ()


GCC: Final = Compilers(("gcc",), ("g++",))
CLANG: Final = Compilers(("clang",), ("clang++",))


def compilers_of_environment() -> Compilers:
    """CC and CXX with CFLAGS and CXXFLAGS, or gcc and g++ on the PATH.

    Raises:
        BuildError: one of them is missing.
    """
    c = shlex.split(os.environ.get("CC", "gcc"))
    cxx = shlex.split(os.environ.get("CXX", "g++"))
    for command in (c, cxx):
        if shutil.which(command[0]) is None:
            raise BuildError(f"the compiler {command[0]} is missing: apt-get install gcc g++")
    return Compilers(
        tuple(c),
        tuple(cxx),
        tuple(shlex.split(os.environ.get("CFLAGS", ""))),
        tuple(shlex.split(os.environ.get("CXXFLAGS", ""))),
    )


def sources(*rooms: str) -> list[Path]:
    """The C and C++ files of these rooms of csrc/, or of all."""
    folders = [CSRC / room for room in rooms] or [CSRC]
    found = [path for folder in folders for path in folder.rglob("*.c*")]
    return sorted(path for path in found if path.suffix in (".c", ".cpp"))


def write_if_changed(path: Path, text: str) -> None:
    """Write text at once; leave the file and its time alone when it says so already."""
    if path.exists() and path.read_text("utf-8") == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.new")
    unfinished.write_text(text, "utf-8")
    unfinished.replace(path)


class Tables(NamedTuple):
    """C whose source of truth is Python; `generated/…` is included from `folder`."""

    folder: Path
    tables: Path
    fields: Path


def generate_tables(work: Path = BUILD) -> Tables:
    """Write work/generated/: names and metrics (tables.c, tables.h), and the fields."""
    if str(ROOT / "src") not in sys.path:
        sys.path.insert(0, str(ROOT / "src"))
    from k8saudit_eks import codegen
    from k8saudit_eks.fields import emit

    generated = work / "generated"
    found = Tables(work, generated / "tables.c", generated / "fields.c")
    write_if_changed(generated / "tables.h", codegen.tables_header())
    write_if_changed(found.tables, codegen.tables_source())
    write_if_changed(found.fields, emit.c_source())
    return found


def compile_objects(
    files: Iterable[Path],
    mode: Mode,
    *,
    compilers: Compilers = GCC,
    include: Sequence[Path] = (BUILD,),
    flags: Sequence[str] = (),
    work: Path = BUILD,
) -> list[Path]:
    """The objects of these files, compiled side by side where they are not up to date.

    Args:
        include: where headers are looked for after csrc/; by default the generated ones.
        flags: come last, so they win.
        work: objects lie in work/objects/, in folders like those of their sources.

    Raises:
        BuildError: the command and what the compiler said.
    """
    headers = [f"-I{folder}" for folder in (CSRC, *include)]

    def compiled(file: Path) -> Path:
        if file.suffix == ".c":
            start, users = [*compilers.c, *_C_FLAGS], compilers.c_flags
        else:
            start, users = [*compilers.cxx, *_CXX_FLAGS], compilers.cxx_flags
        command = [*start, *mode.compile_flags, *headers, *users, *flags]
        return _compile(command, file, mode, work)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(compiled, files))


def link(
    objects: Iterable[Path],
    output: Path,
    mode: Mode,
    *,
    compilers: Compilers = GCC,
    flags: Sequence[str] = (),
) -> Path:
    """A program, or with -shared among the flags a library, that needs simdjson.

    A process may have the old file mapped: the name is replaced, not the contents.

    Raises:
        BuildError: the command and what the linker said.
    """
    output.parent.mkdir(parents=True, exist_ok=True)
    unfinished = output.with_name(f"{output.name}.{os.getpid()}.new")
    files = map(str, objects)
    _run(
        [
            *(*compilers.cxx, *mode.link_flags, "-pthread", *files),
            *("-o", str(unfinished), "-lsimdjson", "-ldl", *flags),
        ]
    )
    return unfinished.replace(output)


def _compile(command: Sequence[str], source: Path, mode: Mode, work: Path) -> Path:
    digest = hashlib.sha256(shlex.join([*command, _version(command[0])]).encode())
    folder = work / "objects" / f"{mode.name}-{digest.hexdigest()[:12]}" / _place(source).parent
    included = folder / f"{source.name}.d"
    if included.exists():
        target = folder / f"{source.name}.{_contents(source, included)}.o"
        if target.exists():
            return target
    print(f"compiling {_place(source)} ({mode.name})", flush=True)
    folder.mkdir(parents=True, exist_ok=True)
    # Another process may compile the same: each writes files of its own.
    with tempfile.TemporaryDirectory(dir=folder) as name:
        unfinished, listed = Path(name, "object"), Path(name, "included")
        # -MD names the system's headers, too: a new simdjson compiles anew what uses it.
        _run([*command, "-MD", "-MF", str(listed), "-c", str(source), "-o", str(unfinished)])
        for old in folder.glob(f"{source.name}.*.o"):
            old.unlink(missing_ok=True)
        target = folder / f"{source.name}.{_contents(source, listed)}.o"
        unfinished.replace(target)
        listed.replace(included)
    return target


def _place(source: Path) -> Path:
    """Where the object of a source lies below the folder of objects."""
    source = source.resolve()
    if source.is_relative_to(ROOT):
        return source.relative_to(ROOT)
    return Path("elsewhere", *source.parts[1:])


def _contents(source: Path, included: Path) -> str:
    """A name for what the source and everything it includes say."""
    # `object: file file \` with a backslash before a blank inside a name.
    _, _, rule = included.read_text("utf-8").replace("\\\n", " ").partition(": ")
    names = rule.replace("\\ ", "\0").split()
    digest = hashlib.sha256()
    for name in (str(source), *names):
        digest.update(_digest(Path(name.replace("\0", " "))))
    return digest.hexdigest()[:16]


def _digest(path: Path) -> bytes:
    try:
        status = path.stat()
    except FileNotFoundError:
        return b"gone"
    return _digest_as_of(path, status.st_mtime_ns, status.st_size)


@functools.cache
def _digest_as_of(path: Path, modified_ns: int, len_bytes: int) -> bytes:
    return hashlib.sha256(path.read_bytes()).digest()


@functools.cache
def _version(compiler: str) -> str:
    """What tells one version of a compiler from another."""
    try:
        ran = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise BuildError(f"the compiler {compiler} is missing") from error
    return ran.stdout


def _run(command: Sequence[str]) -> None:
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    if finished.returncode != 0:
        raise BuildError(f"{shlex.join(command)}\n{finished.stdout}{finished.stderr}")
