"""Blocks in the documents: commands run or could run, YAML is what Falco and the plugin take."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from docs_commands import WrongError, check_command, entry, reasons
from docs_pages import Block, Page, commands, keys, pages

from k8saudit_eks import PLUGIN_NAME
from k8saudit_eks.config.init_config import parse_init_config
from k8saudit_eks.config.open_params import parse_open_params
from k8saudit_eks.errors import PluginError

# What a block may be; "" is output or a drawing.
LANGUAGES = {"sh", "yaml", "json", "toml", "text", ""}


class _Strict(yaml.SafeLoader):
    """Refuses a key that stands twice in one map; takes a bare `=` for text, as Falco does."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        if len(keys) != len(set(keys)):
            raise WrongError(f"a key stands twice: {keys}")
        return super().construct_mapping(node, deep)


def _text(loader: _Strict, node: yaml.ScalarNode) -> Any:
    return loader.construct_yaml_str(node)


_Strict.add_constructor("tag:yaml.org,2002:value", _text)


def sections(value: Any) -> Iterator[dict[str, Any]]:
    """This plugin's entries anywhere in a document, also in texts that are YAML (ConfigMaps)."""
    if isinstance(value, dict):
        if value.get("name") == PLUGIN_NAME and {"init_config", "open_params"} & set(value):
            yield value
        for inner in value.values():
            yield from sections(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from sections(inner)
    elif isinstance(value, str) and "\n" in value and PLUGIN_NAME in value:
        try:
            inside = yaml.load(value, _Strict)  # noqa: S506  # a SafeLoader
        except yaml.YAMLError:
            return
        if not isinstance(inside, str):
            yield from sections(inside)


def check_falco_keys(document: Any) -> None:
    """A part of falco.yaml, or of the chart's values, has no key that Falco does not know."""
    if not isinstance(document, dict):
        return
    known = {key.split(".")[0] for key in keys("falco_keys.txt")}
    if known & set(document):
        known |= {key.split(".")[0] for key in keys("chart_keys.txt")}
        if unknown := set(document) - known:
            raise WrongError(f"Falco has no keys {sorted(unknown)}")


def check_block(block: Block) -> None:
    """It is of a language we know and parses; what it has for the plugin is accepted."""
    if block.language not in LANGUAGES:
        raise WrongError(f"a block of {block.language}: write one of {sorted(LANGUAGES)}")
    try:
        if block.language == "json":
            json.loads(block.text)
        if block.language != "yaml":
            return
        for document in yaml.load_all(block.text, _Strict):
            check_falco_keys(document)
            for section in sections(document):
                parse_init_config(json.dumps(section.get("init_config")))
                parse_open_params(section.get("open_params", ""))
    except (yaml.YAMLError, ValueError, PluginError) as error:
        raise WrongError(str(error)) from error


def documents() -> list[Page]:
    """All but the two that show commands to nobody."""
    return [page for page in pages() if page.name not in {"ARCHITECTURE.md", "CHANGELOG.md"}]


def test_commands_run_or_have_a_reason_why_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each command of an `sh` block; each entry of the table is in use."""
    monkeypatch.chdir(tmp_path)
    table = reasons()
    used: set[str | None] = set()
    wrong: list[str] = []
    for page in documents():
        # One for the page: what one command made, another may take away.
        folder = tmp_path / page.name.replace("/", "-")
        folder.mkdir()
        for block in page.blocks():
            if block.language != "sh":
                continue
            try:
                for line in commands(block.text):
                    used.add(check_command(line, table, folder))
            except (WrongError, ValueError) as error:
                wrong.append(f"{page.name}:{block.line}: {error}")
    assert wrong == []
    assert set(table) <= used, "nothing in the documents needs these entries any more"
    assert all(len(reason.split()) > 2 for reason in table.values())


def test_blocks_are_accepted() -> None:
    """YAML and JSON parse; every section of the plugin is one that the plugin takes."""
    wrong = []
    found = 0
    for page in pages():
        for block in page.blocks():
            try:
                check_block(block)
            except WrongError as error:
                wrong.append(f"{page.name}:{block.line}: {error}")
            found += block.language == "yaml" and PLUGIN_NAME in block.text
    assert wrong == []
    assert found > 1


@pytest.mark.parametrize(
    "script",
    [
        "k8saudit-eks confg production",
        "k8saudit-eks config production --regoin eu-central-1",
        "sudo /opt/k8saudit-eks/bin/k8saudit-eks config production --nowhere",
        "cat x | k8saudit-eks policy 'not/a cluster'",
        "k8saudit-eks extract events.json ka.usr.name",
        "make demos",
        "true && make tetss",
        ".venv/bin/python -m demo.nothing",
        ".venv/bin/python bench/nothing.py",
        ".venv/bin/pytest -q tests/host/test_nothing*.py",
        "aws logs filter-log-events --log-group /aws/eks/production/cluster",
        "aws logs filter-logs --limit 1",
        "kubectl dance falco",
        "kubectl apply -f deploy/nothing.yaml",
        "nmap localhost",
    ],
)
def test_a_wrong_command_is_found(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names, options and files that do not exist, and programs that nothing is said about."""
    monkeypatch.chdir(tmp_path)
    line = commands(script)[-1]
    with pytest.raises(WrongError):
        check_command(line, {"kubectl apply": "needs a cluster"}, tmp_path)


def test_what_is_no_shell_is_found() -> None:
    """A quote that does not end, for example."""
    with pytest.raises(ValueError, match="no shell"):
        commands("echo 'a")


def test_commands_are_found_wherever_they_stand() -> None:
    """Pipes, lists, substitutions, assignments, here-documents and comments."""
    script = """
    A=1 one --x="a b" \\
      c  # not this
    two | three && sudo four < file
    B=$(five) six "$(seven)" > out
    eight <<'END'
    not this
    END
    """
    found = {line.words[0]: line.stdin for line in commands(script)}
    assert found == {
        "one": False, "two": False, "three": True, "four": True,
        "five": False, "six": False, "seven": False, "eight": True,
    }  # fmt: skip
    assert commands(script)[0].words == ("one", "--x=a b", "c")


def test_a_table_entry_fits_its_program_and_words_in_order() -> None:
    """Options may stand between them; the longest entry counts."""
    table = {"kubectl get|patch deployment": "", "kubectl": "", "docker run": ""}
    (line,) = commands("kubectl -n falco patch deployment falco")
    assert entry(line, table) == "kubectl get|patch deployment"
    (line,) = commands("kubectl get pods")
    assert entry(line, table) == "kubectl"
    (line,) = commands("docker build run")
    assert entry(line, {"docker pull": ""}) is None


SECTION = """
plugins:
  - name: k8saudit-eks
    init_config: {region: eu-central-1}
    open_params: production
"""


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("yaml", "a: [1"),
        ("yaml", "a: 1\na: 2\n"),
        ("yaml", SECTION + "rules_file: [/etc/falco/rules.d]\n"),
        ("yaml", SECTION.replace("region", "regoin")),
        ("yaml", SECTION.replace("production", "/var/events")),
        (
            "yaml",
            "data:\n  falco.yaml: |\n" + SECTION.replace("\n", "\n    ").replace("region", "r"),
        ),
        ("json", "{'a': 1}"),
        ("bash", "true"),
    ],
)
def test_a_wrong_block_is_found(language: str, text: str) -> None:
    """Not YAML, a key that stands twice, a key or a value that the plugin refuses."""
    check_block(Block("yaml", SECTION, 1))
    with pytest.raises(WrongError):
        check_block(Block(language, text, 1))
