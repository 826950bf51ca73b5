"""What AWS's errors mean: for whoever made the call, and for the user."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum

# Ships no type information.
import botocore.exceptions as botocore_errors  # type: ignore[import-untyped]

from k8saudit_eks.log_events import DOCUMENT_MAX_BYTES, DocumentSizeError


class Failure(Enum):
    """What a failed call means for whoever made it."""

    THROTTLED = "throttled"
    """Call less often."""
    TOKEN_REFUSED = "token refused"  # noqa: S105
    """Start the chain of pages again. (A page token; no secret.)"""
    STREAM_GONE = "stream gone"
    """The log stream that was asked for does not exist any more."""
    PASSING = "passing"
    """The network or AWS: try again."""
    LASTING = "lasting"
    """Needs someone to change something: try again, and say what."""


class ReadError(Exception):
    """A call to CloudWatch Logs that brought no page; str() says why, and what to do.

    Attributes:
        server_time_ms: AWS's clock when it answered, to the second; None if unknown.
    """

    def __init__(self, kind: Failure, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.server_time_ms: int | None = None


_THROTTLES = {
    "ThrottlingException",
    "Throttling",
    "ThrottledException",
    "RequestLimitExceeded",
    "TooManyRequestsException",
    "SlowDown",
}
_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"}
_UNKNOWN_KEY = {"UnrecognizedClientException", "InvalidClientTokenId", "InvalidAccessKeyId"}
_BAD_SIGNATURE = {
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "RequestExpired",
    "RequestTimeTooSkewed",
}
_DENIED = {"AccessDeniedException", "AccessDenied", "UnauthorizedOperation", "OptInRequired"}
_NO_CREDENTIALS = (
    botocore_errors.NoCredentialsError,
    botocore_errors.PartialCredentialsError,
    botocore_errors.CredentialRetrievalError,
    botocore_errors.TokenRetrievalError,
    botocore_errors.SSOError,
)
# AWS's own sentences have some 300 characters.
_SAID_MAX = 1_000
_DENIED_MESSAGE = re.compile(
    r"(?P<who>(?:User|Role): \S+|\S+) is not authorized to perform: (?P<action>[\w:]+)"
    r"(?: on resource: (?P<resource>\S+))?"
)


def read_error(
    error: Exception,
    action: str,
    resource: str,
    *,
    token: str | None = None,
    streams: Sequence[str] = (),
) -> ReadError:
    """What a failed read means; token and streams are those that were asked with."""
    sentence = sentence_of(error, action, resource)
    code = code_of(error)
    if streams and code == "ResourceNotFoundException":
        # Or the log group; that shows when it is asked as a whole again.
        return ReadError(Failure.STREAM_GONE, sentence)
    if code in _THROTTLES:
        return ReadError(Failure.THROTTLED, sentence)
    if code is not None and not is_aws_busy(error):
        # InvalidParameterException says for a token that has expired, or that
        # belongs to another request: "The specified nextToken is invalid."
        if token is not None and code in {"InvalidParameterException", "ValidationException"}:
            return ReadError(Failure.TOKEN_REFUSED, sentence)
        return ReadError(Failure.LASTING, sentence)
    lasting = isinstance(error, _NO_CREDENTIALS)
    return ReadError(Failure.LASTING if lasting else Failure.PASSING, sentence)


def are_credentials_bad(error: Exception) -> bool:
    """Whether other credentials might help: there are none, or AWS does not take these."""
    return isinstance(error, _NO_CREDENTIALS) or code_of(error) in _EXPIRED | _UNKNOWN_KEY


def code_of(error: Exception) -> str | None:
    """AWS's error code; None when AWS did not answer."""
    if not isinstance(error, botocore_errors.ClientError):
        return None
    return str(error.response.get("Error", {}).get("Code", "Unknown"))


def is_aws_busy(error: Exception) -> bool:
    """Whether the request was right and AWS could not serve it now."""
    if code_of(error) in _THROTTLES:
        return True
    if not isinstance(error, botocore_errors.ClientError):
        return False
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return isinstance(status, int) and (status >= 500 or status == 429)


