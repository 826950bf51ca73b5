"""The hosts' binary interface for cffi: read from csrc/abi/falco_abi.h, which C includes, too.

setup.py puts the header into the package; a checkout has it in csrc/.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cffi

HEADER = "abi/falco_abi.h"

# The exports that this host calls: csrc/abi/exports.c defines them.
EXPORTS = """
const char *plugin_get_fields(void);
void *plugin_init(const struct kae_abi_init_input *input, int32_t *rc);
void plugin_destroy(void *handle);
const char *plugin_get_last_error(void *handle);
void *plugin_open(void *handle, const char *params, int32_t *rc);
void plugin_close(void *handle, void *instance);
int32_t plugin_next_batch(void *handle, void *instance, uint32_t *nevts,
                          struct kae_abi_event ***evts);
int32_t plugin_extract_fields(void *handle, const struct kae_abi_event_input *event,
                              const struct kae_abi_extract_input *input);
"""

_PACKAGE = Path(__file__).resolve().parent
_FOLDERS = (_PACKAGE, _PACKAGE.parents[2] / "csrc")
_INCLUDE = re.compile(r'#include "(.+)"')


@functools.cache
def ffi() -> Any:
    """The interface's structures and the exports. Compiling the header takes some 50 ms."""
    folder = next(folder for folder in _FOLDERS if (folder / HEADER).is_file())
    made = cffi.FFI()
    for text, is_packed in declarations(folder, HEADER):
        made.cdef(text, packed=is_packed)
    made.cdef(EXPORTS)
    return made


def declarations(folder: Path, header: str) -> Iterator[tuple[str, bool]]:
    """A header's text without the preprocessor's lines, in parts; and whether each is packed.

    Knows the lines that falco_abi.h has: numbers that it defines are left out, what is
    for C++ only, too.

    Args:
        folder: names behind #include are relative to it.
        header: its name there.
    """
    part: list[str] = []
    is_packed = False
    for line in _without_cplusplus(_included(folder, header)):
        if line.startswith("#pragma pack"):
            yield "\n".join(part), is_packed
            part = []
            is_packed = "push" in line
        elif not line.startswith("#"):
            part.append(line)
    yield "\n".join(part), is_packed


def _included(folder: Path, header: str) -> Iterator[str]:
    for line in (folder / header).read_text("utf-8").splitlines():
        include = _INCLUDE.match(line)
        if include is None:
            yield line
        else:
            yield from _included(folder, include[1])


def _without_cplusplus(lines: Iterator[str]) -> Iterator[str]:
    is_cplusplus = False
    for line in lines:
        if line == "#ifdef __cplusplus":
            is_cplusplus = True
        if not is_cplusplus:
            yield line
        elif line == "#endif":
            is_cplusplus = False
