"""k8saudit-eks extract: the fields of a file's events, as a rule would see them."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from k8saudit_eks.cli.main import command
from k8saudit_eks.errors import PluginError

EVENT = {
    "kind": "Event",
    "apiVersion": "audit.k8s.io/v1",
    "level": "RequestResponse",
    "auditID": "1",
    "stage": "ResponseComplete",
    "requestURI": "/api/v1/pods?limit=5",
    "verb": "create",
    "user": {"username": "alice", "groups": ["a", "b"]},
    "objectRef": {"resource": "pods", "namespace": "default", "name": "web"},
    "requestObject": {"spec": {"containers": [{"image": "nginx"}, {"image": "redis:7"}]}},
    "stageTimestamp": "2026-11-23T04:01:02.003004Z",
}
BARE = {**EVENT, "auditID": "2", "verb": "get", "user": {}, "requestURI": "/", "requestObject": {}}
FIELDS = ("ka.verb", "ka.user.groups", "ka.req.pod.containers.image[1]", "ka.uri.param[limit]")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "events.jsonl"
    path.write_text(f"{json.dumps(EVENT)}\nrubbish\n{json.dumps(BARE)}\n")
    return path


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def run(*arguments: object) -> Result:
    return CliRunner().invoke(command, ["extract", *map(str, arguments)])


def test_fields_are_printed_one_event_a_line(file: Path) -> None:
    """Tabs between, lists and missing values as Falco prints them, arguments as in rules."""
    result = run(file, *FIELDS)
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "create\t(a,b)\t(redis:7)\t5",
        "get\t<NA>\t<NA>\t<NA>",
    ]


@pytest.mark.parametrize("form", ["file://{}", "file:{}", "FILE://localhost{}", "{}"])
def test_a_file_is_named_as_in_open_params_or_as_a_path(file: Path, form: str) -> None:
    """All documents write file:///path; a shell completes paths."""
    assert run(form.format(file), "ka.auditid").stdout == "1\n2\n"


