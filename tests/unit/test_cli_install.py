"""`k8saudit-eks install`: what it places and says; what it refuses, and then places nothing."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from falco_host import NEWEST, STOCK, FalcoHost, falco_host
from falco_watch import FalcoWatch

from k8saudit_eks import __version__
from k8saudit_eks.cli.library import library_path, rules_files
from k8saudit_eks.cli.main import command
from k8saudit_eks.config.table import table
from k8saudit_eks.errors import PluginError
from k8saudit_eks.falco.drop_in import digest


@pytest.fixture
def host(tmp_path: Path) -> FalcoHost:
    """The newest Falco's package."""
    return falco_host(tmp_path)


def refusal(host: FalcoHost, *arguments: str) -> str:
    """The one sentence by which an install is refused; nothing below the root has changed."""
    before = host.contents()
    result = host.install(*arguments)
    assert isinstance(result.exception, PluginError), result.output
    assert host.contents() == before
    sentence = str(result.exception)
    assert "\n" not in sentence
    return sentence


def placed_section(host: FalcoHost) -> dict[str, object]:
    """The keys of our file."""
    return dict(yaml.safe_load(host.drop_in.read_text("utf-8")))


@pytest.mark.parametrize("version", STOCK)
def test_a_stock_falco_then_loads_the_plugin(tmp_path: Path, version: str) -> None:
    """Library, rules and state_dir are where our file says; falco.yaml is as it was."""
    host = falco_host(tmp_path, version)
    before, main = host.config(), host.main.read_bytes()
    result = host.install("--shift", "60")
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    after = host.config()
    assert host.main.read_bytes() == main
    (ours,) = (one for one in after.loaded_plugins() if one not in before.loaded_plugins())
    assert ours == {
        "name": "k8saudit-eks",
        "library_path": "/usr/share/falco/plugins/libk8saudit-eks.so",
        "init_config": {
            "region": "eu-central-1",
            "shift": 60,
            "state_dir": "/var/lib/k8saudit-eks",
        },
        "open_params": "production",
    }
    assert [one in after.loaded_plugins() for one in before.loaded_plugins()] == [True] * len(
        before.loaded_plugins()
    )
    assert after.keys["rule_matching"] == "all"
    assert "/etc/falco/rules.d" in after.keys["rules_files"]
    assert host.link.resolve() == library_path()
    assert [(file.name, file.read_bytes()) for file in sorted(host.rules.iterdir())] == [
        (file.name, file.read_bytes()) for file in rules_files()
    ]


def test_what_it_says(host: FalcoHost) -> None:
    """Each path, and the two commands that come next; systemctl has the service's own name."""
    unit = host.root / "usr/lib/systemd/system/falco-modern-bpf.service"
    unit.parent.mkdir(parents=True)
    unit.write_text("[Service]\nUser=root\nExecStart=/usr/bin/falco -o engine.kind=modern_ebpf\n")
    (host.root / "etc/systemd/system/falco.service").symlink_to("/" + str(unit))
    lines = host.install().stdout.splitlines()
    rules = [f"placed {host.rules / file.name}" for file in rules_files()]
    assert lines[0].startswith(f"placed {host.state_dir}/ (for ")
    assert lines[1] == f"placed {host.link} -> {library_path()}"
    assert lines[2] == f"placed {host.drop_in}"
    assert lines[3:-2] == rules
    assert lines[-2].endswith(" systemctl restart falco-modern-bpf")
    assert lines[-1].endswith(" journalctl -t falco -n 100 | grep k8saudit-eks")


def test_what_a_running_falco_notices(host: FalcoHost) -> None:
    """Each file once and whole, after what it needs; what stays as it is, not at all.

    Falco starts anew for each name that comes or goes, and reads every file in config.d.
    """
    host.link.parent.mkdir(parents=True)
    names = [f"rules.d/{file.name}" for file in rules_files()]
    ours = "config.d/k8saudit-eks.yaml"
    with FalcoWatch([host.link.parent, host.config_folder, host.rules]) as watch:
        host.install()
        assert watch.noticed() == [
            "+plugins/libk8saudit-eks.so",
            f"+{ours}",
            *(f"+{name}" for name in names),
        ]
        host.install()
        assert watch.noticed() == []
        host.install("--api-rate", "2")
        assert watch.noticed() == [f"+{ours}"]
        host.run("uninstall")
        assert watch.noticed() == [
            *(f"-{name}" for name in names),
            f"-{ours}",
            "-plugins/libk8saudit-eks.so",
        ]


