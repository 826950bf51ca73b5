"""Alerts and summaries for people, on a terminal."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from demo.watch import Alert

_COLOURS = {
    "EMERGENCY": "bold white on red",
    "ALERT": "bold white on red",
    "CRITICAL": "bold white on red",
    "ERROR": "bold red",
    "WARNING": "bold yellow",
    "NOTICE": "cyan",
    "INFORMATIONAL": "dim",
    "INFO": "dim",
    "DEBUG": "dim",
}
# Shown with an alert if the rule's output has them: what happened, beyond who and where.
_DETAILS = {
    "ka.exec.command_line": "command",
    "ka.req.workload.images": "images",
    "ka.req.workload.hostpaths": "host paths",
    "ka.req.binding.subjects": "subjects",
    "ka.req.configmap.obj": "data",
}
_LONGEST_DETAIL = 160
_ASSUMED_ROLE = re.compile(
    r"arn:[\w-]+:sts::(?P<account>\d+):assumed-role/(?P<role>[^/]+)/(?P<session>.+)"
)


def show_alert(console: Console, alert: Alert) -> None:
    """Two or three lines: when, how bad, which rule; who did what to which object, from where."""
    fields = alert.fields
    head = Text(datetime.fromtimestamp(alert.seen_at).strftime("%H:%M:%S "))
    head.append(f" {alert.priority} ", style=_COLOURS.get(alert.priority, ""))
    head.append(f" {alert.rule}", style="bold")
    console.print(head, soft_wrap=True)
    line = Text("          ")
    line.append(_who(fields))
    line.append(f" {_text(fields.get('ka.verb'))} {_target(fields)}", style="bold")
    result = _text(fields.get("ka.response.code"))
    line.append(f" → {result}" if result else "")
    line.append(f" from {_text(fields.get('ka.sourceips'))}")
    console.print(line, soft_wrap=True)
    details = [
        f"{label} {_shorten(_text(fields[name]))}"
        for name, label in _DETAILS.items()
        if _text(fields.get(name))
    ]
    if details:
        console.print(Text("          " + ", ".join(details), style="dim"), soft_wrap=True)


def show_summary(console: Console, alerts: Sequence[Alert], events: int | None) -> None:
    """How much was read, and which rules fired how often."""
    table = Table(title="Alerts", title_justify="left", show_edge=False)
    table.add_column("Priority")
    table.add_column("Rule")
    table.add_column("Alerts", justify="right")
    priorities = {alert.rule: alert.priority for alert in alerts}
    order = list(_COLOURS)
    counts = Counter(alert.rule for alert in alerts)
    for rule in sorted(counts, key=lambda name: order.index(priorities[name])):
        priority = priorities[rule]
        table.add_row(Text(priority, style=_COLOURS[priority]), rule, str(counts[rule]))
    console.print()
    console.print(table)
    console.print()
    if events is not None:
        console.print(f"Events read: {events}")


def _who(fields: dict[str, Any]) -> str:
    """The user, and the IAM identity behind it in the short form that people know."""
    name = _text(fields.get("ka.user.name"))
    arn = _text(fields.get("ka.user.arn"))
    assumed_role = _ASSUMED_ROLE.fullmatch(arn)
    if assumed_role:
        iam = (
            f"{assumed_role['session']} as role {assumed_role['role']} of {assumed_role['account']}"
        )
        return iam if name == arn else f"{name} ({iam})"
    return f"{name} ({arn})" if arn and arn != name else name


def _target(fields: dict[str, Any]) -> str:
    resource = _text(fields.get("ka.target.resource"))
    if not resource:
        return _text(fields.get("ka.uri"))
    if subresource := _text(fields.get("ka.target.subresource")):
        resource += f"/{subresource}"
    name = _text(fields.get("ka.target.name")) or _text(fields.get("ka.resp.name"))
    namespace = _text(fields.get("ka.target.namespace"))
    place = "/".join(part for part in (namespace, name) if part)
    return f"{resource} {place}".strip()


def _text(value: Any) -> str:
    """A field's value as text; control characters can't reach the terminal."""
    if value is None or value == "<NA>":
        return ""
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return "".join(char if char.isprintable() else " " for char in text)


def _shorten(text: str) -> str:
    return text if len(text) <= _LONGEST_DETAIL else f"{text[: _LONGEST_DETAIL - 1]}…"
