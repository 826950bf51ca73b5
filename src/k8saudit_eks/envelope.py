"""The envelope: the first member of a framed event, which says where the event came from.

    {"k8saudit_eks":{"cluster":"prod","region":"eu-west-1","account":"1234…",
     "log_group":"/aws/eks/prod/cluster","log_stream":"kube-apiserver-audit-…",

Here is its beginning, the same for every event of a log stream or a file. Whoever frames
an event adds the rest, and the closing brace.
"""

from __future__ import annotations

import json


def beginning(
    *,
    cluster: str | None = None,
    region: str | None = None,
    account: str | None = None,
    log_group: str | None = None,
    log_stream: str | None = None,
) -> bytes:
    """From the event's opening brace to before the envelope's closing one: ASCII.

    Unknown parts are None and are left out; without any, it ends with the envelope's
    opening brace.
    """
    members = {
        "cluster": cluster,
        "region": region,
        "account": account,
        "log_group": log_group,
        "log_stream": log_stream,
    }
    known = {name: value for name, value in members.items() if value}
    return b'{"k8saudit_eks":' + json.dumps(known, separators=(",", ":"))[:-1].encode()
