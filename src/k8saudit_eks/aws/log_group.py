"""Log groups: opening one, reading a page of it, listing those of EKS clusters.

Everything that AWS can answer becomes a Page, a ReadError while reading, or an
OpenError while opening. Clients come from session.py, what errors mean from
errors.py.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from email.utils import parsedate_to_datetime
from typing import Any

from k8saudit_eks.aws.answers import log_events_of, read_answers
from k8saudit_eks.aws.errors import (
    Failure,
    ReadError,
    are_credentials_bad,
    code_of,
    is_aws_busy,
    read_error,
    sentence_of,
)
from k8saudit_eks.aws.plain_page import add_well_formed
from k8saudit_eks.aws.session import LogsClient, new_client, new_session, region_of
from k8saudit_eks.config.table import Config
from k8saudit_eks.errors import OpenError
from k8saudit_eks.iam_policy import LIST, READ
from k8saudit_eks.log_events import LogEventReader, LogEvents

# How many attempts botocore makes while opening. While reading it makes one: there
# the poller itself retries, so that every attempt is counted, fits the call budget,
# and a wait ends at once on close.
OPEN_ATTEMPTS = 3
LIKELIEST_CLUSTERS = 3
LISTED_CLUSTERS = 20
_LIST_PAGES = 5
# While credentials are refused, they are looked up again this often at most.
_RENEW_EVERY_S = 5.0


@dataclass(frozen=True)
class Page:
    """One answer of FilterLogEvents.

    Attributes:
        events: those of streams with the prefix.
        next_token: None at the end of the chain.
        server_time_ms: AWS's clock when it answered, to the second; None if unknown.
        malformed: how many more there were without eventId, timestamp or text.
    """

    events: LogEvents
    next_token: str | None
    server_time_ms: int | None
    malformed: int = 0


class LogGroup:
    """One log group that was opened: knows how to read a page of it. Any thread."""

    def __init__(
        self,
        client: LogsClient,
        *,
        reader: LogEventReader,
        name: str,
        stream_prefix: str,
        filter_pattern: str | None = None,
        region: str | None = None,
        account: str | None = None,
        server_times_ms: Sequence[int] = (),
        renew: Callable[[], LogsClient] | None = None,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Args:
            client: its answers may have been read by answers.py.
            reader: takes the log events of those that were not.
            server_times_ms: AWS's clock as its answers at opening told it, in their order.
            renew: makes another client with credentials that are looked up again.
        """
        self.name = name
        self.region = region
        self.account = account
        self.server_times_ms = server_times_ms
        self._client = client
        self._reader = reader
        self._renew = renew
        self._renewed_at_s: float | None = None
        self._renewing = threading.Lock()
        self._monotonic_s = monotonic_s
        self._stream_prefix = stream_prefix
        self._pattern = {"filterPattern": filter_pattern} if filter_pattern else {}

    def page(
        self,
        start_ms: int,
        end_ms: int | None,
        *,
        streams: tuple[str, ...] = (),
        token: str | None = None,
    ) -> Page:
        """Read one page of [start_ms, end_ms], both inclusive.

        Args:
            end_ms: None for no end.
            streams: only these log streams; empty for all with the prefix.
            token: next_token of the page before, of the same range and streams.

        Raises:
            ReadError: there is no page.
        """
        request: dict[str, Any] = {
            "logGroupName": self.name,
            "startTime": max(0, start_ms),
            **self._pattern,
        }
        if end_ms is not None:
            request["endTime"] = end_ms
        if streams:
            request["logStreamNames"] = list(streams)
        elif self._stream_prefix:
            request["logStreamNamePrefix"] = self._stream_prefix
        if token is not None:
            request["nextToken"] = token
        client = self._client
        try:
            answer = client.filter_log_events(**request)
        except Exception as error:
            # Everything: an answer of the wrong shape makes botocore raise what it likes.
            if are_credentials_bad(error):
                self._renew_client(client)
            refusal = read_error(error, READ, self.name, token=token, streams=streams)
            refusal.server_time_ms = _server_time_ms(getattr(error, "response", {}))
            raise refusal from error
        try:
            return self._checked(answer, token)
        except (ReadError, MemoryError) as error:
            refusal = error if isinstance(error, ReadError) else read_error(error, READ, self.name)
            refusal.server_time_ms = _server_time_ms(answer)
            raise refusal from None

    def _renew_client(self, refused: LogsClient) -> None:
        """Look credentials up again, for the next call.

        botocore renews those that say when they expire. It reads a profile's and the
        environment's keys once, though, and trusts this machine's clock over AWS when
        it says that they have expired.
        """
        with self._renewing:
            now_s = self._monotonic_s()
            last_s = self._renewed_at_s
            if self._renew is None or self._client is not refused:
                return
            if last_s is not None and now_s - last_s < _RENEW_EVERY_S:
                return
            self._renewed_at_s = now_s
            try:
                self._client = self._renew()
            except Exception:  # the caller reports what the call before had met
                return

    def _checked(self, answer: dict[str, Any], asked_with: str | None) -> Page:
        """An answer without a list of events is no empty page: it would lose what it hides."""
        token = answer.get("nextToken")
        is_answer = token is None or isinstance(token, str)
        # What was left of an answer that was read has an empty list. If botocore could not
        # parse that, there is no list, and the token is not known.
        parsed = answer.get("events")
        events, malformed = None, 0
        if isinstance(parsed, list):
            events = log_events_of(answer)
            if events is None:
                events, malformed = add_well_formed(parsed, self._reader, self._stream_prefix)
                # One malformed event must not hide the others; where there is no other, it may
                # be the answer that is wrong.
                is_answer &= not parsed or malformed < len(parsed)
        if events is None or not is_answer:
            raise ReadError(
                Failure.PASSING,
                "CloudWatch Logs gave an answer that is not one of FilterLogEvents: check "
                "endpoint_url, and proxies between this machine and AWS",
            )
        if token and token == asked_with:
            raise ReadError(
                Failure.TOKEN_REFUSED,
                "CloudWatch Logs gave the same page token again: the plugin reads the range in "
                "other parts",
            )
        return Page(events, token or None, _server_time_ms(answer), malformed)


