"""The parts of the rules' conditions, and what the rules would be without each.

A part is an operand of `and` or `or`, in a rule or in a macro. Without one of `and` a rule
says more, without one of `or` less; if no event shows the difference, nothing tests the part.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from demo.filter_text import expand_filter, tokens_of
from demo.rule_files import Rule, RuleItems

# "and", "or", "not" and what they join; or a comparison or a macro's name as it is written.
Tree = tuple[str, list["Tree"]] | str


@dataclass(frozen=True)
class Part:
    """One part: of which rule or macro, and its text after the word that joins it."""

    owner: str
    text: str

    def __str__(self) -> str:
        return f"{self.owner}: {self.text}"


def parts_of(items: RuleItems) -> Iterator[tuple[Part, Mapping[str, str]]]:
    """Every part, and the expanded conditions of the rules that use it as they are without it."""
    for name, item in items.rules.items():
        for part, without in _without_each(name, item["condition"]):
            yield part, {name: expand_filter(without, items.macros, items.lists)}
    for macro, condition in items.macros.items():
        users = [name for name, item in items.rules.items() if _uses(items, item, macro)]
        for part, without in _without_each(macro, condition):
            macros = {**items.macros, macro: without}
            yield (
                part,
                {
                    name: expand_filter(items.rules[name]["condition"], macros, items.lists)
                    for name in users
                },
            )


def renamed(rule: Rule, name: str, condition: str) -> Rule:
    """The rule with another condition, saying only which event it was."""
    return dataclasses.replace(rule, name=name, condition=condition, output="%ka.auditid")


def _uses(items: RuleItems, item: Mapping[str, str], macro: str) -> bool:
    found = set(tokens_of(item["condition"]))
    while True:
        more = {
            word for name in found & set(items.macros) for word in tokens_of(items.macros[name])
        }
        if more <= found:
            return macro in found
        found |= more


def _without_each(owner: str, condition: str) -> Iterator[tuple[Part, str]]:
    for part, tree in _smaller(_Reader(condition).tree):
        yield Part(owner, part), _text(tree)


def _smaller(tree: Tree) -> Iterator[tuple[str, Tree]]:
    if isinstance(tree, str):
        return
    word, operands = tree
    for position, operand in enumerate(operands):
        rest = [*operands[:position], *operands[position + 1 :]]
        if rest:
            yield f"{word} {_text(operand)}", rest[0] if len(rest) == 1 else (word, rest)
        for part, smaller in _smaller(operand):
            yield part, (word, [*operands[:position], smaller, *operands[position + 1 :]])


def _text(tree: Tree) -> str:
    if isinstance(tree, str):
        return tree
    word, operands = tree
    if word == "not":
        return f"not {_text(operands[0])}"
    return "(" + f" {word} ".join(map(_text, operands)) + ")"


class _Reader:
    """Reads a condition: `not` binds closest, then `and`, then `or`."""

    def __init__(self, condition: str) -> None:
        self._tokens = tokens_of(condition)
        self._position = 0
        self.tree = self._joined("or")

    def _next(self) -> str:
        self._position += 1
        return self._tokens[self._position - 1]

    def _is_next(self, token: str) -> bool:
        return self._tokens[self._position : self._position + 1] == [token]

    def _joined(self, word: str) -> Tree:
        operands = [self._joined("and") if word == "or" else self._operand()]
        while self._is_next(word):
            self._next()
            operands.append(self._joined("and") if word == "or" else self._operand())
        return operands[0] if len(operands) == 1 else (word, operands)

    def _operand(self) -> Tree:
        first = self._next()
        if first == "not":
            return "not", [self._operand()]
        if first == "(":
            tree = self._joined("or")
            self._next()
            return tree
        words = [first]
        while self._position < len(self._tokens) and self._tokens[self._position] not in {
            "and",
            "or",
            ")",
        }:
            words.append(self._next())
            if words[-1] == "(":  # a list
                while words[-1] != ")":
                    words.append(self._next())
        return " ".join(words)
