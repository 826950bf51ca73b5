"""The configuration table in the docs can't drift from the code."""

from __future__ import annotations

from pathlib import Path

from k8saudit_eks.config.table import table
from k8saudit_eks.docs import configuration as config_docs

DOCS = Path(__file__).parents[2] / "docs" / "configuration.md"


def test_the_projects_docs_are_up_to_date() -> None:
    """docs/configuration.md says what the code does."""
    assert config_docs.PAGE.main(["--check", str(DOCS)]) == 0


def test_every_key_has_its_row() -> None:
    """Name, type and default of each key stand in the table once."""
    rows = config_docs.markdown().splitlines()[2:]
    assert [row.split("`")[1] for row in rows] == [row.name for row in table()]
    assert "| `use_async` | boolean | true |" in config_docs.markdown()
    assert "| `shift` | integer | `1` |" in config_docs.markdown()