def open_log_group(config: Config, cluster: str, reader: LogEventReader) -> LogGroup:
    """Connect and make sure that the cluster's log group can be read, by this reader.

    Throttling and errors on AWS's side don't refuse: reading goes on trying.

    Raises:
        OpenError: one sentence that says what to do.
    """
    name = config.log_group_of(cluster)
    try:
        session = new_session(config)
        probing = new_client(session, config, OPEN_ATTEMPTS)
        reading = _reading_client(session, config, cluster, reader)
    except Exception as error:
        raise OpenError(sentence_of(error, "", name)) from error
    account = None
    times_ms: list[int | None] = []
    try:
        answer = probing.filter_log_events(
            logGroupName=name,
            logStreamNamePrefix=config.log_stream_prefix_of(cluster),
            startTime=int(time.time() * 1000),
            limit=1,
        )
        times_ms.append(_server_time_ms(answer))
        account, time_ms = _account_of(probing, name)
        times_ms.append(time_ms)
    except Exception as error:
        failure = read_error(error, READ, name)
        if code_of(error) == "ResourceNotFoundException":
            raise OpenError(_no_log_group(config, probing, cluster, name)) from error
        if not is_aws_busy(error):
            raise OpenError(str(failure)) from error
        # A refusal tells the time as well: where reading begins depends on it.
        times_ms.append(_server_time_ms(getattr(error, "response", {})))
    return LogGroup(
        reading,
        reader=reader,
        name=name,
        stream_prefix=config.log_stream_prefix_of(cluster),
        filter_pattern=config.filter_pattern,
        region=region_of(session),
        account=account,
        server_times_ms=[time_ms for time_ms in times_ms if time_ms is not None],
        renew=lambda: _reading_client(new_session(config), config, cluster, reader),
    )


