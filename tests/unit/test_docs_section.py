"""The documents show our section of falco.yaml as `config` prints and `install` writes it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from docs_pages import Block, pages

from k8saudit_eks import PLUGIN_NAME
from k8saudit_eks.falco.section import section, section_yaml


def whole_sections() -> Iterator[tuple[str, Block, dict[str, Any]]]:
    """YAML blocks that load the plugin by themselves, with the page they stand on."""
    for page in pages():
        for block in page.blocks():
            if block.language != "yaml":
                continue
            keys = yaml.safe_load(block.text)
            if isinstance(keys, dict) and keys.get("load_plugins") == [PLUGIN_NAME]:
                yield page.name, block, keys


def generated(keys: dict[str, Any]) -> dict[str, Any]:
    """What the generator makes of the values that a document shows."""
    (plugin,) = keys["plugins"]
    return section(
        plugin["open_params"],
        plugin["library_path"],
        plugin["init_config"],
        rules_files=keys.get("rules_files", ()),
        audit_only="engine" in keys,
    )


SECTIONS = list(whole_sections())


@pytest.mark.parametrize(
    ("block", "keys"),
    [(block, keys) for _, block, keys in SECTIONS],
    ids=[f"{name}:{block.line}" for name, block, _ in SECTIONS],
)
def test_the_documents_show_what_the_generator_writes(block: Block, keys: dict[str, Any]) -> None:
    """The same keys with the same values; a complete falco.yaml has others beside them."""
    ours = generated(keys)
    assert {key: keys.get(key) for key in ours} == ours
    if set(keys) == set(ours):
        assert block.text == section_yaml(ours)


def test_the_readme_shows_it() -> None:
    """The first page that a user reads has the section itself, without more."""
    assert ("README.md", True) in [
        (name, set(keys) == set(generated(keys))) for name, _, keys in SECTIONS
    ]
