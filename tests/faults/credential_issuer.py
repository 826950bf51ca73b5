"""Temporary credentials that expire: what EKS Pod Identity's agent and STS hand out."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime

_STS = "https://sts.amazonaws.com/doc/2011-06-15/"


@dataclass
class CredentialIssuer:
    """Issues access keys and knows which are good. All times are seconds by the real clock,
    because that is what botocore compares them with.

    Attributes:
        validity_s: how long issued credentials are good.
        failing: whether every request for credentials is answered with an error.
        issued, refused: how often credentials were handed out, and not.
    """

    validity_s: float = 3600
    failing: bool = False
    issued: int = 0
    refused: int = 0
    asked: Counter[str] = field(default_factory=Counter)
    changed: threading.Condition = field(default_factory=threading.Condition)
    _good_until_s: dict[str, float] = field(default_factory=dict)

    def issue(self, how: str, now_s: float) -> dict[str, str] | None:
        """New credentials; None while failing."""
        with self.changed:
            self.asked[how] += 1
            self.changed.notify_all()
            if self.failing:
                self.refused += 1
                return None
            self.issued += 1
            key = f"ASIATESTING{self.issued:06d}"
            expires_s = now_s + self.validity_s
            self._good_until_s[key] = expires_s
        expiration = datetime.fromtimestamp(expires_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {
            "AccessKeyId": key,
            "SecretAccessKey": "testing",
            "Token": f"token of {key}",
            "SessionToken": f"token of {key}",
            "Expiration": expiration,
        }

    def is_good(self, authorization: str, now_s: float) -> bool:
        """Whether a request signed so (the Authorization header) may pass."""
        key = authorization.partition("Credential=")[2].partition("/")[0]
        if not key.startswith("ASIATESTING"):
            return True
        with self.changed:
            return now_s < self._good_until_s[key]

    def revoke(self) -> None:
        """Everything issued so far has expired, whatever was said of it."""
        with self.changed:
            self._good_until_s = dict.fromkeys(self._good_until_s, 0.0)

    def wait_for_requests(self, how: str, number: int, timeout_s: float) -> bool:
        """Wait until credentials were asked for so often."""
        with self.changed:
            return self.changed.wait_for(lambda: self.asked[how] >= number, timeout_s)


def sts_answer(credentials: dict[str, str]) -> str:
    """AssumeRoleWithWebIdentity's answer (AWS STS API reference)."""
    members = "".join(
        f"<{name}>{credentials[name]}</{name}>"
        for name in ("AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration")
    )
    return (
        f'<AssumeRoleWithWebIdentityResponse xmlns="{_STS}"><AssumeRoleWithWebIdentityResult>'
        f"<Credentials>{members}</Credentials></AssumeRoleWithWebIdentityResult>"
        "</AssumeRoleWithWebIdentityResponse>"
    )
