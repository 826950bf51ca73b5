"""The rule loader expands rules as Falco does."""

from __future__ import annotations

from pathlib import Path

import pytest
from demo.filter_text import expand_filter
from demo.rule_files import RuleFileError, load_rules


def load(tmp_path: Path, text: str, *more: str) -> dict[str, str]:
    """Conditions by rule name."""
    files = []
    for number, content in enumerate([text, *more]):
        files.append(tmp_path / f"rules_{number}.yaml")
        files[-1].write_text(content, "utf-8")
    return {rule.name: rule.condition for rule in load_rules(files)}


RULE = """
- list: names
  items: [alice, "bob the builder", more]
- list: more
  items: [carol]
- macro: written
  condition: (ka.verb in (create, patch) and not quiet)
- macro: quiet
  condition: (ka.user.name in (names))
- rule: changed
  desc: something was changed
  condition: written and ka.target.resource = pods
  output: changed | user=%ka.user.name key=%ka.user.extra[a/b.c]
  priority: WARNING
"""


def test_macros_and_lists(tmp_path: Path) -> None:
    """Macros in macros and lists in lists are replaced; items are quoted where needed."""
    assert load(tmp_path, RULE) == {
        "changed": "( (( ka.verb in (create, patch) and not "
        '(( ka.user.name in (alice, "bob the builder", carol) )) )) '
        "and ka.target.resource = pods )"
    }


def test_names_in_values_are_no_macros() -> None:
    """A value that is called like a macro stays a value."""
    expanded = expand_filter(
        'ka.verb = quiet and ka.uri contains "a and quiet"', {"quiet": "x"}, {}
    )
    assert expanded == 'ka.verb = quiet and ka.uri contains "a and quiet"'


def test_override_appends(tmp_path: Path) -> None:
    """A later file may append to lists and conditions, as Falco's override does."""
    more = """
- list: more
  items: [dave]
  override: {items: append}
- rule: changed
  condition: and ka.target.name = web
  override: {condition: append}
"""
    condition = load(tmp_path, RULE, more)["changed"]
    assert "carol, dave" in condition
    assert condition.endswith("ka.target.resource = pods and ka.target.name = web )")


def test_exceptions(tmp_path: Path) -> None:
    """Each row of an exception's values takes its events out of the rule."""
    exceptions = """
  exceptions:
    - name: deployer
      fields: [ka.user.name, ka.target.namespace]
      comps: [=, in]
      values:
        - [ci, [shop, billing]]
    - name: names
      fields: ka.target.name
      values: [web, "a b"]
"""
    condition = load(tmp_path, RULE + exceptions.lstrip("\n"))["changed"]
    assert "and not ( ka.user.name = ci and ka.target.namespace in (shop, billing) )" in condition
    assert 'and not ( ka.target.name in (web, "a b") )' in condition


def test_override_adds_rows_to_exceptions(tmp_path: Path) -> None:
    """An exception of that name gets more rows and keeps its fields; others are added."""
    empty = """
  exceptions:
    - name: deployer
      fields: [ka.user.name, ka.target.name]
      comps: ["=", startswith]
"""
    more = """
- rule: changed
  exceptions:
    - name: deployer
      values:
        - [ci, web-]
    - name: places
      fields: ka.target.namespace
      values: [scratch]
  override: {exceptions: append}
"""
    without = load(tmp_path, RULE)["changed"]
    assert load(tmp_path, RULE + empty.lstrip("\n"))["changed"] == without
    condition = load(tmp_path, RULE + empty.lstrip("\n"), more, more.replace("ci", "cd"))["changed"]
    assert "and not ( ka.user.name = ci and ka.target.name startswith web- )" in condition
    assert "and not ( ka.user.name = cd and ka.target.name startswith web- )" in condition
    assert "and not ( ka.target.namespace in (scratch, scratch) )" in condition


@pytest.mark.parametrize(
    ("condition", "complaint"),
    [("nonsense", "there is no macro nonsense"), ('ka.verb = "open', "can't read the condition")],
)
def test_errors_name_rule_and_reason(tmp_path: Path, condition: str, complaint: str) -> None:
    """A condition that Falco would refuse is refused, naming the rule."""
    text = f"[{{rule: bad, desc: d, condition: '{condition}', output: o, priority: ERROR}}]"
    with pytest.raises(RuleFileError, match=f"rule bad: {complaint}"):
        load(tmp_path, text)
