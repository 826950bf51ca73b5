"""What `k8saudit-eks install` placed runs in a real host."""

from __future__ import annotations

import json
from pathlib import Path

import yaml
from click.testing import CliRunner

from host import Host
from k8saudit_eks.cli.main import command

EVENT = {
    "kind": "Event",
    "apiVersion": "audit.k8s.io/v1",
    "auditID": "placed",
    "stage": "ResponseComplete",
    "verb": "get",
    "stageTimestamp": "2026-01-01T00:00:00.000000Z",
}


def test_the_placed_library_finds_its_environment(host: Host, tmp_path: Path) -> None:
    """Far away from the environment that it needs; the printed section names it."""
    log = tmp_path / "audit.jsonl"
    log.write_text(json.dumps(EVENT) + "\n", "utf-8")
    place = ["--to", str(tmp_path / "plugins"), "--rules-to", str(tmp_path / "rules")]
    result = CliRunner().invoke(command, ["install", f"file://{log}", *place])
    assert result.exit_code == 0, result.output
    (plugin,) = yaml.safe_load(result.stdout)["plugins"]
    host.library = Path(plugin["library_path"])
    code, run = host.run(plugin["open_params"], ["ka.auditid"])
    assert code == 0, run.errors
    assert [event["ka.auditid"] for event in run.events] == ["placed"]
