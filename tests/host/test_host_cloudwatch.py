"""The audit log of a cluster reaches a real host through CloudWatch Logs."""

from __future__ import annotations

import time
from collections.abc import Callable
from random import Random

from demo.attack import STEPS
from demo.audit_event import Target, as_line, audit_event
from demo.healthy import healthy
from demo.identities import DEVELOPER, Json
from demo.local_cloudwatch import LocalCloudWatch, time_ms
from demo.story import STREAMS

from host import Host

NewCluster = Callable[[], str]
QUICK = {"polling_interval": 1}


def now_us() -> int:
    return time.time_ns() // 1000


def one_event(name: str, age_s: float = 1.0) -> Json:
    """A developer's look at a pod of that name."""
    random = Random(name)  # noqa: S311 - only has to differ from event to event
    target = Target("pods", "shop", name)
    return audit_event(random, now_us() - int(age_s * 1_000_000), DEVELOPER, "get", target)


def test_every_event_once(host: Host, cloudwatch: LocalCloudWatch, new_cluster: NewCluster) -> None:
    """Half an hour of events on two streams: each is delivered, none twice."""
    cluster = new_cluster()
    events = healthy(7, now_us() - 1_000_000)
    cloudwatch.put(events, cluster)
    settings = {**cloudwatch.init_config(), **QUICK, "shift": 1900}
    with host.running(cluster, ["ka.auditid"], init_config=settings) as run:
        assert run.wait_for_events(len(events)), run.errors
        # Another poll has passed, with nothing new to read, once this one arrives.
        last = one_event("last", age_s=0)
        cloudwatch.put([last], cluster)
        assert run.wait_for_events(len(events) + 1), run.errors
        run.stop()
    seen = [event["ka.auditid"] for event in run.events]
    assert sorted(seen) == sorted(event["auditID"] for event in [*events, last])


def test_fields_of_an_event(
    host: Host, cloudwatch: LocalCloudWatch, new_cluster: NewCluster
) -> None:
    """Fields show the event, the IAM identity, the cluster and where the event was read."""
    cluster = new_cluster()
    event = one_event("cart-1")
    cloudwatch.put([event], cluster)
    fields = [
        "evt.source",
        "ka.verb",
        "ka.user.arn",
        "ka.user.groups",
        "ka.target.name",
        "ka.response.code",
        "ka.cluster.name",
        "ka.eks.region",
        "ka.eks.log_group",
        "ka.eks.log_stream",
        "ka.truncated",
    ]
    settings = {**cloudwatch.init_config(), **QUICK, "shift": 60}
    with host.running(cluster, fields, init_config=settings) as run:
        assert run.wait_for_events(1), run.errors
        run.stop()
    (seen,) = run.events
    assert seen["ka.eks.log_stream"] in STREAMS
    del seen["ka.eks.log_stream"]
    assert seen == {
        "evt.source": "k8s_audit",
        "ka.verb": "get",
        "ka.user.arn": DEVELOPER.user["extra"]["arn"][0],
        "ka.user.groups": ["developers", "system:authenticated"],
        "ka.target.name": "cart-1",
        "ka.response.code": "200",
        "ka.cluster.name": cluster,
        "ka.eks.region": "eu-central-1",
        "ka.eks.log_group": f"/aws/eks/{cluster}/cluster",
        "ka.truncated": "false",
    }


def test_events_that_come_while_watching(
    host: Host, cloudwatch: LocalCloudWatch, new_cluster: NewCluster
) -> None:
    """What is written after the host has started is delivered too, and filters apply."""
    cluster = new_cluster()
    cloudwatch.put([one_event("before")], cluster)
    settings = {**cloudwatch.init_config(), **QUICK, "shift": 60}
    condition = "ka.target.name in (before, reverse) or ka.exec.command_line contains /dev/tcp/"
    with host.running(
        cluster, ["ka.target.name"], init_config=settings, condition=condition
    ) as run:
        assert run.wait_for_events(1), run.errors
        (shell,) = [step for step in STEPS if "reverse shell" in step.title]
        cloudwatch.put([one_event("other", age_s=0)], cluster)
        cloudwatch.put(shell.events(Random(1), now_us), cluster)  # noqa: S311 - a story
        assert run.wait_for_events(2), run.errors
        run.stop()
    assert [event["ka.target.name"] for event in run.events] == ["before", "node-tuner"]


def test_other_logs_of_the_control_plane(
    host: Host, cloudwatch: LocalCloudWatch, new_cluster: NewCluster
) -> None:
    """Streams of other components in the same log group are not read."""
    cluster = new_cluster()
    stray = one_event("stray", age_s=2)
    cloudwatch.put_lines(
        [(time_ms(stray), as_line(stray))], "kube-scheduler-4b1f0e6d2c9a8375", cluster
    )
    cloudwatch.put([one_event("wanted")], cluster)
    settings = {**cloudwatch.init_config(), **QUICK, "shift": 60}
    with host.running(cluster, ["ka.target.name"], init_config=settings) as run:
        assert run.wait_for_events(1), run.errors
        run.stop()
    assert [event["ka.target.name"] for event in run.events] == ["wanted"]


def test_clean_stop(host: Host, cloudwatch: LocalCloudWatch, new_cluster: NewCluster) -> None:
    """Ctrl-C ends the host without an error, long before the next poll."""
    cluster = new_cluster()
    cloudwatch.put([one_event("only")], cluster)
    settings = {**cloudwatch.init_config(), "polling_interval": 3600, "shift": 60}
    with host.running(cluster, ["ka.auditid"], init_config=settings) as run:
        assert run.wait_for_events(1), run.errors
        assert run.stop() == 0
    assert run.errors == ""
