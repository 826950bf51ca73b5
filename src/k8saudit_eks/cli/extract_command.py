"""`k8saudit-eks extract`: what a rule will see of the events in a file."""

from __future__ import annotations

import contextlib
import difflib
import json
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from k8saudit_eks.cli.completion import complete_field
from k8saudit_eks.cli.library import library_path
from k8saudit_eks.cli.plugin_log import PluginLog
from k8saudit_eks.cli.printable import printable
from k8saudit_eks.config.open_params import replay_path
from k8saudit_eks.errors import PluginError
from k8saudit_eks.fields.model import Arg, Field
from k8saudit_eks.fields.table import FIELDS
from k8saudit_eks.library_host import Answer, Library

# No list has so many elements, and C takes no more than 19 digits.
_INDEX_DIGITS_MAX = 9
_ASKED = re.compile(r"([\w.]+)(?:\[(.*)\])?", re.DOTALL)


@dataclass(frozen=True)
class _Asked:
    """One field as asked for: its row and what stands in the brackets."""

    text: str
    row: Field
    arg: str | int | None


@click.command("extract", short_help="Print fields of the audit events in FILE.")
@click.argument("file", type=click.Path())
@click.argument("fields", nargs=-1, metavar="[FIELD]...", shell_complete=complete_field)
@click.option("--json", "as_json", is_flag=True, help="print one JSON object an event")
@click.option("--limit", type=click.IntRange(min=1), help="stop after this many events")
@click.pass_context
def extract_command(
    context: click.Context, file: str, fields: tuple[str, ...], as_json: bool, limit: int | None
) -> None:
    """Print fields of the audit events in FILE, as a rule would see them.

    FILE is a file or folder in any form that the plugin can replay, as a path or as
    in open_params (file:///path), or - for standard input, which is read to its end
    first. FIELD is written as in a rule: ka.verb, ka.uri.param[limit],
    ka.req.pod.containers.image[0]. Without one, every field that has a value is
    printed.

    On a terminal this is a table, in a pipe one event a line with tabs between the
    fields. A field without a value is shown as <NA>, as Falco does.
    """
    asked = tuple(map(_asked, fields))
    if as_json:
        printer: _Printer = _JsonPrinter()
    elif not asked:
        printer = _AllPrinter()
    elif sys.stdout.isatty():
        printer = _TablePrinter(asked)
    else:
        printer = _LinePrinter()
    with _readable(file) as path:
        events = _print_events(path, asked, printer.show, limit)
    if isinstance(printer, _TablePrinter):
        printer.end()
    if events == 0:
        context.exit(1)


def _print_events(
    path: Path,
    asked: tuple[_Asked, ...],
    show: Callable[[dict[str, Answer]], None],
    limit: int | None,
) -> int:
    """Show each event's answers as the plugin gives them; return how many events came."""
    columns = asked or _EVERY
    names = [field.text for field in columns]
    events = 0
    with PluginLog() as log, Library(library_path()).init(log=log) as handle:
        extraction = handle.extraction((field.row.name, field.arg) for field in columns)
        with handle.open(_open_params(path)) as instance:
            for event in instance:
                answers = dict(zip(names, extraction.of(event), strict=True))
                if not asked:
                    answers = {name: a for name, a in answers.items() if a is not None}
                show(answers)
                events += 1
                if events == limit:
                    break
    return events


@contextlib.contextmanager
def _readable(file: str) -> Iterator[Path]:
    """The path of what is to be read.

    Standard input goes through a temporary file: replay looks at a file's beginning to
    tell its form, and memory must not grow with what comes.
    """
    if file != "-":
        path = replay_path(file) or Path(file)
        if _is_kept(path):
            yield path
            return
        # A name that open_params can't hold, by another that it can.
        with tempfile.TemporaryDirectory(prefix="k8saudit-eks-") as folder:
            link = Path(folder, "file")
            link.symlink_to(path.absolute())
            yield link
        return
    with contextlib.ExitStack() as stack:
        try:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="k8saudit-eks-"))
            # The name is what messages about a line begin with.
            path = Path(folder, "stdin")
            path.touch(0o600, exist_ok=False)
            with path.open("wb") as spool:
                shutil.copyfileobj(sys.stdin.buffer, spool, 256 * 1024)
        except OSError as error:
            raise PluginError(
                f"standard input can't be copied to {tempfile.gettempdir()}: "
                f"{error.strerror or error}: set TMPDIR to a folder with room"
            ) from error
        yield path


def _is_kept(path: Path) -> bool:
    """Whether the plugin gets the path as it is: as UTF-8, without blanks at its end."""
    text = str(path)
    return text == text.strip() and text == text.encode("utf-8", "replace").decode()


def _open_params(path: Path) -> str:
    return f"file://{path}" if path.is_absolute() else f"file:{path}"


def _asked(text: str) -> _Asked:
    """Raise PluginError if a rule could not ask for it."""
    match = _ASKED.fullmatch(text)
    name, key = (match[1], match[2]) if match else (text, None)
    row = next((row for row in FIELDS if row.name == name), None)
    if row is None:
        near = difflib.get_close_matches(name, [row.name for row in FIELDS], n=1)
        cure = f"did you mean {near[0]}?" if near else "k8saudit-eks fields lists them all"
        raise PluginError(f"there is no field {name!r}: {cure}")
    if row.arg is Arg.NONE and key is not None:
        raise PluginError(f"{name} takes nothing in brackets: write {name}")
    if row.arg is Arg.KEY and not key:
        raise PluginError(f"{name} needs a key: write {name}[KEY]")
    if row.arg is Arg.INDEX and key is not None:
        if not (key.isascii() and key.isdigit() and len(key) <= _INDEX_DIGITS_MAX):
            raise PluginError(f"{text} needs a number in brackets: write {name}[0]")
        return _Asked(text, row, int(key))
    return _Asked(text, row, key)


_EVERY = tuple(_Asked(row.name, row, None) for row in FIELDS if row.arg is not Arg.KEY)


class _Printer(Protocol):
    """Shows one event's answers after the other."""

    def show(self, answers: dict[str, Answer]) -> None: ...


class _JsonPrinter:
    def show(self, answers: dict[str, Answer]) -> None:
        click.echo(json.dumps(answers, ensure_ascii=False))


class _LinePrinter:
    def show(self, answers: dict[str, Answer]) -> None:
        click.echo("\t".join(map(_text, answers.values())))


class _AllPrinter:
    """A block of lines an event, a blank line between."""

    _first = True

    def show(self, answers: dict[str, Answer]) -> None:
        if not self._first:
            click.echo()
        self._first = False
        width = max(map(len, answers), default=0)
        for name, answer in answers.items():
            click.echo(f"{name:{width}}  {_text(answer)}")


class _TablePrinter:
    """One table at the end: its columns are as wide as all events need."""

    def __init__(self, asked: tuple[_Asked, ...]) -> None:
        self._table = Table()
        for field in asked:
            self._table.add_column(Text(field.text))

    def show(self, answers: dict[str, Answer]) -> None:
        # Text and not str: "[...]" in a value is no markup.
        self._table.add_row(*(Text(_text(answer)) for answer in answers.values()))

    def end(self) -> None:
        if self._table.row_count:
            Console().print(self._table)


def _text(answer: Answer) -> str:
    """As Falco's outputs show it."""
    if answer is None:
        return "<NA>"
    if isinstance(answer, list):
        return "(" + ",".join(map(_text, answer)) + ")"
    return printable(str(answer))
