"""Names in the documents exist: fields, metrics, keys, rules, options, files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

import pytest
import yaml
from docs_commands import FOLDERS, WrongError, check_make, parsed_names
from docs_pages import ROOT, Page, Word, commands, keys, other_terms, pages

from k8saudit_eks.cli.main import command as k8saudit_eks
from k8saudit_eks.config.table import table
from k8saudit_eks.fields.table import FIELDS
from k8saudit_eks.metrics import Metric

METRIC_PREFIX = "falcosecurity_plugins_k8saudit_eks_"
# What a document for developers says of code has other words.
INTERNAL = {"ARCHITECTURE.md"}

_FIELD = re.compile(r"(?<![\w.])ka(?:\.(?:\w+|\*))+")
_METRIC = re.compile(rf"{METRIC_PREFIX}\w+")
_SNAKE = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)+")
_DOTTED = re.compile(r"([A-Za-z]\w*)(?:\.\w+)+")
_SETTING = re.compile(r"([A-Za-z][\w.]*): .+")
_OPTION = re.compile(r"--[a-z][a-z-]*")
_TITLE = re.compile(r"[A-Z][\w'-]*(?: [\w'-]+)+")
_PATH = re.compile(r"[\w./*-]+")
# Small words that a title leaves small.
_SMALL = {"a", "an", "as", "by", "for", "from", "in", "its", "not", "of", "on", "or", "the", "to"}


@cache
def fields() -> frozenset[str]:
    return frozenset(field.name for field in FIELDS)


@cache
def metrics() -> frozenset[str]:
    return frozenset(metric.value.name for metric in Metric)


@cache
def config_keys() -> frozenset[str]:
    return frozenset(row.name for row in table())


@cache
def falco_keys() -> frozenset[str]:
    """Keys of falco.yaml and of the chart's values, with dots; falco.yaml's also below falco."""
    own = keys("falco_keys.txt")
    return frozenset(own | {f"falco.{key}" for key in own} | keys("chart_keys.txt"))


def is_falco_key(text: str) -> bool:
    """Whether it is one of falco_keys(), or stands where the chart takes anything."""
    return text in falco_keys() or any(
        fnmatchcase(text, key) for key in falco_keys() if key.endswith(".*")
    )


@cache
def rule_items() -> dict[str, set[str]]:
    """Names in the shipped rule files by kind: rule, macro, list, exception."""
    found: dict[str, set[str]] = {"rule": set(), "macro": set(), "list": set(), "exception": set()}
    for path in sorted((ROOT / "rules").glob("*.yaml")):
        for item in yaml.load(path.read_text("utf-8"), yaml.BaseLoader):  # noqa: S506  # makes text, nothing else
            for kind in ("rule", "macro", "list"):
                if kind in item:
                    found[kind].add(item[kind])
            found["exception"] |= {one["name"] for one in item.get("exceptions", [])}
    assert all(found.values())
    return found


@cache
def options() -> frozenset[str]:
    """Options of every command of k8saudit-eks."""
    return frozenset(
        option
        for command in k8saudit_eks.commands.values()
        for parameter in command.params
        for option in (*parameter.opts, *parameter.secondary_opts)
    )


@cache
def options_in_blocks() -> frozenset[str]:
    """Options of commands in `sh` blocks, which test_docs_commands.py looks at."""
    return frozenset(
        word.split("=")[0]
        for page in pages()
        for block in page.blocks()
        if block.language == "sh"
        for line in commands(block.text)
        for word in line.words
        if word.startswith("--") and line.words[0] != "k8saudit-eks"
    )


@cache
def sources() -> str:
    """The sources in one text, with the parts of broken strings joined."""
    paths = [*(ROOT / "src").rglob("*.py"), *(ROOT / "csrc").rglob("*.*")]
    text = "\n".join(path.read_text("utf-8") for path in paths if path.is_file())
    return re.sub(r'"\s*f?"', "", text)


def is_message(text: str) -> bool:
    """Whether all that stands between "…" is said somewhere in the sources."""
    parts = [part.strip() for part in text.split("…") if part.strip()]
    return len(parts) > 1 and all(part in sources() for part in parts)


@cache
def snake_words() -> frozenset[str]:
    """Every known word_with_underscores that can be derived."""
    parts = {part for name in (*falco_keys(), *fields()) for part in name.split(".")}
    items = {name for kind, names in rule_items().items() if kind != "rule" for name in names}
    return frozenset(config_keys() | metrics() | parts | items)


def unknown_in(word: Word) -> Iterator[str]:
    """What a reader would look for in vain, as sentences."""
    text = word.text
    if _is_title(text):
        if text not in rule_items()["rule"]:
            yield f"there is no rule {text!r}"
    elif word.code and re.match(r"(k8saudit-eks|make) ", text):
        yield from _unknown_in_command(text)
    elif word.code:
        sentence = _unknown_name(text)
        if sentence is not None:
            yield sentence


def _unknown_name(text: str) -> str | None:
    """A sentence about a name or a setting that does not exist."""
    if _SNAKE.fullmatch(text) and text not in snake_words() and not _METRIC.fullmatch(text):
        return f"nothing is called {text}"
    setting = _SETTING.fullmatch(text)
    if setting and not is_falco_key(setting[1]) and setting[1] not in snake_words():
        return f"there is no key {setting[1]}"
    dotted = _DOTTED.fullmatch(text)
    if (
        dotted
        and dotted[1] in falco_keys()
        and not is_falco_key(text)
        and text not in _file_names()
    ):
        return f"neither falco.yaml nor the chart has a key {text}"
    if _OPTION.fullmatch(text) and text not in options() | options_in_blocks():
        return f"no command has an option {text}"
    folder, slash, _ = text.partition("/")
    if slash and folder in FOLDERS and _PATH.fullmatch(text):
        found = list(ROOT.glob(text.rstrip("/")))
        return None if found else f"there is no file {text}"
    return None


@cache
def _file_names() -> frozenset[str]:
    """Names of files that look like a key with a dot: falco.yaml, metrics.py."""
    modules = (path.name for path in [*(ROOT / "src").rglob("*.py"), *(ROOT / "csrc").rglob("*.*")])
    return frozenset({"falco.yaml", "falco.service", *modules})


def _is_title(text: str) -> bool:
    """Whether it is written as names of rules are: Two Words, Small Words of a Title Small."""
    words = text.split(" ")
    return bool(_TITLE.fullmatch(text)) and all(
        one[0].isupper() or one in _SMALL for one in words if one
    )


def _unknown_in_command(text: str) -> Iterator[str]:
    if is_message(text):
        return
    try:
        (line,) = commands(re.sub(r"[\[\]…]", "", text))
        if line.words[0] == "make":
            check_make(line, ROOT)
        else:
            parsed_names(list(line.words[1:]))
    except (WrongError, ValueError) as error:
        yield str(error)


def unknown_in_text(text: str) -> Iterator[str]:
    """Fields and metrics, in prose's backticks as in blocks."""
    for name in _FIELD.findall(text):
        if not any(fnmatchcase(field, name) for field in fields()):
            yield f"there is no field {name}"
    for name in _METRIC.findall(text):
        if name.removeprefix(METRIC_PREFIX).removesuffix("_total") not in metrics():
            yield f"there is no metric {name}"


