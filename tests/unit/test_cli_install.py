"""`k8saudit-eks install`: what it places, prints, replaces and refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from k8saudit_eks.cli.library import library_path, rules_files
from k8saudit_eks.cli.main import command
from k8saudit_eks.errors import PluginError


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    return tmp_path / "share" / "plugins", tmp_path / "etc" / "rules.d"


def install(folders: tuple[Path, Path], *arguments: str) -> Result:
    plugins, rules = folders
    place = ["--to", str(plugins), "--rules-to", str(rules)]
    return CliRunner().invoke(command, ["install", *place, *arguments])


def test_library_and_rules_are_placed_and_falco_is_told(folders: tuple[Path, Path]) -> None:
    """A link to the library, copies of the rules, and a section with their paths."""
    result = install(folders, "production")
    assert result.exit_code == 0, result.output
    plugins, rules = folders
    library = plugins / "libk8saudit-eks.so"
    assert library.is_symlink()
    assert library.resolve() == library_path().resolve()
    placed = sorted(rules.iterdir())
    assert [file.name for file in placed] == [file.name for file in rules_files()]
    assert [file.read_bytes() for file in placed] == [f.read_bytes() for f in rules_files()]
    section = yaml.safe_load(result.stdout)
    (plugin,) = section["plugins"]
    assert plugin["library_path"] == str(library)
    assert plugin["open_params"] == "production"
    assert section["rules_files"] == list(map(str, placed))
    assert section["load_plugins"] == ["k8saudit-eks"]
    assert section["rule_matching"] == "all"


def test_again_changes_nothing(folders: tuple[Path, Path]) -> None:
    """Nothing is left over, and what was printed stays true."""
    first = install(folders)
    again = install(folders)
    assert again.exit_code == 0
    assert again.stdout == first.stdout
    for folder in folders:
        assert not list(folder.glob(".*"))


def test_changed_rules_are_not_overwritten(folders: tuple[Path, Path]) -> None:
    """Until that is asked for; before, nothing at all is placed."""
    plugins, rules = folders
    install(folders)
    changed = rules / "k8s_audit_rules.yaml"
    changed.write_text("- list: mine\n", "utf-8")
    (plugins / "libk8saudit-eks.so").unlink()
    refused = install(folders)
    assert isinstance(refused.exception, PluginError)
    assert f"{changed} differs" in str(refused.exception)
    assert "--replace-rules" in str(refused.exception)
    assert changed.read_text("utf-8") == "- list: mine\n"
    assert not list(plugins.iterdir())
    assert install(folders, "--replace-rules").exit_code == 0
    assert changed.read_bytes() == rules_files()[-1].read_bytes()


def test_what_falco_has_open_stays_as_it_was(folders: tuple[Path, Path]) -> None:
    """A new file takes the place of the old one; nothing is written into that."""
    _, rules = folders
    install(folders)
    changed = rules / "k8s_audit_rules.yaml"
    changed.write_text("- list: mine\n", "utf-8")
    with changed.open(encoding="utf-8") as held:
        assert install(folders, "--replace-rules").exit_code == 0
        assert held.read() == "- list: mine\n"


def test_a_place_that_can_not_be_written(tmp_path: Path) -> None:
    """One sentence that names the place and the cure."""
    (tmp_path / "file").touch()
    refused = install((tmp_path / "file" / "plugins", tmp_path))
    assert isinstance(refused.exception, PluginError)
    assert "/file/plugins can't be made" in str(refused.exception)
    assert "--to" in str(refused.exception)


def test_a_folder_in_the_librarys_place(folders: tuple[Path, Path]) -> None:
    """Named, and left alone."""
    plugins, _ = folders
    (plugins / "libk8saudit-eks.so").mkdir(parents=True)
    refused = install(folders)
    assert isinstance(refused.exception, PluginError)
    assert "libk8saudit-eks.so can't be written: Is a directory" in str(refused.exception)


def test_a_bad_cluster_places_nothing(folders: tuple[Path, Path]) -> None:
    """It is refused as the plugin would refuse it."""
    refused = install(folders, "a/b")
    assert isinstance(refused.exception, PluginError)
    assert not folders[0].exists()
