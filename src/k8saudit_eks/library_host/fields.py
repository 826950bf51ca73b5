"""What events are asked for, and the answers: plugin_extract_fields from Python."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from k8saudit_eks.errors import PluginError
from k8saudit_eks.library_host.abi import ffi

if TYPE_CHECKING:
    from k8saudit_eks.library_host.host import Event, Handle

# One field's answer for one event: None where a rule sees no value.
Answer = str | int | list[str | int] | None

_NUMBER = "uint64"


@dataclass(frozen=True)
class Field:
    """One of the library's fields.

    Attributes:
        id: what the library knows it by.
        type: "string" or "uint64".
        is_list: it may have several values.
    """

    id: int
    type: str
    is_list: bool


def fields_of(text: str) -> dict[str, Field]:
    """The fields by name, from what plugin_get_fields returns: their ids are their positions."""
    return {
        row["name"]: Field(position, row["type"], row.get("isList", False))
        for position, row in enumerate(json.loads(text))
    }


class Extraction:
    """Some fields, asked of one event after the other; its memory is used again for each.

    For one thread, as long as its handle is there. Make it with Handle.extraction.
    """

    def __init__(
        self,
        handle: Handle,
        asked: Iterable[tuple[str, str | int | None]],
    ) -> None:
        """Arguments as in Handle.extraction."""
        self._handle = handle
        self._lib = handle.library.lib
        self._fields: list[Field] = []
        self._texts: list[Any] = []  # owns what the structures point to
        asked = list(asked)
        self._asked = ffi().new("struct kae_abi_extract_field[]", len(asked))
        for (name, argument), into in zip(asked, self._asked, strict=True):
            field = handle.library.fields.get(name)
            if field is None:
                raise PluginError(f"there is no field {name!r} in this library")
            self._fields.append(field)
            self._fill(into, name, field, argument)
        self._input = ffi().new("struct kae_abi_extract_input *")
        self._input.num_fields = len(asked)
        self._input.fields = self._asked

    def of(self, event: Event) -> list[Answer]:
        """The answers, in the order in which the fields were asked for.

        Args:
            event: the one that its instance gave last, or another of the same batch.

        Raises:
            PluginError: the library refuses, and says why.
        """
        rc = self._lib.plugin_extract_fields(self._handle.pointer, event.input, self._input)
        if rc != self._lib.KAE_ABI_SUCCESS:
            raise PluginError(self._handle.last_error())
        return [
            _answer(field, asked) for field, asked in zip(self._fields, self._asked, strict=True)
        ]

    def _fill(self, into: Any, name: str, field: Field, argument: str | int | None) -> None:
        into.field_id = field.id
        into.field = self._text(name)
        into.flist = field.is_list
        into.arg_present = argument is not None
        if isinstance(argument, int):
            into.arg_index = argument
        elif argument is not None:
            into.arg_key = self._text(argument)

    def _text(self, text: str) -> Any:
        self._texts.append(ffi().new("char[]", text.encode("utf-8", "replace")))
        return self._texts[-1]


def _answer(field: Field, asked: Any) -> Answer:
    values: Sequence[str | int]
    if field.type == _NUMBER:
        values = [int(asked.res.u64[n]) for n in range(asked.res_len)]
    else:
        values = [_string(asked.res.str[n]) for n in range(asked.res_len)]
    if not values:
        return None
    return list(values) if field.is_list else values[0]


def _string(pointer: Any) -> str:
    return bytes(ffi().string(pointer)).decode("utf-8", "replace")
