"""Sessions and clients: where credentials and region come from, timeouts, attempts.

Sessions are botocore's, the core of boto3: boto3's own would find the same credentials and
make the same clients, but importing it brings S3 transfers and resources, 3 MB that stay
in the host.
"""

from __future__ import annotations

import os
import subprocess
from typing import Any, Protocol

# Ships no type information; the parts used here are typed by LogsClient.
import botocore.exceptions as botocore_errors  # type: ignore[import-untyped]
from botocore.config import Config as ClientConfig  # type: ignore[import-untyped]
from botocore.credentials import (  # type: ignore[import-untyped]
    AssumeRoleCredentialFetcher,
    DeferredRefreshableCredentials,
    ProcessProvider,
)
from botocore.session import Session as CoreSession  # type: ignore[import-untyped]

from k8saudit_eks import PLUGIN_NAME, __version__
from k8saudit_eks.aws.answers import check_answers
from k8saudit_eks.config.table import Config

CONNECT_TIMEOUT_S = 5
READ_TIMEOUT_S = 20
CREDENTIALS_TIMEOUT_S = 5
# A profile's credential_process may make calls of its own.
CREDENTIAL_PROCESS_TIMEOUT_S = 30
# Catch-up makes so many calls at the same time.
CONNECTIONS_MAX = 10


class LogsClient(Protocol):
    """What is used of botocore's CloudWatch Logs client."""

    def filter_log_events(self, **request: Any) -> dict[str, Any]: ...

    def describe_log_groups(self, **request: Any) -> dict[str, Any]: ...


def new_session(config: Config) -> Any:
    """A session in boto3's own order of places; the configuration comes first.

    AWS_REGION is looked at before AWS_DEFAULT_REGION, as every other AWS SDK does
    and as EKS sets it in pods; boto3 knows the latter only.
    """
    region = config.region or os.environ.get("AWS_REGION") or None
    core = _core_session(config.profile, region)
    core.set_default_client_config(_credential_calls())
    _bound_credential_process(core)
    if config.role_arn is None:
        return core
    extra = {"RoleSessionName": f"{PLUGIN_NAME}-{os.getpid()}"}
    if config.external_id is not None:
        extra["ExternalId"] = config.external_id
    source = core.get_credentials()
    if source is None:
        raise botocore_errors.NoCredentialsError
    fetcher = AssumeRoleCredentialFetcher(
        core.create_client, source, config.role_arn, extra_args=extra
    )
    # Assumed at the first call, and again before the credentials expire.
    assumed = _core_session(config.profile, region_of(core))
    assumed._credentials = DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")
    return assumed


def region_of(session: Any) -> str | None:
    """The region that a session's clients ask."""
    region: str | None = session.get_config_variable("region")
    return region


def _core_session(profile: str | None, region: str | None) -> Any:
    session = CoreSession()
    if profile is not None:
        session.set_config_variable("profile", profile)
    if region is not None:
        session.set_config_variable("region", region)
    return session


def new_client(
    session: Any,
    config: Config,
    attempts: int,
    connect_timeout_s: float = CONNECT_TIMEOUT_S,
    read_timeout_s: float = READ_TIMEOUT_S,
) -> LogsClient:
    """A client that makes `attempts` attempts a call."""
    aws = session.create_client(
        "logs",
        endpoint_url=config.endpoint_url,
        config=ClientConfig(
            connect_timeout=connect_timeout_s,
            read_timeout=read_timeout_s,
            retries={"mode": "standard", "total_max_attempts": attempts},
            user_agent_extra=f"{PLUGIN_NAME}/{__version__}",
            max_pool_connections=CONNECTIONS_MAX,
        ),
    )
    check_answers(aws)
    client: LogsClient = aws
    return client


class _BoundedProcess(subprocess.Popen[bytes]):
    """A credential_process that is ended when it gives no answer."""

    def communicate(
        self,
        input: bytes | None = None,
        timeout: float | None = None,
    ) -> tuple[bytes, bytes]:
        try:
            return super().communicate(input, timeout or CREDENTIAL_PROCESS_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()
            self.wait()
            # Not read to their end: children of the process may hold them open.
            for pipe in (self.stdout, self.stderr):
                if pipe is not None:
                    pipe.close()
            said = f"it gave no answer within {CREDENTIAL_PROCESS_TIMEOUT_S} s, and was ended"
            return b"", said.encode()


def _bound_credential_process(core: Any) -> None:
    """botocore waits for a profile's credential_process without end, and reading waits with it.

    One of a source_profile is botocore's own business.
    """
    provider = ProcessProvider(
        profile_name=core.get_config_variable("profile") or "default",
        load_config=lambda: core.full_config,
        popen=_BoundedProcess,
    )
    core.get_component("credential_provider").insert_before(ProcessProvider.METHOD, provider)


def _credential_calls() -> Any:
    """Limits for the calls that fetch credentials, to STS for example.

    By default botocore waits up to five minutes for one, and it makes one at every
    call once credentials are about to expire, although they are still good.
    """
    return ClientConfig(
        connect_timeout=CREDENTIALS_TIMEOUT_S,
        read_timeout=CREDENTIALS_TIMEOUT_S,
        retries={"mode": "standard", "total_max_attempts": 2},
    )
