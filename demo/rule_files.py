"""Reads Falco rule files for a host that knows filters but no rules (sysdig).

Lists, macros, exceptions and overrides are expanded as Falco does, so that every rule
becomes one filter in the language that Falco and sysdig share; the host's own filter
engine decides what matches. Where Falco is on the PATH, it reads the files itself.

Rule files: https://falco.org/docs/concepts/rules/basic-elements/
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from demo.filter_text import expand_filter, quote

Item = dict[str, Any]


class RuleFileError(Exception):
    """A rule file that Falco would refuse too; names the file and the item."""


class _Loader(yaml.SafeLoader):
    """Takes a bare `=` for text, as Falco does: YAML 1.1 has a type of its own for it."""


def _text(loader: _Loader, node: yaml.Node) -> Any:
    return loader.construct_yaml_str(node)


_Loader.add_constructor("tag:yaml.org,2002:value", _text)


@dataclass(frozen=True)
class Rule:
    """One rule, with its condition expanded to a plain filter."""

    name: str
    priority: str
    condition: str
    output: str
    enabled: bool
    description: str
    tags: tuple[str, ...] = ()

    @property
    def output_fields(self) -> list[str]:
        """The fields that the output asks for, e.g. ka.user.extra[key], each once."""
        found = re.findall(r"%([a-z][\w.]*(?:\[[^\]]*\])?)", self.output)
        return list(dict.fromkeys(found))


@dataclass
class RuleItems:
    """What rule files say, unexpanded, later items changing earlier ones."""

    lists: dict[str, list[Any]] = field(default_factory=dict)
    macros: dict[str, str] = field(default_factory=dict)
    rules: dict[str, Item] = field(default_factory=dict)
    # required_engine_version and required_plugin_versions
    requirements: list[Item] = field(default_factory=list)


def load_rules(files: Iterable[Path]) -> list[Rule]:
    """Every rule of the files, in order.

    Raises:
        RuleFileError: a file is missing, is no YAML list, or uses something unknown.
    """
    collected = read_items(files)
    return [_rule(collected, name, item) for name, item in collected.rules.items()]


def read_items(files: Iterable[Path]) -> RuleItems:
    """Every list, macro and rule of the files, with their overrides.

    Raises:
        RuleFileError: a file is missing, is no YAML list, or holds something unknown.
    """
    collected = RuleItems()
    for path in files:
        for item in parse_rule_file(path):
            _take(collected, item, path)
    return collected


def parse_rule_file(path: Path) -> list[Item]:
    """The items of one file as they stand.

    Raises:
        RuleFileError: the file is missing, or is no YAML list.
    """
    try:
        items = yaml.load(path.read_text("utf-8"), _Loader)  # noqa: S506
    except (OSError, yaml.YAMLError) as error:
        raise RuleFileError(f"{path}: {error}") from error
    if not isinstance(items, list):
        raise RuleFileError(f"{path}: a rule file is a YAML list")
    return items


def with_enabled(rules: Sequence[Rule], names: Iterable[str]) -> list[Rule]:
    """The rules, those named switched on as `override: {enabled: replace}` would."""
    wanted = set(names)
    return [replace(rule, enabled=rule.enabled or rule.name in wanted) for rule in rules]


def _take(collected: RuleItems, item: Item, path: Path) -> None:
    override = item.get("override", {})
    if "list" in item:
        old = collected.lists.get(item["list"], []) if override.get("items") == "append" else []
        collected.lists[item["list"]] = [*old, *item["items"]]
    elif "macro" in item:
        appended = f"{collected.macros.get(item['macro'], '')} {item['condition']}"
        is_append = override.get("condition") == "append"
        collected.macros[item["macro"]] = appended if is_append else item["condition"]
    elif "rule" in item:
        if override:
            _override(collected, item, override, path)
        else:
            collected.rules[item["rule"]] = item
    elif {"required_engine_version", "required_plugin_versions"} & set(item):
        collected.requirements.append(item)
    else:
        raise RuleFileError(f"{path}: neither list, macro, rule nor requirement: {item}")


def _override(collected: RuleItems, item: Item, override: Item, path: Path) -> None:
    rule = collected.rules.get(item["rule"])
    if rule is None:
        raise RuleFileError(f"{path}: overrides a rule that is not there: {item['rule']}")
    for key, how in override.items():
        if how == "append" and isinstance(item[key], str):
            rule[key] = f"{rule[key]} {item[key]}"
        elif how == "append" and key == "exceptions":
            rule[key] = _with_exceptions(rule.get(key, []), item[key])
        elif how == "append":
            rule[key] = [*rule.get(key, []), *item[key]]
        else:
            rule[key] = item[key]


def _with_exceptions(old: Sequence[Item], more: Sequence[Item]) -> list[Item]:
    """Exceptions of a name that is there get more values; others are added."""
    exceptions = {exception["name"]: exception for exception in old}
    for exception in more:
        known = exceptions.get(exception["name"])
        values = [*(known or {}).get("values", []), *exception.get("values", [])]
        exceptions[exception["name"]] = {**(known or exception), "values": values}
    return list(exceptions.values())


def _rule(collected: RuleItems, name: str, item: Item) -> Rule:
    condition = f"({item['condition'].strip()}){_exceptions(item)}"
    try:
        expanded = expand_filter(condition, collected.macros, collected.lists)
    except ValueError as error:
        raise RuleFileError(f"rule {name}: {error}") from error
    return Rule(
        name=name,
        priority=str(item["priority"]).upper(),
        condition=expanded,
        output=" ".join(item["output"].split()),
        enabled=item.get("enabled", True),
        description=" ".join(item["desc"].split()),
        tags=tuple(item.get("tags", [])),
    )


def _exceptions(item: Item) -> str:
    """The rule's exceptions as `and not (…)`: one for each row of values."""
    text = ""
    for exception in item.get("exceptions", []):
        fields = exception["fields"]
        names = fields if isinstance(fields, list) else [fields]
        comparisons = exception.get("comps", "in" if isinstance(fields, str) else "=")
        operators = comparisons if isinstance(comparisons, list) else [comparisons] * len(names)
        values = exception.get("values", [])
        rows = values if isinstance(fields, list) else ([[values]] if values else [])
        for row in rows:
            parts = [
                f"{name} {operator} {_operand(value)}"
                for name, operator, value in zip(names, operators, row, strict=True)
            ]
            text += f" and not ({' and '.join(parts)})"
    return text


def _operand(value: Any) -> str:
    if isinstance(value, list):
        return f"({', '.join(quote(str(one)) for one in value)})"
    return quote(str(value))
