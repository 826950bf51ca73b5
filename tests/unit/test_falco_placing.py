"""Files are placed as one: all of them, or none; on disks that are full or read-only, too."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from falco_host import FalcoHost, falco_host
from falco_watch import FalcoWatch

from k8saudit_eks.falco.placing import Placing, PlacingError


def contents(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): str(path.readlink())
        if path.is_symlink()
        else path.read_text("utf-8")
        for path in folder.rglob("*")
        if path.is_symlink() or path.is_file()
    }


@pytest.fixture
def before(tmp_path: Path) -> dict[str, str]:
    """A folder with a file and a link; what is in it."""
    (tmp_path / "file").write_text("old", "utf-8")
    (tmp_path / "gone").write_text("to be removed", "utf-8")
    (tmp_path / "link").symlink_to("old")
    return contents(tmp_path)


def prepare(placing: Placing, folder: Path) -> None:
    """One change of each kind."""
    placing.folder(folder / "a/b", mode=0o700)
    placing.file(folder / "a/b/new", b"new")
    placing.file(folder / "file", b"new", mode=0o600)
    placing.link(folder / "link", "new")
    placing.remove(folder / "gone")


def test_everything_is_placed(tmp_path: Path, before: dict[str, str]) -> None:
    """With modes; nothing else is left."""
    with Placing() as placing:
        prepare(placing, tmp_path)
        assert contents(tmp_path).items() >= before.items()
        placing.commit()
    assert contents(tmp_path) == {"a/b/new": "new", "file": "new", "link": "new"}
    modes = [oct((tmp_path / name).stat().st_mode & 0o777) for name in ("a", "a/b", "file")]
    assert modes == ["0o755", "0o700", "0o600"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "file", "link"]


def test_without_commit_nothing_is(tmp_path: Path, before: dict[str, str]) -> None:
    """Folders that were made are taken away, too."""
    with Placing() as placing:
        prepare(placing, tmp_path)
    assert contents(tmp_path) == before
    assert not (tmp_path / "a").exists()


def test_a_failure_in_the_middle_takes_all_back(tmp_path: Path, before: dict[str, str]) -> None:
    """Old files and links are back, new ones are gone."""
    (tmp_path / "last").write_text("old", "utf-8")

    def fail() -> None:
        with Placing() as placing:
            prepare(placing, tmp_path)
            placing.file(tmp_path / "last", b"new")
            # Something gets in the way after everything was prepared.
            (tmp_path / "last").unlink()
            (tmp_path / "last").mkdir()
            placing.commit()

    with pytest.raises(PlacingError, match="last can't be written: Is a directory: choose"):
        fail()
    (tmp_path / "last").rmdir()
    assert contents(tmp_path) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "gone", "link"]


def test_what_is_taken_back_goes_in_reverse(tmp_path: Path) -> None:
    """A running Falco never sees what needs something that is gone; nor a scratch file."""
    watched = tmp_path / "config.d"
    watched.mkdir()

    def fail() -> None:
        with Placing() as placing:
            for name in ("first", "second", "last"):
                placing.file(watched / name, b"new")
            (watched / "last").mkdir()
            placing.commit()

    with FalcoWatch([watched]) as watch:
        with pytest.raises(PlacingError):
            fail()
        assert watch.noticed() == [
            f"{what}config.d/{name}"
            for what, name in (
                ("+", "last"),
                ("+", "first"),
                ("+", "second"),
                ("-", "second"),
                ("-", "first"),
            )
        ]
    assert [path.name for path in tmp_path.iterdir()] == ["config.d"]


def can_mount() -> bool:
    """Whether this process may mount in a namespace of its own."""
    return (
        subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode == 0
    )


InMounts = Callable[..., str]


@pytest.fixture
def refused_where(tmp_path: Path) -> InMounts:
    """Runs install with other mounts below the root, and gives the sentence by which it ends."""
    if os.geteuid() != 0 or not can_mount():
        pytest.skip("mounting in a namespace of one's own needs root")
    host = falco_host(tmp_path)

    def run(mounts: Callable[[FalcoHost], str], *arguments: str) -> str:
        script = f'{mounts(host)} && exec "$@"'
        before = host.contents()
        words = ["install", "production", "--region", "eu-central-1", "--root", str(host.root)]
        program = [sys.executable, "-m", "k8saudit_eks.cli", *words, "--user", "0", *arguments]
        finished = subprocess.run(
            ["unshare", "-m", "sh", "-ec", script, "sh", *program],
            capture_output=True,
            text=True,
            check=False,
        )
        assert finished.returncode == 1, finished.stdout + finished.stderr
        assert finished.stdout == ""
        assert finished.stderr.count("\n") == 1
        assert host.contents() == before
        return finished.stderr

    return run


def read_only(*folders: str) -> Callable[[FalcoHost], str]:
    return lambda host: " && ".join(
        f"mount --bind {host.root / one} {host.root / one} && "
        f"mount -o remount,bind,ro {host.root / one}"
        for one in folders
    )


def full(host: FalcoHost) -> str:
    """A disk of two pages at state_dir's place."""
    host.state_dir.mkdir(mode=0o700, exist_ok=True)
    return f"mount -t tmpfs -o size=8k,mode=700 none {host.state_dir}"


def test_a_folder_that_is_a_mount(tmp_path: Path) -> None:
    """A file can't be moved there from outside, not even from the same file system."""
    if os.geteuid() != 0 or not can_mount():
        pytest.skip("mounting in a namespace of one's own needs root")
    (tmp_path / "mounted").mkdir()
    program = (
        "import sys, pathlib; from k8saudit_eks.falco.placing import Placing\n"
        "with Placing() as placing:\n"
        "    placing.file(pathlib.Path(sys.argv[1]), b'new')\n"
        "    placing.commit()"
    )
    file = str(tmp_path / "mounted/file")
    script = f'mount --bind {tmp_path}/mounted {tmp_path}/mounted && exec "$@"'
    finished = subprocess.run(
        [*["unshare", "-m", "sh", "-ec"], script, "sh", sys.executable, "-c", program, file],
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    assert contents(tmp_path) == {"mounted/file": "new"}


def test_read_only_etc(refused_where: InMounts) -> None:
    """One sentence, and nothing is left in /usr or /var."""
    assert "Read-only file system: make the file system writable" in refused_where(read_only("etc"))


def test_a_state_dir_that_can_not_be_written(refused_where: InMounts) -> None:
    """On a read-only or full disk: the plugin would run without memory, so it is refused."""
    sentence = refused_where(read_only("var/lib"))
    assert "var/lib/k8saudit-eks can't be written: Read-only file system" in sentence
    sentence = refused_where(full)
    assert "var/lib/k8saudit-eks can't be written: No space left on device: free" in sentence


def test_a_link_in_a_new_folders_place_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever owns the folder above can't have mode and owner of another folder changed."""
    victim = tmp_path / "victim"
    victim.mkdir(mode=0o755)
    victim.chmod(0o755)
    made = Path.mkdir

    def replaced(path: Path, mode: int = 0o777) -> None:
        made(path, mode)
        path.rmdir()
        path.symlink_to(victim)

    with Placing() as placing:
        monkeypatch.setattr(Path, "mkdir", replaced)
        with pytest.raises(PlacingError):
            placing.folder(tmp_path / "state", mode=0o700)
    assert victim.stat().st_mode & 0o777 == 0o755
