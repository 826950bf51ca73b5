"""How the reference extractor turns nodes into values: one function a shape of model.py."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from string import ascii_lowercase, ascii_uppercase
from typing import Any
from urllib.parse import parse_qsl, unquote

from document import NumberText, as_text

from k8saudit_eks.fields.model import MAX_PREFIX_LEVELS, MAX_QUERY_PARAMETERS, Field, Shape

Values = list[str | int]

_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):(\d\d))",
    re.ASCII,
)
# Pairs of a query that Go's net/url.ParseQuery passes over.
_DROPPED = re.compile(";|%(?![0-9A-Fa-f]{2})")
_UPPER_CASE = str.maketrans(ascii_lowercase, ascii_uppercase)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NS_PER_MS = 1_000_000


@dataclass(frozen=True)
class Nodes:
    """What a field's paths reached.

    Attributes:
        nodes: in order, without absent ones and nulls.
        part: what a relative path reaches from a node, or None.
        fallback: the node of the field's fallback, or None.
        is_cut: whether the event could not be read to its end.
    """

    nodes: list[Any]
    part: Callable[[Any, str], Any]
    fallback: Any
    is_cut: bool


def render(row: Field, reached: Nodes, key: str, time_ns: int) -> Values:
    """The values of a field; more than one also where only the first counts."""
    nodes = reached.nodes
    match row.shape:
        case Shape.TEXT:
            return [*_texts(row, reached)]
        case Shape.JOINED:
            return [_joined(node) for node in nodes]
        case Shape.REPOSITORY:
            return [as_text(_repository(node)) for node in nodes if _is_string(node)]
        case Shape.CAPABILITY:
            return [_capability(node) for node in nodes]
        case Shape.HOST_PATH:
            return [_host_path(node) for node in nodes]
        case Shape.HOST_PATH_PREFIXES:
            return [prefix for node in nodes for prefix in _prefixes(_host_path(node))]
        case Shape.COLON_JOINED:
            rows = ([reached.part(node, path) for path in row.parts] for node in nodes)
            return [":".join(map(as_text, parts)) for parts in rows if None not in parts]
        case Shape.MEMBER_NAMES:
            return [as_text(name) for node in nodes for name in _member_names(node, row.parts)]
        case Shape.ANY_TRUE:
            return _any(nodes, (part is True for part in _parts(row, reached)))
        case Shape.ANY_MATCHES_KEY:
            strings = (part for part in _parts(row, reached) if _is_string(part))
            return _any(nodes, (_matches(text, key) for text in strings))
        case Shape.TRUNCATED:
            reasons = [reached.is_cut, _is_refused(reached.fallback)]
            return _any([True], [*reasons, *(node is True for node in nodes)])
        case Shape.ALWAYS_TRUE:
            return ["true"]
        case Shape.QUERY_PARAMETER:
            return [value for name, value in _parameters(nodes) if name == key]
        case Shape.QUERY_VALUES:
            return [value for name, value in _parameters(nodes) if name in row.parts]
        case Shape.QUERY_VALUES_JOINED:
            values = [value for name, value in _parameters(nodes) if name in row.parts]
            return [" ".join(values)] if values else []
        case Shape.QUERY_REFUSED:
            return ["true" if _is_refused(node) else "false" for node in nodes]
        case Shape.URI_PATH:
            paths = (node.partition("?")[0] for node in nodes if _is_string(node))
            return [as_text(unquote(path)) for path in paths]
        case Shape.MILLISECONDS_AFTER_EVENT:
            event_ms = time_ns // _NS_PER_MS
            return [max(0, node - event_ms) for node in nodes if _is_unsigned(node)]
        case Shape.MILLISECONDS_BETWEEN:
            start_ns = _time_ns(reached.fallback)
            ends_ns = [_time_ns(node) for node in nodes]
            if start_ns is None:
                return []
            return [max(0, end - start_ns) // _NS_PER_MS for end in ends_ns if end is not None]
        case Shape.POINTER:
            found = (_pointed_at(node, key) for node in nodes)
            return [as_text(node) for node in found if node is not None]


def _texts(row: Field, reached: Nodes) -> Iterable[str]:
    instead = row.default
    is_rendered = reached.fallback is None
    for part in _parts(row, reached):
        if part is not None:
            yield as_text(part)
            continue
        if not is_rendered:  # once, however many parts are absent
            instead = as_text(reached.fallback)
            is_rendered = True
        if instead is not None:
            yield instead


def _parts(row: Field, reached: Nodes) -> Iterable[Any]:
    """Of each node the first part that is present, or None."""
    for node in reached.nodes:
        if not row.parts:
            yield node
            continue
        parts = (reached.part(node, path) for path in row.parts)
        yield next((part for part in parts if part is not None), None)


def _any(nodes: list[Any], truths: Iterable[bool]) -> Values:
    return ["true" if any(truths) else "false"] if nodes else []


def _is_string(node: Any) -> bool:
    return isinstance(node, str) and not isinstance(node, NumberText)


def _is_unsigned(node: Any) -> bool:
    return isinstance(node, int) and not isinstance(node, bool) and node >= 0


def _joined(node: Any) -> str:
    if not isinstance(node, list):
        return as_text(node)
    return " ".join(as_text(item) for item in node if item is not None)


def _repository(image: str) -> str:
    name = image.partition("@")[0]
    folder, slash, last = name.rpartition("/")
    return folder + slash + last.partition(":")[0]


def _capability(node: Any) -> str:
    text = as_text(node)
    return text.translate(_UPPER_CASE).removeprefix("CAP_") if _is_string(node) else text


def _host_path(node: Any) -> str:
    text = as_text(node)
    if not _is_string(node):
        return text
    return "/" + "/".join(segment for segment in text.split("/") if segment not in ("", "."))


def _prefixes(path: str) -> list[str]:
    """The folders above a path, from the root, and the path itself."""
    if not path.startswith("/"):
        return [path]
    segments = path[1:].split("/") if path != "/" else []
    levels = min(len(segments), MAX_PREFIX_LEVELS)
    prefixes = ["/" + "/".join(segments[:level]) for level in range(levels + 1)]
    return prefixes if levels == len(segments) else [*prefixes, path]


def _member_names(node: Any, left_out: tuple[str, ...]) -> list[str]:
    if not isinstance(node, dict):
        return []
    return [name for name, value in node.items() if name not in left_out and value is not None]


def _matches(text: str, key: str) -> bool:
    return text.startswith(key[:-1]) if key.endswith("*") else text == key


def _parameters(nodes: list[Any]) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for uri in filter(_is_string, nodes):
        if not _is_refused(uri):
            _, _, query = uri.partition("?")
            obeyed = "&".join(pair for pair in query.split("&") if not _DROPPED.search(pair))
            pairs += parse_qsl(obeyed, keep_blank_values=True, errors="replace")
    return [(as_text(name), as_text(value)) for name, value in pairs]


def _is_refused(uri: Any) -> bool:
    """Whether Go answers no parameter at all; nobody can tell which Go the API server is."""
    if not _is_string(uri):
        return False
    return str(uri.partition("?")[2]).count("&") + 1 > MAX_QUERY_PARAMETERS


def _time_ns(node: Any) -> int | None:
    match = _TIME.fullmatch(node) if _is_string(node) else None
    if match is None:
        return None
    *moment, fraction, sign, hours, minutes = match.groups()
    year = int(moment[0])
    if not 1678 <= year <= 2261 or (sign and (int(hours) > 23 or int(minutes) > 59)):
        return None
    try:
        time = datetime(*map(int, moment), tzinfo=UTC)  # type: ignore[arg-type, misc] # six numbers
    except ValueError:
        return None
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    time += offset if sign == "-" else -offset
    seconds = (time - _EPOCH) // timedelta(seconds=1)
    return seconds * 1_000_000_000 + int((fraction or "0").ljust(9, "0"))


def _pointed_at(node: Any, pointer: str) -> Any:
    """What a JSON Pointer (RFC 6901) reaches, or None."""
    if pointer and not pointer.startswith("/"):
        return None
    for token in pointer.split("/")[1:]:
        if re.search("~(?![01])", token):
            return None
        match node:
            case dict():
                node = node.get(token.replace("~1", "/").replace("~0", "~"))
            case list() if re.fullmatch("0|[1-9][0-9]{0,17}", token):
                node = node[int(token)] if int(token) < len(node) else None
            case _:
                return None
    return node
