"""The ledger on disk: one SQLite file for one log group.

A commit is in the operating system's hands when write() returns (WAL, synchronous
NORMAL): killing the process loses none. A power cut may lose the last ones, which
repeats events and loses none.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from k8saudit_eks.delivery.ledger.file import DamagedError, connect, set_aside
from k8saudit_eks.delivery.ledger.protocol import GAPS_MAX, Gap, Ledger, Mark, NoLedger, Remembered
from k8saudit_eks.delivery.seen import BUCKET_MS, KEY_BYTES, Key, buckets_touching, by_bucket
from k8saudit_eks.errors import OpenError

__all__ = ["SqliteLedger", "open_ledger"]

_WARN_EVERY_S = 60.0
# After a write that failed, the next is tried this much later; a costly one (all that
# waits is written again) not before its time is a twentieth of what has passed.
_RETRY_AFTER_S = 1.0
_RETRY_COST = 20
# How often the file is looked for while it is written.
_LOOK_EVERY_S = 10.0

_FORGET = """
DELETE FROM delivered WHERE bucket < :first AND NOT EXISTS (
    SELECT 1 FROM gap
    WHERE start_ms < (bucket + 1) * :bucket_ms AND end_ms >= bucket * :bucket_ms
)
"""

_WriteErrors = (sqlite3.Error, OSError, OpenError, DamagedError)


def open_ledger(
    path: Path, log: logging.Logger, instead: Callable[[], Ledger] = NoLedger
) -> Ledger:
    """Open the ledger at path, or make it; its folder too.

    A damaged file is set aside under another name. Where nothing can be written,
    the answer is what `instead` makes. Both are logged as warnings.

    Raises:
        OpenError: another process holds the ledger, or a newer version wrote it.
    """
    try:
        try:
            return SqliteLedger(path, log)
        except DamagedError as error:
            aside = set_aside(path)
            log.warning(
                "the ledger %s is damaged (%s) and was renamed to %s: reading begins as at a "
                "first start",
                path,
                error,
                aside.name,
            )
            return SqliteLedger(path, log)
    except (OSError, sqlite3.Error, DamagedError) as error:
        log.warning(
            "state_dir can't be used (%s: %s): the plugin remembers only in memory what it has "
            "delivered, and a restart begins at now minus shift; make the folder writable",
            path.parent,
            error,
        )
        return instead()


class SqliteLedger:
    """Implements Ledger. One connection; calls never overlap, from whatever thread."""

    def __init__(
        self,
        path: Path,
        log: logging.Logger,
        *,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Raise as file.connect does."""
        self._path = path
        self._log = log
        self._monotonic_s = monotonic_s
        self._warned_at_s: float | None = None
        # What could not be written yet, by bucket; settled time is forgotten here too.
        self._unwritten: dict[int, list[bytes]] = {}
        self._unwritten_mark: Mark | None = None
        self._unwritten_alive_ms: int | None = None
        self._written_gaps: tuple[Gap, ...] | None = None
        self._has_mark = False
        self._has_failed = False
        self._try_at_s = self._looked_at_s = monotonic_s()
        # None while a file that was lost can't be made again.
        self._connection: sqlite3.Connection | None = connect(path)
        self._identity = _identity(path)

    @property
    def outlives_process(self) -> bool:
        """Whether the last attempt to write succeeded."""
        return not self._has_failed

    def load(self) -> Remembered:
        """Read back what an earlier capture left."""
        assert self._connection is not None  # noqa: S101 (load comes before any write)
        remembered = _load(self._connection)
        self._has_mark = remembered.settled_ms is not None
        return remembered

    def write(self, keys: Sequence[Key], mark: Mark | None, alive_ms: int | None = None) -> None:
        """Remember in one transaction; what fails is kept and tried again with a later one."""
        for bucket, digests in by_bucket(keys):
            self._unwritten.setdefault(bucket, []).extend(digests)
        if mark is not None:
            newest = tuple(sorted(mark.gaps)[-GAPS_MAX:])
            self._unwritten_mark = Mark(mark.settled_ms, newest)
        if alive_ms is not None:
            self._unwritten_alive_ms = alive_ms
        if self._monotonic_s() >= self._try_at_s:
            self._try_to_write()
        elif mark is not None:
            self._forget_settled()

    def _try_to_write(self) -> None:
        began_s = self._monotonic_s()
        try:
            self._look_for_file(began_s)
            self._write_all()
        except _WriteErrors as error:
            self._has_failed = True
            self._roll_back()
            self._forget_settled()
            ended_s = self._monotonic_s()
            self._try_at_s = ended_s + max(_RETRY_AFTER_S, _RETRY_COST * (ended_s - began_s))
            self._warn(error)
        else:
            self._has_failed = False
            self._unwritten.clear()
            if self._unwritten_mark is not None:
                self._has_mark = True
                self._written_gaps = self._unwritten_mark.gaps
            self._unwritten_mark = self._unwritten_alive_ms = None

    def _write_all(self) -> None:
        if self._connection is None:
            self._connection = connect(self._path)
            self._identity = _identity(self._path)
        connection = self._connection
        connection.execute("BEGIN")
        connection.executemany(
            "INSERT INTO delivered (bucket, digests) VALUES (?, ?)",
            ((bucket, b"".join(digests)) for bucket, digests in self._unwritten.items()),
        )
        if self._unwritten_mark is not None:
            self._write_mark(connection, self._unwritten_mark)
        if self._unwritten_alive_ms is not None:
            connection.execute(
                "INSERT OR REPLACE INTO alive VALUES (0, ?)", (self._unwritten_alive_ms,)
            )
        connection.execute("COMMIT")

    def _write_mark(self, connection: sqlite3.Connection, mark: Mark) -> None:
        if mark.gaps != self._written_gaps:
            connection.execute("DELETE FROM gap")
            connection.executemany("INSERT INTO gap VALUES (?, ?)", mark.gaps)
        connection.execute("INSERT OR REPLACE INTO settled VALUES (0, ?)", (mark.settled_ms,))
        connection.execute(_FORGET, {"first": mark.settled_ms // BUCKET_MS, "bucket_ms": BUCKET_MS})

    def _roll_back(self) -> None:
        try:
            if self._connection is not None and self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error:  # SQLite has rolled back by itself
            return

    def _forget_settled(self) -> None:
        """A disk that stays full must not fill the memory too."""
        mark = self._unwritten_mark
        if mark is not None:
            first = mark.settled_ms // BUCKET_MS
            old = {bucket for bucket in self._unwritten if bucket < first}
            for bucket in old - buckets_touching(old, mark.gaps):
                del self._unwritten[bucket]

    def _look_for_file(self, now_s: float) -> None:
        """A deleted file is lost with its lock: what it held goes to a new one.

        Whoever opened another file of that name meanwhile keeps it; then what this
        ledger is told waits in memory.
        """
        if self._connection is None or now_s - self._looked_at_s < _LOOK_EVERY_S:
            return
        self._looked_at_s = now_s
        try:
            if _identity(self._path) == self._identity:
                return
        except FileNotFoundError:
            pass
        self._log.error(
            "the ledger %s was deleted or replaced while it is in use, and its lock is gone too: "
            "the plugin writes it again; another process that reads the same log group now "
            "repeats events",
            self._path,
        )
        held = _load(self._connection)
        # SQLite leaves alone what others have put in the place of its files.
        self._connection.close()
        self._connection = self._written_gaps = None
        for bucket, digests in by_bucket(held.keys):
            self._unwritten.setdefault(bucket, []).extend(digests)
        if self._unwritten_mark is None and held.settled_ms is not None:
            self._unwritten_mark = Mark(held.settled_ms, held.gaps)
        if self._unwritten_alive_ms is None:
            self._unwritten_alive_ms = held.alive_ms

    def _warn(self, error: Exception) -> None:
        now_s = self._monotonic_s()
        if self._warned_at_s is None or now_s - self._warned_at_s >= _WARN_EVERY_S:
            self._warned_at_s = now_s
            self._log.warning(
                "the ledger %s can't be written (%s): nothing is lost, but a restart now would %s; "
                "free space on the disk, or make the file writable",
                self._path,
                error,
                "repeat events"
                if self._has_mark
                else "begin at now minus shift and lose the events before that",
            )

    def close(self) -> None:
        """Try once more to write what waits, and let the file go: another process may have it."""
        if self._unwritten or self._unwritten_mark is not None:
            self._try_to_write()
        try:
            if self._connection is not None:
                self._connection.close()
        except sqlite3.Error as error:
            self._warn(error)


def _load(connection: sqlite3.Connection) -> Remembered:
    execute = connection.execute
    settled = execute("SELECT settled_ms FROM settled").fetchone()
    alive = execute("SELECT alive_ms FROM alive").fetchone()
    gaps = tuple(Gap(*row) for row in execute("SELECT start_ms, end_ms FROM gap ORDER BY start_ms"))
    keys = [
        (bucket, digests[start : start + KEY_BYTES])
        for bucket, digests in execute("SELECT bucket, digests FROM delivered")
        for start in range(0, len(digests), KEY_BYTES)
    ]
    return Remembered(settled[0] if settled else None, keys, gaps, alive[0] if alive else None)


def _identity(path: Path) -> tuple[int, int]:
    found = os.lstat(path)
    return found.st_dev, found.st_ino
