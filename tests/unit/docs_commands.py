"""Command lines of the documents: run here, held against what they ask for, or excused.

`check_command` is the way in; `tests/data/docs/not_run.yaml` excuses what needs a cluster, a
registry, a system.
"""

from __future__ import annotations

import os
import subprocess
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

import botocore.session  # type: ignore[import-untyped]
import click
import yaml
from botocore import xform_name
from botocore.exceptions import UnknownServiceError  # type: ignore[import-untyped]
from click.testing import CliRunner
from docs_pages import DATA, ROOT, Command, other_terms

from k8saudit_eks import PLUGIN_NAME
from k8saudit_eks.cli.main import command as k8saudit_eks

TABLE = DATA / "not_run.yaml"
EVENT = ROOT / "tests" / "data" / "events" / "pod_exec_shell.json"
# Options of every aws command (`aws help`), beside those that its API's operation has.
AWS_OPTIONS = {
    "region",
    "profile",
    "output",
    "query",
    "endpoint-url",
    "no-cli-pager",
    "cli-input-json",
}


# What install looks at in the falco.yaml of Falco's packages.
FALCO_YAML = """
config_files: [/etc/falco/config.d]
plugins: [{name: container, library_path: libcontainer.so}]
load_plugins: []
rules_files: [/etc/falco/falco_rules.yaml, /etc/falco/rules.d]
"""


# Folders of the sources; what a build makes may be absent.
FOLDERS = {"bench", "bundle", "csrc", "demo", "deploy", "docs", "rules", "scripts", "src", "tests"}


class WrongError(Exception):
    """A command or a block that a reader could not use; says why."""


# Commands that write nothing; extract reads a file that is put in place.
RUN = {"config", "policy", "fields", "path", "completion"}


def check_own(line: Command, folder: Path) -> None:
    """Run it with click; where it writes to a system, into a root if it can, else only parse it."""
    arguments = list(line.words[1:])
    name = subcommand(arguments)
    taken = parsed(arguments)
    given = None
    if name == "extract":
        # An event stands for what a command before, or AWS, would give.
        event = folder / "event.json"
        event.write_bytes(EVENT.read_bytes())
        files = {str(value) for value in taken.values() if isinstance(value, str | Path)} - {"-"}
        arguments = [str(event) if one in files else one for one in arguments]
        given = event.read_text("utf-8")
    elif name not in RUN:
        if "root" not in taken:
            return
        root = folder / "root"
        stock = root / "etc" / "falco" / "falco.yaml"
        if not stock.exists():
            (stock.parent / "config.d").mkdir(parents=True)
            stock.write_text(FALCO_YAML, "utf-8")
        arguments += ["--root", str(root)]
    result = CliRunner().invoke(k8saudit_eks, arguments, input=given)
    if result.exit_code != 0:
        raise WrongError(f"{line}: ends with {result.exit_code}: {result.output}{result.exception}")


def subcommand(arguments: list[str]) -> str | None:
    return next((one for one in arguments if not one.startswith("-")), None)


def parsed(arguments: list[str]) -> dict[str, Any]:
    """The values that click reads of it, by parameter.

    Raises:
        WrongError: there is no such command, argument or option.
    """
    if {"--help", "-h", "--version"} & set(arguments):
        return {}
    name = parsed_names(arguments)
    rest = [one for one in arguments if one != name]
    try:
        # Its settings count: a command keeps the help option of the first context it is given.
        parent = click.Context(k8saudit_eks, **k8saudit_eks.context_settings)
        return dict(k8saudit_eks.commands[name].make_context(name, rest, parent).params)
    except click.ClickException as error:
        raise WrongError(f"k8saudit-eks {name}: {error.format_message()}") from error


