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
from errno import EACCES
from itertools import groupby
from pathlib import Path

from k8saudit_eks.delivery.ledger import GAPS_MAX, Gap, Ledger, Mark, NoLedger, Remembered
from k8saudit_eks.delivery.seen import BUCKET_MS, KEY_BYTES, Key, buckets_touching
from k8saudit_eks.errors import OpenError

__all__ = ["SqliteLedger", "open_ledger"]

# "kae1" in ASCII: what `file` and this module know a ledger by.
APPLICATION_ID = 0x6B616531
FORMAT = 1

# A host that is being replaced may take a moment to let go.
_LOCK_TIMEOUT_S = 2.0
_WARN_EVERY_S = 60.0

# A row holds the digests of one bucket that one write brought, one behind the other.
_SCHEMA = f"""
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {FORMAT};
CREATE TABLE settled (only INTEGER PRIMARY KEY CHECK (only = 0), settled_ms INTEGER NOT NULL);
CREATE TABLE delivered (bucket INTEGER NOT NULL, digests BLOB NOT NULL);
CREATE INDEX delivered_bucket ON delivered (bucket);
"""

# Version 0.100 knows no more of format 1 than the tables above: it leaves these alone,
# and forgets the keys that a gap keeps.
_SCHEMA_SINCE = """
CREATE TABLE IF NOT EXISTS gap (start_ms INTEGER NOT NULL, end_ms INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS alive (
    only INTEGER PRIMARY KEY CHECK (only = 0), alive_ms INTEGER NOT NULL
);
"""

_FORGET = """
DELETE FROM delivered WHERE bucket < :first AND NOT EXISTS (
    SELECT 1 FROM gap
    WHERE start_ms < (bucket + 1) * :bucket_ms AND end_ms >= bucket * :bucket_ms
)
"""


class _DamagedError(Exception):
    """The file is no ledger any more, or never was; str() says why."""


