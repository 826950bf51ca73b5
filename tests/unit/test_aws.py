"""Sessions, clients and errors of AWS, without AWS."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.exceptions
import pytest
from botocore.stub import ANY, Stubber
from readers import reader

from k8saudit_eks.aws import log_group as aws
from k8saudit_eks.aws import session as aws_session
from k8saudit_eks.aws.errors import Failure, ReadError, sentence_of
from k8saudit_eks.aws.log_group import LogGroup, list_eks_clusters, open_log_group
from k8saudit_eks.config.table import Config
from k8saudit_eks.errors import OpenError

GROUP = "/aws/eks/prod/cluster"
MISSING = "The specified log group does not exist."


@pytest.fixture(autouse=True)
def no_ambient_aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Only what a test sets: no profile, no instance role, no waiting for one."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def stubber(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    """The real client, answering what the test queued."""
    config = Config(region="eu-west-1")
    client = aws_session.new_client(aws_session.new_session(config), config, 1)
    monkeypatch.setattr(aws, "new_client", lambda *_arguments, **_options: client)
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def refusal(stubber: Stubber, code: str, message: str = "", status: int = 400) -> str:
    """What open says when FilterLogEvents is refused."""
    stubber.add_client_error("filter_log_events", code, message, http_status_code=status)
    if code == "ResourceNotFoundException":
        stubber.add_response("describe_log_groups", {"logGroups": []})
    with pytest.raises(OpenError) as caught:
        open_log_group(Config(region="eu-west-1"), "prod", reader())
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_open_takes_the_account_from_the_log_groups_arn(stubber: Stubber) -> None:
    """One probe, one look at the log group."""
    stubber.add_response(
        "filter_log_events",
        {"events": []},
        {
            "logGroupName": GROUP,
            "logStreamNamePrefix": "kube-apiserver-audit-",
            "startTime": ANY,
            "limit": 1,
        },
    )
    arn = f"arn:aws:logs:eu-west-1:123456789012:log-group:{GROUP}:*"
    groups = [{"logGroupName": f"{GROUP}-2", "arn": "x"}, {"logGroupName": GROUP, "arn": arn}]
    stubber.add_response("describe_log_groups", {"logGroups": groups})
    group = open_log_group(Config(region="eu-west-1"), "prod", reader())
    assert (group.account, group.region, group.name) == ("123456789012", "eu-west-1", GROUP)


def test_the_account_is_optional(stubber: Stubber) -> None:
    """Without logs:DescribeLogGroups it stays unknown."""
    stubber.add_response("filter_log_events", {"events": []})
    stubber.add_client_error("describe_log_groups", "AccessDeniedException")
    assert open_log_group(Config(region="eu-west-1"), "prod", reader()).account is None


@pytest.mark.parametrize("code", ["ThrottlingException", "ServiceUnavailableException"])
def test_a_busy_aws_does_not_refuse_the_open(stubber: Stubber, code: str) -> None:
    """Reading goes on trying, by AWS's clock; a restart storm must not keep itself going."""
    headers = {"HTTPHeaders": {"date": "Thu, 01 Jan 2026 00:00:00 GMT"}}
    stubber.add_client_error("filter_log_events", code, http_status_code=503, response_meta=headers)
    group = open_log_group(Config(region="eu-west-1"), "prod", reader())
    assert (group.name, group.server_times_ms) == (GROUP, [1_767_225_600_000])


def test_both_answers_of_the_open_tell_the_time(stubber: Stubber) -> None:
    """In their order, a denied look at the log group too: two that agree are believed."""
    first = {"HTTPHeaders": {"date": "Thu, 01 Jan 2026 00:00:00 GMT"}}
    second = {"HTTPHeaders": {"date": "Thu, 01 Jan 2026 00:00:01 GMT"}}
    times_ms = [1_767_225_600_000, 1_767_225_601_000]
    page: dict[str, Any] = {"events": [], "ResponseMetadata": first}
    stubber.add_response("filter_log_events", page)
    stubber.add_response("describe_log_groups", {"logGroups": [], "ResponseMetadata": second})
    assert open_log_group(Config(region="eu-west-1"), "prod", reader()).server_times_ms == times_ms
    stubber.add_response("filter_log_events", page)
    stubber.add_client_error("describe_log_groups", "AccessDenied", response_meta=second)
    assert open_log_group(Config(region="eu-west-1"), "prod", reader()).server_times_ms == times_ms


