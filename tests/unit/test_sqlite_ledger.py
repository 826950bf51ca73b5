"""The ledger on disk: what it keeps, what it refuses, and what it survives."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from k8saudit_eks.config.table import Config
from k8saudit_eks.delivery.ledger.file import FORMAT
from k8saudit_eks.delivery.ledger.process import ProcessLedger
from k8saudit_eks.delivery.ledger.protocol import GAPS_MAX, Gap, Mark, NoLedger, Remembered
from k8saudit_eks.delivery.ledger.sqlite import SqliteLedger, open_ledger
from k8saudit_eks.delivery.ledger.state_dir import ledger_path
from k8saudit_eks.delivery.seen import BUCKET_MS, Key
from k8saudit_eks.errors import OpenError
from k8saudit_eks.sources.cloudwatch.source import open_ledger_of

LOG = logging.getLogger("test.ledger")


def key(bucket: int, number: int) -> Key:
    return (bucket, number.to_bytes(15, "big"))


def remembered(path: Path) -> tuple[int | None, set[Key]]:
    """What the next process reads."""
    ledger = open_ledger(path, LOG)
    settled_ms, keys, _gaps, _alive_ms = ledger.load()
    ledger.close()
    return settled_ms, set(keys)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "group.ledger"


@pytest.fixture
def warnings(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.WARNING, logger=LOG.name):
        yield caplog


def test_a_first_start_knows_nothing(path: Path) -> None:
    """The folder is made, private to its owner, and there is no mark and no key."""
    ledger = open_ledger(path, LOG)
    assert ledger.load() == Remembered(None, [])
    ledger.close()
    assert path.parent.stat().st_mode & 0o077 == 0
    assert path.stat().st_mode & 0o077 == 0


def test_what_is_written_is_read_back(path: Path) -> None:
    """Keys of several buckets and writes, and the last settled mark."""
    ledger = open_ledger(path, LOG)
    ledger.write([key(1, 1), key(2, 2)], None)
    ledger.write([key(1, 3)], Mark(BUCKET_MS))
    ledger.close()
    assert remembered(path) == (BUCKET_MS, {key(1, 1), key(1, 3), key(2, 2)})


def test_settled_keys_are_forgotten(path: Path) -> None:
    """A bucket that ends before the mark goes; the one that holds the mark stays."""
    ledger = open_ledger(path, LOG)
    ledger.write([key(1, 1), key(2, 2), key(3, 3)], None)
    ledger.write([], Mark(2 * BUCKET_MS + 1))
    ledger.close()
    assert remembered(path) == (2 * BUCKET_MS + 1, {key(2, 2), key(3, 3)})


def test_gaps_and_their_keys_outlive_the_mark(path: Path) -> None:
    """A bucket that touches a gap by one millisecond stays; when the gap goes, it goes too."""
    gap = Gap(2 * BUCKET_MS - 1, 3 * BUCKET_MS)
    ledger = open_ledger(path, LOG)
    ledger.write([key(bucket, bucket) for bucket in range(6)], None)
    ledger.write([], Mark(5 * BUCKET_MS, (gap,)), 7)
    ledger.close()
    ledger = open_ledger(path, LOG)
    settled_ms, keys, gaps, alive_ms = ledger.load()
    assert (settled_ms, gaps, alive_ms) == (5 * BUCKET_MS, (gap,), 7)
    assert {bucket for bucket, _ in keys} == {1, 2, 3, 5}
    ledger.write([], Mark(5 * BUCKET_MS), 8)
    ledger.close()
    ledger = open_ledger(path, LOG)
    assert ledger.load() == Remembered(5 * BUCKET_MS, [key(5, 5)], (), 8)
    ledger.close()


def test_only_so_many_gaps_are_kept(path: Path) -> None:
    """The newest; a log group that refuses every second moment can't fill the file."""
    gaps = tuple(Gap(20 * n, 20 * n + 1) for n in range(GAPS_MAX + 10))
    ledger = open_ledger(path, LOG)
    ledger.write([], Mark(10**6, gaps[::-1]))
    ledger.close()
    ledger = open_ledger(path, LOG)
    assert ledger.load().gaps == gaps[10:]
    ledger.close()


