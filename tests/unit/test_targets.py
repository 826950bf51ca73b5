"""The targets of open_params: what is understood, and the sentence for everything else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from k8saudit_eks.errors import ConfigError, shown
from k8saudit_eks.targets import (
    ClusterTarget,
    LogGroupTarget,
    QueueTarget,
    Target,
    parse_targets,
)

ACCOUNT, OTHER = "111122223333", "444455556666"


@pytest.mark.parametrize(
    ("text", "targets"),
    [
        ("production", [ClusterTarget("production")]),
        (
            "production, staging@eu-west-1",
            [ClusterTarget("production"), ClusterTarget("staging", None, "eu-west-1")],
        ),
        ("a\n b,,c\t", [ClusterTarget("a"), ClusterTarget("b"), ClusterTarget("c")]),
        ("*", [ClusterTarget("*")]),
        ("*@eu-west-1", [ClusterTarget("*", None, "eu-west-1")]),
        (f"prod-?@{ACCOUNT}", [ClusterTarget("prod-?", ACCOUNT)]),
        (f"prod-*@{ACCOUNT}/eu-west-1", [ClusterTarget("prod-*", ACCOUNT, "eu-west-1")]),
        (
            f"arn:aws:eks:eu-west-1:{ACCOUNT}:cluster/production",
            [ClusterTarget("production", ACCOUNT, "eu-west-1")],
        ),
        (
            f"arn:aws-cn:eks:cn-north-1:{ACCOUNT}:cluster/production",
            [ClusterTarget("production", ACCOUNT, "cn-north-1")],
        ),
        (
            f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:/audit/a.b",
            [LogGroupTarget("/audit/a.b", ACCOUNT, "eu-west-1")],
        ),
        (
            f"arn:aws-us-gov:logs:us-gov-west-1:{ACCOUNT}:log-group:/audit:*",
            [LogGroupTarget("/audit", ACCOUNT, "us-gov-west-1")],
        ),
        ("sqs://falco-audit", [QueueTarget("falco-audit")]),
        ("SQS://falco-audit@eu-west-1", [QueueTarget("falco-audit", None, "eu-west-1")]),
        (
            f"arn:aws:sqs:eu-west-1:{ACCOUNT}:falco-audit",
            [QueueTarget("falco-audit", ACCOUNT, "eu-west-1")],
        ),
        (
            f"https://sqs.eu-west-1.amazonaws.com/{ACCOUNT}/falco-audit",
            [QueueTarget("falco-audit", ACCOUNT, "eu-west-1")],
        ),
        (
            f"https://sqs.cn-north-1.amazonaws.com.cn/{ACCOUNT}/falco-audit",
            [QueueTarget("falco-audit", ACCOUNT, "cn-north-1")],
        ),
    ],
)
def test_each_form_of_a_target(text: str, targets: list[Target]) -> None:
    """Alone or in a list, whatever separates it."""
    assert list(parse_targets(text)) == targets
    assert list(parse_targets(f"first {text},last")) == [
        ClusterTarget("first"),
        *targets,
        ClusterTarget("last"),
    ]


def test_a_pattern_is_told_from_a_name() -> None:
    """Only "*" and "?" make one."""
    patterns = [target for target in parse_targets("a * b-? c*d") if target.is_pattern]  # type: ignore[union-attr]
    assert [str(target) for target in patterns] == ["*", "b-?", "c*d"]


@pytest.mark.parametrize(
    ("item", "parts"),
    [
        ("-prod", ["starts with a letter or digit"]),
        ("prod[12]", ["1 to 100 letters"]),
        ("x" * 101, ["1 to 100 letters"]),
        ("prod@", ['"" is no place', "staging@111122223333/eu-west-1"]),
        ("prod@production", ['"production" is no place']),
        ("prod@1234", ['"1234" is no place', "12 digits"]),
        (f"prod@eu-west-1/{ACCOUNT}", ["is no place", "account/region"]),
        (f"prod@{ACCOUNT}/eu-west-1a", ["availability zone: write its region, eu-west-1"]),
        ("@eu-west-1", ["1 to 100 letters"]),
        ("/var/log/audit", ["write file:///var/log/audit"]),
        ("a/b", ["write file:a/b"]),
        ("audit.json", ["write file:audit.json"]),
        ("file:///tmp/a", ["file: stands alone"]),
        ("s3://bucket", ["s3: is not known"]),
        ("arn:aws:s3:::bucket", ["no ARN of an EKS cluster"]),
        ("arn:aws:eks", ["no ARN of an EKS cluster"]),
        (f"arn:aws:eks:eu-west-1:{ACCOUNT}:nodegroup/a", ["write one with :cluster/"]),
        (f"arn:aws:eks:eu-west-1:{ACCOUNT}:cluster/a*", ["1 to 100 letters"]),
        ("arn:aws:eks:eu-west-1::cluster/a", ['"" is no account']),
        (f"arn:aws:eks:Ireland:{ACCOUNT}:cluster/a", ["is no AWS region"]),
        (f"arn:aws:eks:cn-north-1:{ACCOUNT}:cluster/a", ["aws-cn: write arn:aws-cn:"]),
        (f"arn:aws-cn:logs:eu-west-1:{ACCOUNT}:log-group:/a", ["aws: write arn:aws:"]),
        (f"arn:aws:logs:eu-west-1:{ACCOUNT}:destination:a", [":log-group:"]),
        (f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:a:log-stream:b", ["1 to 512"]),
        (f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:{{cluster}}", ["1 to 512"]),
        ("sqs://a.fifo", ["FIFO queue"]),
        ("sqs://", ["1 to 80"]),
        (f"arn:aws:sqs:eu-west-1:{ACCOUNT}:a:b", ["1 to 80"]),
        (f"https://example.com/{ACCOUNT}/a", ["no queue's URL", "the queue's ARN"]),
        (f"https://sqs.eu-west-1.amazonaws.com.cn/{ACCOUNT}/a", ["China"]),
        (f"https://sqs.cn-north-1.amazonaws.com/{ACCOUNT}/a", ["China"]),
        (f"https://sqs.nowhere.amazonaws.com/{ACCOUNT}/a", ["no AWS region"]),
    ],
)
def test_anything_else_is_refused_with_its_position(item: str, parts: list[str]) -> None:
    """One short line that holds the item and what to write; the position only in a list."""
    for text, start in (
        (item, "open_params is "),
        (f"production, {item} staging", "open_params item 2 is "),
    ):
        with pytest.raises(ConfigError) as caught:
            parse_targets(text)
        message = str(caught.value)
        assert message.startswith(start)
        assert shown(item) in message
        assert "\n" not in message
        assert len(message) < 320
        for part in parts:
            assert part in message


@pytest.mark.parametrize("text", ["", " \n", ",", " , ,"])
def test_no_target_at_all(text: str) -> None:
    """Nothing, or nothing but separators."""
    with pytest.raises(ConfigError, match="open_params is empty"):
        parse_targets(text)


def test_a_password_in_a_url_is_not_repeated() -> None:
    """Neither before the host nor in the query."""
    with pytest.raises(ConfigError) as caught:
        parse_targets("https://alice:s3cret@example.com/a?X-Amz-Signature=t0ken")
    assert "example.com/a" in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert "t0ken" not in str(caught.value)


_NAME = st.from_regex(r"[0-9A-Za-z][A-Za-z0-9_-]{0,99}", fullmatch=True)
_PATTERN = st.from_regex(r"[0-9A-Za-z*?][A-Za-z0-9_*?-]{0,99}", fullmatch=True)
_ACCOUNTS = st.from_regex(r"[0-9]{12}", fullmatch=True)
_REGIONS = st.sampled_from(["eu-central-1", "cn-north-1", "us-gov-west-1", "us-isob-east-1"])
_TARGETS = st.one_of(
    st.builds(ClusterTarget, _NAME | _PATTERN, st.none() | _ACCOUNTS, st.none() | _REGIONS),
    st.builds(
        LogGroupTarget,
        st.from_regex(r"[.\-_/#A-Za-z0-9]{1,60}", fullmatch=True),
        _ACCOUNTS,
        _REGIONS,
    ),
    st.builds(
        QueueTarget,
        st.from_regex(r"[A-Za-z0-9_-]{1,80}", fullmatch=True),
        st.none() | _ACCOUNTS,
        st.none() | _REGIONS,
    ),
)
_SEPARATORS = st.text(",\n\t ", min_size=1, max_size=3)


@given(st.lists(st.tuples(_TARGETS, _SEPARATORS), min_size=1, max_size=6))
def test_what_is_written_parses_to_the_same(written: list[tuple[Target, str]]) -> None:
    """Whatever stands between the targets."""
    text = "".join(f"{target}{separator}" for target, separator in written)
    assert parse_targets(text) == tuple(target for target, _ in written)


_PIECES = st.sampled_from(
    ("arn:", "arn:aws:eks:", "arn:aws:logs:", "sqs://", "https://sqs.", ".amazonaws.com", "file:")
) | st.sampled_from(("eu-west-1", ACCOUNT, "cluster/", "log-group:", "prod", *"*@/:, "))


@given(st.text() | st.lists(_PIECES | st.text(max_size=3)).map("".join))
def test_no_text_raises_anything_but_a_short_refusal(text: str) -> None:
    """Never another exception, never a long or broken line."""
    try:
        targets = parse_targets(text)
    except ConfigError as refused:
        message = str(refused)
        assert len(message) < 450
        assert message.isprintable()
    else:
        assert parse_targets(" ".join(map(str, targets))) == targets


@given(st.text())
def test_what_is_shown_is_short_and_on_one_line(text: str) -> None:
    """However long it is, and whatever it holds."""
    assert len(shown(text)) <= 84
    assert shown(text).isprintable()
