"""The native extractor (csrc/extract with the generated table) as Python sees it.

Compiles it into a small shared library of its own, where it is not up to date.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cffi
from closed_json import Close, Closed, of_native

from k8saudit_eks.fields.table import FIELDS

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import native_build as native  # noqa: E402 - the path above comes first
from native_build import CSRC  # noqa: E402 - the same

FIELD_IDS = {row.name: position for position, row in enumerate(FIELDS)}
TIME_NS = 1_767_225_600_123_456_000
PLUGIN_EVENT = 322

Key = str | int | None
Values = list[str | int] | None

# As in csrc/abi/falco_abi.h and csrc/extract/extract.h; tests/abi compares those with the
# hosts' own.
CDEF = """
    struct kae_abi_event_input { const void *evt; uint64_t evtnum; const char *evtsrc; };
    struct kae_abi_extract_field {
        union { const char **str; uint64_t *u64; } res;
        uint64_t res_len;
        uint32_t field_id;
        const char *field;
        const char *arg_key;
        uint64_t arg_index;
        uint32_t arg_present;
        uint32_t ftype;
        uint32_t flist;
    };
    struct kae_extractor;
    struct kae_extractor *kae_extractor_new(void);
    void kae_extractor_free(struct kae_extractor *);
    void kae_extractor_reset(struct kae_extractor *);
    int32_t kae_extract(struct kae_extractor *, const struct kae_abi_event_input *,
                        struct kae_abi_extract_field *, uint32_t);
    const char *kae_extractor_error(const struct kae_extractor *);
    uint64_t kae_extractor_unparsable(const struct kae_extractor *);
    extern const char kae_fields_json[];
"""
# Its own definition: packed, unlike the others.
CDEF_PACKED = """
    struct kae_abi_plugin_event {
        uint64_t ts_ns; uint64_t tid; uint32_t len_bytes; uint16_t type; uint32_t nparams;
        uint32_t id_len_bytes; uint32_t payload_len_bytes; uint32_t plugin_id;
    };
"""

FFI = cffi.FFI()
FFI.cdef(CDEF)
FFI.cdef((CSRC / "json" / "cut.cdef.h").read_text("utf-8"))
FFI.cdef(CDEF_PACKED, packed=True)


def compile_extractor(mode: native.Mode, *flags: str) -> list[Path]:
    """The extractor's objects and those of its table."""
    files = [*native.sources("extract", "json"), native.generate_tables().fields]
    return native.compile_objects(files, mode, flags=flags)


def build_driver(name: str, text: str, mode: native.Mode, *link_flags: str) -> Path:
    """A C program around the extractor; its name is that of its test."""
    source = native.BUILD / "drivers" / f"{name}.c"
    native.write_if_changed(source, text)
    objects = [*native.compile_objects([source], mode), *compile_extractor(mode)]
    return native.link(objects, source.with_suffix(""), mode, flags=link_flags)


def build_library(folder: Path) -> Any:
    """The extractor as a loaded library."""
    objects = compile_extractor(native.RELEASE, "-fvisibility=default")
    library = folder / "extract.so"
    native.link(objects, library, native.RELEASE, flags=["-shared", "-Wl,-z,defs"])
    return FFI.dlopen(str(library))


def native_close(library: Any) -> Close:
    """The library's closed_json.Close."""

    def close(text: bytes, start: int = 0) -> Closed | None:
        found = FFI.new("struct kae_cut *")
        rest = FFI.from_buffer("uint8_t[]", text) + start
        if not library.kae_cut_json(rest, len(text) - start, found):
            return None
        closers = FFI.buffer(found.closers, found.closers_len_bytes)[:]
        return of_native(text, start, found, closers)

    return close


def plugin_event(payload: bytes, time_ns: int = TIME_NS, **header: int) -> bytes:
    """One event as the host hands it over; header members can be overridden."""
    event = FFI.new("struct kae_abi_plugin_event *")
    size = FFI.sizeof("struct kae_abi_plugin_event")
    members = {
        "ts_ns": time_ns,
        "tid": 2**64 - 1,
        "len_bytes": size + len(payload),
        "type": PLUGIN_EVENT,
        "nparams": 2,
        "id_len_bytes": 4,
        "payload_len_bytes": len(payload),
        "plugin_id": 9,
        **header,
    }
    for name, value in members.items():
        setattr(event, name, value)
    return bytes(FFI.buffer(event)) + payload


