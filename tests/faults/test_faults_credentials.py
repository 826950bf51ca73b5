"""Credentials that expire, are renewed, and can't be renewed for a while."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from counting import LIVING, Counting, counting
from fakes import audit_line
from server import FaultyCloudWatch

Setting = Callable[[FaultyCloudWatch], None]


@pytest.fixture
def pod_identity(monkeypatch: pytest.MonkeyPatch) -> Setting:
    """As EKS Pod Identity sets a pod's environment."""

    def use(server: FaultyCloudWatch) -> None:
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        url = f"{server.endpoint_url}/v1/credentials"
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url)
        monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "pod token")

    return use


@pytest.fixture
def web_identity(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Setting:
    """As IAM roles for service accounts (IRSA) set a pod's environment."""

    def use(server: FaultyCloudWatch) -> None:
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        token = tmp_path / "token"
        token.write_text("web token")
        monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(token))
        monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/falco")
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", server.endpoint_url)

    return use


def put(server: FaultyCloudWatch, first: int, count: int = 20) -> None:
    """Events of now."""
    with server.lock:
        for number in range(first, first + count):
            server.logs.add(server.now_ms(), audit_line(str(number)))


def check(host: Counting, events: int) -> None:
    """Each once, and the source lives."""
    assert sorted(host.audit_ids, key=int) == [str(number) for number in range(events)]
    assert host.rc in LIVING


@pytest.mark.parametrize("how", ["pod identity", "web identity"])
def test_renewal_in_time(
    how: str,
    pod_identity: Setting,
    web_identity: Setting,
    counting_host: Path,
    library: Path,
) -> None:
    """Credentials that are good for seconds: reading goes on, without one refusal."""
    with FaultyCloudWatch() as server:
        server.issuer.validity_s = 3
        (pod_identity if how == "pod identity" else web_identity)(server)
        put(server, 0)
        with counting(counting_host, library, server.init_config()) as host:
            assert host.wait_for_events(20), host.log
            assert server.issuer.wait_for_requests(how, server.issuer.asked[how] + 3, 30)
            put(server, 20)
            assert host.wait_for_events(40), host.log
            assert host.stop() == 0
    check(host, 40)
    assert host.metrics["api_errors"] == 0


@pytest.mark.parametrize("how", ["pod identity", "web identity"])
def test_renewal_that_fails_for_a_while(
    how: str,
    pod_identity: Setting,
    web_identity: Setting,
    counting_host: Path,
    library: Path,
) -> None:
    """It is said once, retried, and what was written meanwhile arrives."""
    said = "can't be fetched" if how == "pod identity" else "to let this identity assume the role"
    with FaultyCloudWatch() as server:
        server.issuer.validity_s = 1
        (pod_identity if how == "pod identity" else web_identity)(server)
        put(server, 0)
        with counting(counting_host, library, server.init_config()) as host:
            assert host.wait_for_events(20), host.log
            server.issuer.failing = True
            put(server, 20)
            assert host.wait_for_log(said), host.log
            assert server.issuer.wait_for_requests(how, server.issuer.asked[how] + 2, 30)
            server.issuer.failing = False
            put(server, 40)
            assert host.wait_for_events(60), host.log
            assert host.stop() == 0
    check(host, 60)
    assert host.metrics["api_errors"] > 0
    assert len([text for severity, text in host.log if severity <= 3]) == 1, host.log


def test_expired_before_their_time(
    pod_identity: Setting, counting_host: Path, library: Path
) -> None:
    """AWS says expired while botocore believes them good for an hour: they are asked for anew."""
    with FaultyCloudWatch() as server:
        pod_identity(server)
        put(server, 0)
        with counting(counting_host, library, server.init_config()) as host:
            assert host.wait_for_events(20), host.log
            server.issuer.revoke()
            put(server, 20)
            assert host.wait_for_events(40, 20), host.log
            assert host.stop() == 0
    check(host, 40)


def test_a_profile_whose_keys_are_replaced(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, counting_host: Path, library: Path
) -> None:
    """A credentials file that another program rewrites is read again once its keys are refused."""
    with FaultyCloudWatch() as server:

        def write_profile() -> None:
            new = server.issuer.issue("profile", time.time())
            assert new is not None
            (tmp_path / "aws-credentials").write_text(
                f"[falco]\naws_access_key_id = {new['AccessKeyId']}\n"
                f"aws_secret_access_key = {new['SecretAccessKey']}\n"
                f"aws_session_token = {new['SessionToken']}\n"
            )

        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        write_profile()
        put(server, 0)
        with counting(counting_host, library, server.init_config(profile="falco")) as host:
            assert host.wait_for_events(20), host.log
            server.issuer.revoke()
            put(server, 20)
            assert host.wait_for_log("have expired"), host.log
            write_profile()
            assert host.wait_for_events(40), host.log
            assert host.stop() == 0
    check(host, 40)
