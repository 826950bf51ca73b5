"""The shipped rule files as Falco's rule loader wants them: no refusal, no warning.

What it refuses or warns of: https://falco.org/docs/concepts/rules/ and falcosecurity/falco,
userspace/engine: rule_loader_reader.cpp, rule_loader_collector.cpp, rule_loader_compiler.cpp,
filter_warning_resolver.cpp, rule_json_schema.h. What the filter engine behind it says of
conditions and outputs: test_rule_hosts.py.
"""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from demo import hosts, rule_docs
from demo.filter_text import tokens_of
from demo.rule_docs import TUNING_PREFIXES
from demo.rule_files import load_rules, parse_rule_file, read_items

import k8saudit_eks
from k8saudit_eks.fields.model import Arg
from k8saudit_eks.fields.table import FIELDS

RULES = load_rules(hosts.RULES)
BY_NAME = {row.name: row for row in FIELDS}
# The k8saudit family's fields come first in the table, and end here.
FAMILY = set(list(BY_NAME)[: list(BY_NAME).index("ka.cluster.name") + 1])
ON_LISTS = {"in", "intersects", "exists"}
FIELD = re.compile(r"ka\.[\w.]+(?:\[[^\]]*\])?")
PRIORITIES = ["CRITICAL", "ERROR", "WARNING", "NOTICE", "INFO", "DEBUG"]
KEYS = {"rule", "desc", "condition", "output", "priority", "source", "tags"}
OPTIONAL_KEYS = {"enabled", "exceptions"}
REQUIRED_IN_OUTPUT = {
    "ka.user.name",
    "ka.user.arn",
    "ka.user.session_name",
    "ka.cluster.name",
    "ka.verb",
    "ka.target.resource",
    "ka.target.namespace",
    "ka.target.name",
    "ka.response.code",
    "ka.sourceips",
    "ka.useragent",
}


ITEMS = [item for path in hosts.RULES for item in parse_rule_file(path)]
RULE_ITEMS = [item for item in ITEMS if "rule" in item]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule.name))
def test_output_says_who_what_and_where(rule: Any) -> None:
    """An output names user, ARN, session, cluster, target, result, addresses, user agent."""
    assert set(rule.output_fields) >= REQUIRED_IN_OUTPUT
    assert all(field.split("[")[0] in BY_NAME for field in rule.output_fields)


@pytest.mark.parametrize("item", RULE_ITEMS, ids=lambda item: str(item["rule"]))
def test_rule_is_complete(item: dict[str, Any]) -> None:
    """Known keys only; a stage is asked for; tags hold one tactic and techniques, once each."""
    assert set(item) >= KEYS
    assert set(item) <= KEYS | OPTIONAL_KEYS
    assert item["source"] == "k8s_audit"
    assert item["priority"] in PRIORITIES
    assert item["desc"].strip()
    tags = item["tags"]
    assert len(set(tags)) == len(tags)
    assert sum(tag.startswith("mitre_") for tag in tags) == 1
    assert any(re.fullmatch(r"T\d{4}(\.\d{3})?", tag) for tag in tags)


@pytest.mark.parametrize("path", hosts.RULES, ids=lambda path: str(path.name))
def test_gravest_rules_come_first(path: Path) -> None:
    """Falco's default is to report only the first rule that matches: no lesser one hides it."""
    enabled = [PRIORITIES.index(rule.priority) for rule in load_rules([path]) if rule.enabled]
    assert enabled == sorted(enabled)


def test_names_are_unique() -> None:
    """No list, macro or rule is defined twice, in either file."""
    for kind in ("list", "macro", "rule"):
        names = [item[kind] for item in ITEMS if kind in item]
        assert len(set(names)) == len(names)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule.name))
def test_condition_is_asked_of_fields_that_are_there(rule: Any) -> None:
    """Fields exist, take the argument they get, and list fields only operators for lists."""
    tokens = tokens_of(rule.condition)
    assert "ka.stage" in tokens or "ka.truncated" in tokens
    for field, operator in pairwise(tokens):
        if not FIELD.fullmatch(field):
            continue
        name, _, argument = field.partition("[")
        row = BY_NAME[name]
        assert bool(argument) == (row.arg is Arg.KEY), field
        if row.is_list:
            assert operator in ON_LISTS, f"{field} {operator}"


