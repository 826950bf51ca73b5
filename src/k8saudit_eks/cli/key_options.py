"""The options that `config` and `install` share: one for each key of init_config."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import click

from k8saudit_eks.cli.region import check_region
from k8saudit_eks.config.init_config import parse_init_config
from k8saudit_eks.config.table import TableRow, table

_TYPES: dict[str, type] = {"string": str, "integer": int, "number": float}


def key_options(command: Callable[..., None]) -> Callable[..., None]:
    """One option a key of the table, in the table's order."""
    for row in reversed(table()):
        command = _key_option(row)(command)
    return command


def given_keys(options: Mapping[str, Any]) -> dict[str, Any]:
    """The keys that were given as options, checked as the plugin itself checks them.

    Raises:
        ConfigError: one can't be used; or the region is none of AWS.
    """
    given = {name: value for name, value in options.items() if value is not None}
    parse_init_config(json.dumps(given))
    if given.get("region"):
        check_region(given["region"])
    return given


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
