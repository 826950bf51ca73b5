"""The metrics' names survive Falco, and the docs hold them all."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from k8saudit_eks.docs import metrics as metrics_docs
from k8saudit_eks.metrics import Metric

DOCS = Path(__file__).parents[2] / "docs" / "metrics.md"
# Falco cuts these out of names, wherever they stand.
CUT = ("_kb", "_bytes", "_mb", "_perc", "_ratio", "_ns", "_ts", "_sec", "_total")


@pytest.mark.parametrize("metric", Metric, ids=lambda metric: metric.value.name)
def test_names_survive_falco(metric: Metric) -> None:
    """Nothing in them is cut out; events_truncated is no `_ts`."""
    assert not [part for part in CUT if part in metric.value.name]
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", metric.value.name)


def test_the_docs_are_up_to_date() -> None:
    """docs/metrics.md holds the table as it is now."""
    assert metrics_docs.PAGE.main(["--check", str(DOCS)]) == 0


def test_the_docs_alerts_name_metrics_that_exist() -> None:
    """Each name in the Prometheus rules is one that Falco shows."""
    named = set(re.findall(r"\bfalcosecurity_plugins_\w+", DOCS.read_text("utf-8")))
    assert named == {metrics_docs.exposed_name(metric) for metric in Metric}


def blocks(key: str) -> list[dict[str, Any]]:
    """The page's YAML blocks with this key at the top."""
    texts = re.findall(r"```yaml\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    return [block for block in map(yaml.safe_load, texts) if key in block]


def test_the_docs_switch_on_what_falco_needs_for_its_metrics_page() -> None:
    """All of both maps: Falco replaces a map by what a file in config.d says of it."""
    (block,) = blocks("webserver")
    metrics, webserver = block["metrics"], block["webserver"]
    assert metrics["enabled"] is metrics["plugins_metrics_enabled"] is True
    assert webserver["enabled"] is webserver["prometheus_metrics_enabled"] is True


def test_the_docs_alerts_can_be_loaded_and_notice_missing_series() -> None:
    """Each is complete; one fires where there is no series for the others to look at."""
    (block,) = blocks("groups")
    (group,) = block["groups"]
    alerts = {rule["alert"]: rule for rule in group["rules"]}
    assert len(alerts) == len(group["rules"])
    for name, rule in alerts.items():
        assert rule["labels"]["severity"] in ("critical", "warning", "info"), name
        assert rule["annotations"]["summary"].endswith((".", "?")), name
        assert rule["expr"].count("(") == rule["expr"].count(")"), name
    lag = metrics_docs.exposed_name(Metric.LAG_MILLISECONDS)
    assert alerts["AuditLogMetricsMissing"]["expr"] == f"absent({lag})"
    broken = metrics_docs.exposed_name(Metric.STATE_DIR_BROKEN)
    assert alerts["AuditLogStateDirBroken"]["expr"] == f"{broken} > 0"