class ExtractError(Exception):
    """kae_extract returned a failure; the message is the extractor's."""


class Native:
    """One extractor. Events get numbers of their own unless one is given."""

    def __init__(self, library: Any) -> None:
        self._library = library
        self._extractor = FFI.gc(library.kae_extractor_new(), library.kae_extractor_free)
        self._evtnum = 0

    def new_event(self, payload: bytes, time_ns: int = TIME_NS, **header: int) -> Any:
        """An input that call() takes as often as wanted."""
        memory = FFI.from_buffer(plugin_event(payload, time_ns, **header))
        self._evtnum += 1
        return self.input(memory, self._evtnum)

    def input(self, memory: Any, evtnum: int) -> Any:
        """An input for an event in this memory."""
        event_input = FFI.new("struct kae_abi_event_input *")
        event_input.evt = FFI.cast("const void *", memory)
        event_input.evtnum = evtnum
        return event_input, memory

    def pointers(self, event: Any, question: tuple[str | int, Key]) -> Callable[[], Values]:
        """Asks now; what the answer's pointers lead to is read later, when it is called.

        As libsinsp does, it copies the pointers to texts and keeps those to numbers.
        """
        fields, _alive = self._ask(event, [question])
        (field,) = fields
        count = field.res_len
        if FIELDS[field.field_id].type == "uint64":
            numbers = field.res.u64
            return lambda: [int(numbers[n]) for n in range(count)]
        texts = [field.res.str[n] for n in range(count)]
        return lambda: [_text(text) for text in texts]

    def addresses(self, event: Any, question: tuple[str | int, Key]) -> list[int]:
        """Where the texts of the answer are."""
        fields, _alive = self._ask(event, [question])
        (field,) = fields
        return [int(FFI.cast("uintptr_t", field.res.str[n])) for n in range(field.res_len)]

    def call(self, event: Any, wanted: Sequence[tuple[str | int, Key]]) -> list[Values]:
        """One call of kae_extract for several (field name or id, argument)."""
        fields, _alive = self._ask(event, wanted)
        return [_values(field) for field, _ in zip(fields, wanted, strict=False)]

    def _ask(self, event: Any, wanted: Sequence[tuple[str | int, Key]]) -> tuple[Any, Any]:
        event_input, _ = event
        fields = FFI.new("struct kae_abi_extract_field[]", max(len(wanted), 1))
        alive = []
        for field, (name, arg) in zip(fields, wanted, strict=False):
            field.field_id = name if isinstance(name, int) else FIELD_IDS[name]
            alive.append(FFI.new("char[]", str(name).encode()))
            field.field = alive[-1]
            field.res_len = 77  # must be overwritten whatever happens
            field.arg_present = arg is not None
            if isinstance(arg, int):
                field.arg_index = arg
            elif arg is not None:
                alive.append(FFI.new("char[]", arg.encode()))
                field.arg_key = alive[-1]
        code = self._library.kae_extract(self._extractor, event_input, fields, len(wanted))
        if code != 0:
            assert [field.res_len for field in fields] == [0] * len(wanted)
            raise ExtractError(self.error())
        return fields, alive

    def extract(self, payload: bytes, name: str, arg: Key = None) -> Values:
        """One field of one event."""
        return self.call(self.new_event(payload), [(name, arg)])[0]

    def everything(self, payload: bytes, wanted: Sequence[tuple[str, Key]]) -> Mapping[Any, Values]:
        """Several fields of one event, each in a call of its own, as Falco asks."""
        event = self.new_event(payload)
        return {pair: self.call(event, [pair])[0] for pair in wanted}

    def reset(self) -> None:
        self._library.kae_extractor_reset(self._extractor)

    def error(self) -> str:
        return _text(self._library.kae_extractor_error(self._extractor))

    def unparsable(self) -> int:
        return int(self._library.kae_extractor_unparsable(self._extractor))


def _values(field: Any) -> Values:
    if field.res_len == 0:
        return None
    if FIELDS[field.field_id].type == "uint64":
        return [int(field.res.u64[n]) for n in range(field.res_len)]
    return [_text(field.res.str[n]) for n in range(field.res_len)]


def _text(pointer: Any) -> str:
    # Strict: a value that is no UTF-8 fails the test that sees it.
    return bytes(FFI.string(pointer)).decode("utf-8")
