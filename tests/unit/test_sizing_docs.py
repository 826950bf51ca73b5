"""docs/sizing.md says what the code's constants and the recorded figures come to."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from k8saudit_eks.config.table import Config
from k8saudit_eks.docs import sizing

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "sizing.md"


def figures(page: str, row: str) -> list[float]:
    """The numbers in the cells behind the one row of a page's tables that fits."""
    lines = (DOCS / page).read_text("utf-8").splitlines()
    (found,) = (line for line in lines if re.match(rf"\| {row} \|", line))
    return [
        float(number.replace(",", ""))
        for cell in found.strip("|").split("|")[1:]
        for number in re.findall(r"[\d.,]*\d", cell)[:1]
    ]


def test_the_projects_docs_are_up_to_date() -> None:
    """The page's tables are what the module computes."""
    assert sizing.PAGE.main(["--check", str(PAGE)]) == 0


@pytest.mark.parametrize(("interval", "api_rate"), [(1, 10), (5, 10), (5, 5), (60, 5)])
def test_the_limits_of_calls_are_the_recorded_ones(interval: int, api_rate: int) -> None:
    """Of a busy and of a quiet cluster, at each polling_interval that is measured."""
    where = f"a poll every {interval} s, {api_rate} calls/s"
    busy = figures("delivery.md", rf"1000 events/s, {where}: [^|]*page[^|]*")
    quiet = figures("delivery.md", rf"20 events/s, {where}: calls[^|]*")
    assert busy[-1] == sizing.BUSY_CALLS_PER_PAGE_MAX
    assert quiet[-1] == sizing.QUIET_CALLS_MAX


def test_the_measured_figures_are_the_recorded_ones() -> None:
    """Each stands in a table of delivery.md or benchmarks.md."""
    served = {
        20: r"20 events/s, a poll every 5 s, 10 calls/s: how often an event is served",
        50: r"50 events/s, 5 % late by 60 s: how often an event is served",
        1000: r"1000 events/s, a poll every 5 s, 10 calls/s: how often an event is served",
    }
    assert {rate: figures("delivery.md", row)[0] for rate, row in served.items()} == sizing.SERVED
    assert figures("delivery.md", r"[^|]*ids of 330 s at 1,000 events/s[^|]*")[0] == sizing.IDS_MB
    catch_up = figures("delivery.md", r"1 h of backlog[^|]* 360 s [^|]*")
    assert catch_up[-1] == sizing.CATCH_UP_MAX
    ledger = r"[^|]*ledger[^|]* at 1,000 events/s"
    assert figures("delivery.md", ledger)[0] == sizing.LEDGER_CPU_PERCENT
    at_rest = r"resident memory of the bundle's plugin, at rest"
    assert figures("benchmarks.md", at_rest)[0] == sizing.PLUGIN_MB
    assert figures("benchmarks.md", r"CPU of [^|]*idle plugin[^|]*")[0] == sizing.IDLE_CPU_PERCENT
    assert f"{sizing.LEDGER_BYTES_PER_ID} bytes" in (DOCS / "delivery.md").read_text("utf-8")


def test_the_cost_of_an_event_is_the_dearer_of_the_two_filter_engines() -> None:
    """From CloudWatch, with all rules; a replay costs less."""
    rows = re.findall(
        r"\| libsinsp [\d.]+ \| (\d+) µs \| (\d+) µs \|",
        (DOCS / "benchmarks.md").read_text("utf-8"),
    )
    assert max(int(with_rules) for _, with_rules in rows) == sizing.EVENT_CPU_US


def test_the_quotas_are_those_that_the_configuration_names() -> None:
    """From the smallest to the largest of a region."""
    described = next(
        field.metadata["key"].description
        for field in Config.__dataclass_fields__.values()
        if field.name == "api_rate"
    )
    numbers = [int(number) for number in re.findall(r"\d+", described)]
    assert (sizing.QUOTAS[0], sizing.QUOTAS[-1]) == (min(numbers), max(numbers))


def test_a_quiet_cluster_takes_a_call_a_poll_and_one_a_slice() -> None:
    """And a busy one its pages, however often it is polled."""
    assert sizing.calls_per_s(1, 5) == pytest.approx(1.1 * (1 / 5 + 1 / 30))
    assert sizing.calls_per_s(1000, 60) == sizing.calls_per_s(1000, 1) == pytest.approx(4.6)


def test_an_api_rate_in_the_table_suffices_for_its_cluster() -> None:
    """All together they stay within the quota, and each can make its calls."""
    rows = [line for line in sizing.clusters_table().splitlines()[2:] if line]
    for row in rows:
        clusters, interval, _, *cells = (cell.strip() for cell in row.strip("|").split("|"))
        for quota, cell in zip(sizing.QUOTAS, cells, strict=True):
            needed = sizing.calls_per_s(10, int(interval.split()[0]))
            if cell == "no":
                assert int(clusters) * needed > quota
                continue
            api_rate = float(re.findall(r"api_rate: ([\d.]+)", cell)[0])
            assert int(clusters) * api_rate <= quota
            assert api_rate >= needed * (2 if cell.startswith("yes") else 1)
