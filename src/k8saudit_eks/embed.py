"""The Python side of the library's C boundary; the only file that imports cffi's module.

native_queue.py and native_log_events.py know how its functions are called.

The round trip: the host calls a plugin_* export (csrc/abi/exports.c), which calls one
of the kae_py_* callbacks below in the host's thread, with the GIL taken by cffi.
The callback finds its Plugin by the handle's address, does one thing, and returns
DONE. Pollers go the other way: NativeQueue and NativeHost call C functions, around
which cffi releases the GIL, so a full queue or a slow host never stops Python.

A callback that fails hands its sentence to kae_plugin_set_error and returns
REFUSED, which is 0: the value that cffi itself returns when there is no Python to
ask.
"""

from __future__ import annotations

import functools
import gc
import json
import logging
from collections.abc import Callable
from typing import Any, Final, TypeVar

# Made by cffi inside the library: there is no file to look at.
from _k8saudit_eks import ffi, lib  # type: ignore[import-not-found]

from k8saudit_eks.errors import PluginError
from k8saudit_eks.host_log import HostLogHandler, plugin_logger
from k8saudit_eks.metrics import Metric
from k8saudit_eks.native_log_events import NativeReader
from k8saudit_eks.native_queue import NativeQueue
from k8saudit_eks.plugin import Capture, Plugin

# Read here: a def_extern's error value must be a number of Python.
REFUSED: Final[int] = lib.KAE_REFUSED
DONE: Final[int] = lib.KAE_DONE

# sysdig shows about 255 bytes of an error and cuts the rest off.
_SHOWN_BYTES: Final = 200

# cffi's pointers have no static type.
CPointer = Any


class NativeHost:
    """Host over a kae_plugin; after plugin_destroy its calls do nothing."""

    reader: Final = NativeReader(ffi, lib)

    def __init__(self, plugin: CPointer) -> None:
        lib.kae_plugin_ref(plugin)
        self._plugin = owned = ffi.gc(plugin, lib.kae_plugin_unref)

        # Holds the handle, not this object: a cycle would keep every handle of a
        # host that reloads until Python happens to look for cycles.
        def emit(severity: int, text: str) -> None:
            lib.kae_plugin_log(owned, severity, _c_text(text))

        self._log = plugin_logger(HostLogHandler(emit))

    @property
    def log(self) -> logging.Logger:
        return self._log

    def count(self, metric: Metric, amount: int = 1) -> None:
        lib.kae_plugin_count(self._plugin, metric.index, amount)

    def gauge(self, metric: Metric, value: int) -> None:
        lib.kae_plugin_gauge(self._plugin, metric.index, value)

    def age(self, metric: Metric, since_s: float) -> None:
        lib.kae_plugin_age(self._plugin, metric.index, round(since_s * 1000))

    def set_error(self, text: str) -> None:
        """What the host reads after a refusal."""
        lib.kae_plugin_set_error(self._plugin, _c_text(text))

    def set_open_params(self, text: str) -> None:
        lib.kae_plugin_set_open_params(self._plugin, _c_text(text))


class _Handle:
    """What one plugin handle owns on the Python side."""

    def __init__(self, host: NativeHost, plugin: Plugin) -> None:
        self.host = host
        self.plugin = plugin
        # By address of the kae_queue, from kae_py_open to kae_py_close.
        self.captures: dict[int, tuple[Capture, NativeQueue]] = {}
        self.has_captured = False


# By address of the kae_plugin, from kae_py_init to kae_py_destroy. Guarded by the GIL.
_handles: dict[int, _Handle] = {}

_Callback = TypeVar("_Callback", bound=Callable[..., None])


def _c_text(text: str) -> bytes:
    """UTF-8 on one line, without NUL: what a C string and a host's log can hold."""
    one_line = " ".join(text.replace("\0", "\ufffd").splitlines())
    return one_line.encode("utf-8", "replace")


def _text(c_string: CPointer) -> str:
    raw: bytes = ffi.string(c_string)
    return raw.decode("utf-8", "replace")


def _address(pointer: CPointer) -> int:
    return int(ffi.cast("uintptr_t", pointer))


def _sentence(error: BaseException) -> str:
    if isinstance(error, PluginError):
        return str(error)
    return f"k8saudit-eks met an unexpected {type(error).__name__}: {error}"


def callback(function: _Callback) -> _Callback:
    """Attach a function of a kae_plugin: DONE when it returns, REFUSED when it raises.

    Whatever is raised becomes the plugin's error; nothing is printed.
    """

    def refuse(_type: object, error: BaseException, _traceback: object) -> int:
        return REFUSED

    @functools.wraps(function)
    def guarded(plugin: CPointer, *arguments: CPointer) -> int:
        try:
            function(plugin, *arguments)
        except BaseException as error:  # a C caller can't take any exception
            text = _c_text(_sentence(error))
            lib.kae_plugin_set_error(plugin, text)
            if len(text) > _SHOWN_BYTES:
                lib.kae_plugin_log(plugin, lib.KAE_ABI_ERROR, text)
            return REFUSED
        return DONE

    ffi.def_extern(name=function.__name__, error=REFUSED, onerror=refuse)(guarded)
    return function


@callback
def kae_py_init(plugin: CPointer, config: CPointer) -> None:
    host = NativeHost(plugin)
    _handles[_address(plugin)] = _Handle(host, Plugin(_text(config), host))


@callback
def kae_py_destroy(plugin: CPointer) -> None:
    handle = _handles.pop(_address(plugin))
    for capture, queue in handle.captures.values():
        queue.abandon()
        capture.close()
        handle.has_captured = True
    # A closed capture leaves AWS clients behind, which refer to themselves: some 30 MB
    # in a host that reloads, until Python looks for cycles by itself. Not in close(),
    # which must be quick; a dry run's handle has nothing to collect.
    if handle.has_captured:
        gc.collect()


@callback
def kae_py_open(plugin: CPointer, queue: CPointer, params: CPointer) -> None:
    handle = _handles[_address(plugin)]
    native_queue = NativeQueue(ffi, lib, queue)
    native_queue.set_capacity(handle.plugin.config.buffer_size)

    def on_end(error: BaseException | None) -> None:
        if error is None:
            native_queue.end()
        else:
            handle.host.set_error(_sentence(error))
            native_queue.fail()

    capture = handle.plugin.open(_text(params), native_queue, on_end)
    handle.captures[_address(queue)] = capture, native_queue


@callback
def kae_py_close(plugin: CPointer, queue: CPointer) -> None:
    handle = _handles[_address(plugin)]
    capture, _native_queue = handle.captures.pop(_address(queue))
    capture.close()
    handle.has_captured = True


@callback
def kae_py_list_open_params(plugin: CPointer) -> None:
    handle = _handles[_address(plugin)]
    handle.host.set_open_params(json.dumps(handle.plugin.list_open_params()))
