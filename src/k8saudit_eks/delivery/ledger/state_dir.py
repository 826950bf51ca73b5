"""state_dir: which file remembers which log group."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from functools import partial
from hashlib import blake2b
from pathlib import Path
from urllib.parse import quote

from k8saudit_eks.delivery.ledger.process import PROCESS
from k8saudit_eks.delivery.ledger.protocol import Ledger

# File systems take 255; SQLite appends to the ledger's own.
_NAME_MAX_CHARACTERS = 255 - len(".ledger-journal")


def ledger_of(
    state_dir: str | None,
    region: str | None,
    log_group: str,
    way: Mapping[str, str | None],
    log: logging.Logger,
) -> Ledger:
    """The log group's ledger, opened; without a usable state_dir one in this process's memory.

    Args:
        way: how the log group's account is reached: the keys of the configuration that
            say it, and their values.

    Raises:
        OpenError: another process holds it, or a newer version wrote it.
    """
    in_memory = partial(PROCESS.open, (region, log_group, *way.values()))
    if state_dir is None:
        log.info(
            "state_dir is not set: the plugin remembers only in memory what it has delivered, and "
            "a restart begins at now minus shift"
        )
        return in_memory()
    # SQLite costs memory that a plugin without a state_dir need not pay.
    from k8saudit_eks.delivery.ledger.sqlite import open_ledger

    path = ledger_path(state_dir, region, log_group, way.values())
    _mention_others(path, ledger_path(state_dir, region, log_group, ()), list(way), log)
    return open_ledger(path, log, in_memory)


def _mention_others(path: Path, without_way: Path, keys: list[str], log: logging.Logger) -> None:
    """At the first start after one of the keys that are part of the name was changed."""
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
            "the ledger %s is new, and begins as at a first start: %s and %s are part of its "
            "name, and %s has the same log group's name but other values of these keys; if it is "
            "the same log group, rename that file",
            path,
            ", ".join(keys[:-1]),
            keys[-1],
            ", ".join(found),
        )


def ledger_path(
    state_dir: str, region: str | None, log_group: str, way: Iterable[str | None]
) -> Path:
    """A readable name that no other log group has.

    Regions and log groups are percent-encoded. Another account's log group of the
    same name is told apart by the way it is reached: the account itself may be unknown
    today and known tomorrow, and a name must not change by that.
    """
    way = list(way)
    name = f"{quote(region or 'no-region', safe='')}_{quote(log_group, safe='')}"
    if any(way):
        text = "\n".join(part or "" for part in way)
        name += f"_{blake2b(text.encode(), digest_size=4).hexdigest()}"
    if len(name) > _NAME_MAX_CHARACTERS:
        digest = blake2b(name.encode(), digest_size=16).hexdigest()
        name = f"{name[: _NAME_MAX_CHARACTERS - len(digest) - 1]}_{digest}"
    return Path(state_dir, f"{name}.ledger")