def test_our_file_says_where_it_comes_from(host: FalcoHost) -> None:
    """Its first line names the version, what replaces it and what removes it."""
    host.install()
    first = host.drop_in.read_text("utf-8").splitlines()[0]
    assert first.startswith(f"# Written by k8saudit-eks {__version__} ")
    assert "the next install replaces this file, k8saudit-eks uninstall removes it" in first


def test_modes(host: FalcoHost) -> None:
    """state_dir is for Falco's user alone; so is our file where it holds external_id."""
    host.install()
    assert stat.S_IMODE(host.state_dir.stat().st_mode) == 0o700
    assert stat.S_IMODE(host.drop_in.stat().st_mode) == 0o644
    role = ["--role-arn", "arn:aws:iam::111122223333:role/falco-k8saudit-eks"]
    result = host.install(*role, "--external-id", "not-for-everybody")
    assert stat.S_IMODE(host.drop_in.stat().st_mode) == 0o600
    assert "not-for-everybody" in host.drop_in.read_text("utf-8")
    assert "not-for-everybody" not in result.output


@pytest.mark.skipif(os.geteuid() != 0, reason="giving files to another user needs root")
def test_the_owner_is_the_user_of_the_service(host: FalcoHost) -> None:
    """From a drop-in of the unit, with the ids of the root's own passwd."""
    (host.root / "etc/passwd").write_text("falco:x:4711:4712:Falco:/srv/falco:/bin/false\n")
    (host.root / "etc/systemd/system/falco.service").write_text("[Service]\nUser=%u\n")
    (host.root / "etc/systemd/system/falco.service.d").mkdir()
    (host.root / "etc/systemd/system/falco.service.d/user.conf").write_text("[Service]\nUser=falco")
    aws = host.root / "srv/falco/.aws"
    aws.mkdir(parents=True)
    (aws / "config").write_text("[profile audit]\nregion = eu-central-1\n")
    role = ["--role-arn", "arn:aws:iam::111122223333:role/r", "--external-id", "abc"]
    words = ["install", "production", "--profile", "audit", *role, "--root", str(host.root)]
    result = CliRunner().invoke(command, words)
    assert result.exit_code == 0, result.output
    for path in (host.state_dir, host.drop_in):
        assert (path.stat().st_uid, path.stat().st_gid) == (4711, 4712)
    assert host.rules.stat().st_uid == 0


def test_another_user_that_does_not_exist(host: FalcoHost) -> None:
    """Named."""
    assert "there is no user nobody-here" in refusal(host, "--user", "nobody-here")


def test_it_has_every_option_of_config(host: FalcoHost) -> None:
    """With the table's names."""
    words = host.run("install", "--help").output.split()
    for row in table():
        assert f"--{row.name.replace('_', '-')}" in [word.split("/")[0] for word in words]


def test_without_memory(host: FalcoHost) -> None:
    """--no-state-dir; a replay has none either, and needs no region."""
    assert host.install("--no-state-dir").exit_code == 0
    (plugin,) = host.config().loaded_plugins()[-1:]
    assert plugin["init_config"] == {"region": "eu-central-1"}
    result = host.run("install", "file:///srv/audit.jsonl")
    assert result.exit_code == 0, result.output
    (plugin,) = host.config().loaded_plugins()[-1:]
    assert plugin["init_config"] == {}
    assert plugin["open_params"] == "file:///srv/audit.jsonl"
    assert not host.state_dir.exists()
    assert "leave one out" in refusal(host, "--no-state-dir", "--state-dir", "/srv/state")


