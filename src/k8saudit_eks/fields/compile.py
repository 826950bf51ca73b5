"""Compiles the field table to the programs of csrc/extract/program.h.

Leading members of a path become nodes: places that the extractor resolves at most
once an event, shared by all fields. What follows becomes ops.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from k8saudit_eks.fields.jsonpath import (
    Each,
    EachWhere,
    Element,
    KeyMember,
    Member,
    PathError,
    Start,
    Step,
    steps,
)
from k8saudit_eks.fields.model import Arg, Choice, Field, Guard, Shape

NO_NODE = 0xFFFF
ROOT = 0

T = TypeVar("T")


@dataclass(frozen=True)
class Range:
    """Positions in one of the tables: from `first`, `count` of them."""

    first: int = 0
    count: int = 0


@dataclass(frozen=True)
class Op:
    """One op: the code is KAE_OP_<code>."""

    code: str
    index: int = 0
    name: str = ""
    value: str = ""


@dataclass(frozen=True)
class Node:
    """One node: the kind is KAE_NODE_<kind>."""

    kind: str
    parent: int = 0
    name: str = ""
    choices: Range = Range()


@dataclass(frozen=True)
class CompiledChoice:
    node: int
    guards: Range


@dataclass(frozen=True)
class CompiledGuard:
    node: int
    negated: bool
    values: Range


@dataclass(frozen=True)
class CompiledPath:
    """A node (or NO_NODE for a relative path) and the ops from there."""

    node: int
    ops: Range


@dataclass(frozen=True)
class Program:
    """One field's program; the tables it points into are Tables'."""

    name: str
    shape: Shape
    arg: Arg
    is_list: bool
    fallback: int
    paths: Range
    parts: Range
    guards: Range
    default_text: str | None


@dataclass
class Tables:
    """Everything that the generated file holds, one list a C array."""

    programs: list[Program] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=lambda: [Node("ROOT")])
    paths: list[CompiledPath] = field(default_factory=list)
    ops: list[Op] = field(default_factory=list)
    choices: list[CompiledChoice] = field(default_factory=list)
    guards: list[CompiledGuard] = field(default_factory=list)
    guard_values: list[str] = field(default_factory=list)

    def plain_node(self, program: Program) -> int:
        """The node whose text is all that the program answers, or NO_NODE: most fields' case."""
        is_plain = (
            program.shape is Shape.TEXT
            and program.paths.count == 1
            and program.parts.count == 0
            and program.guards.count == 0
        )
        path = self.paths[program.paths.first] if is_plain else None
        return path.node if path is not None and path.ops.count == 0 else NO_NODE


def compile_fields(fields: Iterable[Field]) -> Tables:
    """The programs of all fields, in their order.

    Raises:
        PathError: a path can't be compiled; names the field and the reason.
    """
    tables = Tables()
    for row in fields:
        try:
            tables.programs.append(_program(tables, row))
        except PathError as error:
            raise PathError(f"{row.name}: {error}") from error
    return tables


def _program(tables: Tables, row: Field) -> Program:
    base = _choice_node(tables, row.base) if row.base else None
    paths = [_path(tables, row, text, base) for text in row.paths]
    return Program(
        name=row.name,
        shape=row.shape,
        arg=row.arg,
        is_list=row.is_list,
        fallback=NO_NODE if row.fallback is None else _plain_node(tables, row.fallback),
        paths=_append(tables.paths, paths),
        parts=_append(tables.paths, [_part(tables, row, text) for text in row.parts]),
        guards=_guards(tables, row.guards),
        default_text=row.default,
    )


def _path(tables: Tables, row: Field, text: str, base: int | None) -> CompiledPath:
    walk = list(steps(text))
    if base is None:
        if not walk or walk[0] != Start():
            raise PathError(f"{text!r} must start with $")
        node, walk = ROOT, walk[1:]
    else:
        node = base
    for position, step in enumerate(walk):
        if not isinstance(step, Member) or step.name in row.any_case:
            walk = walk[position:]
            break
        node = _intern(tables.nodes, Node("MEMBER", node, step.name))
    else:
        walk = []
    ops = _ops(row, walk)
    if row.arg is Arg.INDEX:
        ops = _indexed(ops)
    return CompiledPath(node, _sequence(tables.ops, ops))


def _part(tables: Tables, row: Field, text: str) -> CompiledPath:
    walk = steps(text)
    if not all(isinstance(step, Member) for step in walk):
        raise PathError(f"{text!r}: only members are possible in parts")
    return CompiledPath(NO_NODE, _sequence(tables.ops, _ops(row, walk)))


def _ops(row: Field, walk: Iterable[Step]) -> list[Op]:
    ops: list[Op] = []
    for step in walk:
        match step:
            case Member(name):
                code = "MEMBER_ANY_CASE" if name in row.any_case else "MEMBER"
                ops.append(Op(code, name=name))
            case KeyMember():
                ops.append(Op("KEY_MEMBER"))
            case Element(index):
                ops.append(Op("INDEX", index=index))
            case Each():
                ops.append(Op("EACH"))
            case EachWhere(name, value):
                ops += [Op("EACH"), Op("WHERE", name=name, value=value)]
            case Start():
                raise PathError("$ is only possible at the start of a path")
    return ops


def _indexed(ops: list[Op]) -> list[Op]:
    """The same ops, the first array being the one that an index argument selects from."""
    for position, op in enumerate(ops):
        if op.code == "EACH":
            return [*ops[:position], Op("EACH_OR_INDEX"), *ops[position + 1 :]]
    return [*ops, Op("WHOLE_OR_INDEX")]


def _plain_node(tables: Tables, text: str) -> int:
    first, *members = steps(text)
    if first != Start():
        raise PathError(f"{text!r} must start with $")
    node = ROOT
    for step in members:
        if not isinstance(step, Member):
            raise PathError(f"{text!r}: only members are possible here")
        node = _intern(tables.nodes, Node("MEMBER", node, step.name))
    return node


def _choice_node(tables: Tables, choices: Sequence[Choice]) -> int:
    compiled = [
        CompiledChoice(_plain_node(tables, choice.path), _guards(tables, choice.guards))
        for choice in choices
    ]
    return _intern(tables.nodes, Node("CHOICE", choices=_sequence(tables.choices, compiled)))


def _guards(tables: Tables, guards: Sequence[Guard]) -> Range:
    compiled = [
        CompiledGuard(
            _plain_node(tables, guard.path),
            guard.negated,
            _sequence(tables.guard_values, guard.values),
        )
        for guard in guards
    ]
    return _sequence(tables.guards, compiled)


def _append(table: list[T], rows: Sequence[T]) -> Range:
    first = len(table)
    table.extend(rows)
    return Range(first, len(rows)) if rows else Range()


def _sequence(table: list[T], rows: Sequence[T]) -> Range:
    """Where these rows stand in the table, one after the other; appended if nowhere yet."""
    wanted = list(rows)
    for first in range(len(table) - len(wanted) + 1):
        if wanted and table[first : first + len(wanted)] == wanted:
            return Range(first, len(wanted))
    return _append(table, wanted)


def _intern(table: list[T], row: T) -> int:
    return _sequence(table, [row]).first