# What version 0.100 executes: its schema, and a write.
SCHEMA_OF_0_100 = f"""
PRAGMA application_id = {0x6B616531};
PRAGMA user_version = 1;
CREATE TABLE settled (only INTEGER PRIMARY KEY CHECK (only = 0), settled_ms INTEGER NOT NULL);
CREATE TABLE delivered (bucket INTEGER NOT NULL, digests BLOB NOT NULL);
CREATE INDEX delivered_bucket ON delivered (bucket);
"""
WRITE_OF_0_100 = """
BEGIN;
INSERT INTO delivered (bucket, digests) VALUES (3, x'000000000000000000000000000003');
INSERT INTO settled VALUES (0, 25000)
ON CONFLICT (only) DO UPDATE SET settled_ms = excluded.settled_ms;
DELETE FROM delivered WHERE bucket < 2;
COMMIT;
"""


def test_a_ledger_of_version_0_100_is_read(path: Path) -> None:
    """It has neither gaps nor a time of life; both are written from now on."""
    path.parent.mkdir()
    old = sqlite3.connect(path)
    old.execute("PRAGMA journal_mode = WAL")
    old.executescript(SCHEMA_OF_0_100 + WRITE_OF_0_100)
    old.close()
    ledger = open_ledger(path, LOG)
    assert ledger.load() == Remembered(25_000, [key(3, 3)], (), None)
    ledger.write([], Mark(30_000, (Gap(1, 2),)), 40_000)
    ledger.close()
    ledger = open_ledger(path, LOG)
    assert ledger.load() == Remembered(30_000, [key(3, 3)], (Gap(1, 2),), 40_000)
    ledger.close()


def test_version_0_100_reads_and_writes_a_ledger_of_today(path: Path) -> None:
    """The format is still 1, and its statements meet the tables they know."""
    ledger = open_ledger(path, LOG)
    ledger.write([key(1, 1), key(2, 2)], Mark(20_000, (Gap(10_000, 12_000),)), 21_000)
    ledger.close()
    old = sqlite3.connect(path)
    assert old.execute("PRAGMA user_version").fetchone() == (1,)
    assert old.execute("SELECT settled_ms FROM settled").fetchone() == (20_000,)
    assert len(old.execute("SELECT bucket, digests FROM delivered").fetchall()) == 2
    old.executescript(WRITE_OF_0_100)
    old.close()
    ledger = open_ledger(path, LOG)
    settled_ms, keys, gaps, alive_ms = ledger.load()
    assert (settled_ms, gaps, alive_ms) == (25_000, (Gap(10_000, 12_000),), 21_000)
    assert set(keys) == {key(2, 2), key(3, 3)}
    ledger.close()


def test_a_killed_process_has_written_everything(path: Path) -> None:
    """Each write() that has returned survives SIGKILL, and the lock does not."""
    code = f"""
import logging, os, signal
from pathlib import Path
from k8saudit_eks.delivery.ledger.protocol import Mark
from k8saudit_eks.delivery.ledger.sqlite import open_ledger
ledger = open_ledger(Path({str(path)!r}), logging.getLogger())
for number in range(50):
    ledger.write([(7, number.to_bytes(15, "big"))], Mark(number))
os.kill(os.getpid(), signal.SIGKILL)
"""
    killed = subprocess.run([sys.executable, "-c", code], check=False)
    assert killed.returncode == -9
    assert remembered(path) == (49, {key(7, number) for number in range(50)})


def test_a_second_process_is_refused(path: Path) -> None:
    """One sentence names the file and the cure; after the first one's end it may have it."""
    code = f"""
import logging, sys
from pathlib import Path
from k8saudit_eks.delivery.ledger.sqlite import open_ledger
ledger = open_ledger(Path({str(path)!r}), logging.getLogger())
print("open", flush=True)
sys.stdin.read()
ledger.close()
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        with pytest.raises(OpenError, match="held by another process") as caught:
            open_ledger(path, LOG)
        assert str(path) in str(caught.value)
        other.communicate()
    assert remembered(path) == (None, set())


def test_a_second_handle_of_the_same_process_is_refused(path: Path) -> None:
    """As after a hot reload that forgot to close; other processes are still refused, too."""
    ledger = open_ledger(path, LOG)
    with pytest.raises(OpenError, match="held by another process"):
        open_ledger(path, LOG)
    code = f"""
