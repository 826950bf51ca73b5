"""The k8saudit-eks command: what it prints, what it refuses, and its exit codes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.shell_completion import ShellComplete
from click.testing import CliRunner, Result

from k8saudit_eks.cli.library import library_path
from k8saudit_eks.cli.main import command
from k8saudit_eks.config.init_config import parse_init_config
from k8saudit_eks.config.table import table
from k8saudit_eks.errors import PluginError
from k8saudit_eks.fields.emit import fields_json

LIBRARY = "/usr/share/falco/plugins/libk8saudit-eks.so"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, arguments)


def section(*arguments: str) -> dict[str, object]:
    result = run("config", "--library", LIBRARY, *arguments)
    assert result.exit_code == 0, result.output
    loaded = yaml.safe_load(result.stdout)
    assert set(loaded) == {"plugins", "load_plugins", "rule_matching"}
    assert loaded["load_plugins"] == ["k8saudit-eks"]
    (plugin,) = loaded["plugins"]
    assert plugin["name"] == "k8saudit-eks"
    assert plugin["library_path"] == LIBRARY
    return dict(plugin)


def test_config_prints_a_section_the_plugin_accepts() -> None:
    """What was given, nothing else, in a form that parses back to the same."""
    plugin = section(
        "prod", "--region", "eu-west-1", "--shift", "60", "--no-use-async", "--api-rate", "2.5"
    )
    assert plugin["open_params"] == "prod"
    assert plugin["init_config"] == {
        "region": "eu-west-1",
        "shift": 60,
        "use_async": False,
        "api_rate": 2.5,
    }
    config = parse_init_config(json.dumps(plugin["init_config"]))
    assert (config.region, config.shift, config.use_async) == ("eu-west-1", 60, False)


def test_config_without_options_is_a_complete_section() -> None:
    """No key is required; names that YAML would take for something else are quoted."""
    assert section("prod")["init_config"] == {}
    assert section("0123")["open_params"] == "0123"
    assert section("file:///tmp/a.jsonl")["open_params"] == "file:///tmp/a.jsonl"


def test_every_key_has_an_option_with_its_description() -> None:
    """The options are the table's keys, in its order."""
    words = run("config", "--help").output.split()
    options = [word for word in words if word.startswith("--")]
    wanted = ["--library", *(f"--{row.name.replace('_', '-')}" for row in table())]
    assert [option for option in options if option in wanted] == wanted


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["/var/log"], "write file:///var/log"),
        ([""], "open_params is empty"),
        (["prod", "--region", "Frankfurt"], 'region is "Frankfurt"'),
        (["prod", "--shift", "-1"], "shift is -1"),
        (["prod", "--external-id", "abc"], "external_id needs role_arn"),
    ],
)
def test_config_refuses_what_the_plugin_would_refuse(arguments: list[str], message: str) -> None:
    """Checked here rather than at Falco's next start."""
    result = run("config", *arguments)
    assert isinstance(result.exception, PluginError)
    assert message in str(result.exception)
    assert result.output == ""


def test_fields_in_a_pipe_is_one_line_a_field() -> None:
    """Name, type, argument and description with tabs between, for grep and cut."""
    lines = run("fields").output.splitlines()
    assert [line.split("\t")[0] for line in lines] == [row["name"] for row in fields_json()]
    assert all(line.count("\t") == 3 for line in lines)
    kinds = {line.split("\t")[0]: line.split("\t")[1:3] for line in lines}
    assert kinds["ka.verb"] == ["string", ""]
    assert kinds["ka.user.groups"][0] == "string list"
    assert kinds["ka.uri.param"] == ["string", "key, required"]
    assert kinds["ka.req.pod.containers.image"] == ["string list", "index"]


def test_fields_as_json_is_what_hosts_get() -> None:
    """The same list, readable."""
    assert json.loads(run("fields", "--json").output) == fields_json()


def test_fields_can_be_searched() -> None:
    """By name or description, whatever the letter case."""
    rows = json.loads(run("fields", "--json", "ANNOTATION").output)
    assert rows
    assert all("annotation" in (row["name"] + row["desc"]).lower() for row in rows)
    refused = run("fields", "no such field").exception
    assert isinstance(refused, PluginError)
    assert '"no" and "such" and "field"' in str(refused)


