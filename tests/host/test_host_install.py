"""What `k8saudit-eks install` placed runs in a real host."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from host import Host

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))

from falco_host import falco_host

EVENT = {
    "kind": "Event",
    "apiVersion": "audit.k8s.io/v1",
    "auditID": "placed",
    "stage": "ResponseComplete",
    "verb": "get",
    "stageTimestamp": "2026-01-01T00:00:00.000000Z",
}


def test_the_placed_library_finds_its_environment(host: Host, tmp_path: Path) -> None:
    """Far away from the environment that it needs; the file that was placed names it."""
    falco = falco_host(tmp_path / "root")
    log = tmp_path / "audit.jsonl"
    log.write_text(json.dumps(EVENT) + "\n", "utf-8")
    result = falco.run("install", f"file://{log}")
    assert result.exit_code == 0, result.output
    plugin = falco.config().loaded_plugins()[-1]
    host.library = Path(f"{falco.root}{plugin['library_path']}")
    code, run = host.run(plugin["open_params"], ["ka.auditid"])
    assert code == 0, run.errors
    assert [event["ka.auditid"] for event in run.events] == ["placed"]
