"""Python's start inside a host: found, isolated, well-mannered, and loud when it fails."""

from __future__ import annotations

import os
import sysconfig
from pathlib import Path

import pytest
from boundary import ReplayFile, RunHost, version_dir

IDS = [f"event-{number}" for number in range(300)]


def test_events_reach_a_host_that_loads_with_rtld_local(
    run_host: RunHost, library: Path, replay_file: ReplayFile
) -> None:
    """RTLD_LOCAL hides libpython from extension modules; every event arrives all the same.

    Hosts load every plugin so. Without the promotion of libpython, `_cffi_backend`
    can't be imported.
    """
    ran = run_host("host_replay", library, "", f"file://{replay_file(IDS)}")
    assert [line for line in ran.stdout.splitlines() if not line.startswith("log ")] == [
        *IDS,
        "end",
    ]
    assert ran.stderr == ""
    assert ran.returncode == 0


def test_environment_variables_do_not_reach_python(
    run_host: RunHost, library: Path, replay_file: ReplayFile, tmp_path: Path
) -> None:
    """PYTHON* variables and a json.py on PYTHONPATH and in the working directory do nothing."""
    (tmp_path / "json.py").write_text("raise SystemExit('imported from outside')\n")
    nonsense = {
        "PYTHONHOME": "/nonexistent",
        "PYTHONPATH": str(tmp_path),
        "PYTHONSTARTUP": str(tmp_path / "json.py"),
        "PYTHONVERBOSE": "1",
        "PYTHONDEVMODE": "1",
        "LC_ALL": "C",
        "HOME": "/nonexistent",
    }
    replay = f"file://{replay_file(IDS)}"
    ran = run_host("host_replay", library, "", replay, env=nonsense, cwd=tmp_path)
    assert ran.stdout.splitlines()[-1] == "end", ran.stdout
    assert ran.stderr == ""


def test_host_keeps_signals_directory_locale_and_streams(
    run_host: RunHost, library: Path, replay_file: ReplayFile
) -> None:
    """Signal handlers and mask, cwd, locale and the flags of 0, 1, 2 stay the same."""
    ran = run_host("host_manners", library, f"file://{replay_file(IDS)}")
    assert (ran.stdout, ran.stderr) == ("unchanged\n", "")


def test_a_host_with_the_same_python_shares_it(
    run_host: RunHost, library: Path, replay_file: ReplayFile
) -> None:
    """A Python that the host runs is joined; its streams and its search path's front stay."""
    ran = run_host("host_own_python", library, f"file://{replay_file(IDS)}")
    assert (ran.stdout, ran.stderr) == (f"{IDS[0]}\n", "")


def test_first_calls_may_come_in_parallel(run_host: RunHost, library: Path) -> None:
    """Eight threads that call init first and at once all get a working handle."""
    ran = run_host("host_parallel_init", library)
    assert (ran.stdout, ran.stderr) == ("started\n", "")


def test_a_whole_environment_starts(run_host: RunHost, environment: Path) -> None:
    """The layout that the next tests break works as long as it is whole."""
    ran = run_host("host_start", environment / "libk8saudit-eks.so")
    assert (ran.stdout, ran.stderr) == ("started\nstarted\n", "")


def test_python_can_not_reach_the_hosts_streams(run_host: RunHost, environment: Path) -> None:
    """What Python and its packages print on their own, a broken .pth file say, goes nowhere."""
    (environment.parent / "broken.pth").write_text("import no_such_module\n")
    with (environment / "plugin.py").open("a") as plugin:
        plugin.write("import sys, warnings\nprint('printed')\nwarnings.warn('warned')\n")
    ran = run_host("host_start", environment / "libk8saudit-eks.so")
    assert (ran.stdout, ran.stderr) == ("started\nstarted\n", "")


def expect_one_sentence(output: str) -> str:
    """Both attempts say the same one line; returns it."""
    first, second = output.splitlines()
    assert first == second
    assert first.startswith("init: k8saudit-eks ")
    return first


def test_missing_package_is_said(run_host: RunHost, environment: Path, tmp_path: Path) -> None:
    """A library copied away from its package refuses init with the cure, every time."""
    copy = tmp_path / "elsewhere" / "libk8saudit-eks.so"
    copy.parent.mkdir()
    (environment / "libk8saudit-eks.so").rename(copy)
    ran = run_host("host_start", copy)
    assert "use the library where it was installed" in expect_one_sentence(ran.stdout)
    assert ran.stderr == ""


def test_missing_dependency_is_said(run_host: RunHost, environment: Path) -> None:
    """An environment without cffi refuses init and names what is missing."""
    (environment.parent / "dependencies.pth").unlink()
    ran = run_host("host_start", environment / "libk8saudit-eks.so")
    sentence = expect_one_sentence(ran.stdout)
    assert "cffi" in sentence
    assert "pip" in sentence
    assert ran.stderr == ""


