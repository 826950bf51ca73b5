"""state_dir: which file remembers which log group."""

from __future__ import annotations

import logging
import re
from functools import partial
from hashlib import blake2b
from pathlib import Path
from urllib.parse import quote

from k8saudit_eks.config.table import Config
from k8saudit_eks.delivery.ledger.process import PROCESS
from k8saudit_eks.delivery.ledger.protocol import Ledger

# File systems take 255; SQLite appends to the ledger's own.
_NAME_MAX_CHARACTERS = 255 - len(".ledger-journal")


def ledger_of(config: Config, region: str | None, log_group: str, log: logging.Logger) -> Ledger:
    """The log group's ledger, opened; without a usable state_dir one in this process's memory.

    Raises:
        OpenError: another process holds it, or a newer version wrote it.
    """
    in_memory = partial(PROCESS.open, (region, log_group, *_way(config)))
    if config.state_dir is None:
        log.info(
            "state_dir is not set: the plugin remembers only in memory what it has delivered, and "
            "a restart begins at now minus shift"
        )
        return in_memory()
    # SQLite costs memory that a plugin without a state_dir need not pay.
    from k8saudit_eks.delivery.ledger.sqlite import open_ledger

    path = ledger_path(config, config.state_dir, region, log_group)
    _mention_others(path, ledger_path(Config(), config.state_dir, region, log_group), log)
    return open_ledger(path, log, in_memory)


def _mention_others(path: Path, without_way: Path, log: logging.Logger) -> None:
    """At the first start after profile, role_arn or endpoint_url were changed."""
    same_group = re.compile(re.escape(without_way.stem) + r"(_[0-9a-f]{8})?\.ledger")
    try:
        if path.exists():
            return
        others = sorted(other.name for other in path.parent.iterdir())
    except OSError:
        return
    found = [name for name in others if same_group.fullmatch(name)]
    if found:
        log.warning(
            "the ledger %s is new, and begins as at a first start: profile, role_arn and "
            "endpoint_url are part of its name, and %s has the same log group's name but other "
            "values of these keys; if it is the same log group, rename that file",
            path,
            ", ".join(found),
        )


def _way(config: Config) -> list[str | None]:
    """How the account is reached."""
    return [config.profile, config.role_arn, config.endpoint_url]


def ledger_path(config: Config, state_dir: str, region: str | None, log_group: str) -> Path:
    """A readable name that no other log group has.

    Regions and log groups are percent-encoded. Another account's log group of the
    same name is told apart by how it is reached (profile, role_arn, endpoint_url):
    the account itself may be unknown today and known tomorrow, and a name must not
    change by that.
    """
    way = _way(config)
    name = f"{quote(region or 'no-region', safe='')}_{quote(log_group, safe='')}"
    if any(way):
        text = "\n".join(part or "" for part in way)
        name += f"_{blake2b(text.encode(), digest_size=4).hexdigest()}"
    if len(name) > _NAME_MAX_CHARACTERS:
        digest = blake2b(name.encode(), digest_size=16).hexdigest()
        name = f"{name[: _NAME_MAX_CHARACTERS - len(digest) - 1]}_{digest}"
    return Path(state_dir, f"{name}.ledger")
