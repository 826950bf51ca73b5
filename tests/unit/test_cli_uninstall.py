"""`k8saudit-eks uninstall`: it takes away exactly what `install` placed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from falco_host import FalcoHost, falco_host

from k8saudit_eks.cli.library import library_path, rules_files
from k8saudit_eks.errors import PluginError
from k8saudit_eks.falco.drop_in import digest


@pytest.fixture
def host(tmp_path: Path) -> FalcoHost:
    """The newest Falco's package."""
    return falco_host(tmp_path)


def test_it_leads_back_and_says_so(host: FalcoHost) -> None:
    """Only state_dir stays, and is named; a second time there is nothing to do."""
    before = host.contents()
    host.install()
    placed = [*(host.rules / file.name for file in rules_files()), host.drop_in, host.link]
    result = host.run("uninstall")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[:-1] == [f"removed {path}" for path in placed]
    assert result.stdout.splitlines()[-1].endswith("systemctl restart falco")
    assert f"kept {host.state_dir}/" in result.stderr
    after = host.contents()
    folders = {"usr/share", "usr/share/falco", "usr/share/falco/plugins", "var/lib/k8saudit-eks"}
    assert set(after) - set(before) == folders
    assert {path: after[path] for path in before} == before
    again = host.run("uninstall")
    assert again.exit_code == 0
    assert again.stdout == "nothing to remove\n"
    assert host.contents() == after


def test_the_state_goes_when_asked(host: FalcoHost) -> None:
    """The one that was installed, also when everything else is gone."""
    host.install("--state-dir", "/srv/state")
    state = host.root / "srv/state"
    for name in ("a.ledger", "a.ledger-wal", "b.ledger.damaged-17"):
        (state / name).touch()
    assert host.run("uninstall", "--purge-state").exit_code == 0
    assert not state.exists()
    host.install()
    assert host.run("uninstall").exit_code == 0
    result = host.run("uninstall", "--purge-state")
    assert result.exit_code == 0
    assert f"removed {host.state_dir}/" in result.stdout
    assert not host.state_dir.exists()


def test_what_is_not_ours_in_state_dir(host: FalcoHost) -> None:
    """Nothing in it is removed then; and no link is followed."""
    host.install()
    (host.state_dir / "a.ledger").touch()
    (host.state_dir / "letter.txt").touch()
    refused = host.run("uninstall", "--purge-state")
    assert isinstance(refused.exception, PluginError)
    assert "letter.txt is no file of k8saudit-eks" in str(refused.exception)
    assert len(list(host.state_dir.iterdir())) == 2
    (host.state_dir / "letter.txt").unlink()
    moved = host.state_dir.rename(host.root / "elsewhere")
    host.state_dir.symlink_to(moved)
    refused = host.run("uninstall", "--purge-state")
    assert isinstance(refused.exception, PluginError)
    assert (moved / "a.ledger").exists()


def test_what_was_changed_stays(host: FalcoHost) -> None:
    """A rule file with changes, and a link that points elsewhere now: each is named."""
    host.install()
    changed = host.rules / "k8s_audit_rules.yaml"
    changed.write_text("- list: mine\n", "utf-8")
    host.link.unlink()
    host.link.symlink_to("/opt/other/libk8saudit-eks.so")
    result = host.run("uninstall")
    assert result.exit_code == 0
    assert f"kept {changed}: changed" in result.stderr
    assert f"kept {host.link}: changed" in result.stderr
    assert changed.exists()
    assert host.link.is_symlink()
    assert not host.drop_in.exists()


def test_a_file_that_install_did_not_write(host: FalcoHost) -> None:
    """Stays, and is named."""
    file = host.add("k8saudit-eks.yaml", rule_matching="all")
    result = host.run("uninstall")
    assert result.exit_code == 0
    assert f"kept {file}: k8saudit-eks install did not write it" in result.stderr
    assert file.exists()


