"""`k8saudit-eks fields`: the fields that rules can ask for."""

from __future__ import annotations

import json
import sys
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from k8saudit_eks.cli.completion import complete_field
from k8saudit_eks.errors import PluginError, shown
from k8saudit_eks.fields.emit import fields_json


@click.command("fields", short_help="List the fields, or those that match every WORD.")
@click.argument("words", nargs=-1, metavar="[WORD]...", shell_complete=complete_field)
@click.option("--json", "as_json", is_flag=True, help="print the JSON that hosts get")
def fields_command(words: tuple[str, ...], as_json: bool) -> None:
    """List every field, or those with every WORD in their name or description.

    On a terminal this is a table, in a pipe one field a line: name, type, argument
    and description, with tabs between.
    """
    wanted = [word.lower() for text in words for word in text.split()]
    rows = [row for row in fields_json() if all(word in _searched(row) for word in wanted)]
    if not rows:
        raise PluginError(
            f"no field has {' and '.join(map(shown, wanted))} in its name or description: "
            "try shorter or fewer words"
        )
    if as_json:
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
    elif sys.stdout.isatty():
        Console().print(_table(rows))
    else:
        for row in rows:
            click.echo("\t".join(_cells(row)))


def _searched(row: dict[str, Any]) -> str:
    return f"{row['name']} {row['desc']}".lower()


def _table(rows: list[dict[str, Any]]) -> Table:
    shown = Table(title=f"{len(rows)} fields of source k8s_audit", title_justify="left")
    shown.add_column("field", no_wrap=True, style="cyan")
    shown.add_column("type", no_wrap=True)
    shown.add_column("argument")
    shown.add_column("what")
    for row in rows:
        # Text and not str: "[...]" in a description is no markup.
        shown.add_row(*(Text(cell) for cell in _cells(row)))
    return shown


def _cells(row: dict[str, Any]) -> tuple[str, str, str, str]:
    argument = row.get("arg", {})
    kind = "index" if argument.get("isIndex") else "key" if argument.get("isKey") else ""
    if argument.get("isRequired"):
        kind += ", required"
    return row["name"], row["type"] + (" list" if row.get("isList") else ""), kind, row["desc"]