def unknown_in_rules(text: str) -> Iterator[str]:
    """Rules, macros, lists and exceptions that a YAML block changes and nobody shipped."""
    loaded = yaml.load(text, yaml.BaseLoader)  # noqa: S506  # makes text, nothing else
    for item in loaded if isinstance(loaded, list) else []:
        yield from _unknown_in_rule(item) if isinstance(item, dict) else ()


def _unknown_in_rule(item: dict[str, Any]) -> Iterator[str]:
    items = rule_items()
    for kind in ("rule", "macro", "list"):
        # A rule with an output is a new one; so is a macro or list named after its owner.
        if kind in item and "output" not in item and item[kind] not in items[kind]:
            yield f"there is no {kind} {item[kind]!r}"
    if "output" not in item:
        for one in item.get("exceptions", []):
            if one["name"] not in items["exception"]:
                yield f"there is no exception {one['name']!r}"


def unknown(page: Page) -> dict[str, list[str]]:
    """By the term ("" in blocks): what is unknown in a page, each with its place."""
    wrong: dict[str, list[str]] = {}
    for word in page.words():
        found = list(unknown_in_text(word.text)) if word.code else []
        if page.name not in INTERNAL:
            found += unknown_in(word)
        if found:
            setting = _SETTING.fullmatch(word.text)
            term = setting[1] if setting else word.text
            wrong.setdefault(term, []).extend(f"{page.name}:{word.line}: {s}" for s in found)
    for block in page.blocks():
        found = list(unknown_in_text(block.text))
        if block.language == "yaml":
            found += unknown_in_rules(block.text)
        for sentence in found:
            wrong.setdefault("", []).append(f"{page.name}:{block.line}: {sentence}")
    return wrong


