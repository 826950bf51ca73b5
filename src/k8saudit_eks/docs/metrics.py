"""The table of metrics in docs/metrics.md."""

from __future__ import annotations

import sys

from k8saudit_eks import PLUGIN_NAME
from k8saudit_eks.docs.page import DocsPage
from k8saudit_eks.metrics import Kind, Metric

_TYPES = {Kind.COUNTER: "counter", Kind.GAUGE: "gauge", Kind.AGE: "gauge"}


def exposed_name(metric: Metric) -> str:
    """The metric's name at Falco's /metrics."""
    return f"falcosecurity_plugins_{PLUGIN_NAME.replace('-', '_')}_{metric.value.name}_total"


def markdown() -> str:
    """Every metric with its name in Falco, its type and what it says, as a Markdown table."""
    lines = ["| metric | name at Falco's `/metrics` | type | meaning |", "|---|---|---|---|"]
    for metric in Metric:
        name, kind = metric.value.name, _TYPES[metric.value.kind]
        description = metric.value.description
        lines.append(f"| `{name}` | `{exposed_name(metric)}` | {kind} | {description} |")
    return "\n".join(lines)


PAGE = DocsPage("python -m k8saudit_eks.docs.metrics", {"metrics": markdown})

if __name__ == "__main__":
    sys.exit(PAGE.main())
