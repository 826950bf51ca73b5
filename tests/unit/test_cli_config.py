"""`k8saudit-eks config`: hints on stderr, and the options it shares with `install`."""

from __future__ import annotations

import pytest
import yaml
from click.testing import CliRunner, Result

from k8saudit_eks.cli.main import command
from k8saudit_eks.errors import PluginError

REGION = ["--region", "eu-central-1"]
STATE = ["--state-dir", "/var/lib/k8saudit-eks"]


def config(*arguments: str) -> Result:
    return CliRunner().invoke(command, ["config", *arguments, "--library", "/x.so"])


@pytest.mark.parametrize(
    ("arguments", "missing"),
    [
        (["production"], ["--region", "--state-dir"]),
        (["production", *REGION], ["--state-dir"]),
        (["production", "--profile", "audit", *STATE], []),
        (["production", *REGION, *STATE], []),
        (["file:///srv/audit.jsonl"], []),
    ],
)
def test_hints_for_what_a_service_needs(arguments: list[str], missing: list[str]) -> None:
    """One for each missing option, on stderr: stdout is YAML for a file."""
    result = config(*arguments)
    assert result.exit_code == 0
    hints = [line.partition(",")[0] for line in result.stderr.splitlines()]
    assert hints == [f"hint: without {option}" for option in missing]
    assert "plugins" in yaml.safe_load(result.stdout)


def test_a_region_that_does_not_exist() -> None:
    """The same sentence as `install` and `policy` have."""
    result = config("production", "--region", "eu-centrla-1")
    assert isinstance(result.exception, PluginError)
    assert "did you mean eu-central-1" in str(result.exception)


def test_audit_only() -> None:
    """For a Falco without a driver."""
    keys = yaml.safe_load(config("production", "--audit-only", *REGION, *STATE).stdout)
    assert keys["engine"] == {"kind": "nodriver"}
