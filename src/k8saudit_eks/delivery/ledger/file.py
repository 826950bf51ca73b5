"""A ledger's file: how it is made, locked, checked and set aside."""

from __future__ import annotations

import os
import sqlite3
import stat
import time
from errno import EACCES, ELOOP
from pathlib import Path

from k8saudit_eks.errors import OpenError

# "kae1" in ASCII: what `file` and this module know a ledger by.
APPLICATION_ID = 0x6B616531
FORMAT = 1

# A host that is being replaced may take a moment to let go.
_LOCK_TIMEOUT_S = 2.0

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


class DamagedError(Exception):
    """The file is no ledger any more, or never was; str() says why."""


def connect(path: Path) -> sqlite3.Connection:
    """Open the ledger at path, or make it, and its folder too; locked until it is closed.

    Raises:
        OpenError: another process holds it, or a newer version wrote it.
        DamagedError: there is something else.
        OSError, sqlite3.OperationalError: nothing can be written there.
    """
    _make_folder(path.parent)
    _make_file(path)
    connection = sqlite3.connect(
        path, timeout=_LOCK_TIMEOUT_S, isolation_level=None, check_same_thread=False
    )
    try:
        _prepare(connection, path)
    except sqlite3.OperationalError as error:
        connection.close()
        if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
            raise OpenError(
                f"the ledger {path} is held by another process: give each reader of this log group "
                f"a state_dir of its own, or stop the other process"
            ) from error
        raise
    except sqlite3.DatabaseError as error:
        connection.close()
        raise DamagedError(str(error)) from error
    except BaseException:
        connection.close()
        raise
    return connection


def set_aside(path: Path) -> Path:
    """Rename the file; what SQLite keeps beside it belongs to it and goes along."""
    aside = path.with_name(f"{path.name}.damaged-{time.time_ns()}")
    for suffix in ("-wal", "-shm", ""):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
    return aside


def _make_folder(folder: Path) -> None:
    """Private to their owner, those above it too: whoever may rename one steers what is read."""
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def _make_file(path: Path) -> None:
    try:
        # Not readable for others: it says when clusters were active.
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        os.close(os.open(path, flags, 0o600))
    except FileExistsError:
        # Whoever may write in the folder must not choose another file to be written.
        # SQLite itself follows no link at what it keeps beside the file.
        if not stat.S_ISREG(os.lstat(path).st_mode):
            raise OSError(ELOOP, "a symbolic link, or not a regular file", str(path)) from None
        # Not to be opened here: closing any descriptor of a file gives up every lock
        # that this process has on it, and another handle may hold one.
        if not os.access(path, os.W_OK):
            raise PermissionError(EACCES, "not writable", str(path)) from None


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
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
        raise DamagedError("it is another program's database")
    if written_by > FORMAT:
        raise OpenError(
            f"the ledger {path} was written by a newer version of k8saudit-eks (format "
            f"{written_by}, this one knows {FORMAT}): install that version again, or move the "
            f"file away to begin as at a first start"
        )
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise DamagedError(verdict)
    connection.execute("COMMIT")
    connection.executescript(f"BEGIN; {_SCHEMA_SINCE} COMMIT;")
