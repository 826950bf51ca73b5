"""The reference extractor: the field table run in plain Python.

It interprets the table's JSONPath expressions and shapes itself, and shares no code
with the compiler or the native extractor, which is tested against it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from document import UnparsableError, as_text, is_patch, parse
from jsonpath_ng.ext.filter import Filter
from jsonpath_ng.ext.parser import parse as parse_jsonpath
from jsonpath_ng.jsonpath import Child, Fields, JSONPath, Root, This
from shapes import Nodes, Values, render

from k8saudit_eks.fields.model import KEY, Arg, Choice, Field, Guard, Shape
from k8saudit_eks.fields.table import FIELDS

_FIELDS = {row.name: row for row in FIELDS}

Key = str | int | None

_tree = cache(parse_jsonpath)


class UnknownFieldError(Exception):
    """There is no field of that name."""


class MissingKeyError(Exception):
    """The field needs a key in brackets."""


class Event:
    """One event, parsed once; its fields can be asked for in any order."""

    def __init__(self, payload: bytes, time_ns: int = 0) -> None:
        """Read a payload; of one that is no audit event only ka.truncated has a value.

        Args:
            payload: the JSON that the plugin delivers for an event.
            time_ns: the event's time in nanoseconds since the epoch.

        Raises:
            TooDeepError: the payload is nested deeper than Python reads JSON.
        """
        self._time_ns = time_ns
        self._document: Any = None
        try:
            document, self._is_cut = parse(payload)
        except UnparsableError:
            document, self._is_cut = None, True
        if isinstance(document, dict) and document.get("auditID") is not None:
            self._document = document
        self.is_parsable = self._document is not None and not self._is_cut

    def extract(self, name: str, arg: Key = None) -> Values | None:
        """The field's values, or None if it has none.

        Args:
            name: the field's name without brackets.
            arg: what stands in the brackets, an index or a key.

        Raises:
            UnknownFieldError, MissingKeyError: the question makes no sense.
        """
        row = _FIELDS.get(name)
        if row is None:
            raise UnknownFieldError(f"there is no field {name}")
        if row.arg is Arg.KEY and not isinstance(arg, str):
            raise MissingKeyError(f"{name} needs a key in brackets: {name}[...]")
        if self._document is None:
            return ["true"] if row.shape is Shape.TRUNCATED else None
        if not all(map(self._holds, row.guards)):
            return None
        key = arg if isinstance(arg, str) else ""
        values = render(row, self._nodes(row, arg), key, self._time_ns)
        if not row.is_list:
            values = values[:1]
        return values or None

    def _nodes(self, row: Field, arg: Key) -> Nodes:
        walk = _Walk(self._document, row, arg)
        start = self._base(row.base) if row.base else [self._document]
        nodes = [node for path in row.paths for node in walk.from_nodes(start, path)]
        fallback = self._absolute(row.fallback) if row.fallback else None

        def part(node: Any, path: str) -> Any:
            return next(iter(walk.parts(node, path)), None)

        return Nodes(nodes, part, fallback, self._is_cut)

    def _absolute(self, path: str) -> Any:
        found = list(_Walk(self._document).find(_tree(path), [self._document]))
        return found[0] if found else None

    def _base(self, choices: tuple[Choice, ...]) -> list[Any]:
        for choice in choices:
            node = self._absolute(choice.path)
            if node is not None and all(map(self._holds, choice.guards)):
                return [node]
        return []

    def _holds(self, guard: Guard) -> bool:
        node = self._absolute(guard.path)
        if not guard.values:
            return (node is None) is not guard.negated
        is_one = isinstance(node, str) and as_text(node) in guard.values
        return is_one is not guard.negated


def extract(payload: bytes, name: str, arg: Key = None, time_ns: int = 0) -> Values | None:
    """One field of one event; see Event."""
    return Event(payload, time_ns).extract(name, arg)


class _Walk:
    """Follows JSONPath trees, with one field's argument."""

    def __init__(self, document: Any, row: Field | None = None, arg: Key = None) -> None:
        self._document = document
        self._last_counts = is_patch(document)
        self._any_case = row.any_case if row is not None else ()
        self._key = arg if isinstance(arg, str) else None
        takes_index = row is not None and row.arg is Arg.INDEX
        self._index = arg if takes_index and isinstance(arg, int) else None
        self._array: str | None = None  # the array step that the index selects from

    def from_nodes(self, start: list[Any], path: str) -> list[Any]:
        """The nodes that a path of the field reaches; its first array obeys the index."""
        tree = _tree(path)
        array = _first_array(tree)
        if self._index is None:
            return list(self.find(tree, start))
        if array is None:
            return list(_elements(self.find(tree, start), self._index))
        return list(self.find(tree, start, array))

    def parts(self, node: Any, path: str) -> Iterator[Any]:
        """What a path relative to a node reaches."""
        return self.find(_tree(path), [node])

    def find(
        self, tree: JSONPath, nodes: list[Any], indexed: JSONPath | None = None
    ) -> Iterator[Any]:
        """The nodes, absent ones and nulls left out, that a tree reaches from others."""
        match tree:
            case Child(left=left, right=right):
                yield from self.find(right, list(self.find(left, nodes, indexed)), indexed)
            case Root():
                yield self._document
            case This():
                yield from nodes
            case Fields(fields=(name,)):
                yield from self._members(nodes, name)
            case Filter():
                for node in self._every(nodes, tree is indexed):
                    if all(self._meets(node, condition) for condition in tree.expressions):
                        yield node
            case _ if _is_wildcard(tree):
                yield from self._every(nodes, tree is indexed)
            case _:
                yield from _elements(nodes, int(str(tree).strip("[]")))

    def _every(self, nodes: Any, is_indexed: bool) -> Iterator[Any]:
        if is_indexed and self._index is not None:
            yield from _elements(nodes, self._index)
            return
        for node in nodes:
            if isinstance(node, list):
                yield from (item for item in node if item is not None)

    def _members(self, nodes: list[Any], name: str) -> Iterator[Any]:
        for node in nodes:
            if not isinstance(node, dict):
                continue
            if name in self._any_case:
                wanted = _ascii_lower(name)
                found = [node[key] for key in node if _ascii_lower(key) == wanted]
                value = found[-1 if self._last_counts else 0] if found else None
            else:
                value = node.get(self._key if name == KEY else name)
            if value is not None:
                yield value

    def _meets(self, node: Any, condition: Any) -> bool:
        found = list(self.find(condition.target, [node]))
        return bool(found) and isinstance(found[0], str) and found[0] == condition.value


def _elements(nodes: Any, index: int) -> Iterator[Any]:
    for node in nodes:
        if isinstance(node, list) and index < len(node) and node[index] is not None:
            yield node[index]


def _first_array(tree: JSONPath) -> JSONPath | None:
    if isinstance(tree, Child):
        left = _first_array(tree.left)
        return left if left is not None else _first_array(tree.right)
    return tree if isinstance(tree, Filter) or _is_wildcard(tree) else None


def _is_wildcard(tree: JSONPath) -> bool:
    # By its text: the class differs between versions of jsonpath-ng.
    return str(tree) in ("*", "[*]")


def _ascii_lower(text: str) -> str:
    return "".join(c.lower() if c.isascii() else c for c in text)