def test_a_denied_action_names_who_what_and_where(stubber: Stubber) -> None:
    """As AWS says it, and the cure."""
    text = refusal(
        stubber,
        "AccessDeniedException",
        "User: arn:aws:sts::1:assumed-role/falco/i-1 is not authorized to perform: "
        f"logs:FilterLogEvents on resource: arn:aws:logs:eu-west-1:1:log-group:{GROUP} because no "
        "identity-based policy allows the logs:FilterLogEvents action",
    )
    assert "denies logs:FilterLogEvents on arn:aws:logs:eu-west-1:1:log-group:/aws/eks" in text
    assert "to User: arn:aws:sts::1:assumed-role/falco/i-1" in text
    assert "IAM policy" in text
    stubber.add_client_error("filter_log_events", "AccessDeniedException", "no")
    with pytest.raises(OpenError, match=f"denies logs:FilterLogEvents on {GROUP}"):
        open_log_group(Config(region="eu-west-1"), "prod", reader())


def test_a_missing_log_group_says_how_to_switch_audit_logging_on(stubber: Stubber) -> None:
    """And which clusters do have one."""
    stubber.add_client_error("filter_log_events", "ResourceNotFoundException", MISSING)
    names = ["/aws/eks/a/cluster", "/aws/eks/b/other", "/aws/eks/c-1/cluster"]
    stubber.add_response(
        "describe_log_groups",
        {"logGroups": [{"logGroupName": name} for name in names]},
        {"logGroupNamePrefix": "/aws/eks/"},
    )
    with pytest.raises(OpenError) as caught:
        open_log_group(Config(region="eu-west-1"), "prod", reader())
    text = str(caught.value)
    start = f"there is no log group {GROUP} in eu-west-1 (clusters that have one: a, c-1): check"
    assert text.startswith(start)
    assert "aws eks update-cluster-config --region eu-west-1 --name prod --logging" in text


def test_among_many_clusters_the_likeliest_come_first(stubber: Stubber) -> None:
    """A host that cuts the sentence short still shows a name like it, and the cure."""
    stubber.add_client_error("filter_log_events", "ResourceNotFoundException", MISSING)
    names = [f"/aws/eks/team-{number:02}/cluster" for number in range(30)]
    groups = [{"logGroupName": name} for name in [*names, "/aws/eks/prodd/cluster"]]
    stubber.add_response("describe_log_groups", {"logGroups": groups})
    with pytest.raises(OpenError) as caught:
        open_log_group(Config(region="eu-west-1"), "prod", reader())
    shown = str(caught.value)[:255]
    assert "that have one: prodd, " in shown
    assert "aws eks update-cluster-config" in shown
    assert str(caught.value).endswith(
        " (all that have one: "
        + ", ".join(["prodd", *(f"team-{number:02}" for number in range(19))])
        + ", …)"
    )


def test_a_missing_log_group_without_permission_to_list(stubber: Stubber) -> None:
    """The sentence stands without the list."""
    stubber.add_client_error("filter_log_events", "ResourceNotFoundException", MISSING)
    stubber.add_client_error("describe_log_groups", "AccessDeniedException")
    with pytest.raises(OpenError, match="update-cluster-config"):
        open_log_group(Config(region="eu-west-1"), "prod", reader())


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("ExpiredTokenException", "credentials have expired"),
        ("UnrecognizedClientException", "does not know these credentials"),
        ("InvalidSignatureException", "machine's clock"),
        ("ResourceNotFoundException", "no cluster has one there"),
        ("InvalidParameterException", "refuses FilterLogEvents on /aws/eks/prod/cluster"),
    ],
)
def test_refusals_are_one_sentence_with_the_cure(
    stubber: Stubber, code: str, expected: str
) -> None:
    """Each code that a user can do something about."""
    assert expected in refusal(stubber, code, MISSING)


def test_no_region() -> None:
    """Names the three places."""
    with pytest.raises(OpenError, match=r"^no AWS region is known: set region in init_config"):
        open_log_group(Config(), "prod", reader())


def test_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names the usual sources."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    for role in (None, "arn:aws:iam::123456789012:role/reader"):
        with pytest.raises(OpenError, match="no AWS credentials were found"):
            open_log_group(Config(region="eu-west-1", role_arn=role), "prod", reader())


def test_half_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Says that something is missing."""
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(OpenError, match="credentials are incomplete"):
        open_log_group(Config(region="eu-west-1"), "prod", reader())


def test_an_unknown_profile() -> None:
    """Names it and where it was looked for."""
    with pytest.raises(OpenError, match=r"\(nope\).*AWS_CONFIG_FILE"):
        open_log_group(Config(region="eu-west-1", profile="nope"), "prod", reader())


def test_an_unreachable_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    """After botocore's retries."""
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(OpenError, match=f"can't be reached .*{url}.*check endpoint_url"):
            open_log_group(Config(region="eu-west-1", endpoint_url=url), "prod", reader())
        with pytest.raises(OpenError, match="can't be reached"):
            list_eks_clusters(Config(region="eu-west-1", endpoint_url=url))


