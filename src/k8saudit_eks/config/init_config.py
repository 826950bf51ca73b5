"""init_config: the JSON schema for hosts, and its validation.

The keys themselves are in table.py. This runs inside the host, so nothing
heavy is imported.
"""

from __future__ import annotations

import difflib
import json
import math
import re
from typing import Any, cast

from k8saudit_eks.config.table import Config, TableRow, table
from k8saudit_eks.errors import ConfigError, shown

__all__ = ["json_schema", "parse_init_config"]


def json_schema() -> str:
    """The JSON schema (draft 7) for get_init_schema, as compact JSON text.

    Hosts enforce it before the plugin sees the configuration, and report what
    does not fit without saying what to do. So it describes and does not judge: every
    key also takes a string or null, numbers have no bounds, integers may arrive
    as floats, other keys are let through. What is wrong is then refused by
    parse_init_config, with the key, the value and what to write.
    """
    properties: dict[str, Any] = {}
    for row in table():
        wanted = "number" if row.type == "integer" else row.type
        described = f"{row.key.description}." + (f" In {row.key.unit}." if row.key.unit else "")
        properties[row.name] = {
            "title": row.name,
            "description": described,
            "type": [wanted, *(t for t in ("string", "null") if t != wanted)],
        }
        if row.default is not None:
            properties[row.name]["default"] = row.default
    schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "init_config of k8saudit-eks",
        # Falco hands an empty YAML map on as null.
        "type": ["object", "null"],
        "properties": properties,
    }
    return json.dumps(schema, separators=(",", ":"))


def parse_init_config(text: str) -> Config:
    """Validate init_config.

    Args:
        text: a JSON object or a YAML map; empty or null for all defaults. "" and
            null as a value count as not configured.

    Raises:
        ConfigError: names the key, the value and what to write.
    """
    given = _load(text)
    rows = {row.name: row for row in table()}
    values: dict[str, Any] = {}
    for name, value in given.items():
        row = rows.get(name)
        if row is None:
            raise ConfigError(_unknown_key(name, list(rows)))
        if value is None or value == "":
            continue
        values[name] = _value(row, value)
    config = Config(**values)
    if config.external_id is not None and config.role_arn is None:
        raise ConfigError("init_config: external_id needs role_arn: add the role to assume")
    return config


def _load(text: str) -> dict[str, Any]:
    """The map in init_config; a Python dict with string keys."""
    if not text.strip():
        return {}
    try:
        given = json.loads(text)
    except RecursionError:
        raise ConfigError("init_config is nested too deeply: write a flat map of keys") from None
    except ValueError:
        given = _load_yaml(text)
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise ConfigError(
            f"init_config is {shown(given)}, but must be a map of keys, "
            "for example region: us-east-1"
        )
    return {str(name): value for name, value in given.items()}


def _load_yaml(text: str) -> Any:
    # Only needed where init_config is YAML text: hosts hand maps over as JSON.
    try:
        import yaml
    except ImportError:
        raise ConfigError(
            "init_config is not JSON, and reading YAML text needs PyYAML: write it as a map"
        ) from None
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise ConfigError(
            f"init_config is neither JSON nor YAML{where}: write it as a map of keys"
        ) from None


def _unknown_key(name: str, known: list[str]) -> str:
    # The value is left out: a key nobody knows may well be a credential.
    if re.search(r"access_?key|secret|token|password", name, re.IGNORECASE):
        return (
            f"init_config: unknown key {shown(name)}: credentials are never configured here, "
            "use profile, role_arn or the AWS environment"
        )
    near = difflib.get_close_matches(name.lower().replace("-", "_"), known, n=1, cutoff=0.5)
    advice = f"did you mean {near[0]}?" if near else f"the keys are {', '.join(known)}"
    return f"init_config: unknown key {shown(name)}: {advice}"


def _value(row: TableRow, value: Any) -> str | int | float | bool:
    """One value, checked and converted to the key's type."""
    if row.type == "string":
        return _string(row, value)
    if row.type == "boolean":
        if isinstance(value, bool):
            return value
        raise _wrong(row, value, "but must be true or false" + _without_quotes(value))
    return _number(row, value)


def _string(row: TableRow, value: Any) -> str:
    if not isinstance(value, str):
        raise _wrong(row, value, "but must be a string: write it in quotes")
    complaint = row.key.check(value) if row.key.check else None
    if complaint is not None:
        raise _wrong(row, value, complaint)
    return value


def _number(row: TableRow, value: Any) -> int | float:
    kind = "whole number" if row.type == "integer" else "number"
    wanted = f"but must be a {kind} of {row.key.unit}"
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(row, value, wanted + _without_quotes(value))
    if isinstance(value, float) and not math.isfinite(value):
        raise _wrong(row, value, wanted)
    # Hosts turn integers of 2^31 and more into floats on their way.
    number = int(value) if isinstance(value, int) or value.is_integer() else value
    if row.type == "integer" and not isinstance(number, int):
        raise _wrong(row, value, wanted)
    if number == 0 and row.key.zero_is_default:
        return cast(int, row.default)
    too_small = number < row.key.minimum or (row.type == "number" and number <= 0)
    if too_small or number > row.key.maximum:
        least = "above 0" if row.type == "number" else f"at least {row.key.minimum}"
        limits = f"but must be {least} and at most {row.key.maximum} {row.key.unit}"
        if row.name == "shift" and number >= 1_000_000_000:
            # The Go plugin documents seconds and takes nanoseconds.
            limits += f": write {number // 1_000_000_000} if you meant nanoseconds"
        raise _wrong(row, value, limits)
    return float(number) if row.type == "number" else number


def _without_quotes(value: Any) -> str:
    return ": write it without quotes" if isinstance(value, str) else ""


def _wrong(row: TableRow, value: Any, complaint: str) -> ConfigError:
    # A URL may hold a user name and password before an "@".
    hidden = row.key.secret or "@" in str(value)
    return ConfigError(
        f"init_config: {row.name} is {'given' if hidden else shown(value)}, {complaint}"
    )