def open_ledger(path: Path, log: logging.Logger) -> Ledger:
    """Open the ledger at path, or make it; its folder too.

    A damaged file is set aside under another name. Where nothing can be written,
    the answer is a ledger that remembers nothing. Both are logged as warnings.

    Raises:
        OpenError: another process holds the ledger, or a newer version wrote it.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            return SqliteLedger(path, log)
        except _DamagedError as error:
            aside = _set_aside(path)
            log.warning(
                "the ledger %s is damaged (%s) and was set aside as %s: reading begins as at a "
                "first start",
                path,
                error,
                aside.name,
            )
            return SqliteLedger(path, log)
    except (OSError, sqlite3.Error, _DamagedError) as error:
        log.warning(
            "state_dir can't be used (%s: %s): what is delivered is remembered in memory only, and "
            "a restart begins at now minus shift; make the folder writable",
            path.parent,
            error,
        )
        return NoLedger()


def _set_aside(path: Path) -> Path:
    """Rename the file; what SQLite keeps beside it belongs to it and goes along."""
    aside = path.with_name(f"{path.name}.damaged-{time.time_ns()}")
    for suffix in ("-wal", "-shm", ""):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
    return aside


class SqliteLedger:
    """Implements Ledger. One connection; calls never overlap, from whatever thread."""

    def __init__(
        self,
        path: Path,
        log: logging.Logger,
        *,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Raise OpenError as open_ledger does, sqlite3.Error where nothing can be written."""
        self._path = path
        self._log = log
        self._monotonic_s = monotonic_s
        self._warned_at_s: float | None = None
        # What could not be written yet; settled time is forgotten here too.
        self._unwritten: list[Key] = []
        self._unwritten_mark: Mark | None = None
        self._unwritten_alive_ms: int | None = None
        self._written_gaps: tuple[Gap, ...] | None = None
        self._connection = self._connect()

    def _connect(self) -> sqlite3.Connection:
        self._create()
        connection = sqlite3.connect(
            self._path, timeout=_LOCK_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
        try:
            self._prepare(connection)
        except sqlite3.OperationalError as error:
            connection.close()
            if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
                raise OpenError(
                    f"the ledger {self._path} is held by another process: two readers of one log "
                    f"group need a state_dir each, or stop the other one"
                ) from error
            raise
        except sqlite3.DatabaseError as error:
            connection.close()
            raise _DamagedError(str(error)) from error
        except BaseException:
            connection.close()
            raise
        return connection

    def _create(self) -> None:
        try:
            # Not readable for others: it says when clusters were active.
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            os.close(os.open(self._path, flags, 0o600))
        except FileExistsError:
            # Not to be opened here: closing any descriptor of a file gives up every lock
            # that this process has on it, and another handle may hold one.
            if not os.access(self._path, os.W_OK):
                raise PermissionError(EACCES, "not writable", str(self._path)) from None

    def _prepare(self, connection: sqlite3.Connection) -> None:
        # Exclusive from the first access until close: this is the lock against a
        # second process, and the kernel takes it back from a killed one.
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("BEGIN EXCLUSIVE")
        (application_id,) = connection.execute("PRAGMA application_id").fetchone()
        (written_by,) = connection.execute("PRAGMA user_version").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if tables == 0:
            connection.execute("COMMIT")
            connection.executescript(f"BEGIN; {_SCHEMA} {_SCHEMA_SINCE} COMMIT;")
            return
        if application_id != APPLICATION_ID:
            raise _DamagedError("it is another program's database")
        if written_by > FORMAT:
            raise OpenError(
                f"the ledger {self._path} was written by a newer version of k8saudit-eks (format "
                f"{written_by}, this one knows {FORMAT}): install that version again, or move the "
                f"file away to begin as at a first start"
            )
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise _DamagedError(verdict)
        connection.execute("COMMIT")
        connection.executescript(f"BEGIN; {_SCHEMA_SINCE} COMMIT;")

    def load(self) -> Remembered:
        """Read back what an earlier capture left."""
        execute = self._connection.execute
        settled = execute("SELECT settled_ms FROM settled").fetchone()
        alive = execute("SELECT alive_ms FROM alive").fetchone()
        gaps = tuple(
            Gap(*row) for row in execute("SELECT start_ms, end_ms FROM gap ORDER BY start_ms")
        )
        keys = [
            Key(bucket, digests[start : start + KEY_BYTES])
            for bucket, digests in execute("SELECT bucket, digests FROM delivered")
            for start in range(0, len(digests), KEY_BYTES)
        ]
        return Remembered(settled[0] if settled else None, keys, gaps, alive[0] if alive else None)

    def write(self, keys: Sequence[Key], mark: Mark | None, alive_ms: int | None = None) -> None:
        """Remember in one transaction; what fails is kept and tried again with the next."""
        self._unwritten.extend(keys)
        if mark is not None:
            newest = tuple(sorted(mark.gaps)[-GAPS_MAX:])
            self._unwritten_mark = Mark(mark.settled_ms, newest)
        if alive_ms is not None:
            self._unwritten_alive_ms = alive_ms
        try:
            self._write_all()
        except sqlite3.Error as error:
            self._roll_back()
            self._forget_settled()
            self._warn(error)
        else:
            self._unwritten.clear()
            if self._unwritten_mark is not None:
                self._written_gaps = self._unwritten_mark.gaps
            self._unwritten_mark = self._unwritten_alive_ms = None

    def _write_all(self) -> None:
        execute = self._connection.execute
        execute("BEGIN")
        by_bucket = groupby(sorted(self._unwritten, key=_bucket), key=_bucket)
        self._connection.executemany(
            "INSERT INTO delivered (bucket, digests) VALUES (?, ?)",
            ((bucket, b"".join(key.digest for key in group)) for bucket, group in by_bucket),
        )
        if self._unwritten_mark is not None:
            self._write_mark(self._unwritten_mark)
        if self._unwritten_alive_ms is not None:
            execute("INSERT OR REPLACE INTO alive VALUES (0, ?)", (self._unwritten_alive_ms,))
        execute("COMMIT")

    def _write_mark(self, mark: Mark) -> None:
        execute = self._connection.execute
        if mark.gaps != self._written_gaps:
            execute("DELETE FROM gap")
            self._connection.executemany("INSERT INTO gap VALUES (?, ?)", mark.gaps)
        execute("INSERT OR REPLACE INTO settled VALUES (0, ?)", (mark.settled_ms,))
        execute(_FORGET, {"first": mark.settled_ms // BUCKET_MS, "bucket_ms": BUCKET_MS})

    def _roll_back(self) -> None:
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error:  # SQLite has rolled back by itself
            return

    def _forget_settled(self) -> None:
        """A disk that stays full must not fill the memory too."""
        mark = self._unwritten_mark
        if mark is not None:
            first = mark.settled_ms // BUCKET_MS
            old = {key.bucket for key in self._unwritten if key.bucket < first}
            forgotten = old - buckets_touching(old, mark.gaps)
            self._unwritten = [key for key in self._unwritten if key.bucket not in forgotten]

    def _warn(self, error: sqlite3.Error) -> None:
        now_s = self._monotonic_s()
        if self._warned_at_s is None or now_s - self._warned_at_s >= _WARN_EVERY_S:
            self._warned_at_s = now_s
            self._log.warning(
                "the ledger %s can't be written (%s): nothing is lost, but a restart now would "
                "repeat events; make room or make it writable",
                self._path,
                error,
            )

    def close(self) -> None:
        """Let the file go; another process may have it at once."""
        try:
            self._connection.close()
        except sqlite3.Error as error:
            self._warn(error)


def _bucket(key: Key) -> int:
    return key.bucket
