"""Where replayed events come from, as far as a file says it."""

from __future__ import annotations

import re
from pathlib import Path

from k8saudit_eks import envelope
from k8saudit_eks.config.table import Config


class Origins:
    """Envelopes by log group, log stream and account, each made once."""

    def __init__(self, config: Config) -> None:
        before, _, after = config.log_group.partition("{cluster}")
        self._cluster = re.compile(f"{re.escape(before)}(.+?){re.escape(after)}")
        self._fixed_group = "{cluster}" not in config.log_group
        self._prefix, _, _ = config.log_stream_prefix.partition("{cluster}")
        self._known: dict[tuple[str | None, str | None, str | None], bytes] = {}

    def is_audit_stream(self, log_stream: str) -> bool:
        return log_stream.startswith(self._prefix)

    def stream_of_folder(self, path: Path) -> str | None:
        """Exports to S3 keep each stream in a folder of its name."""
        folder = path.parent.name
        return folder if self._prefix and folder.startswith(self._prefix) else None

    def envelope(self, log_group: str | None, log_stream: str | None, account: str | None) -> bytes:
        """The beginning of the envelope."""
        key = (log_group, log_stream, account)
        known = self._known.get(key)
        if known is None:
            cluster = None
            if log_group is not None and not self._fixed_group:
                match = self._cluster.fullmatch(log_group)
                cluster = match[1] if match else None
            known = self._known[key] = envelope.beginning(
                cluster=cluster, account=account, log_group=log_group, log_stream=log_stream
            )
        return known
