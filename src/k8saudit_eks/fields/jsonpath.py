"""JSONPath expressions of the field table, read with jsonpath-ng, as plain steps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from jsonpath_ng.exceptions import JSONPathError
from jsonpath_ng.ext.filter import Filter
from jsonpath_ng.ext.parser import parse
from jsonpath_ng.jsonpath import Child, Fields, JSONPath, Root, This

from k8saudit_eks.fields.model import KEY


@dataclass(frozen=True)
class Start:
    """The document itself; only as the first step."""


@dataclass(frozen=True)
class Member:
    """The member of an object with this name."""

    name: str


@dataclass(frozen=True)
class KeyMember:
    """The member of an object named by the field's key argument."""


@dataclass(frozen=True)
class Element:
    """One element of an array, counted from 0."""

    index: int


@dataclass(frozen=True)
class Each:
    """Every element of an array."""


@dataclass(frozen=True)
class EachWhere:
    """Every element of an array whose member `name` is the string `value`."""

    name: str
    value: str


Step = Start | Member | KeyMember | Element | Each | EachWhere


class PathError(Exception):
    """The expression is no JSONPath, or uses a part of it that fields don't know."""


def steps(expression: str) -> tuple[Step, ...]:
    """The steps of a JSONPath expression; Start comes first if it begins with ``$``.

    Raises:
        PathError: naming the expression and what is not supported in it.
    """
    try:
        tree = parse(expression)
    except JSONPathError as error:
        raise PathError(f"{expression!r} is no JSONPath: {error}") from error
    return tuple(_steps(tree, expression))


def _steps(tree: JSONPath, expression: str) -> Iterator[Step]:
    match tree:
        case Child(left=left, right=right):
            yield from _steps(left, expression)
            yield from _steps(right, expression)
        case Root():
            yield Start()
        case Fields(fields=(name,)):
            yield KeyMember() if name == KEY else Member(name)
        case Filter():
            yield _where(tree, expression)
        case _:
            yield _array_step(str(tree), expression)


def _array_step(text: str, expression: str) -> Element | Each:
    # By its text: the classes differ between versions of jsonpath-ng.
    if text in ("*", "[*]"):
        return Each()
    if text[1:-1].isdecimal():
        return Element(int(text[1:-1]))
    raise PathError(f"{expression!r}: {text!r} is not supported; see model.py")


def _where(tree: Filter, expression: str) -> EachWhere:
    match tree.expressions:
        case [condition]:
            match condition.target, condition.op, condition.value:
                case Child(left=This(), right=Fields(fields=(name,))), "==", str(value):
                    return EachWhere(name, value)
    raise PathError(f"{expression!r}: only filters like [?(@.kind=='User')] are supported")
