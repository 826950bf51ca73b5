"""One library in this process, its handles, their open instances, and the events that come.

Everything is for one thread, but for what the library logs. The library runs its Python code
in the Python that runs this, if both have the same version; a bundle's brings its own.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from k8saudit_eks.errors import PluginError
from k8saudit_eks.library_host.abi import ffi
from k8saudit_eks.library_host.fields import Extraction, fields_of

# Gets a severity (csrc/abi/severity.cdef.h: 4 is a warning, less is worse) and one line.
Log = Callable[[int, str], None]


class Library:
    """A loaded plugin library. It stays loaded until the process ends."""

    def __init__(self, path: Path) -> None:
        """Load the library in this file.

        Raises:
            PluginError: it can't be loaded.
        """
        try:
            self.lib: Any = ffi().dlopen(os.fspath(path.absolute()), ffi().RTLD_NOW)
            self.fields = fields_of(_text(self.lib.plugin_get_fields()))
        except (OSError, AttributeError) as error:
            raise PluginError(f"the plugin library can't be loaded: {error}") from error

    def init(self, config: str = "", log: Log | None = None) -> Handle:
        """Make a handle: plugin_init.

        Args:
            config: init_config as JSON or YAML; "" for the defaults.
            log: gets what the plugin logs, also from the plugin's threads. It must not
                call the handle.

        Raises:
            PluginError: the plugin refuses the configuration, or can't start.
        """
        return Handle(self, config, log)


class Handle:
    """A configured plugin, from plugin_init to plugin_destroy; a context manager."""

    def __init__(self, library: Library, config: str, log: Log | None) -> None:
        """Arguments as in Library.init."""
        self.library = library
        self._lib = library.lib
        self._instances: list[Instance] = []
        self._events = 0
        # Owned here: the library keeps pointers to them until plugin_destroy.
        self._log = ffi().NULL
        if log is not None:
            self._log = ffi().callback("kae_abi_log_fn", _log_fn(log))
        self._config = ffi().new("char[]", _bytes(config))
        start = ffi().new("struct kae_abi_init_input *")
        start.config = self._config
        start.log_fn = self._log
        rc = ffi().new("int32_t *")
        self.pointer = self._lib.plugin_init(start, rc)
        if rc[0] != self._lib.KAE_ABI_SUCCESS:
            error = self.last_error()
            self.close()
            raise PluginError(error)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close what is still open, and the handle: plugin_destroy. Nothing is logged later."""
        for instance in list(self._instances):
            instance.close()
        pointer, self.pointer = self.pointer, ffi().NULL
        self._lib.plugin_destroy(pointer)

    def last_error(self) -> str:
        """Why the last call was refused: one sentence."""
        return _text(self._lib.plugin_get_last_error(self.pointer))

    def open(self, params: str) -> Instance:
        """Start reading: plugin_open.

        Args:
            params: as open_params in Falco's configuration, a cluster or file:///path.

        Raises:
            PluginError: the plugin refuses, and says why.
        """
        rc = ffi().new("int32_t *")
        pointer = self._lib.plugin_open(self.pointer, _bytes(params), rc)
        if rc[0] != self._lib.KAE_ABI_SUCCESS:
            raise PluginError(self.last_error())
        instance = Instance(self, pointer)
        self._instances.append(instance)
        return instance

    def extraction(self, asked: Iterable[tuple[str, str | int | None]]) -> Extraction:
        """Fields to ask events for.

        Args:
            asked: pairs of a field's name and what stands in its brackets: a key, an
                index, or None without brackets.

        Raises:
            PluginError: the library has no such field.
        """
        return Extraction(self, asked)

    def forget(self, instance: Instance) -> None:
        """For Instance: it is closed."""
        self._instances.remove(instance)

    def next_number(self) -> int:
        """For Instance: the number of one more event. The library tells events by it."""
        self._events += 1
        return self._events


class Instance:
    """One running source, from plugin_open to plugin_close; a context manager.

    Iterating gives its events until it ends; of a cluster, for ever.
    """

    def __init__(self, handle: Handle, pointer: Any) -> None:
        """For Handle.open."""
        self._handle = handle
        self._lib = handle.library.lib
        self._pointer = pointer
        self._batch: list[Event] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[Event]:
        for batch in self.batches():
            yield from batch

    def batches(self) -> Iterator[Sequence[Event]]:
        """Events as they come; an empty batch where none came for 30 ms.

        A batch's events are valid until the next batch, or close. That it is asked for
        tells the plugin that the events were evaluated.

        Raises:
            PluginError: the source failed.
        """
        count = ffi().new("uint32_t *")
        events = ffi().new("struct kae_abi_event ***")
        while self._pointer:
            self._retire()
            rc = self._lib.plugin_next_batch(self._handle.pointer, self._pointer, count, events)
            if rc == self._lib.KAE_ABI_END_OF_FILE:
                return
            if rc not in (self._lib.KAE_ABI_SUCCESS, self._lib.KAE_ABI_TIMEOUT):
                raise PluginError(self._handle.last_error())
            taken = range(count[0])
            self._batch = [Event(events[0][n], self._handle.next_number()) for n in taken]
            yield self._batch

    def close(self) -> None:
        """Stop reading: plugin_close. Its events are gone. Again, it does nothing."""
        pointer, self._pointer = self._pointer, None
        if pointer:
            self._retire()
            self._lib.plugin_close(self._handle.pointer, pointer)
            self._handle.forget(self)

    def _retire(self) -> None:
        """The library is about to free the batch's events."""
        batch, self._batch = self._batch, []
        for event in batch:
            event.retire()


class Event:
    """One event of a batch; its memory is the library's until the next batch.

    After that, asking it anything raises ValueError.
    """

    __slots__ = ("_input",)

    def __init__(self, event: Any, number: int) -> None:
        """For Instance."""
        self._input = ffi().new("struct kae_abi_event_input *")
        self._input.evt = event
        self._input.evtnum = number

    @property
    def input(self) -> Any:
        """For Extraction: a struct kae_abi_event_input."""
        if not self._input.evt:
            raise ValueError("the event is gone: the next batch came, or the instance is closed")
        return self._input

    @property
    def time_ns(self) -> int:
        """When it happened, in nanoseconds since the epoch."""
        return int(self.input.evt.ts_ns)

    @property
    def payload(self) -> bytes:
        """A copy of its JSON, envelope included."""
        event = ffi().cast("struct kae_abi_plugin_event *", self.input.evt)
        return bytes(ffi().buffer(event + 1, event.payload_len_bytes))

    def retire(self) -> None:
        """For Instance: its memory is about to go."""
        self._input.evt = ffi().NULL


def _log_fn(log: Log) -> Callable[[Any, Any, Any, int], None]:
    def log_fn(_owner: Any, _component: Any, text: Any, severity: int) -> None:
        log(severity, _text(text))

    return log_fn


def _bytes(text: str) -> bytes:
    """As C takes it: what stands behind a NUL would be lost there."""
    return text.encode("utf-8", "replace").replace(b"\0", b"\\0")


def _text(pointer: Any) -> str:
    return bytes(ffi().string(pointer)).decode("utf-8", "replace")