def test_names_and_items_are_plain_words() -> None:
    """Falco puts a list's items into a condition as bare text, and quotes only those with blanks.

    Macros' names begin with a letter and go on with letters, digits and underscores.
    """
    for item in ITEMS:
        assert re.fullmatch(r"[A-Za-z]\w*", str(item.get("list", item.get("macro", "rule"))))
        for word in item.get("items", []):
            assert isinstance(word, str | int)
            assert re.fullmatch(r"""[^()"'\s=,]+""", str(word)), word


def test_no_text_holds_the_name_of_a_list() -> None:
    """Falco expands a list wherever its name stands between delimiters, also in quoted text."""
    names = {item["list"] for item in ITEMS if "list" in item}
    for item in ITEMS:
        for token in tokens_of(item.get("condition", "")):
            if token[0] in "\"'":
                assert not names & set(re.split(r"[\s(),=\"']+", token)), token
                assert "<NA>" not in token


@pytest.mark.parametrize("path", hosts.RULES, ids=lambda path: str(path.name))
def test_lists_and_macros(path: Path) -> None:
    """Tuning comes first; each list and macro is defined before its first use, and is used.

    Falco refuses a macro that is defined later, and warns of one that is not used.
    """
    defined: set[str] = set()
    used: set[str] = set()
    others_began = False
    names = {item.get("list") or item.get("macro") for item in parse_rule_file(path)} - {None}
    for item in parse_rule_file(path):
        words = set(tokens_of(item["condition"])) if "condition" in item else set()
        words |= {str(word) for word in item.get("items", [])}
        assert words & names <= defined, item
        used |= words & names
        name = item.get("list") or item.get("macro")
        if name:
            is_tuning = name.startswith(TUNING_PREFIXES)
            assert not (is_tuning and others_began), name
            others_began = others_began or not is_tuning
            defined.add(name)
    assert used == names


@pytest.mark.parametrize("item", RULE_ITEMS, ids=lambda item: str(item["rule"]))
def test_exceptions(item: dict[str, Any]) -> None:
    """An exception has a name of its own, fields that are there, an operator for each."""
    names = [exception["name"] for exception in item.get("exceptions", [])]
    assert len(set(names)) == len(names)
    for exception in item.get("exceptions", []):
        assert set(exception) <= {"name", "fields", "comps"}
        fields = exception["fields"]
        if isinstance(fields, list):
            assert len(exception.get("comps", fields)) == len(fields)
        for field in fields if isinstance(fields, list) else [fields]:
            row = BY_NAME[field.partition("[")[0]]
            assert not row.is_list
            assert ("[" in field) == (row.arg is Arg.KEY)


@pytest.mark.parametrize("path", hosts.RULES, ids=lambda path: str(path.name))
def test_requirements(path: Path) -> None:
    """The version asked for is one that this plugin satisfies; the name fits the fields.

    Falco takes a plugin of the same major version, and of the version asked for or later.
    """
    requirements = read_items([path]).requirements
    engine, plugins = (next(iter(item.values())) for item in requirements)
    assert re.fullmatch(r"\d+\.\d+\.\d+", engine)
    (plugin,) = plugins
    wanted = [int(part) for part in plugin["version"].split(".")]
    ours = [int(part) for part in k8saudit_eks.__version__.split(".")]
    assert wanted[0] == ours[0]
    assert wanted <= ours
    text = " ".join(rule.condition + " " + rule.output for rule in load_rules([path]))
    fields = {found.partition("[")[0] for found in FIELD.findall(text)}
    # Were all of them the family's, `k8saudit` with this plugin as alternative would do.
    assert plugin["name"] == "k8saudit-eks"
    assert fields - FAMILY


def test_files_are_plain_yaml() -> None:
    """Any YAML reader takes the files, and no line is longer than 100 characters."""
    for path in hosts.RULES:
        text = path.read_text("utf-8")
        assert isinstance(yaml.safe_load(text), list)
        assert max(map(len, text.splitlines())) <= 100


def test_docs_are_in_step() -> None:
    """docs/rules.md holds the rules, and what tunes them, as they are now."""
    assert rule_docs.PAGE.main(["--check", str(hosts.PROJECT / "docs" / "rules.md")]) == 0
