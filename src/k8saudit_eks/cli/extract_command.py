"""`k8saudit-eks extract`: what a rule will see of the events in a file."""

from __future__ import annotations

import contextlib
import difflib
import json
import logging
import re
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from k8saudit_eks.cli.completion import complete_field
from k8saudit_eks.cli.printable import printable
from k8saudit_eks.config.open_params import replay_path
from k8saudit_eks.config.table import Config
from k8saudit_eks.errors import PluginError
from k8saudit_eks.event_queue import QueueClosed
from k8saudit_eks.fields.document import TooDeepError
from k8saudit_eks.fields.model import Arg, Field
from k8saudit_eks.fields.reference import Event
from k8saudit_eks.fields.table import FIELDS
from k8saudit_eks.metrics import Metric
from k8saudit_eks.repair import close
from k8saudit_eks.sources.replay.source import open_replay

_ASKED = re.compile(r"([\w.]+)(?:\[(.*)\])?", re.DOTALL)

# One field's answer for one event: None where a rule would see no value.
Answer = str | int | list[str | int] | None


@dataclass(frozen=True)
class _Asked:
    """One field as asked for: its row and what stands in the brackets."""

    text: str
    row: Field
    arg: str | int | None

    def of(self, event: Event) -> Answer:
        values = event.extract(self.row.name, self.arg)
        if values is None:
            return None
        # An index selects one value, and it stays a list for the host.
        return list(values) if self.row.is_list else values[0]


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
    queue = _Printed(asked, printer, limit)
    with _readable(file) as path:
        open_replay(path, Config(), _StderrHost()).run(queue, threading.Event())
    if isinstance(printer, _TablePrinter):
        printer.end()
    if queue.events == 0:
        context.exit(1)


@contextlib.contextmanager
def _readable(file: str) -> Iterator[Path]:
    """The path of what is to be read.

    Standard input goes through a temporary file: replay looks at a file's beginning to
    tell its form, and memory must not grow with what comes.
    """
    if file != "-":
        yield replay_path(file) or Path(file)
        return
    with contextlib.ExitStack() as stack:
        try:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="k8saudit-eks-"))
            # The name is what messages about a line begin with.
            path = Path(folder, "stdin")
            with path.open("wb") as spool:
                shutil.copyfileobj(sys.stdin.buffer, spool, 256 * 1024)
        except OSError as error:
            raise PluginError(
                f"standard input can't be copied to {tempfile.gettempdir()}: "
                f"{error.strerror or error}: set TMPDIR to a folder with room"
            ) from error
        yield path


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
        if not (key.isascii() and key.isdigit()):
            raise PluginError(f"{text} needs a number in brackets: write {name}[0]")
        return _Asked(text, row, int(key))
    return _Asked(text, row, key)


_EVERY = tuple(_Asked(row.name, row, None) for row in FIELDS if row.arg is not Arg.KEY)


class _Printed:
    """A queue whose events are answered and printed at once."""

    def __init__(self, asked: tuple[_Asked, ...], printer: _Printer, limit: int | None) -> None:
        self.events = 0
        self._asked = asked
        self._printer = printer
        self._limit = limit

    def push(self, payloads: Sequence[bytes], times_ns: Sequence[int]) -> int:
        for payload, time_ns in zip(payloads, times_ns, strict=True):
            if self.events == self._limit:
                raise QueueClosed
            self.events += 1
            try:
                event = Event(payload, time_ns)
            except TooDeepError:
                click.echo(
                    f"k8saudit-eks: event {self.events} is nested too deeply for this command; "
                    "the plugin itself reads it",
                    err=True,
                )
                continue
            if self._asked:
                self._printer.show({field.text: field.of(event) for field in self._asked})
            else:
                answers = {field.text: field.of(event) for field in _EVERY}
                self._printer.show({k: v for k, v in answers.items() if v is not None})
        return self.events

    def delivered(self) -> int:
        return self.events

    def set_progress(self, hundredths_percent: int) -> None:
        """Not shown: what is printed is progress enough."""


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


class _Formatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        # A file's name is in it.
        return printable(super().format(record))


class _StderrHost:
    """Warnings and errors of the replay go to stderr; nothing is counted."""

    close_json = staticmethod(close)

    def __init__(self) -> None:
        self.log = logging.Logger("k8saudit-eks", logging.WARNING)
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(_Formatter("k8saudit-eks: %(message)s"))
        self.log.addHandler(handler)

    def count(self, metric: Metric, amount: int = 1) -> None:
        """What was passed over is in the warnings."""

    def gauge(self, metric: Metric, value: int) -> None:
        """A replay has none."""

    def age(self, metric: Metric, since_s: float) -> None:
        """A replay has none."""
