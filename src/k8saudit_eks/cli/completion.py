"""What a shell may complete an argument to."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem

from k8saudit_eks.fields.table import FIELDS


def complete_field(
    _context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """The names of fields that begin with what was typed; what stands in brackets is not."""
    return [
        CompletionItem(field.name, help=field.description)
        for field in FIELDS
        if field.name.startswith(incomplete)
    ]