def test_several_words_must_all_fit() -> None:
    """As several arguments or as one, in any order."""
    both = json.loads(run("fields", "--json", "Pod", "image").output)
    assert both
    assert all(
        word in f"{row['name']} {row['desc']}".lower() for row in both for word in ("pod", "image")
    )
    assert json.loads(run("fields", "--json", "image pod").output) == both
    assert len(json.loads(run("fields", "--json", "pod").output)) > len(both)


def test_the_library_is_found_beside_the_package_first(tmp_path: Path) -> None:
    """An installed library wins; in a checkout it is the one that make builds."""
    package = tmp_path / "src" / "k8saudit_eks"
    package.mkdir(parents=True)
    with pytest.raises(PluginError, match="pip install --force-reinstall k8saudit-eks"):
        library_path(package)
    (tmp_path / "build_plugin.py").touch()
    with pytest.raises(PluginError, match="run make in"):
        library_path(package)
    (tmp_path / "build").mkdir()
    built = tmp_path / "build" / "libk8saudit-eks.so"
    built.touch()
    assert library_path(package) == built
    installed = package / "libk8saudit-eks.so"
    installed.touch()
    assert library_path(package) == installed


def process(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "k8saudit_eks.cli", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_refusal_is_one_line_on_stderr() -> None:
    """Exit code 1 and one sentence; 2 and the usage for a wrong use."""
    refused = process("config", "prod", "--region", "Frankfurt")
    assert refused.returncode == 1
    assert refused.stdout == ""
    assert refused.stderr.startswith("k8saudit-eks: init_config: region is")
    assert refused.stderr.count("\n") == 1
    misused = process("config")
    assert misused.returncode == 2
    assert "Missing argument 'CLUSTER'" in misused.stderr


def test_short_help_is_whole() -> None:
    """On a terminal of 80 columns no command's line is cut."""
    for arguments in (["-h"], *([name, "-h"] for name in command.commands)):
        result = CliRunner().invoke(command, arguments, terminal_width=80)
        assert result.exit_code == 0
        lines = result.output.splitlines()
        assert max(map(len, lines)) <= 80
        # An argument that can be repeated is written so, on the line of the usage.
        assert [line for line in lines[1:] if line.rstrip().endswith("...")] == []


def completions(*words: str) -> list[str]:
    """What a shell is told for the last of the words."""
    shell = ShellComplete(command, {}, "k8saudit-eks", "_K8SAUDIT_EKS_COMPLETE")
    return [item.value for item in shell.get_completions(list(words[:-1]), words[-1])]


def test_commands_and_field_names_complete() -> None:
    """The names of fields where extract and fields take them; files where FILE stands."""
    assert completions("com") == ["completion"]
    wanted = [row["name"] for row in fields_json() if row["name"].startswith("ka.uri")]
    assert completions("extract", "a.jsonl", "ka.verb", "ka.uri") == wanted
    assert completions("fields", "ka.uri") == wanted
    assert completions("extract", "a.js") == ["a.js"]


def test_the_command_answers_a_shell() -> None:
    """The variable of the script is the one that the command looks at."""
    done = subprocess.run(
        [sys.executable, "-m", "k8saudit_eks.cli"],
        capture_output=True,
        text=True,
        check=True,
        env={
            **os.environ,
            "_K8SAUDIT_EKS_COMPLETE": "bash_complete",
            "COMP_WORDS": "k8saudit-eks com",
            "COMP_CWORD": "1",
        },
    )
    assert done.stdout == "plain,completion\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_script_asks_this_command(shell: str) -> None:
    """It calls the command with the variable that click looks at; another shell is refused."""
    script = run("completion", shell).output
    assert f"_K8SAUDIT_EKS_COMPLETE={shell}_complete" in script
    assert "k8saudit-eks" in script
    assert run("completion", "tcsh").exit_code == 2
    assert f"k8saudit-eks completion {shell}" in run("completion", "-h").output


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_takes_the_script() -> None:
    """It parses, and defines the completion."""
    script = run("completion", "bash").output
    done = subprocess.run(
        ["bash", "--norc", "-c", f"{script}\ncomplete -p k8saudit-eks"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "k8saudit-eks" in done.stdout
    assert done.stderr == ""
