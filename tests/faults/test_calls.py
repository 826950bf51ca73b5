"""Calls that take long: what the log says."""

from __future__ import annotations

import threading

import pytest
from fakes import Clock, FakeClient, FakeHost, FakeParallelCalls
from simulated_logs import SimulatedLogs

from k8saudit_eks.aws.log_group import LogGroup
from k8saudit_eks.delivery.polling.budget import CallBudget
from k8saudit_eks.delivery.polling.read import Purpose, Read
from k8saudit_eks.host_log import LogLimiter
from k8saudit_eks.sources.cloudwatch.calls import Calls


@pytest.mark.parametrize(("call_s", "lines"), [(25, 0), (63, 1)])
def test_an_answer_that_trickles_is_said(
    call_s: float, lines: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Once a minute; a call that only meets its timeouts says so itself."""
    clock, logs, host = Clock(), SimulatedLogs(), FakeHost()
    client = FakeClient(logs, clock, call_s=call_s)
    group = LogGroup(client, reader=host.reader, name=logs.name, stream_prefix="")
    calls = Calls(
        "prod",
        group,
        host,
        CallBudget(5, clock),
        FakeParallelCalls(clock, 1),
        LogLimiter(clock),
        monotonic_s=clock,
    )
    calls.make([Read(Purpose.HEAD, clock.now_ms, None)], threading.Event())
    assert caplog.text.count(f"took {call_s} s to get an answer") == lines