def test_what_older_versions_placed(host: FalcoHost) -> None:
    """They wrote no file of settings: the link to this environment tells that it was us."""
    rules = host.rules / rules_files()[0].name
    rules.write_bytes(rules_files()[0].read_bytes())
    assert host.run("uninstall").stdout == "nothing to remove\n"
    host.link.parent.mkdir(parents=True)
    host.link.symlink_to(library_path())
    assert host.run("uninstall").exit_code == 0
    assert not host.link.is_symlink()
    assert not rules.exists()


def test_a_record_that_leads_out_of_the_root(tmp_path: Path) -> None:
    """An image's file can't have files of this machine removed."""
    host = falco_host(tmp_path / "root")
    host.install()
    foreign = tmp_path / "foreign"
    foreign.write_bytes(b"")
    text = host.drop_in.read_text("utf-8")
    first, rest = text.split("\n", 1)
    line = f"# placed file /../foreign sha256 {digest(b'')}"
    host.drop_in.write_text(f"{first}\n{line}\n{rest}", "utf-8")
    result = host.run("uninstall")
    assert isinstance(result.exception, PluginError)
    assert foreign.exists()
    assert host.link.is_symlink()


NEEDS = "- required_plugin_versions: [{name: %s, version: 0.100.0}]\n"


def refusal(host: FalcoHost) -> str:
    """The one sentence by which an uninstall is refused; nothing below the root has changed."""
    before = host.contents()
    result = host.run("uninstall")
    assert isinstance(result.exception, PluginError), result.output
    assert host.contents() == before
    return str(result.exception)


def test_rules_that_would_stay_without_their_plugin(host: FalcoHost) -> None:
    """Falco would not start with them: each such file has to go first."""
    host.install()
    shipped = host.rules / rules_files()[0].name
    with shipped.open("a", encoding="utf-8") as file:
        file.write("- list: mine\n")
    assert refusal(host).startswith(f"{shipped} needs the plugin k8saudit-eks")
    shipped.unlink()
    own = host.rules / "own.yaml"
    own.write_text(NEEDS % "k8saudit-eks", "utf-8")
    assert "move the file to another folder" in refusal(host)
    own.write_text(NEEDS % "json" + "# not k8saudit-eks\n", "utf-8")
    (host.rules / "own.yaml.off").write_text(NEEDS % "k8saudit-eks", "utf-8")
    (host.rules / "broken.yaml").write_text("[required_plugin_versions k8saudit-eks", "utf-8")
    assert host.run("uninstall").exit_code == 0


def test_rules_that_wait_for_another_plugin_of_that_name(host: FalcoHost) -> None:
    """The way back to the Go plugin: --force leaves them, and everything of ours is gone."""
    own = host.rules / "own.yaml"
    host.install("--no-rules")
    own.write_text(NEEDS % "k8saudit-eks", "utf-8")
    assert "--force" in refusal(host)
    assert host.run("uninstall", "--force").exit_code == 0
    assert own.exists()
    assert not host.drop_in.exists()
    assert not os.path.lexists(host.link)


def test_rules_for_another_plugin_that_is_loaded(host: FalcoHost) -> None:
    """Ours is one alternative of several then."""
    host.install()
    other = "alternatives: [{name: container, version: 0.1.0}]"
    text = NEEDS.replace("}", f", {other}}}", 1) % "k8saudit-eks"
    (host.rules / "own.yaml").write_text(text, "utf-8")
    assert host.run("uninstall").exit_code == 0


def test_a_file_that_would_still_load_the_plugin(host: FalcoHost) -> None:
    """Falco would not start without the library: a copy of our file, for example."""
    host.install()
    copy = host.config_folder / "k8saudit-eks.yaml.disabled"
    copy.write_bytes(host.drop_in.read_bytes())
    assert refusal(host).startswith(f"{copy} still loads the plugin k8saudit-eks")
    copy.unlink()
    assert host.run("uninstall").exit_code == 0