import logging
from pathlib import Path
from k8saudit_eks.delivery.ledger.sqlite import open_ledger
open_ledger(Path({str(path)!r}), logging.getLogger())
"""
    other = subprocess.run(
        [sys.executable, "-c", code], stderr=subprocess.PIPE, text=True, check=False
    )
    assert "held by another process" in other.stderr
    ledger.close()
    assert remembered(path) == (None, set())


@pytest.mark.parametrize(
    "content",
    [
        b"not a database, but long enough to be taken for one" * 40,
        b"SQLite format 3\0" + b"\xff" * 5000,
    ],
    ids=["text", "garbage"],
)
def test_a_damaged_file_is_set_aside(
    path: Path, content: bytes, warnings: pytest.LogCaptureFixture
) -> None:
    """It is kept under another name, said, and a new ledger takes its place."""
    path.parent.mkdir()
    path.write_bytes(content)
    assert remembered(path) == (None, set())
    (aside,) = path.parent.glob("*.damaged-*")
    assert aside.read_bytes() == content
    assert aside.name in warnings.text
    assert "first start" in warnings.text


def test_a_ledger_damaged_in_the_middle_is_set_aside(
    path: Path, warnings: pytest.LogCaptureFixture
) -> None:
    """A page overwritten inside a real ledger is noticed before anything is believed."""
    ledger = open_ledger(path, LOG)
    for bucket in range(200):
        ledger.write([key(bucket, number) for number in range(100)], None)
    ledger.close()
    content = bytearray(path.read_bytes())
    content[8192:12288] = b"\x5a" * 4096
    path.write_bytes(content)
    assert remembered(path) == (None, set())
    assert "damaged" in warnings.text


def test_another_programs_database_is_not_touched(
    path: Path, warnings: pytest.LogCaptureFixture
) -> None:
    """It is set aside as it is."""
    path.parent.mkdir()
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE theirs (x)")
    other.commit()
    other.close()
    content = path.read_bytes()
    assert remembered(path) == (None, set())
    (aside,) = path.parent.glob("*.damaged-*")
    kept = sqlite3.connect(aside)
    assert kept.execute("SELECT name FROM sqlite_schema").fetchall() == [("theirs",)]
    kept.close()
    assert len(content) == len(aside.read_bytes())
    assert "another program" in warnings.text


def test_a_newer_versions_ledger_is_refused_and_kept(path: Path) -> None:
    """Reading on without its memory would repeat and might lose: the user decides."""
    open_ledger(path, LOG).close()
    newer = sqlite3.connect(path)
    newer.execute(f"PRAGMA user_version = {FORMAT + 1}")
    newer.close()
    content = path.read_bytes()
    with pytest.raises(OpenError, match="newer version"):
        open_ledger(path, LOG)
    assert path.read_bytes() == content


def test_a_folder_that_is_no_folder_means_memory_only(
    tmp_path: Path, warnings: pytest.LogCaptureFixture
) -> None:
    """A warning says what that means and what to do; the capture goes on."""
    (tmp_path / "file").touch()
    ledger = open_ledger(tmp_path / "file" / "group.ledger", LOG)
    assert isinstance(ledger, NoLedger)
    assert "state_dir can't be used" in warnings.text
    assert "only in memory" in warnings.text


def test_a_read_only_place_means_memory_only(warnings: pytest.LogCaptureFixture) -> None:
    """Where no file can be made, not even by root (/proc), the capture goes on."""
    assert isinstance(open_ledger(Path("/proc/self/group.ledger"), LOG), NoLedger)
    assert "only in memory" in warnings.text


def test_a_ledger_that_may_not_be_written_means_memory_only(
    path: Path, warnings: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another user's file, or a read-only one: a warning, and the capture goes on."""
    open_ledger(path, LOG).close()
    path.chmod(0o400)
    if os.geteuid() == 0:  # who may write everywhere
        monkeypatch.setattr(os, "access", lambda *_: False)
    assert isinstance(open_ledger(path, LOG), NoLedger)
    assert "only in memory" in warnings.text