def test_audit_only(host: FalcoHost) -> None:
    """No driver; and a warning where the service's command line sets one."""
    assert host.install("--audit-only").stderr == ""
    assert host.config().keys["engine"] == {"kind": "nodriver"}
    unit = host.root / "etc/systemd/system/falco.service"
    unit.write_text("[Service]\nExecStart=/usr/bin/falco -o engine.kind=modern_ebpf\n")
    result = host.install("--audit-only")
    assert result.exit_code == 0
    assert "enable --now falco-custom" in result.stderr
    # There, config.d wins over the command line.
    host.program("0.40.0")
    (host.config_folder / "falco.container_plugin.yaml").unlink()
    host.change(load_plugins=[])
    assert host.install("--audit-only").stderr == ""


def test_the_region_comes_from_a_profile_or_is_asked_for(
    host: FalcoHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service has no AWS_REGION: ours counts for nothing."""
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    (host.root / "etc/passwd").write_text(
        f"root:x:{os.geteuid()}:{os.getegid()}::/srv/home:/bin/sh"
    )
    refused = host.run("install", "production")
    assert isinstance(refused.exception, PluginError)
    assert "add --region, for example --region eu-central-1" in str(refused.exception)
    assert f"profile default in {host.root}/srv/home/.aws/config" in str(refused.exception)
    aws = host.root / "srv/home/.aws"
    aws.mkdir(parents=True)
    (aws / "config").write_text("[default]\nregion = eu-central-1\n[profile other]\n")
    assert host.run("install", "production").exit_code == 0
    refused = host.run("install", "production", "--profile", "other")
    assert "profile other" in str(refused.exception)
    (aws / "credentials").write_text("[other]\nregion = eu-west-3\n")
    assert host.run("install", "production", "--profile", "other").exit_code == 0


def test_what_the_plugin_would_refuse(host: FalcoHost) -> None:
    """As in `config`; and a region that AWS does not have."""
    assert "did you mean eu-central-1" in refusal(host, "--region", "eu-centrla-1")
    assert "shift is -1" in refusal(host, "--shift", "-1")
    result = host.run("install", "a/b", "--region", "eu-central-1")
    assert isinstance(result.exception, PluginError)


def test_again_replaces_its_own(host: FalcoHost) -> None:
    """Nothing is left over; other options give another section."""
    host.install()
    first = host.contents()
    assert host.install().exit_code == 0
    assert host.contents() == first
    assert host.install("--api-rate", "2").exit_code == 0
    changed = host.contents()
    assert [path for path in first if changed[path] != first[path]] == [
        "etc/falco/config.d/k8saudit-eks.yaml"
    ]


def test_another_definition_of_the_plugin(host: FalcoHost) -> None:
    """In falco.yaml, loaded or not, or in another file: Falco would take that one."""
    entry = {"name": "k8saudit-eks", "library_path": "libk8saudit-eks.so"}
    stock = STOCK[NEWEST]["main"]["plugins"]
    host.change(plugins=[*stock, entry])
    sentence = refusal(host)
    assert sentence.startswith(f"{host.main} already defines the plugin k8saudit-eks")
    assert "remove that entry" in sentence
    assert "docs/migrate.md" in sentence
    host.change(plugins=stock)
    other = host.add("zz.yaml", plugins=[entry])
    assert refusal(host).startswith(f"{other} already defines the plugin")
    other.unlink()
    host.change(load_plugins=["k8saudit-eks"])
    assert refusal(host).startswith(f"{host.main} already names k8saudit-eks in load_plugins")


@pytest.mark.parametrize(
    "name", ["k8saudit-eks.yaml~", "k8saudit-eks.yaml.disabled", ".k8saudit-eks.yaml.tmp"]
)
def test_a_copy_of_our_file(host: FalcoHost, name: str) -> None:
    """Falco reads it, whatever its name, and then has the plugin twice."""
    host.install()
    copy = host.config_folder / name
    copy.write_bytes(host.drop_in.read_bytes())
    sentence = refusal(host)
    assert sentence.startswith(f"{copy} is a copy of our file")
    assert "delete it or move it to another folder" in sentence


def test_our_section_pasted_below_the_others(host: FalcoHost) -> None:
    """Falco takes the first key of a name: the pasted ones do nothing."""
    host.install()
    text = host.main.read_text("utf-8")
    host.main.write_text(text + host.drop_in.read_text("utf-8"), "utf-8")
    host.run("uninstall")
    sentence = refusal(host)
    assert sentence.startswith(f"{host.main} has plugins more than once")
    assert "remove the section of k8saudit-eks there" in sentence
    host.main.write_text(text + "load_plugins: [k8saudit-eks]\n", "utf-8")
    assert refusal(host).startswith(f"{host.main} has load_plugins more than once")


def test_the_old_name_of_rules_files(host: FalcoHost) -> None:
    """Falco does not start with both; where the old one names our folder, ours is not needed."""
    host.change(rules_files=None, rules_file=["/etc/falco/falco_rules.yaml"])
    sentence = refusal(host)
    assert sentence.startswith(f"{host.main} has rules_file, and Falco does not start with both")
    host.change(rules_file="/etc/falco/rules.d/")
    assert host.install().exit_code == 0
    assert "rules_files" not in host.config().keys


@pytest.mark.parametrize("version", ["0.40", "0.41"])
def test_another_plugin_with_the_same_fields(tmp_path: Path, version: str) -> None:
    """Falco does not start with k8saudit beside ours."""
    host = falco_host(tmp_path, version)
    host.change(load_plugins=["k8saudit"])
    sentence = refusal(host)
    assert "k8saudit" in sentence
    if version != "0.40":
        assert sentence.startswith(f"{host.main} loads the plugin k8saudit,")


def test_falco_yaml_is_missing_or_broken(host: FalcoHost) -> None:
    """Each time the file is named, and what to do."""
    text = host.main.read_text("utf-8")
    host.main.write_text("plugins: [\n", "utf-8")
    assert refusal(host).startswith(f"{host.main} is no YAML (line 2, column 1)")
    host.main.unlink()
    assert refusal(host).startswith(f"{host.main} is missing: install Falco's package first")
    host.main.write_text(text, "utf-8")
    other = host.config_folder / "other.yaml"
    other.write_bytes(b"\xff\xfe")
    assert refusal(host).startswith(f"{other} is no UTF-8 text")


def test_config_d_is_missing_or_not_read(host: FalcoHost) -> None:
    """By this falco.yaml: each reason has its own sentence."""
    host.change(config_files=None)
    assert "has no config_files" in refusal(host)
    host.change(config_files=["/etc/falco/other.d"])
    assert "add /etc/falco/config.d there" in refusal(host)
    text = host.main.read_text("utf-8")
    host.main.write_text(text + "config_files: [/etc/falco/config.d]\n", "utf-8")
    assert "has config_files more than once" in refusal(host)
    host.change(config_files=[{"path": "/etc/falco/config.d", "strategy": "add-only"}])
    assert "Falco would not load the plugin" in refusal(host)
    host.change(config_files=[{"path": "/etc/falco/config.d", "strategy": "override"}])
    assert "strategy override: take that strategy out" in refusal(host)
    (host.config_folder / "falco.container_plugin.yaml").unlink()
    host.config_folder.rmdir()
    assert f"the folder {host.config_folder} does not exist" in refusal(host)


def test_a_plugin_without_an_entry(host: FalcoHost) -> None:
    """Falco would not start anyway: named before it is our file that is blamed."""
    host.change(load_plugins=["json"])
    assert "load_plugins names json" in refusal(host)


def test_falco_0_40_would_lose_what_it_loads(tmp_path: Path) -> None:
    """It replaces lists. Where nothing tells the version, that is a warning."""
    host = falco_host(tmp_path, "0.40")
    host.change(load_plugins=["json"])
    sentence = refusal(host)
    assert "would no longer load json" in sentence
    assert "update Falco to 0.41 or newer" in sentence
    host.change(rules_files=["/etc/falco/falco_rules.yaml"], load_plugins=[])
    assert "would no longer load /etc/falco/falco_rules.yaml" in refusal(host)
    host.program(None)
    result = host.install()
    assert result.exit_code == 0
    assert "if it is 0.40: with " in result.stderr


def test_falco_is_too_old(host: FalcoHost) -> None:
    """Older ones have no config.d."""
    host.program("0.39.2")
    assert refusal(host).startswith("Falco 0.39 is too old")


def test_a_falco_that_loads_every_plugin(host: FalcoHost) -> None:
    """Without any load_plugins: with ours it would load that one alone."""
    (host.config_folder / "falco.container_plugin.yaml").unlink()
    host.change(load_plugins=None)
    assert "add load_plugins: [container] there" in refusal(host)


def test_rules_that_falco_does_not_read_yet(host: FalcoHost) -> None:
    """Another folder, or a falco.yaml without rules.d: our file names the folder."""
    assert host.install("--rules-to", "/srv/rules").exit_code == 0
    assert host.config().keys["rules_files"][-1] == "/srv/rules"
    assert len(list((host.root / "srv/rules").iterdir())) == len(rules_files())
    # What the install before had placed elsewhere is gone.
    assert host.install().exit_code == 0
    assert host.config().keys["rules_files"] == STOCK[NEWEST]["main"]["rules_files"]
    assert not list((host.root / "srv/rules").iterdir())


def test_another_file_has_the_last_word(host: FalcoHost) -> None:
    """About a key that is not vital: a warning that names the file."""
    later = host.add("z.yaml", rule_matching="first")
    result = host.install()
    assert result.exit_code == 0
    assert f"{later} replaces rule_matching" in result.stderr


def test_a_file_in_our_files_place(host: FalcoHost) -> None:
    """Only what install wrote is replaced."""
    host.add("k8saudit-eks.yaml", rule_matching="all")
    assert "was not written by k8saudit-eks install" in refusal(host)


def test_another_installations_library(host: FalcoHost, tmp_path: Path) -> None:
    """The Go plugin's, the bundle's, another environment's: not without being asked."""
    host.link.parent.mkdir(parents=True)
    host.link.write_bytes(b"ELF")
    assert "the Go plugin or the bundle" in refusal(host)
    host.link.unlink()
    other = host.root / "opt/other/libk8saudit-eks.so"
    other.parent.mkdir(parents=True)
    other.write_bytes(b"ELF")
    host.link.symlink_to("/opt/other/libk8saudit-eks.so")
    assert "belongs to another installation of k8saudit-eks" in refusal(host)
    assert host.install("--replace-library").exit_code == 0
    assert host.link.resolve() == library_path()


def test_an_environment_that_is_gone(host: FalcoHost) -> None:
    """Its link is replaced: it works for nobody."""
    host.link.parent.mkdir(parents=True)
    host.link.symlink_to("/opt/gone/libk8saudit-eks.so")
    assert host.install().exit_code == 0
    assert host.link.resolve() == library_path()


def test_a_folder_in_the_librarys_place(host: FalcoHost) -> None:
    """Named, and left alone."""
    host.link.mkdir(parents=True)
    assert "libk8saudit-eks.so can't be written: Is a directory" in refusal(host)


def test_changed_rules_are_not_overwritten(host: FalcoHost) -> None:
    """Until that is asked for; what was not changed is replaced by an update."""
    host.install()
    changed = host.rules / "k8s_audit_rules.yaml"
    shipped = changed.read_bytes()
    changed.write_text("- list: mine\n", "utf-8")
    sentence = refusal(host)
    assert f"{changed} differs" in sentence
    assert "--replace-rules" in sentence
    with changed.open(encoding="utf-8") as held:
        assert host.install("--replace-rules").exit_code == 0
        # A new file takes the place of the old one, which Falco may have open.
        assert held.read() == "- list: mine\n"
    assert changed.read_bytes() == shipped


def test_an_update_replaces_the_rules_of_the_version_before(host: FalcoHost) -> None:
    """And takes away a file that is shipped no more: our file's record tells that they are ours."""
    host.install()
    old = b"- list: of the version before\n"
    for name in ("k8s_audit_rules.yaml", "dropped.yaml"):
        (host.rules / name).write_bytes(old)
    text = host.drop_in.read_text("utf-8")
    line = re.search(r"# placed file /etc/falco/rules.d/k8s_audit_rules.yaml sha256 .*\n", text)
    assert line is not None
    ours = line[0].replace(line[0].split()[-1], digest(old))
    more = ours.replace("k8s_audit_rules", "dropped")
    host.drop_in.write_text(text.replace(line[0], ours + more), "utf-8")
    assert host.install().exit_code == 0
    assert [file.name for file in sorted(host.rules.iterdir())] == [
        file.name for file in rules_files()
    ]
    assert host.drop_in.read_text("utf-8") == text


def test_a_state_dir_that_is_not_for_falco_alone(host: FalcoHost) -> None:
    """A file, somebody else's, or open to others: each with what to type."""
    host.state_dir.write_text("")
    assert "is a file" in refusal(host)
    host.state_dir.unlink()
    host.state_dir.mkdir(mode=0o755)
    assert f"(mode 0755): run chmod 700 {host.state_dir}" in refusal(host)
    host.state_dir.chmod(0o700)
    owner = os.geteuid() + 1
    assert f"but Falco runs as {owner}" in refusal(host, "--user", str(owner))
    assert host.install().exit_code == 0


def test_falcoctl_that_would_put_the_go_plugin_back(host: FalcoHost) -> None:
    """A warning with the reference; others are none of our business."""
    config = host.root / "etc/falcoctl/falcoctl.yaml"
    config.parent.mkdir()
    refs = ["falco-rules:5", "ghcr.io/falcosecurity/plugins/plugin/k8saudit-eks:0.12.0"]
    config.write_text(yaml.safe_dump({"artifact": {"follow": {"refs": refs}}}), "utf-8")
    result = host.install()
    assert result.exit_code == 0
    assert f"{config} names {refs[1]}" in result.stderr
    assert "falco-rules" not in result.stderr
    config.write_text(yaml.safe_dump({"artifact": {"follow": {"refs": refs[:1]}}}), "utf-8")
    assert host.install().stderr == ""


def test_a_relative_folder_is_a_wrong_use(host: FalcoHost) -> None:
    """Falco would look for it elsewhere."""
    result = host.install("--to", "plugins")
    assert result.exit_code == 2
    assert "does not start with a slash" in result.output


def test_without_rules(host: FalcoHost) -> None:
    """Rules of one's own stay, and so do those of an install before; uninstall knows these."""
    own = host.rules / "k8s_audit_rules.yaml"
    own.write_text("[]", "utf-8")
    assert host.install("--no-rules").exit_code == 0
    assert [file.name for file in host.rules.iterdir()] == [own.name]
    assert own.read_text("utf-8") == "[]"
    assert host.run("uninstall").exit_code == 0
    assert own.exists()
    own.unlink()
    host.install()
    placed = sorted(host.rules.iterdir())
    assert host.install("--no-rules").exit_code == 0
    assert sorted(host.rules.iterdir()) == placed
    assert host.run("uninstall").exit_code == 0
    assert list(host.rules.iterdir()) == []
    assert "leave one out" in refusal(host, "--no-rules", "--replace-rules")


def test_a_state_dir_that_is_a_link(host: FalcoHost) -> None:
    """It is not followed, wherever it points."""
    there = host.root / "srv"
    there.mkdir(mode=0o700)
    host.state_dir.symlink_to(there)
    assert "is a link: name the folder" in refusal(host)


def test_links_out_of_the_root(tmp_path: Path) -> None:
    """An absolute link means another folder to Falco than here: nothing is placed there."""
    outside = tmp_path / "outside"
    (outside / "plugins").mkdir(parents=True)
    host = falco_host(tmp_path / "root")
    (host.root / "usr/share").mkdir(exist_ok=True)
    (host.root / "usr/share/falco").symlink_to(outside)
    assert f"leads out of {host.root}" in refusal(host)
    assert "leads out of" in refusal(host, "--to", "/../outside/plugins")
    assert list((outside / "plugins").iterdir()) == []