def parsed_names(arguments: list[str]) -> str:
    """The command of a command line, which may lack values and have PLACEHOLDERS.

    Raises:
        WrongError: there is no such command, or it has no such option.
    """
    name = subcommand(arguments) or ""
    if not name and arguments == ["--version"]:
        return name
    command = k8saudit_eks.commands.get(name)
    if command is None:
        raise WrongError(f"k8saudit-eks has no command {name}")
    known = {one for parameter in command.params for one in parameter.opts}
    known |= {one for parameter in command.params for one in parameter.secondary_opts}
    for argument in arguments:
        if argument.startswith("--") and argument.split("=")[0] not in known | {"--help"}:
            raise WrongError(f"k8saudit-eks {name} has no option {argument}")
    return name


def check_make(line: Command, folder: Path) -> None:
    """make knows the target: it says what it would do and does nothing."""
    without = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    command = ["make", "-n", *line.words[1:]]
    done = subprocess.run(
        command, cwd=ROOT, env=without, capture_output=True, text=True, check=False, timeout=60
    )
    if done.returncode != 0:
        raise WrongError(f"{line}: {done.stderr}")


def check_python(line: Command, folder: Path) -> None:
    """The module, program, test or folder of this repository is there."""
    words = [word for word in line.words[1:] if word != "-q"]
    if words[:1] == ["-m"] and len(words) > 1:
        names = words[1].split(".")
        if not any(
            (base / Path(*names)).with_suffix(".py").exists() or (base / Path(*names)).is_dir()
            for base in (ROOT, ROOT / "src")
        ):
            raise WrongError(f"{line}: there is no module {words[1]}")


@cache
def aws_session() -> botocore.session.Session:
    return botocore.session.Session()


def check_aws(line: Command, folder: Path) -> None:
    """The API has the operation, and the operation what the options name.

    Raises:
        LookupError: it is a command of the AWS CLI's own, such as `aws s3 cp`.
    """
    service, operation, *rest = line.words[1:]
    try:
        model = aws_session().get_service_model(service)
    except UnknownServiceError as error:
        raise LookupError(service) from error
    by_name = {xform_name(name, "-"): name for name in model.operation_names}
    if operation not in by_name:
        raise LookupError(operation)
    shape = model.operation_model(by_name[operation]).input_shape
    known = AWS_OPTIONS | {xform_name(name, "-") for name in (shape.members if shape else ())}
    for word in rest:
        if word.startswith("--"):
            option = word[2:].split("=")[0]
            if option not in known and option.removeprefix("no-") not in known:
                raise WrongError(f"{line}: {operation} has no option {word}")


CHECKS = {
    "k8saudit-eks": check_own,
    "make": check_make,
    ".venv/bin/python": check_python,
    ".venv/bin/pytest": check_python,
    "aws": check_aws,
}


def reasons() -> dict[str, str]:
    """What is not run and why not, by words of the command line."""
    return dict(yaml.safe_load(TABLE.read_text("utf-8")))


def entry(line: Command, table: dict[str, str]) -> str | None:
    """The table's entry for a command line: its program's name, then its words in order."""
    name = PurePosixPath(line.words[0]).name
    for words in sorted(table, key=len, reverse=True):
        program, *others = words.split()
        rest = iter(line.words[1:])
        # A word is looked for behind the one before: the iterator keeps its place.
        if name == program and all(
            any(word in other.split("|") for word in rest) for other in others
        ):
            return words
    return None


def check_command(line: Command, table: dict[str, str], folder: Path) -> str | None:
    """Check one command line, or answer the table's entry that says why it is not."""
    for word in line.words[1:]:
        top, slash, _ = word.partition("/")
        if (
            slash
            and top in FOLDERS
            and word not in other_terms()
            and not list(ROOT.glob(word.rstrip("/")))
        ):
            raise WrongError(f"{line}: there is no file {word}")
    program = line.words[0]
    own = PurePosixPath(program).name == PLUGIN_NAME
    check = CHECKS.get(PLUGIN_NAME if own else program)
    if check is not None:
        try:
            check(line, folder)
        except LookupError:
            pass
        else:
            return None
    found = entry(line, table)
    if found is None:
        raise WrongError(
            f"{line}: nothing checks it: give it a check in {Path(__file__).name}, or a reason why "
            f"not in {TABLE.relative_to(ROOT)}"
        )
    return found