class _Now:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def fill(ledger: SqliteLedger) -> None:
    """From now on SQLite answers SQLITE_FULL where it needs more room."""
    assert ledger._connection is not None
    (pages,) = ledger._connection.execute("PRAGMA page_count").fetchone()
    ledger._connection.execute(f"PRAGMA max_page_count = {pages}")


def make_room(ledger: SqliteLedger) -> None:
    assert ledger._connection is not None
    ledger._connection.execute("PRAGMA max_page_count = 1000000")


MANY = [key(bucket, bucket) for bucket in range(1, 2000)]


def test_a_full_disk_loses_nothing(path: Path, warnings: pytest.LogCaptureFixture) -> None:
    """While nothing can be written it is kept and said once a minute; then it is written."""
    now = _Now()
    ledger = SqliteLedger(path, LOG, monotonic_s=now)
    ledger.write([key(1, 0)], Mark(5))
    fill(ledger)
    ledger.write(MANY, None)
    now.now_s = 30.0
    ledger.write([key(1, 7)], None)
    assert warnings.text.count("can't be written") == 1
    now.now_s = 60.0
    ledger.write([key(1, 8)], None)
    assert warnings.text.count("can't be written") == 2
    assert "a restart now would repeat events" in warnings.text
    make_room(ledger)
    now.now_s = 90.0
    ledger.write([key(1, 9)], None)
    expected = {key(1, 0), key(1, 7), key(1, 8), key(1, 9), *MANY}
    assert not ledger._unwritten
    ledger.close()
    assert remembered(path) == (5, expected)


def test_a_ledger_knows_whether_it_outlives_the_process(path: Path) -> None:
    """From a write that failed to the next one that did not; one in memory never does."""
    now = _Now()
    ledger = SqliteLedger(path, LOG, monotonic_s=now)
    ledger.write([key(1, 0)], Mark(5))
    assert ledger.outlives_process
    fill(ledger)
    ledger.write(MANY, None)
    assert not ledger.outlives_process
    make_room(ledger)
    now.now_s = 0.5  # too soon to be tried again
    ledger.write([key(1, 7)], None)
    assert not ledger.outlives_process
    now.now_s = 90.0
    ledger.write([key(1, 8)], None)
    assert ledger.outlives_process
    ledger.close()
    assert not NoLedger().outlives_process
    assert not open_ledger_of(Config(), "eu-west-1", "/in/memory", LOG).outlives_process


def test_close_writes_what_a_full_disk_had_refused(path: Path) -> None:
    """There may be room again; nothing else will ask."""
    ledger = SqliteLedger(path, LOG, monotonic_s=_Now())
    fill(ledger)
    ledger.write(MANY, Mark(7))
    make_room(ledger)
    ledger.close()
    assert remembered(path) == (7, set(MANY))