def test_broken_standard_library_is_said(
    run_host: RunHost, environment: Path, tmp_path: Path
) -> None:
    """A standard library without its encodings refuses init, and nothing reaches stderr.

    Left to itself, Python prints its path configuration there.
    """
    broken = tmp_path / "python"
    (broken / "bin").mkdir(parents=True)
    library_dir = broken / "lib" / version_dir()
    library_dir.mkdir(parents=True)
    (library_dir / "os.py").touch()
    config = environment.parents[3] / "pyvenv.cfg"
    assert sysconfig.get_config_var("BINDIR") in config.read_text()
    config.write_text(f"home = {broken / 'bin'}\n")
    ran = run_host("host_start", environment / "libk8saudit-eks.so")
    assert str(library_dir) in expect_one_sentence(ran.stdout)
    assert ran.stderr == ""


def test_a_strangers_environment_is_not_used(
    run_host: RunHost, environment: Path, replay_file: ReplayFile
) -> None:
    """What anyone could have made runs no code; the one above it is used, and a line says so."""
    folder = environment.parents[2]
    packages = folder / "lib" / version_dir() / "site-packages"
    packages.mkdir(parents=True)
    (packages / "evil.pth").write_text("import os; os.write(1, b'steered')\n")
    (folder / "pyvenv.cfg").write_text((folder.parent / "pyvenv.cfg").read_text())
    folder.chmod(0o777)
    replay = f"file://{replay_file(IDS)}"
    ran = run_host("host_replay", environment / "libk8saudit-eks.so", "", replay)
    warning, *lines = ran.stdout.splitlines()
    assert warning.startswith(f"log 4: k8saudit-eks does not use {folder}/pyvenv.cfg")
    assert [line for line in lines if not line.startswith("log ")] == [*IDS, "end"]
    assert ran.stderr == ""


@pytest.mark.parametrize("what", ["folder", "file", "owner of the folder", "owner of the file"])
def test_an_environment_of_others_is_said(
    run_host: RunHost, environment: Path, tmp_path: Path, what: str
) -> None:
    """Where the start fails without it, the sentence begins with the cure."""
    (tmp_path / "only_there.py").touch()
    (environment.parent / "only.pth").write_text(f"{tmp_path}\n")
    with (environment / "plugin.py").open("a") as plugin:
        plugin.write("import only_there\n")
    folder = environment.parents[3]
    found = folder / "pyvenv.cfg" if what.endswith("file") else folder
    if what.startswith("owner"):
        if os.geteuid() != 0:
            pytest.skip("only root gives files away")
        os.chown(found, 65534, -1)
    else:
        found.chmod(found.stat().st_mode | 0o002)
    ran = run_host("host_start", environment / "libk8saudit-eks.so")
    sentence = expect_one_sentence(ran.stdout)
    assert f"does not use {folder}/pyvenv.cfg" in sentence
    assert "chmod o-w" in sentence
    assert "without it: k8saudit-eks " in sentence
    assert ran.stderr == ""


def test_an_environment_of_the_librarys_owner_is_used(run_host: RunHost, environment: Path) -> None:
    """Whoever owns the library decides what runs beside it."""
    if os.geteuid() != 0:
        pytest.skip("only root gives files away")
    folder = environment.parents[3]
    for path in (folder, folder / "pyvenv.cfg", environment / "libk8saudit-eks.so"):
        os.chown(path, 65534, -1)
    ran = run_host("host_start", environment / "libk8saudit-eks.so")
    assert (ran.stdout, ran.stderr) == ("started\nstarted\n", "")


def test_raising_callback_is_a_refusal(run_host: RunHost, environment: Path) -> None:
    """A callback that raises anything at all refuses; the host gets the reason, not success."""
    with (environment / "plugin.py").open("a") as plugin:
        plugin.write("\n\ndef _raise(*arguments):\n    raise KeyboardInterrupt('on purpose')\n")
        plugin.write("\n\nPlugin.__init__ = _raise\n")
    ran = run_host("host_start", environment / "libk8saudit-eks.so")
    first, second = ran.stdout.splitlines()
    assert first == second
    assert "on purpose" in first
    assert ran.stderr == ""


def test_unattached_callback_is_a_refusal(run_host: RunHost, environment: Path) -> None:
    """A package that attaches no callbacks can't be taken for success: cffi answers 0."""
    (environment / "embed.py").write_text("")
    ran = run_host("host_start", environment / "libk8saudit-eks.so")
    first, second = ran.stdout.splitlines()
    assert first == second
    assert first.startswith("init: k8saudit-eks could not be initialised")


def test_another_copy_in_one_process_is_refused(
    run_host: RunHost, library: Path, environment: Path
) -> None:
    """A second file of the same plugin, loaded beside the first, says to restart the host."""
    ran = run_host("host_two_copies", library, environment / "libk8saudit-eks.so")
    assert ran.stdout.splitlines() == [
        "started",
        "init: k8saudit-eks is in this process already, from another file: restart the host",
    ]
    assert ran.stderr == ""
