"""The metrics' names survive Falco, and the docs hold them all."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from k8saudit_eks import metrics_docs
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