def _reading_client(
    session: Any, config: Config, cluster: str, reader: LogEventReader
) -> LogsClient:
    client = new_client(session, config, 1)
    read_answers(client, reader, config.log_stream_prefix_of(cluster))
    return client


def list_eks_clusters(config: Config) -> list[str]:
    """Names of the clusters that have a log group in this account and region.

    Raises:
        OpenError: AWS can't be asked; one sentence that says what to do.
    """
    try:
        client = new_client(new_session(config), config, 1, connect_timeout_s=2, read_timeout_s=5)
        return _clusters(client, config)
    except Exception as error:
        raise OpenError(sentence_of(error, LIST, "*")) from error


def _clusters(client: LogsClient, config: Config) -> list[str]:
    before, marker, behind = config.log_group.partition("{cluster}")
    if not marker:
        return []
    clusters: list[str] = []
    request = {"logGroupNamePrefix": before} if before else {}
    for _ in range(_LIST_PAGES):
        answer = client.describe_log_groups(**request)
        for group in answer["logGroups"]:
            rest = group["logGroupName"].removeprefix(before)
            if rest.endswith(behind) and len(rest) > len(behind):
                clusters.append(rest.removesuffix(behind))
        if not answer.get("nextToken"):
            break
        request["nextToken"] = answer["nextToken"]
    return clusters


def _account_of(client: LogsClient, name: str) -> tuple[str | None, int | None]:
    """The account that owns the log group, from its ARN, and AWS's clock.

    The account is None if it may not be asked for; the clock, too, if that tells none.
    """
    try:
        answer = client.describe_log_groups(logGroupNamePrefix=name)
    except Exception as error:  # the permission is optional, and so is the answer
        return None, _server_time_ms(getattr(error, "response", {}))
    time_ms = _server_time_ms(answer)
    try:
        for group in answer["logGroups"]:
            if group["logGroupName"] == name:
                account = str(group["arn"]).split(":")[4]
                return (account if account.isdigit() else None), time_ms
    except (AttributeError, IndexError, KeyError, TypeError):
        return None, time_ms
    return None, time_ms


def _no_log_group(config: Config, client: LogsClient, cluster: str, name: str) -> str:
    """A missing log group nearly always means that audit logging is switched off."""
    region = getattr(getattr(client, "meta", None), "region_name", config.region)
    some, all_of_them = _clusters_there(config, client, cluster)
    # Some hosts show no more than 255 bytes: names, then what to do, then the rest.
    return (
        f"there is no log group {name} in {region}{some}: check name and region, or switch audit "
        f"logging on: aws eks update-cluster-config --region {region} --name {cluster} "
        f'--logging \'{{"clusterLogging":[{{"types":["audit"],"enabled":true}}]}}\'{all_of_them}'
    )


def _clusters_there(config: Config, client: LogsClient, cluster: str) -> tuple[str, str]:
    """The likeliest clusters that have a log group, and all of them where there are more.

    Parts of a sentence; empty when it may not be asked.
    """
    try:
        clusters = sorted(_clusters(client, config))
    except Exception:  # the permission is optional
        return "", ""
    if not clusters:
        return " (no cluster has one there)", ""
    likeliest = clusters
    if len(clusters) > LIKELIEST_CLUSTERS:
        likeliest = get_close_matches(cluster, clusters, LIKELIEST_CLUSTERS, cutoff=0.0)
    some = f" (clusters that have one: {', '.join(likeliest)})"
    if len(likeliest) == len(clusters):
        return some, ""
    listed = ", ".join(clusters[:LISTED_CLUSTERS])
    more = ", …" if len(clusters) > LISTED_CLUSTERS else ""
    return some, f" (all that have one: {listed}{more})"


def _server_time_ms(answer: dict[str, Any]) -> int | None:
    """The Date header of the answer (RFC 9110), which the clock of this machine may contradict."""
    metadata = answer.get("ResponseMetadata") if isinstance(answer, dict) else None
    headers = metadata.get("HTTPHeaders", {}) if isinstance(metadata, dict) else {}
    try:
        return int(parsedate_to_datetime(headers["date"]).timestamp() * 1000)
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
