"""The native log events and the queue, as a library of their own that any Python loads.

In the plugin the same functions are reached through the embedded module. Here they are
compiled without it, with the generated tables, and loaded with cffi in ABI mode, so that
src/k8saudit_eks/native_*.py can be bound to them in tests and benches.
"""

from __future__ import annotations

import functools
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cffi

from k8saudit_eks import codegen
from k8saudit_eks.metrics import Metric

ROOT = Path(__file__).resolve().parents[2]
CSRC = ROOT / "csrc"
ROOMS = ["json", "log_events", "queue"]
WARNINGS = ["-Wall", "-Wextra", "-Werror", "-fPIC", "-pthread"]
C_FLAGS = ["-std=c11", "-D_GNU_SOURCE", "-Wstrict-prototypes", "-Wshadow", *WARNINGS]
CXX_FLAGS = ["-std=c++17", "-fno-exceptions", "-fno-rtti", *WARNINGS]
# In the order of native_build.py.
CDEF_FILES = [
    "abi/severity.cdef.h",
    "queue/push_refusal.cdef.h",
    "json/cut.cdef.h",
    "python/python_calls_c.cdef.h",
    "log_events/log_events.cdef.h",
]

# The queue's other side, which only C uses in the plugin: csrc/queue/queue.h and
# csrc/abi/falco_abi.h. An event's payload follows its header.
CONSUMER_CDEF = """
    struct kae_queue *kae_queue_new(uint32_t capacity_events, void *metrics);
    int32_t kae_queue_next_batch(struct kae_queue *queue, uint32_t *nevts,
                                 struct kae_abi_event ***evts);
    uint32_t kae_queue_progress(struct kae_queue *queue);
"""
CONSUMER_CDEF_PACKED = """
    struct kae_abi_event {
        uint64_t ts_ns; uint64_t tid; uint32_t len_bytes; uint16_t type; uint32_t nparams;
    };
    struct kae_abi_plugin_event {
        struct kae_abi_event header;
        uint32_t id_len_bytes; uint32_t payload_len_bytes; uint32_t plugin_id;
    };
"""


def sources() -> list[Path]:
    """The C and C++ files of the rooms, and what the queue needs of the ABI's."""
    found = [path for room in ROOMS for path in sorted((CSRC / room).glob("*.c*"))]
    return [*(path for path in found if path.suffix in {".c", ".cpp"}), CSRC / "abi" / "metrics.c"]


def write_tables(folder: Path) -> list[Path]:
    """Generates what the rooms need of the package's tables; the C files among it."""
    generated = folder / "generated"
    generated.mkdir(parents=True, exist_ok=True)
    (generated / "tables.h").write_text(codegen.tables_header(), "utf-8")
    (generated / "tables.c").write_text(codegen.tables_source(), "utf-8")
    return [generated / "tables.c"]


def build(folder: Path, flags: Sequence[str] = ()) -> Path:
    """The library, in this folder, with the project's warnings and these flags.

    Symbols are bound when they are first called.
    """
    tables = write_tables(folder)
    options = [*(flags or ["-O2"]), f"-I{CSRC}", f"-I{folder}"]
    running = []
    objects = []
    for source in [*sources(), *tables]:
        command = ["gcc", *C_FLAGS] if source.suffix == ".c" else ["g++", *CXX_FLAGS]
        target = folder / f"{source.parent.name}-{source.stem}.o"
        objects.append(str(target))
        full = [*command, *options, "-c", str(source), "-o", str(target)]
        running.append(subprocess.Popen(full, stderr=subprocess.PIPE, text=True))
    for process in running:
        _, errors = process.communicate()
        assert process.returncode == 0, errors
    library = folder / "native.so"
    link = ["g++", "-shared", "-pthread", "-Wl,-z,lazy", *flags, *objects, "-o", str(library)]
    finished = subprocess.run([*link, "-lsimdjson"], capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    return library


def declared() -> cffi.FFI:
    """What is declared to cffi: also functions that are not in this library."""
    ffi = cffi.FFI()
    for name in CDEF_FILES:
        ffi.cdef((CSRC / name).read_text("utf-8"))
    ffi.cdef(CONSUMER_CDEF_PACKED, packed=True)
    ffi.cdef(CONSUMER_CDEF)
    return ffi


def load(folder: Path, flags: Sequence[str] = ()) -> tuple[Any, Any]:
    """Builds the library and loads it: (ffi, lib)."""
    ffi = declared()
    return ffi, ffi.dlopen(str(build(folder, flags)))


@functools.cache
def session_library() -> tuple[Any, Any]:
    """The same (ffi, lib) for every caller in this process, built by the first."""
    with tempfile.TemporaryDirectory() as folder:
        return load(Path(folder))


def new_metrics(ffi: Any) -> Any:
    """A struct kae_metrics of zeros (csrc/abi/metrics.h), as kae_queue_new takes it."""
    return ffi.new("uint64_t[]", len(Metric))
