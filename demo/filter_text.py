"""Expands macro and list names in a condition of Falco's filter language."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

# A quoted string, a parenthesis or comma, a field with its argument, or any other word.
_TOKEN = re.compile(
    r"""\s*("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[(),]|[a-z][\w.]*\[[^\]]*\]|[^\s(),"']+)"""
)
_BARE = re.compile(r"[A-Za-z0-9_./*:@+-]+")
# What takes a list in parentheses on its right side.
_LIST_OPERATORS = {"in", "intersects", "pmatch"}
_BOOLEAN = {"and", "or", "not"}
_DEEPEST = 32


def quote(value: str) -> str:
    """A value as one operand of the filter language."""
    if _BARE.fullmatch(value) and value not in _BOOLEAN:
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def expand_filter(
    condition: str, macros: Mapping[str, str], lists: Mapping[str, Sequence[Any]], depth: int = 0
) -> str:
    """The condition with every macro replaced by its own condition, every list by its items.

    Raises:
        ValueError: a word stands where a macro's name would, and there is no such macro;
            or macros contain each other.
    """
    if depth > _DEEPEST:
        raise ValueError("macros contain each other")
    tokens = tokens_of(condition)
    expanded: list[str] = []
    position = 0
    while position < len(tokens):
        token = tokens[position]
        if token in _LIST_OPERATORS and tokens[position + 1 : position + 2] == ["("]:
            end = tokens.index(")", position)
            items = _items(tokens[position + 2 : end], lists)
            expanded += [token, f"({', '.join(items)})"]
            position = end + 1
        elif token in macros and _is_operand(tokens, position):
            inner = expand_filter(macros[token], macros, lists, depth + 1)
            expanded.append(f"({inner})")
            position += 1
        elif _is_operand(tokens, position):
            raise ValueError(f"there is no macro {token}")
        else:
            expanded.append(token)
            position += 1
    return " ".join(expanded)


def tokens_of(condition: str) -> list[str]:
    """The words, strings and parentheses of a condition; a field keeps its argument.

    Raises:
        ValueError: a string is not closed.
    """
    tokens = []
    position = 0
    text = condition.strip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise ValueError(f"can't read the condition from: {text[position : position + 40]}")
        tokens.append(match.group(1))
        position = match.end()
    return tokens


def _is_operand(tokens: Sequence[str], position: int) -> bool:
    """Whether the token stands alone where a boolean is wanted: a macro's name."""
    word = tokens[position]
    if word in _BOOLEAN or word in "(),":
        return False
    before = tokens[position - 1] if position else "and"
    after = tokens[position + 1] if position + 1 < len(tokens) else "and"
    return before in {*_BOOLEAN, "("} and after in {"and", "or", ")"}


def _items(tokens: Sequence[str], lists: Mapping[str, Sequence[Any]]) -> list[str]:
    """The operands between the parentheses, with lists (of lists) flattened."""
    items: list[str] = []
    for word in tokens:
        if word == ",":
            continue
        if word in lists:
            items += _flatten(word, lists, 0)
        else:
            items.append(word)
    return items


def _flatten(name: str, lists: Mapping[str, Sequence[Any]], depth: int) -> list[str]:
    if depth > _DEEPEST:
        raise ValueError(f"list {name} contains itself")
    items: list[str] = []
    for item in lists[name]:
        if item in lists:
            items += _flatten(item, lists, depth + 1)
        else:
            items.append(quote(str(item)))
    return items