def test_a_bad_endpoint_or_region() -> None:
    """What botocore finds out itself."""
    with pytest.raises(OpenError, match="Invalid endpoint"):
        open_log_group(Config(region="eu-west-1", endpoint_url="nonsense"), "prod", reader())
    with pytest.raises(OpenError, match="eu-west-1"):
        open_log_group(Config(region="eu west 1"), "prod", reader())


def test_the_configuration_wins_over_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """region in init_config, AWS_REGION, AWS_DEFAULT_REGION, the profile."""
    (tmp_path / "config").write_text("[profile p]\nregion = eu-south-1\n")
    assert aws_session.region_of(aws_session.new_session(Config(profile="p"))) == "eu-south-1"
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-3")
    assert aws_session.region_of(aws_session.new_session(Config(profile="p"))) == "eu-west-3"
    monkeypatch.setenv("AWS_REGION", "eu-west-2")
    assert aws_session.region_of(aws_session.new_session(Config())) == "eu-west-2"
    assert aws_session.region_of(aws_session.new_session(Config(region="eu-west-1"))) == "eu-west-1"


def test_a_role_is_assumed_with_the_external_id(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the first call and not before; the region is kept."""
    asked: list[dict[str, Any]] = []

    class Sts:
        def assume_role(self, **request: Any) -> dict[str, Any]:
            asked.append(request)
            return {
                "Credentials": {
                    "AccessKeyId": "assumed",
                    "SecretAccessKey": "s",
                    "SessionToken": "t",
                    "Expiration": "2099-01-01T00:00:00Z",
                }
            }

        def __enter__(self) -> Sts:
            return self

        def __exit__(self, *_: object) -> None: ...

    monkeypatch.setattr(
        "botocore.session.Session.create_client", lambda *_arguments, **_options: Sts()
    )
    role = "arn:aws:iam::123456789012:role/reader"
    session = aws_session.new_session(Config(region="eu-west-1", role_arn=role, external_id="x"))
    assert aws_session.region_of(session) == "eu-west-1"
    assert asked == []
    assert session.get_credentials().get_frozen_credentials().access_key == "assumed"
    assert [(a["RoleArn"], a["ExternalId"]) for a in asked] == [(role, "x")]


def test_a_role_that_may_not_be_assumed() -> None:
    """Says so, and not that CloudWatch refused."""
    error = botocore.exceptions.ClientError(
        {"Error": {"Code": "AccessDenied", "Message": "User: u is not authorized"}}, "AssumeRole"
    )

    class Client:
        def filter_log_events(self, **_: Any) -> dict[str, Any]:
            raise error

    group = LogGroup(Client(), reader=reader(), name=GROUP, stream_prefix="")  # type: ignore[arg-type]
    with pytest.raises(ReadError, match="trust policy") as caught:
        group.page(0, None)
    assert caught.value.kind is Failure.LASTING


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (botocore.exceptions.ReadTimeoutError(endpoint_url="u"), Failure.PASSING),
        (botocore.exceptions.ConnectionClosedError(endpoint_url="u"), Failure.PASSING),
        (botocore.exceptions.NoCredentialsError(), Failure.LASTING),
        (
            botocore.exceptions.CredentialRetrievalError(provider="p", error_msg="m"),
            Failure.LASTING,
        ),
        (AttributeError("x"), Failure.PASSING),
    ],
)
def test_what_failures_mean_while_reading(error: Exception, kind: Failure) -> None:
    """Passing ones are tried again quietly, lasting ones are reported as errors."""

    class Client:
        def filter_log_events(self, **_: Any) -> dict[str, Any]:
            raise error

    group = LogGroup(Client(), reader=reader(), name=GROUP, stream_prefix="")  # type: ignore[arg-type]
    with pytest.raises(ReadError) as caught:
        group.page(0, None)
    assert caught.value.kind is kind


def test_a_call_that_brings_no_page_tells_the_time_too(stubber: Stubber) -> None:
    """A refusal, and an answer that repeats the page token that was sent."""
    dated = {"HTTPHeaders": {"date": "Thu, 01 Jan 2026 00:00:00 GMT"}}
    stubber.add_response("filter_log_events", {"events": []})
    stubber.add_response("describe_log_groups", {"logGroups": []})
    group = open_log_group(Config(region="eu-west-1"), "prod", reader())
    stubber.add_client_error("filter_log_events", "InternalFailure", response_meta=dated)
    stubber.add_response(
        "filter_log_events", {"events": [], "nextToken": "t", "ResponseMetadata": dated}
    )
    kinds = []
    for _ in range(2):
        with pytest.raises(ReadError) as caught:
            group.page(0, None, token="t")  # noqa: S106
        assert caught.value.server_time_ms == 1_767_225_600_000
        kinds.append(caught.value.kind)
    assert kinds[1] is Failure.TOKEN_REFUSED


def test_a_refused_token_is_told_from_a_refused_request(stubber: Stubber) -> None:
    """Only a request that carried a token can have a bad one."""
    stubber.add_response("filter_log_events", {"events": []})
    stubber.add_response("describe_log_groups", {"logGroups": []})
    group = open_log_group(Config(region="eu-west-1"), "prod", reader())
    kinds = []
    for token in ("t", None):
        stubber.add_client_error("filter_log_events", "InvalidParameterException")
        with pytest.raises(ReadError) as caught:
            group.page(0, None, token=token)
        kinds.append(caught.value.kind)
    assert kinds == [Failure.TOKEN_REFUSED, Failure.LASTING]


def test_requests_carry_range_streams_token_and_pattern(stubber: Stubber) -> None:
    """In the API's names; a stream list replaces the prefix."""
    stubber.add_response("filter_log_events", {"events": []})
    stubber.add_response("describe_log_groups", {"logGroups": []})
    group = open_log_group(
        Config(region="eu-west-1", filter_pattern="{ $.x = 1 }"), "prod", reader()
    )
    stubber.add_response(
        "filter_log_events",
        {"events": [], "nextToken": "n"},
        {
            "logGroupName": GROUP,
            "logStreamNames": ["a"],
            "startTime": 1,
            "endTime": 2,
            "nextToken": "t",
            "filterPattern": "{ $.x = 1 }",
        },
    )
    page = group.page(1, 2, streams=("a",), token="t")  # noqa: S106 (of a page)
    assert (len(page.events), page.next_token) == (0, "n")


def test_clusters_are_listed_from_all_pages(stubber: Stubber) -> None:
    """Only names that fit the log group template."""
    first = {"logGroups": [{"logGroupName": "/aws/eks/a/cluster"}], "nextToken": "2"}
    stubber.add_response("describe_log_groups", first)
    stubber.add_response(
        "describe_log_groups",
        {"logGroups": [{"logGroupName": "/aws/eks/b/cluster"}, {"logGroupName": "/aws/eks/x"}]},
        {"logGroupNamePrefix": "/aws/eks/", "nextToken": "2"},
    )
    assert list_eks_clusters(Config(region="eu-west-1")) == ["a", "b"]


class Refusing:
    """A client that always fails in the same way."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.calls = 0

    def filter_log_events(self, **request: Any) -> dict[str, Any]:
        self.calls += 1
        raise self.error

    def describe_log_groups(self, **request: Any) -> dict[str, Any]:
        raise self.error


def aws_error(code: str) -> Exception:
    return botocore.exceptions.ClientError({"Error": {"Code": code}}, "FilterLogEvents")


def test_refused_credentials_are_looked_up_anew_now_and_then() -> None:
    """For the call after the refused one, at most every five seconds; failing at it is no news."""
    clients: list[Refusing] = []
    renewed_at_s: list[float] = []
    now_s = -60.0

    def renew() -> Refusing:
        renewed_at_s.append(now_s)
        if len(clients) == 2:
            raise botocore.exceptions.ProfileNotFound(profile="p")
        clients.append(Refusing(aws_error("ExpiredTokenException")))
        return clients[-1]

    group = LogGroup(
        renew(),
        reader=reader(),
        name=GROUP,
        stream_prefix="",
        renew=renew,
        monotonic_s=lambda: now_s,
    )
    for second in (0.0, 1.0, 2.0, 6.0, 7.0, 12.0):
        now_s = second
        with pytest.raises(ReadError, match="have expired"):
            group.page(0, None)
    assert [client.calls for client in clients] == [1, 5]
    assert renewed_at_s == [-60.0, 0.0, 6.0, 12.0]


@pytest.mark.parametrize("code", ["AccessDeniedException", "ThrottlingException"])
def test_other_refusals_keep_the_client(code: str) -> None:
    """New credentials would not help."""

    def renew() -> Refusing:
        raise AssertionError

    client = Refusing(aws_error(code))
    group = LogGroup(client, reader=reader(), name=GROUP, stream_prefix="", renew=renew)
    for _ in range(3):
        with pytest.raises(ReadError):
            group.page(0, None)
    assert client.calls == 3


def test_credentials_are_not_waited_for_long() -> None:
    """Calls to STS get seconds, not botocore's minutes."""
    session = aws_session.new_session(Config(region="eu-west-1"))
    limits = session.create_client("sts").meta.config
    assert limits.connect_timeout == limits.read_timeout == aws_session.CREDENTIALS_TIMEOUT_S
    assert limits.retries["total_max_attempts"] == 2


def test_a_refusal_of_a_megabyte_is_cut() -> None:
    """It goes to the log, and is searched with the GIL held."""
    response = {"Error": {"Code": "AccessDenied", "Message": "x" * 2**20}}
    error = botocore.exceptions.ClientError(response, "AssumeRole")
    assert len(sentence_of(error, "logs:FilterLogEvents", "g")) < 2_000
