"""The native log events and the queue, as a library of their own that any Python loads.

In the plugin the same functions are reached through the embedded module. Here they are
compiled without it, with the generated tables, and loaded with cffi in ABI mode, so that
src/k8saudit_eks/native_*.py can be bound to them in tests and benches.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cffi

from k8saudit_eks.metrics import Metric

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from native_build import (  # noqa: E402 - the project's top folder is no package
    BUILD,
    CDEF_FILES,
    CSRC,
    RELEASE,
    Mode,
    compile_objects,
    generate_tables,
    link,
    sources,
)

DRAIN = Path(__file__).with_name("drain.c")
# The queue's other side, which only C uses in the plugin: csrc/queue/queue.h,
# csrc/abi/falco_abi.h and drain.c. An event's payload follows its header.
CONSUMER_CDEF = """
    struct kae_queue *kae_queue_new(uint32_t capacity_events, void *metrics);
    int32_t kae_queue_next_batch(struct kae_queue *queue, uint32_t *nevts,
                                 struct kae_abi_event ***evts);
    uint32_t kae_queue_progress(struct kae_queue *queue);
    uint64_t kae_drain(struct kae_queue *queue);
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


def build(mode: Mode = RELEASE, flags: Sequence[str] = ()) -> Path:
    """The library, compiled in this mode and with these flags; built only once.

    Symbols are bound when they are first called.
    """
    metrics = CSRC / "abi" / "metrics.c"
    tables = generate_tables().tables
    objects = compile_objects(
        [*sources("json", "log_events", "queue"), metrics, tables, DRAIN],
        mode,
        flags=["-fvisibility=default", *flags],
    )
    output = BUILD / "tests" / f"native-{mode.name}.so"
    return link(objects, output, mode, flags=["-shared", "-Wl,-z,lazy", *flags])


def declared() -> cffi.FFI:
    """What is declared to cffi: also functions that are not in this library."""
    ffi = cffi.FFI()
    for name in CDEF_FILES:
        ffi.cdef(name.read_text("utf-8"))
    ffi.cdef(CONSUMER_CDEF_PACKED, packed=True)
    ffi.cdef(CONSUMER_CDEF)
    return ffi


def load(mode: Mode = RELEASE, flags: Sequence[str] = ()) -> tuple[Any, Any]:
    """Builds the library and loads it: (ffi, lib)."""
    ffi = declared()
    return ffi, ffi.dlopen(str(build(mode, flags)))


@functools.cache
def session_library() -> tuple[Any, Any]:
    """The same (ffi, lib) for every caller in this process."""
    return load()


def new_metrics(ffi: Any) -> Any:
    """A struct kae_metrics of zeros (csrc/abi/metrics.h), as kae_queue_new takes it."""
    return ffi.new("uint64_t[]", len(Metric))
