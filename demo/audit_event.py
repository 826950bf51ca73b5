"""Makes one audit event the way EKS's API server writes it.

Members come in the API server's order (a cut line then still says who did what),
levels follow EKS's audit policy: Metadata for secrets, configmaps and tokenreviews,
Request for reads and TokenRequests, RequestResponse for writes to known API groups
and for the aws-auth ConfigMap.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any
from urllib.parse import urlencode

from demo.identities import Identity, Json

_METADATA_ONLY = {"secrets", "configmaps", "tokenreviews"}
_READS = {"get", "list", "watch"}
_REASONS = {403: "Forbidden", 404: "NotFound", 409: "Conflict"}


@dataclass(frozen=True)
class Target:
    """The object a request is about; empty members are left out."""

    resource: str = ""
    namespace: str = ""
    name: str = ""
    group: str = ""
    version: str = "v1"
    subresource: str = ""
    query: dict[str, Any] = field(default_factory=dict)
    # For requests that are about no resource.
    path: str = ""

    @property
    def uri(self) -> str:
        """requestURI: path and query."""
        uri = self.path
        if not uri:
            parts = ["/apis", self.group, self.version] if self.group else ["/api", self.version]
            if self.namespace:
                parts += ["namespaces", self.namespace]
            if not (self.resource == "namespaces" and self.name == self.namespace):
                parts += [self.resource, self.name]
            parts.append(self.subresource)
            uri = "/".join(part for part in parts if part)
        return f"{uri}?{urlencode(self.query, doseq=True)}" if self.query else uri

    @property
    def object_ref(self) -> Json | None:
        """objectRef, or None for a request about no resource."""
        if not self.resource:
            return None
        members = {
            "resource": self.resource,
            "namespace": self.namespace,
            "name": self.name,
            "apiGroup": self.group,
            "apiVersion": self.version,
            "subresource": self.subresource,
        }
        return {name: value for name, value in members.items() if value}


def rfc3339(time_us: int) -> str:
    """Microseconds since the epoch as the API server writes times."""
    moment = datetime.fromtimestamp(time_us // 1_000_000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{time_us % 1_000_000:06d}Z"


def level_of(verb: str, target: Target) -> str:
    """The level at which EKS's audit policy logs such a request."""
    if target.resource == "configmaps" and target.name == "aws-auth":
        return "RequestResponse"
    if not target.resource or target.resource in _METADATA_ONLY:
        return "Metadata"
    if verb in _READS or target.subresource == "token":
        return "Request"
    return "RequestResponse"


def audit_event(
    random: Random,
    time_us: int,
    who: Identity,
    verb: str,
    target: Target,
    *,
    body: Json | None = None,
    code: int = 0,
    stage: str = "ResponseComplete",
    duration_us: int | None = None,
) -> Json:
    """One audit event.

    Args:
        random: where the audit id and the duration come from.
        time_us: stageTimestamp, microseconds since the epoch.
        body: the request object of a write; answered as the response object too.
        code: the response's status code; 0 is the verb's usual one.
        duration_us: how long the request took; drawn when not given.
    """
    level = level_of(verb, target)
    code = code or (201 if verb == "create" else 200)
    duration = duration_us if duration_us is not None else random.randint(900, 24_000)
    event: Json = {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": level,
        "auditID": _uuid(random),
        "stage": stage,
        "requestURI": target.uri,
        "verb": verb,
        "user": who.user,
        "sourceIPs": [who.source_ip],
        "userAgent": who.user_agent,
    }
    if (object_ref := target.object_ref) is not None:
        # The URI of a create names no object; the API server takes the name from the body.
        name = (body or {}).get("metadata", {}).get("name")
        if name and not target.subresource:
            object_ref.setdefault("name", name)
        event["objectRef"] = object_ref
    if stage != "RequestReceived":
        status: Json = {"metadata": {}, "code": code}
        if code >= 400:
            status["status"] = "Failure"
            status["reason"] = _REASONS.get(code, "Unknown")
        event["responseStatus"] = status
    if body is not None and level != "Metadata":
        event["requestObject"] = body
        if level == "RequestResponse" and stage == "ResponseComplete" and code < 400:
            event["responseObject"] = _stored(random, body, target, time_us)
    event["requestReceivedTimestamp"] = rfc3339(time_us - duration)
    event["stageTimestamp"] = rfc3339(time_us)
    if stage != "RequestReceived":
        refused = code == 403
        event["annotations"] = {
            "authorization.k8s.io/decision": "forbid" if refused else "allow",
            "authorization.k8s.io/reason": "" if refused else who.reason,
        }
    return event


def as_line(event: Json) -> str:
    """The event as the API server logs it: one line of compact JSON."""
    return json.dumps(event, separators=(",", ":"), ensure_ascii=False)


def _uuid(random: Random) -> str:
    digits = f"{random.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def _stored(random: Random, body: Json, target: Target, time_us: int) -> Json:
    """The body as the API server answers it: with the metadata it filled in."""
    metadata = {
        **body.get("metadata", {}),
        "uid": _uuid(random),
        "resourceVersion": str(random.randint(18_000_000, 19_000_000)),
        "creationTimestamp": rfc3339(time_us)[:19] + "Z",
    }
    generate_name = metadata.get("generateName")
    if "name" not in metadata:
        metadata["name"] = f"{generate_name}x7k2p" if generate_name else target.name
    if target.namespace:
        metadata.setdefault("namespace", target.namespace)
    return {**body, "metadata": metadata}
