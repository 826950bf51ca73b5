"""`k8saudit-eks config`: a ready section for falco.yaml."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from k8saudit_eks.cli.library import library_path
from k8saudit_eks.config import parse_init_config, parse_open_params
from k8saudit_eks.config_table import TableRow, table
from k8saudit_eks.falco.section import section, section_yaml

_TYPES: dict[str, type] = {"string": str, "integer": int, "number": float}


def _key_options(command: Callable[..., None]) -> Callable[..., None]:
    """One option a key of the table, in the table's order."""
    for row in reversed(table()):
        command = _key_option(row)(command)
    return command


def _key_option(row: TableRow) -> Callable[[Callable[..., None]], Callable[..., None]]:
    name = row.name.replace("_", "-")
    default = "" if row.default is None else f" [default: {json.dumps(row.default)}]"
    description = f"{row.key.description}{default}"
    if row.type == "boolean":
        return click.option(f"--{name}/--no-{name}", row.name, default=None, help=description)
    return click.option(
        f"--{name}",
        row.name,
        type=_TYPES[row.type],
        metavar=(row.key.unit or "text").upper().replace(" ", "_"),
        help=description,
    )


@click.command("config")
@click.argument("cluster")
@click.option(
    "--library",
    type=click.Path(path_type=Path),
    help="where the library is on the machine that runs Falco [default: where it is here]",
)
@_key_options
def config_command(cluster: str, library: Path | None, **keys: Any) -> None:
    """Print a section for falco.yaml that reads CLUSTER's audit log.

    CLUSTER is the name of an EKS cluster, or file:///path to replay a file or
    folder of audit events. Only the keys given as options are written; everything
    is checked as the plugin itself would check it.
    """
    parse_open_params(cluster)
    given = {name: value for name, value in keys.items() if value is not None}
    parse_init_config(json.dumps(given))
    keys = section(cluster.strip(), str(library or library_path()), given)
    click.echo(section_yaml(keys), nl=False)