def test_names_exist() -> None:
    """What is no name of ours is in the table of other terms, and all of that table is used."""
    others = other_terms()
    wrong: dict[str, list[str]] = {}
    for page in pages():
        for term, sentences in unknown(page).items():
            wrong.setdefault(term, []).extend(sentences)
    listed = [s for term, found in wrong.items() if term not in others for s in found]
    assert listed == [], "a wrong name, or a term for tests/data/docs/other_terms.yaml"
    assert set(others) <= set(wrong), "the documents do not need these terms any more"


@pytest.mark.parametrize(
    "text",
    [
        "`state_dirs`",
        "`shfit: 0`",
        "`ka.usr.name`",
        "`ka.req.nothing.*`",
        "`ka.verb = create and ka.target.resourc = pods`",
        "`events_lost`",
        "`falcosecurity_plugins_k8saudit_eks_events_lost_total`",
        "`Privileged Workload Made`",
        "**Privileged Workload Made**",
        "| a |\n|---|\n| `allowed_privileged_image` |",
        "`metrics.enable`",
        "`falcoctl.artifact.instal.enabled: true`",
        "`--replace-rule`",
        "`k8saudit-eks polcy CLUSTER`",
        "`k8saudit-eks policy CLUSTER --roles ARN`",
        "`make demos`",
        "`tests/host/test_nothing.py`",
        "```yaml\n- rule: Privileged Workload Made\n  enabled: false\n```",
        "```yaml\n- list: allowed_privileged_image\n  items: [a]\n```",
        "```yaml\n- rule: Privileged Workload Created\n  exceptions:\n    - name: nobody\n```",
        "```yaml\nexpr: falcosecurity_plugins_k8saudit_eks_events_lost_total > 0\n```",
        "```sh\nk8saudit-eks extract - ka.usr.name\n```",
        "`k8saudit-eks finds no … of this kind`",
    ],
)
def test_a_wrong_name_is_found(text: str) -> None:
    """Whatever kind of name it is, wherever it stands."""
    assert unknown(Page(ROOT / "none.md", text))


@pytest.mark.parametrize(
    "text",
    [
        "`state_dir` `shift: 0` `ka.user.name` `ka.req.pod.*` `ka.value[/requestObject]`",
        "`events_late` `falcosecurity_plugins_k8saudit_eks_events_late_total`",
        "`Privileged Workload Created` **Privileged Workload Created** **Not a name of a rule**",
        "`allowed_privileged_images` `metrics.enabled` `falco.config_files: []` `--region`",
        "`k8saudit-eks policy CLUSTER --role-arn ARN` `make demo` `tests/host/test_host_*.py`",
        "`podSecurityContext.fsGroup: 1` `--create-namespace` `k8saudit-eks does not use …/pyvenv`",
        "```yaml\n- rule: My Own\n  condition: ka.verb = get\n  output: seen\n```",
    ],
)
def test_right_names_are_not_reported(text: str) -> None:
    """The same kinds of names, of things that exist."""
    assert unknown(Page(ROOT / "none.md", text)) == {}