def sentence_of(error: Exception, action: str, resource: str) -> str:
    """What happened and what to do, on one line, without credentials."""
    return _one_line(_client_error(error, action, resource) or _core_error(error))


def _client_error(error: Exception, action: str, resource: str) -> str | None:
    code = code_of(error)
    if code is None or not isinstance(error, botocore_errors.ClientError):
        return None
    # Cut: what comes may be a megabyte, and is searched.
    message = str(error.response.get("Error", {}).get("Message", ""))[:_SAID_MAX]
    said = message.rstrip(".") or code
    asked = getattr(error, "operation_name", "")
    if asked.startswith("AssumeRole"):
        return (
            f"AWS refuses to let this identity assume the role ({code}: {said}): check role_arn, "
            f"external_id and the role's trust policy"
        )
    if code in _EXPIRED:
        return (
            "the AWS credentials have expired: renew them (aws sso login, a new session token) "
            "or use a source that renews itself, such as IRSA or EKS Pod Identity"
        )
    if code in _UNKNOWN_KEY:
        return (
            f"AWS does not know these credentials ({code}): check the access key, the session "
            f"token and the partition of the region"
        )
    if code in _BAD_SIGNATURE:
        return (
            f"AWS refuses the signature of the request ({code}: {said}): check the secret access "
            f"key and this machine's clock"
        )
    if code in _DENIED:
        denied = _DENIED_MESSAGE.search(said)
        who = denied["who"] if denied else "this identity"
        what = (denied and denied["action"]) or action
        where = (denied and denied["resource"]) or resource
        return f"AWS denies {what} on {where} to {who}: allow it in that identity's IAM policy"
    if code == "ResourceNotFoundException":
        return (
            f"there is no log group {resource}: switch on the cluster's audit logging, or check "
            f"the cluster's name and the region"
        )
    if code in _THROTTLES:
        return (
            "CloudWatch Logs throttles this account's calls: lower api_rate, or raise "
            "polling_interval, or find what else reads logs in this region"
        )
    return f"CloudWatch Logs refuses {asked or action} on {resource} ({code}: {said})"


def _core_error(error: Exception) -> str:
    match error:
        case botocore_errors.NoRegionError():
            return (
                "no AWS region is known: set region in init_config, or AWS_REGION, or a region "
                "in the AWS profile"
            )
        case botocore_errors.InvalidRegionError():
            return f"{error}: set region in init_config to one like eu-west-1"
        case botocore_errors.NoCredentialsError():
            return (
                "no AWS credentials were found: give the pod a role (EKS Pod Identity or IRSA), "
                "set profile in init_config, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            )
        case botocore_errors.PartialCredentialsError():
            return f"the AWS credentials are incomplete ({error}): add what is missing"
        case botocore_errors.ProfileNotFound():
            return (
                f"{error} in the AWS config files: check profile in init_config, AWS_PROFILE and "
                f"AWS_CONFIG_FILE"
            )
        case botocore_errors.TokenRetrievalError() | botocore_errors.SSOError():
            return f"the AWS SSO session can't be used ({error}): run aws sso login"
        case botocore_errors.CredentialRetrievalError():
            return f"the AWS credentials can't be fetched ({error}): check their source"
        case botocore_errors.SSLError():
            return (
                f"no trusted TLS connection to AWS is possible ({error}): check AWS_CA_BUNDLE "
                f"and proxies"
            )
        case botocore_errors.HTTPClientError() | botocore_errors.ConnectionError():
            return (
                f"CloudWatch Logs can't be reached ({error}): check endpoint_url, the region's "
                f"name, DNS, proxies and the VPC endpoint"
            )
        case DocumentSizeError():
            return (
                f"CloudWatch Logs gave an answer of more than {DOCUMENT_MAX_BYTES >> 20} MiB: "
                f"check endpoint_url, and proxies between this machine and AWS"
            )
        case botocore_errors.BotoCoreError():
            return f"the AWS client can't be used: {error}"
        case ValueError():
            return f"the AWS client can't be used: {error}: check endpoint_url and region"
        case _:
            return f"CloudWatch Logs can't be read ({type(error).__name__}: {error})"


def _one_line(text: str) -> str:
    return " ".join(text.split())
