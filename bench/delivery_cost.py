"""How many calls reading takes, quiet and busy."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

from delivery_figures import Figure
from delivery_traffic import PAGE_EVENTS, Stream, Traffic, three_streams

from k8saudit_eks.config.table import Config

LATE_WINDOW_S = 300
SLICE_S = 30
# When streams fall silent, so that what was written last is read before the end.
QUIET_S = 700


def cost() -> Iterator[Figure]:
    """Calls in steady state."""
    start_s, end_s = 400.0, 640.0
    # Of ten calls a second, at a poll a minute, the ladder would use what is left.
    for rate in (1000, 20):
        for interval, api_rate in ((1, 10), (5, 10), (5, 5), (60, 5)):
            config = Config(polling_interval=interval, late_window=LATE_WINDOW_S, api_rate=api_rate)
            traffic = Traffic(three_streams(rate), config)
            traffic.run(end_s)
            calls = traffic.calls(start_s, end_s)
            where = f"{rate} events/s, a poll every {interval} s, {api_rate} calls/s"
            yield Figure(f"{where}: repeated", traffic.repeated, 0)
            if rate == 1000:
                pages = rate * (end_s - start_s) / PAGE_EVENTS
                yield Figure(f"{where}: calls for each page of events", calls / pages, 2.3)
            else:
                polls = (end_s - start_s) / interval * ceil(rate * interval / PAGE_EVENTS)
                slices = (end_s - start_s) / SLICE_S * ceil(rate * SLICE_S / PAGE_EVENTS)
                ratio = calls / (polls + slices)
                yield Figure(f"{where}: calls made / calls needed", ratio, 1.1)
            if interval == 5:
                reads = traffic.logs.served / traffic.written
                yield Figure(f"{where}: how often an event is served", reads, 6, "times")


def burst() -> Iterator[Figure]:
    """20 to 5,000 events/s and back, and a new stream in the middle."""

    def old(at_s: float) -> float:
        if at_s >= QUIET_S:
            return 0
        return 2500 if 100 <= at_s < 160 else 20

    def new(at_s: float) -> float:
        return 2500 if 120 <= at_s < 160 else 0

    streams = [
        Stream("kube-apiserver-audit-old", old, 3_000),
        Stream("kube-apiserver-audit-new", new, 10_000),
    ]
    traffic = Traffic(streams, Config(api_rate=20))
    traffic.run(QUIET_S + 30)
    yield Figure("20 to 5,000 events/s and back to 20: lost", traffic.lost, 0)
    yield Figure("20 to 5,000 events/s and back to 20: repeated", traffic.repeated, 0)