def test_a_relative_file_is_in_the_working_directory(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With file: and without."""
    monkeypatch.chdir(file.parent)
    for name in (f"file:./{file.name}", f"file:{file.name}", file.name):
        assert run(name, "ka.auditid").stdout == "1\n2\n"


def test_a_file_without_a_path_is_refused() -> None:
    """With open_params' own sentence."""
    result = run("file://host/a", "ka.auditid")
    assert isinstance(result.exception, PluginError)
    assert "file:///absolute/path" in str(result.exception)


LINES = f"{json.dumps(EVENT)}\n{json.dumps(BARE)}\n".encode()
EVENT_LIST = json.dumps({"kind": "EventList", "items": [EVENT, BARE]}, indent=2).encode()


@pytest.mark.parametrize(
    "given", [LINES, EVENT_LIST, gzip.compress(LINES), gzip.compress(EVENT_LIST)]
)
def test_standard_input_is_read_in_any_form(given: bytes, temporary: Path) -> None:
    """Lines, a document over many lines, compressed or not; nothing stays behind."""
    result = CliRunner().invoke(command, ["extract", "-", "ka.auditid"], input=given)
    assert (result.exit_code, result.stdout) == (0, "1\n2\n")
    assert list(temporary.iterdir()) == []


def test_bad_lines_of_standard_input_are_named(temporary: Path) -> None:
    """As those of a file are."""
    result = CliRunner().invoke(command, ["extract", "-", "ka.auditid"], input=b"rubbish\n" + LINES)
    assert result.stdout == "1\n2\n"
    assert "stdin line 1" in result.stderr


def test_empty_standard_input_is_exit_code_1(temporary: Path) -> None:
    """As an empty file is."""
    assert CliRunner().invoke(command, ["extract", "-"], input=b"").exit_code == 1


def test_no_room_for_standard_input_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That says where it went and what to set."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    result = CliRunner().invoke(command, ["extract", "-"], input=LINES)
    assert isinstance(result.exception, PluginError)
    assert "set TMPDIR" in str(result.exception)


def test_json_has_lists_and_nulls(file: Path) -> None:
    """One object an event, keyed by what was asked for."""
    objects = [json.loads(line) for line in run(file, "--json", *FIELDS).stdout.splitlines()]
    assert objects == [
        dict(zip(FIELDS, ("create", ["a", "b"], ["redis:7"], "5"), strict=True)),
        dict(zip(FIELDS, ("get", None, None, None), strict=True)),
    ]


def test_without_fields_all_that_have_a_value_are_printed(file: Path) -> None:
    """A block an event with a blank line between; as JSON, an object of those fields."""
    first, second = run(file).stdout.split("\n\n")
    assert "ka.req.pod.containers.image " in first
    assert "(nginx,redis:7)" in first
    assert "ka.user.groups" not in second
    answers = json.loads(run(file, "--json").stdout.splitlines()[1])
    assert answers["ka.verb"] == "get"
    assert None not in answers.values()


def test_bad_lines_are_named_on_stderr_and_passed_over(file: Path) -> None:
    """The output stays clean for the next program in the pipe."""
    result = run(file, "ka.auditid")
    assert result.stdout == "1\n2\n"
    assert "events.jsonl line 2" in result.stderr


def test_limit_ends_after_so_many_events(file: Path) -> None:
    """And is no error."""
    result = run(file, "--limit", 1, "ka.auditid")
    assert (result.exit_code, result.stdout) == (0, "1\n")


def test_a_file_without_events_is_exit_code_1(tmp_path: Path) -> None:
    """With the reason on stderr, so that a script notices."""
    (tmp_path / "empty").touch()
    result = run(tmp_path / "empty", "ka.verb")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "events: 0" in result.stderr


def test_what_could_steer_a_terminal_is_escaped(tmp_path: Path) -> None:
    """User agents and names are written by whoever sends the request."""
    path = tmp_path / "e.json"
    path.write_text(json.dumps({**EVENT, "userAgent": "a\x1b[2Jb\tc\nd"}))
    assert run(path, "ka.useragent").stdout == "a\\x1b[2Jb\\tc\\nd\n"


@pytest.mark.parametrize(
    ("field", "cure"),
    [
        ("ka.verbs", "did you mean ka.verb?"),
        ("zzzzzz", "k8saudit-eks fields"),
        ("%ka.verb", "did you mean ka.verb?"),
        ("ka.verb[0]", "write ka.verb"),
        ("ka.uri.param", "write ka.uri.param[KEY]"),
        ("ka.uri.param[]", "write ka.uri.param[KEY]"),
        ("ka.req.pod.containers.image[x]", "write ka.req.pod.containers.image[0]"),
        ("ka.req.pod.containers.image[-1]", "write ka.req.pod.containers.image[0]"),
    ],
)
def test_a_field_that_no_rule_could_ask_for_is_refused(file: Path, field: str, cure: str) -> None:
    """Before anything is read, with what to write instead."""
    result = run(file, "ka.verb", field)
    assert isinstance(result.exception, PluginError)
    assert cure in str(result.exception)
    assert result.stdout == ""


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """With the plugin's own sentence."""
    result = run(tmp_path / "none.jsonl")
    assert isinstance(result.exception, PluginError)
    assert "does not exist" in str(result.exception)


def test_a_deep_event_is_answered(tmp_path: Path) -> None:
    """The plugin reads 10,000 levels, so this command does, too."""
    path = tmp_path / "deep.jsonl"
    deep = json.dumps({**EVENT, "auditID": "deep", "requestObject": 0}).replace(
        '"requestObject": 0', '"requestObject": ' + "[" * 10_000 + "]" * 10_000
    )
    path.write_text(f"{json.dumps(EVENT)}\n{deep}\n{json.dumps(BARE)}\n")
    result = run(path, "ka.auditid")
    assert (result.stdout, result.stderr) == ("1\ndeep\n2\n", "")


@pytest.mark.parametrize("name", [b"a ", b" a", b"a\n", b"\xff.jsonl", "ä %41?#.jsonl".encode()])
def test_a_file_may_have_any_name(name: bytes, file: Path) -> None:
    """Also one that open_params can't hold; a relative one, too."""
    path = Path(os.fsdecode(bytes(file.parent) + b"/" + name))
    file.rename(path)
    assert run(path, "ka.auditid").stdout == "1\n2\n"
    with contextlib.chdir(path.parent):
        assert run(path.name, "ka.auditid").stdout == "1\n2\n"


def test_what_the_plugin_refuses_is_said_once(tmp_path: Path) -> None:
    """An error that is long, or ends the reading, is also logged."""
    path = tmp_path.joinpath(*["x" * 100] * 3, "none.jsonl")
    result = run(path)
    assert isinstance(result.exception, PluginError)
    assert "does not exist" in str(result.exception)
    assert result.stderr == ""


def test_without_a_library_the_command_says_what_to_type(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `k8saudit-eks path` does."""
    package = tmp_path / "src" / "k8saudit_eks"
    package.mkdir(parents=True)
    (tmp_path / "build_plugin.py").touch()
    monkeypatch.setattr("k8saudit_eks.__file__", str(package / "__init__.py"))
    result = run(file)
    assert isinstance(result.exception, PluginError)
    assert f"run make in {tmp_path}" in str(result.exception)


def on_a_terminal(*arguments: str) -> str:
    """What the command shows; it must fit in the terminal's buffer of some 4,000 bytes."""
    ours, theirs = os.openpty()
    try:
        subprocess.run(
            [sys.executable, "-m", "k8saudit_eks.cli", *arguments],
            stdout=theirs,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "COLUMNS": "120", "TERM": "xterm", "NO_COLOR": "1"},
            check=True,
            timeout=60,
        )
    finally:
        os.close(theirs)
    try:
        return os.read(ours, 65_536).decode()
    except OSError:  # nothing was written before the other end was closed
        return ""
    finally:
        os.close(ours)


def test_a_terminal_gets_a_table(file: Path) -> None:
    """With what was asked for as headings, brackets and all."""
    shown = on_a_terminal("extract", str(file), *FIELDS)
    for part in (*FIELDS, "create", "(a,b)", "(redis:7)", "<NA>", "┃"):
        assert part in shown


def test_fields_on_a_terminal_is_a_table() -> None:
    """Fields, types and arguments in columns."""
    shown = on_a_terminal("fields", "uri.param")
    for part in ("ka.uri.param", "key, required", "┃"):
        assert part in shown
