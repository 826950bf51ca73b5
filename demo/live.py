"""`make run CLUSTER=… REGION=…`: the alerts of a real cluster, as they come, until Ctrl-C."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console

from demo.display import show_alert, show_summary
from demo.hosts import RULES
from demo.rule_files import RuleFileError, load_rules
from demo.watch import Alert, HostError, Subject, Watch

_HEARTBEAT_S = 1.0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make run", description=__doc__)
    parser.add_argument("--cluster", required=True)
    parser.add_argument("--region", default="")
    parser.add_argument("--profile", default="")
    parser.add_argument("--rules", default="", help="rule files, separated by commas")
    parser.add_argument("--endpoint-url", default="")
    arguments = parser.parse_args()
    if not arguments.cluster:
        parser.error("which cluster? make run CLUSTER=name REGION=region")
    return arguments


def _watch(console: Console, watch: Watch) -> list[Alert]:
    """Show alerts until Ctrl-C."""
    alerts: list[Alert] = []
    try:
        while True:
            alert = watch.next_alert(_HEARTBEAT_S)
            if alert is not None:
                alerts.append(alert)
                show_alert(console, alert)
    except KeyboardInterrupt:
        return alerts


def main() -> int:
    arguments = _arguments()
    console = Console(highlight=False)
    files = [Path(name) for name in arguments.rules.split(",") if name] or RULES
    settings: dict[str, Any] = {
        key: value
        for key, value in (
            ("region", arguments.region),
            ("profile", arguments.profile),
            ("endpoint_url", arguments.endpoint_url),
        )
        if value
    }
    try:
        subject = Subject(settings, arguments.cluster, files, load_rules(files))
        with (
            tempfile.TemporaryDirectory() as folder,
            Watch(subject, Path(folder), dict(os.environ)) as watch,
        ):
            console.print(f"watching {arguments.cluster} with {watch.name}; Ctrl-C ends")
            alerts = _watch(console, watch)
            watch.stop()
            show_summary(console, alerts, watch.events if watch.counts_events else None)
    except (HostError, RuleFileError) as error:
        console.print(f"[bold red]{error}[/]", soft_wrap=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
