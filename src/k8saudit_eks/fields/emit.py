"""What is generated from the field table: the C table, the fields JSON, the docs' table.

``python -m k8saudit_eks.fields.emit --write docs/fields.md`` brings the page's table
up to date.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from k8saudit_eks.docs.page import DocsPage
from k8saudit_eks.fields.compile import NO_NODE, Range, Tables, compile_fields
from k8saudit_eks.fields.model import KEY, Arg, Field, Shape
from k8saudit_eks.fields.table import FIELDS

T = TypeVar("T")


def fields_json() -> list[dict[str, Any]]:
    """The list that plugin_get_fields answers as JSON (Falco's plugin API)."""
    return [_field_json(row) for row in FIELDS]


def _field_json(row: Field) -> dict[str, Any]:
    answer: dict[str, Any] = {"name": row.name, "type": row.type}
    if row.is_list:
        answer["isList"] = True
    if row.arg is Arg.INDEX:
        answer["arg"] = {"isRequired": False, "isIndex": True}
    if row.arg is Arg.KEY:
        answer["arg"] = {"isRequired": True, "isKey": True}
    answer["desc"] = _description(row)
    return answer


def _description(row: Field) -> str:
    if row.deprecated is None:
        return row.description
    return f"{row.description} Deprecated: use {row.deprecated}."


def c_source() -> str:
    """The text of generated/fields.c: all that csrc/extract/program.h declares."""
    tables = compile_fields(FIELDS)
    parts = [
        "/* Generated from src/k8saudit_eks/fields/table.py; do not edit. */\n"
        '#include "extract/program.h"\n',
        _array("kae_op", "kae_ops", tables.ops, _c_op),
        _array("kae_name", "kae_guard_values", tables.guard_values, _c_name),
        _array(
            "kae_guard",
            "kae_guards",
            tables.guards,
            lambda row: f"{{{row.node}, {int(row.negated)}, {_c_range(row.values)}}}",
        ),
        _array(
            "kae_choice",
            "kae_choices",
            tables.choices,
            lambda row: f"{{{row.node}, {_c_range(row.guards)}}}",
        ),
        _array(
            "kae_node",
            "kae_nodes",
            tables.nodes,
            lambda row: (
                f"{{KAE_NODE_{row.kind}, {row.parent}, {_c_range(row.choices)}, "
                f"{_c_name(row.name)}}}"
            ),
        ),
        f"const uint32_t kae_num_nodes = {len(tables.nodes)};\n",
        _array(
            "kae_path",
            "kae_paths",
            tables.paths,
            lambda row: f"{{{_c_node(row.node)}, {_c_range(row.ops)}}}",
        ),
        _programs(tables),
        f"const uint32_t kae_num_programs = {len(tables.programs)};\n",
        _json_constant(),
    ]
    return "\n".join(parts)


def _array(struct: str, name: str, rows: Sequence[T], text: Callable[[T], str]) -> str:
    lines = [f"    /* {position} */ {text(row)}," for position, row in enumerate(rows)]
    return "\n".join([f"const struct {struct} {name}[] = {{", *lines, "};\n"])


def _programs(tables: Tables) -> str:
    lines = []
    for position, row in enumerate(tables.programs):
        default = "0" if row.default_text is None else _c_string(row.default_text)
        lines.append(
            f"    /* {position} {row.name} */\n"
            f"    {{KAE_SHAPE_{row.shape.name}, KAE_ARG_{row.arg.name}, {int(row.is_list)}, "
            f"{_c_node(tables.plain_node(row))}, {_c_node(row.fallback)}, "
            f"{_c_range(row.paths)}, {_c_range(row.parts)}, {_c_range(row.guards)}, {default}}},"
        )
    return "\n".join(["const struct kae_program kae_programs[] = {", *lines, "};\n"])


def _json_constant() -> str:
    """One literal a field: a line of the generated file stays readable."""
    rows = [json.dumps(row, separators=(",", ":")) for row in fields_json()]
    texts = [f"{row}," for row in rows[:-1]] + rows[-1:]
    lines = [f"    {_c_string(text)}" for text in ["[", *texts, "]"]]
    return "\n".join(["const char kae_fields_json[] =", *lines]) + ";\n"


def _c_op(op: Any) -> str:
    return f"{{KAE_OP_{op.code}, {op.index}, {_c_name(op.name)}, {_c_name(op.value)}}}"


def _c_name(text: str) -> str:
    return f"{{{_c_string(text)}, {len(text.encode())}}}"


def _c_range(positions: Range) -> str:
    return f"{{{positions.first}, {positions.count}}}"


def _c_node(node: int) -> str:
    return "KAE_NO_NODE" if node == NO_NODE else str(node)


def _c_string(text: str) -> str:
    if not text.isascii() or not text.isprintable():
        raise ValueError(f"{text!r}: only printable ASCII can be written to the C table")
    # ?? could begin a trigraph.
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("??", '?" "?')
    return f'"{escaped}"'


def markdown_table() -> str:
    """The table of all fields for the docs, one row a field."""
    lines = ["| Field | Type | Argument | What | Where |", "|---|---|---|---|---|"]
    for row in FIELDS:
        kind = f"{row.type} list" if row.is_list else row.type
        argument = {Arg.NONE: "", Arg.INDEX: "index", Arg.KEY: "key, required"}[row.arg]
        cells = [f"`{row.name}`", kind, argument, _description(row), _where(row)]
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def _where(row: Field) -> str:
    if row.shape in (Shape.ALWAYS_TRUE, Shape.POINTER):
        return ""
    prefix = "pod spec: " if row.base else ""
    paths = [text.replace(f"['{KEY}']", f".{KEY}") for text in row.paths]
    if row.parts and row.shape in (Shape.TEXT, Shape.ANY_TRUE, Shape.ANY_MATCHES_KEY):
        paths = [f"{path}.{part}" for path in paths for part in row.parts]
    if row.fallback is not None and row.shape is Shape.TEXT:
        paths.append(row.fallback)
    return prefix + ", ".join(f"`{path}`" for path in paths)


PAGE = DocsPage("python -m k8saudit_eks.fields.emit", {"fields": markdown_table})

if __name__ == "__main__":
    sys.exit(PAGE.main())
