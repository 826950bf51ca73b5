"""The table of configuration keys in docs/configuration.md."""

from __future__ import annotations

import sys

from k8saudit_eks.config.table import TableRow, table
from k8saudit_eks.docs.page import DocsPage


def markdown() -> str:
    """Every key with type, default and meaning, as a Markdown table."""
    lines = ["| key | type | default | meaning |", "|---|---|---|---|"]
    lines += [
        f"| `{row.name}` | {row.type} | {_default(row)} | {_meaning(row)} |" for row in table()
    ]
    return "\n".join(lines)


def _default(row: TableRow) -> str:
    if row.default is None:
        return "unset"
    if isinstance(row.default, bool):
        return str(row.default).lower()
    return f"`{row.default:g}`" if isinstance(row.default, float) else f"`{row.default}`"


def _meaning(row: TableRow) -> str:
    meaning = row.key.description
    if row.key.unit:
        least = "above 0" if row.type == "number" else f"{row.key.minimum:,}"
        joint = ", up to " if row.type == "number" else " to "
        meaning += f" ({row.key.unit}; {least}{joint}{row.key.maximum:,})"
    return meaning.replace("|", "\\|")


PAGE = DocsPage("python -m k8saudit_eks.docs.configuration", {"configuration": markdown})

if __name__ == "__main__":
    sys.exit(PAGE.main())
