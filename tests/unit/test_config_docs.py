"""The configuration table in the docs can't drift from the code."""

from __future__ import annotations

from pathlib import Path

import pytest

from k8saudit_eks import config_docs
from k8saudit_eks.config_table import table

DOCS = Path(__file__).parents[2] / "docs" / "configuration.md"


def test_the_projects_docs_are_up_to_date() -> None:
    """docs/configuration.md says what the code does."""
    assert config_docs.main(["--check", str(DOCS)]) == 0


def test_every_key_has_its_row() -> None:
    """Name, type and default of each key stand in the table once."""
    rows = config_docs.markdown().splitlines()[2:]
    assert [row.split("`")[1] for row in rows] == [row.name for row in table()]
    assert "| `use_async` | boolean | true |" in config_docs.markdown()
    assert "| `shift` | integer | `1` |" in config_docs.markdown()


def test_check_finds_drift_and_write_cures_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A changed row fails the check, names the command, and only the table is rewritten."""
    text = DOCS.read_text(encoding="utf-8")
    drifted = tmp_path / "configuration.md"
    drifted.write_text(text.replace("| `shift` | integer | `1` |", "| `shift` | integer | `2` |"))
    assert config_docs.main(["--check", str(drifted)]) == 1
    assert f"--write {drifted}" in capsys.readouterr().err
    assert config_docs.main(["--write", str(drifted)]) == 0
    assert drifted.read_text(encoding="utf-8") == text


def test_a_file_without_a_place_for_the_table_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The marker lines to add are printed; nothing is written."""
    for content in ("# Configuration\n", f"{config_docs.END}\n{config_docs.BEGIN}\n"):
        path = tmp_path / "other.md"
        path.write_text(content)
        assert config_docs.main(["--write", str(path)]) == 2
        assert config_docs.BEGIN in capsys.readouterr().err
        assert path.read_text() == content
    assert config_docs.main(["--check", str(tmp_path / "none.md")]) == 2