def test_a_full_disk_costs_little(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that waits is written again now and then, not with every write."""
    tries = []
    now = _Now()
    ledger = SqliteLedger(path, LOG, monotonic_s=now)
    fill(ledger)
    write_all = ledger._write_all

    def counted() -> None:
        tries.append(now.now_s)
        now.now_s += 0.1  # what a try takes
        write_all()

    monkeypatch.setattr(ledger, "_write_all", counted)
    for _ in range(1000):
        ledger.write(MANY[:100], None)
        now.now_s += 0.01
    assert 2 <= len(tries) <= 6
    ledger.close()


def test_without_a_mark_a_restart_loses(path: Path, warnings: pytest.LogCaptureFixture) -> None:
    """The warning says so: nothing tells a next start where this one began."""
    ledger = SqliteLedger(path, LOG, monotonic_s=_Now())
    ledger.load()
    fill(ledger)
    ledger.write(MANY, Mark(5))
    assert "a restart now would begin at now minus shift" in warnings.text
    ledger.close()


def test_a_deleted_file_is_made_anew(path: Path, warnings: pytest.LogCaptureFixture) -> None:
    """With all that it held, said as an error, and locked again."""
    now = _Now()
    ledger = SqliteLedger(path, LOG, monotonic_s=now)
    ledger.load()
    ledger.write([key(1, 1)], Mark(5, (Gap(1, 2),)), 6)
    path.unlink()
    now.now_s = 10.0
    ledger.write([key(1, 2)], None)
    assert "was deleted or replaced while it is in use" in warnings.text
    with pytest.raises(OpenError, match="held by another process"):
        open_ledger(path, LOG)
    ledger.close()
    ledger = SqliteLedger(path, LOG)
    settled_ms, keys, gaps, alive_ms = ledger.load()
    assert (settled_ms, set(keys)) == (5, {key(1, 1), key(1, 2)})
    assert (gaps, alive_ms) == ((Gap(1, 2),), 6)
    ledger.close()


def test_a_deleted_folder_is_made_anew(path: Path) -> None:
    """With what SQLite keeps beside the file."""
    now = _Now()
    ledger = SqliteLedger(path, LOG, monotonic_s=now)
    ledger.write([key(1, 1)], Mark(5))
    shutil.rmtree(path.parent)
    now.now_s = 10.0
    ledger.write([key(1, 2)], None)
    ledger.close()
    assert remembered(path) == (5, {key(1, 1), key(1, 2)})


def test_who_took_a_deleted_files_place_keeps_it(
    path: Path, warnings: pytest.LogCaptureFixture
) -> None:
    """What the first reader is told waits until the second has gone."""
    now = _Now()
    first = SqliteLedger(path, LOG, monotonic_s=now)
    first.write([key(1, 1)], Mark(5))
    path.unlink()
    second = open_ledger(path, LOG)
    second.write([key(1, 7)], Mark(4))
    now.now_s = 10.0
    first.write([key(1, 2)], None)
    assert "was deleted or replaced" in warnings.text
    assert "held by another process" in warnings.text
    second.write([key(1, 8)], None)
    second.close()
    now.now_s = 1000.0
    first.write([key(1, 3)], None)
    first.close()
    assert remembered(path) == (5, {key(1, number) for number in (1, 2, 3, 7, 8)})


@pytest.mark.parametrize("suffix", ["", "-wal"])
def test_no_symbolic_link_is_followed(
    path: Path, tmp_path: Path, suffix: str, warnings: pytest.LogCaptureFixture
) -> None:
    """Whoever may write in state_dir can't have another file written, or made."""
    path.parent.mkdir()
    for target in (tmp_path / "precious", tmp_path / "missing"):
        planted = path.with_name(path.name + suffix)
        planted.unlink(missing_ok=True)
        planted.symlink_to(target)
        content = b"" if suffix == "" else b"precious"
        (tmp_path / "precious").write_bytes(content)
        ledger = open_ledger(path, LOG)
        ledger.write([key(1, 1)], Mark(5))
        ledger.close()
        assert (tmp_path / "precious").read_bytes() == content
        assert not (tmp_path / "missing").exists()
    if suffix == "":
        assert isinstance(ledger, NoLedger)
        assert "symbolic link" in warnings.text


def test_the_folders_that_are_made_are_private(tmp_path: Path) -> None:
    """Those above state_dir too, whatever the umask is; those that exist stay as they are."""
    tmp_path.chmod(0o755)
    before = os.umask(0)
    try:
        open_ledger(tmp_path / "a" / "b" / "group.ledger", LOG).close()
    finally:
        os.umask(before)
    modes = [(tmp_path / name).stat().st_mode & 0o777 for name in ("a/b", "a", "")]
    assert modes == [0o700, 0o700, 0o755]


def test_a_disk_that_stays_full_does_not_fill_the_memory(path: Path) -> None:
    """What is settled meanwhile is forgotten, as it would be on disk."""
    ledger = SqliteLedger(path, LOG)
    fill(ledger)
    for round_ in range(100):
        ledger.write([key(round_, n) for n in range(300)], Mark(round_ * BUCKET_MS))
    assert sum(map(len, ledger._unwritten.values())) <= 600
    ledger.close()


def test_each_log_group_has_a_file_of_its_own() -> None:
    """Names differ wherever region, log group or the way to the account differ."""
    paths = [
        ledger_path("/state", region, group, way)
        for way in (
            (None, None, None),
            ("a", None, None),
            (None, "arn:aws:iam::123456789012:role/a", None),
            (None, None, "http://a"),
        )
        for region in ("eu-west-1", "eu-west-2", None)
        for group in ("/aws/eks/a/cluster", "/aws/eks/a_cluster", "/aws/eks/a%2Fcluster")
    ]
    assert len(set(paths)) == len(paths)
    assert all(path.parent == Path("/state") for path in paths)
    assert paths[0].name == "eu-west-1_%2Faws%2Feks%2Fa%2Fcluster.ledger"


def test_the_longest_log_group_names_have_a_file_too(tmp_path: Path) -> None:
    """CloudWatch takes 512 characters, file systems 255; names that end differently differ."""
    config = Config(state_dir=str(tmp_path))
    for last in "ab":
        ledger = open_ledger_of(config, "eu-west-1", "/" * 511 + last, LOG)
        assert isinstance(ledger, SqliteLedger)
        ledger.close()
    paths = [ledger_path(str(tmp_path), "eu-west-1", "/" * 511 + last, ()) for last in "ab"]
    assert all(path.exists() for path in paths)
    assert len(set(paths)) == 2


def test_without_state_dir_nothing_is_written(caplog: pytest.LogCaptureFixture) -> None:
    """And one line says what that means."""
    with caplog.at_level(logging.INFO, logger=LOG.name):
        ledger = open_ledger_of(Config(), "eu-west-1", "/aws/eks/a/cluster", LOG)
    assert isinstance(ledger, ProcessLedger)
    assert "state_dir is not set" in caplog.text


@pytest.mark.parametrize("state_dir", [None, "/proc/self/state"], ids=["none", "unusable"])
def test_without_a_usable_state_dir_a_reload_remembers(state_dir: str | None) -> None:
    """The next capture in this process goes on; one reached another way knows nothing."""
    config = Config(state_dir=state_dir)
    group = f"/aws/eks/{state_dir}/cluster"
    ledger = open_ledger_of(config, "eu-west-1", group, LOG)
    ledger.write([key(1, 1)], Mark(5), 6)
    ledger.close()
    other = open_ledger_of(Config(state_dir=state_dir, profile="a"), "eu-west-1", group, LOG)
    assert other.load() == Remembered(None, [])
    ledger = open_ledger_of(config, "eu-west-1", group, LOG)
    assert ledger.load() == Remembered(5, [key(1, 1)], (), 6)


def test_a_new_way_to_a_log_group_is_said(
    tmp_path: Path, warnings: pytest.LogCaptureFixture
) -> None:
    """Once, when profile, role or endpoint were changed: its ledger begins anew."""
    state = str(tmp_path)
    for group in ("a", "b", "a_other"):
        open_ledger_of(Config(state_dir=state), "eu-west-1", group, LOG).close()
    assert not warnings.text
    for _ in range(2):
        open_ledger_of(Config(state_dir=state, profile="x"), "eu-west-1", "a", LOG).close()
    assert warnings.text.count("begins as at a first start") == 1
    assert "eu-west-1_a.ledger has the same log group" in warnings.text


def test_state_dir_holds_the_ledger(tmp_path: Path) -> None:
    """With a state_dir the file lies there."""
    config = Config(state_dir=str(tmp_path))
    ledger = open_ledger_of(config, "eu-west-1", "/aws/eks/a/cluster", LOG)
    ledger.close()
    assert [path.suffix for path in tmp_path.glob("*cluster*")] == [".ledger"]
