"""The generated parts of docs/rules.md: tables of the shipped rules, and what tunes them.

``python -m demo.rule_docs --write docs/rules.md`` brings them up to date.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from demo.filter_text import tokens_of
from demo.hosts import RULES
from demo.rule_files import Item, RuleItems, parse_rule_file, read_items
from k8saudit_eks.docs.page import DocsPage

# Lists and macros whose names begin so are meant for tuning.
TUNING_PREFIXES = ("allowed_", "trusted_", "sensitive_", "dangerous_", "watched_")

_SECTION = re.compile(r"# --- (.+?) -+$")
_ITEM = re.compile(r"- (list|macro|rule): (.+)$")
_LONGEST_DEFAULT = 5


def rules_part() -> str:
    """A table for each section of each rule file."""
    parts = []
    for path in RULES:
        items = read_items([path])
        parts.append(f"### {path.name}\n")
        for title, names in _sections(path):
            parts.append(f"#### {title}\n")
            parts.append("| Rule | Priority | Tactic and technique | What it reports | Tune with |")
            parts.append("|---|---|---|---|---|")
            parts += [_rule_row(items, name) for name in names]
            parts.append("")
    return "\n".join(parts)


def tuning_part() -> str:
    """A table of the lists and macros for tuning, with their comments and defaults."""
    rows = ["| Name | Kind | What it holds | Default |", "|---|---|---|---|"]
    for path in RULES:
        comments = _comments(path)
        for item in parse_rule_file(path):
            name = item.get("list") or item.get("macro") or ""
            if name.startswith(TUNING_PREFIXES):
                kind = "list" if "list" in item else "macro"
                rows.append(f"| `{name}` | {kind} | {_cell(comments[name])} | {_default(item)} |")
    return "\n".join(rows) + "\n"


def tuning_of(items: RuleItems, condition: str) -> list[str]:
    """The lists and macros for tuning that a condition uses, also through other macros."""
    found: dict[str, None] = {}
    for word in tokens_of(condition):
        if word in items.macros or word in items.lists:
            if word.startswith(TUNING_PREFIXES):
                found[word] = None
            inner = items.macros.get(word, " ".join(map(str, items.lists.get(word, []))))
            found |= dict.fromkeys(tuning_of(items, inner))
    return list(found)


def _rule_row(items: RuleItems, name: str) -> str:
    item = items.rules[name]
    tactic = next(tag for tag in item["tags"] if tag.startswith("mitre_"))
    techniques = [tag for tag in item["tags"] if re.fullmatch(r"T[\d.]+", tag)]
    links = ", ".join(
        f"[{tag}](https://attack.mitre.org/techniques/{tag.replace('.', '/')}/)"
        for tag in techniques
    )
    priority = item["priority"] + ("" if item.get("enabled", True) else ", **off**")
    tune = [f"`{word}`" for word in tuning_of(items, item["condition"])]
    tune += [f"exception `{exception['name']}`" for exception in item.get("exceptions", [])]
    words = tactic.removeprefix("mitre_").replace("_", " ")
    description = _cell(item["desc"])
    return f"| {name} | {priority} | {words} {links} | {description} | {', '.join(tune) or '—'} |"


def _sections(path: Path) -> Iterator[tuple[str, list[str]]]:
    """The titles of a file's sections that hold rules, with the rules' names."""
    title = ""
    names: list[str] = []
    for line in path.read_text("utf-8").splitlines():
        if heading := _SECTION.match(line):
            if names:
                yield title, names
            title, names = heading.group(1), []
        elif (item := _ITEM.match(line)) and item.group(1) == "rule":
            names.append(item.group(2))
    yield title, names


def _comments(path: Path) -> dict[str, str]:
    """The comment directly above each list and macro."""
    comments: dict[str, str] = {}
    comment: list[str] = []
    for line in path.read_text("utf-8").splitlines():
        if item := _ITEM.match(line):
            comments[item.group(2)] = " ".join(comment)
        comment = [*comment, line.removeprefix("#").strip()] if line.startswith("#") else []
    return comments


def _default(item: Item) -> str:
    if "macro" in item:
        return "a condition"
    items: list[Any] = item["items"]
    if not items:
        return "empty"
    shown = ", ".join(f"`{one}`" for one in items[:_LONGEST_DEFAULT])
    rest = len(items) - _LONGEST_DEFAULT
    return f"{shown} and {rest} more" if rest > 0 else shown


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


PAGE = DocsPage("python -m demo.rule_docs", {"tuning": tuning_part, "rules": rules_part})

if __name__ == "__main__":
    sys.exit(PAGE.main())
