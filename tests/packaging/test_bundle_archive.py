"""The bundle's archive: what is in it, what it needs, and that it is always the same."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path, PurePosixPath

import pytest
from bundle import FOLDER, contents, elf
from installation import ROOT, run

COMPRESSED_MAX_BYTES = 16_000_000
UNPACKED_MAX_BYTES = 45_000_000

# What Debian's package libc6 holds (dpkg -L libc6): the only libraries of the host's.
GLIBC = {
    *("libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libutil.so.1"),
    *("libresolv.so.2", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"),
}
UNCHECKED_HASH = 1  # flags of a .pyc: PEP 552


@pytest.fixture(scope="session")
def members(bundle_archive: Path) -> list[tarfile.TarInfo]:
    with tarfile.open(bundle_archive) as archive:
        return archive.getmembers()


@pytest.fixture(scope="session")
def objects(bundle: Path) -> list[Path]:
    """Every ELF file."""
    files = [path for path in bundle.rglob("*") if path.is_file() and elf.is_elf(path)]
    assert len(files) > 30
    return files


def test_it_is_small(bundle_archive: Path, members: list[tarfile.TarInfo]) -> None:
    """Under 16 MB compressed and 45 MB unpacked."""
    assert bundle_archive.stat().st_size < COMPRESSED_MAX_BYTES
    assert sum(member.size for member in members) < UNPACKED_MAX_BYTES


def test_falcoctl_can_unpack_it(members: list[tarfile.TarInfo]) -> None:
    """Files and folders only, no `..`, each folder before what is in it.

    falcoctl refuses links and any name with `..`, and makes no folder on its own.
    """
    seen = {PurePosixPath(".")}
    for member in members:
        assert member.isfile() or member.isdir(), member.name
        assert ".." not in member.name
        path = PurePosixPath(member.name)
        assert not path.is_absolute()
        assert path.parent in seen, f"{path} comes before its folder"
        if member.isdir():
            seen.add(path)
    assert {PurePosixPath(member.name).parts[0] for member in members} == {
        "libk8saudit-eks.so",
        FOLDER,
    }


def test_the_rules_are_in_it(bundle: Path) -> None:
    """One archive is all that a Falco needs."""
    shipped = {file.name: file.read_bytes() for file in (ROOT / "rules").glob("*.yaml")}
    assert len(shipped) == 2
    placed = (bundle / FOLDER / "rules").iterdir()
    assert {file.name: file.read_bytes() for file in placed} == shipped


def test_anybody_can_read_it_and_only_root_write(members: list[tarfile.TarInfo]) -> None:
    """Owned by root; readable for all, so that a host that is not root can load it."""
    for member in members:
        assert (member.uid, member.gid) == (0, 0)
        assert member.mode == (0o755 if member.isdir() else 0o644), member.name


def dynamic(path: Path, kind: str) -> list[str]:
    """Values in brackets of readelf's dynamic section, by kind: NEEDED, RUNPATH, RPATH."""
    lines = run(["readelf", "-dW", path]).splitlines()
    return [
        match[1]
        for line in lines
        if f"({kind})" in line and (match := re.search(r"\[(.*)\]", line))
    ]


def test_only_glibc_is_needed_from_outside(bundle: Path, objects: list[Path]) -> None:
    """Whatever an ELF file needs is glibc's, or is where its $ORIGIN runpath points to."""
    found = 0
    for path in objects:
        assert dynamic(path, "RPATH") == []
        (runpath,) = dynamic(path, "RUNPATH")
        assert runpath.startswith("$ORIGIN")
        folder = Path(runpath.replace("$ORIGIN", str(path.parent))).resolve()
        assert folder.is_relative_to(bundle)
        for needed in dynamic(path, "NEEDED"):
            if needed not in GLIBC:
                assert (folder / needed).is_file(), f"{path} needs {needed}"
                found += 1
    assert found > 30


def test_openssl_looks_where_only_root_writes(objects: list[Path]) -> None:
    """Its configuration and its modules may name code to load."""
    pattern = re.compile(rb'(?:OPENSSLDIR|ENGINESDIR|MODULESDIR): "([^"]*)"')
    folders = {name for path in objects for name in pattern.findall(path.read_bytes())}
    assert folders
    assert all(name.startswith((b"/usr/lib/", b"/etc/")) for name in folders), folders


def test_every_symbol_is_the_bundles_or_glibcs(objects: list[Path]) -> None:
    """No file asks the host for a symbol, and none offers one that others could mean.

    A host's libssl or libstdc++ comes first where a symbol is looked up, so nothing in
    the bundle may go by a name that such a library has.
    """
    linkers = {"_init", "_fini", "_edata", "_end", "__bss_start"}
    defined: set[str] = set()
    for path in objects:
        names = elf.read(path).defined - linkers
        # What Python looks up in a module, and a host in a plugin, by name.
        own = () if path.name.startswith("lib") else ("PyInit_",)
        own = ("plugin_",) if path.name == "libk8saudit-eks.so" else own
        assert {name for name in names if not name.startswith(("kae_", *own))} == set(), path
        defined |= names
    glibc = {name for path in glibc_files() for name in elf.read(path).defined}
    for path in objects:
        for line in run(["nm", "-D", "--undefined-only", path]).splitlines():
            kind, name = line.split()[-2:]
            plain = name.split("@")[0]
            assert kind in "wv" or plain in defined or plain in glibc, f"{path} wants {name}"


def glibc_files() -> Iterator[Path]:
    """glibc's libraries, as this process has them."""
    maps = Path("/proc/self/maps").read_text("utf-8").split()
    folder = next(Path(word).parent for word in maps if word.endswith("/libc.so.6"))
    return (folder / name for name in sorted(GLIBC) if (folder / name).exists())


def test_the_build_machines_glibc_is_new_enough(objects: list[Path]) -> None:
    """Nothing is wanted of a newer glibc than the one that the bundle was built with."""
    name, _, version = str(os.confstr("CS_GNU_LIBC_VERSION")).partition(" ")
    assert name == "glibc"
    here = tuple(map(int, version.split(".")))
    wanted = {
        tuple(map(int, symbol_version.removeprefix("GLIBC_").split(".")))
        for path in objects
        for _, symbol_version in elf.read(path).versions
        if re.fullmatch(r"GLIBC_[\d.]+", symbol_version)
    }
    assert (2, 14) < max(wanted) <= here


def test_no_path_of_the_build_machine_is_inside(bundle: Path) -> None:
    """Neither the checkout nor the Python that it was built with is named in any file."""
    names = {str(ROOT), f"{Path.home()}/", *({sys.prefix, sys.base_prefix} - {"/usr"})}
    # Rules speak of sensitive paths, /root/ among them.
    rules = bundle / FOLDER / "rules"
    for path in bundle.rglob("*"):
        if path.is_file() and path.parent != rules:
            data = path.read_bytes()
            assert [name for name in names if name.encode() in data] == [], path


def test_python_has_nothing_to_write(bundle: Path) -> None:
    """All Python is compiled, and compiled so that nobody looks for a source."""
    assert list(bundle.rglob("*.py")) == []
    (standard_library,) = bundle.rglob("python3*.zip")
    compiled = {path.name: path.read_bytes() for path in bundle.rglob("*.pyc")}
    with zipfile.ZipFile(standard_library) as archive:
        names = archive.namelist()
        compiled |= {name: archive.read(name) for name in names}
    assert {"encodings/__init__.pyc", "ssl.pyc", "embed.pyc", "session.pyc"} <= set(compiled)
    for name, data in compiled.items():
        assert name.endswith(".pyc")
        assert int.from_bytes(data[4:8], "little") == UNCHECKED_HASH, name


def test_packages_are_there_with_all_that_they_require() -> None:
    """What a package of the bundle requires is in the bundle too."""
    for package in contents.PACKAGES:
        for requirement in metadata.requires(package) or ():
            name = re.split(r"[^A-Za-z0-9._-]", requirement)[0]
            optional = "extra ==" in requirement
            # cffi's C parser: only at build time.
            assert optional or name in {*contents.PACKAGES, "pycparser"}, f"{package}: {name}"


def test_the_plugin_brings_what_its_host_imports_and_no_more() -> None:
    """No module of the bundle imports one that is left out; none is for the documents."""
    own = {path: file for path, file in contents.packages().items() if "k8saudit_eks" in path.parts}
    names = {".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in own}
    for path, file in own.items():
        for module in re.findall(
            r"^ *from (k8saudit_eks[.\w]*) import", file.read_text("utf-8"), re.M
        ):
            assert module in names, f"{path} imports {module}"
    assert {"k8saudit_eks.targets", "k8saudit_eks.partitions"} <= names
    assert not [name for name in names if re.search(r"docs|\.(cli|falco|fields)\b", name)]


def test_the_same_sources_give_the_same_bytes(
    bundle_archive: Path, members: list[tarfile.TarInfo], tmp_path: Path
) -> None:
    """A second build, from nothing and in other surroundings, gives the same archive."""
    (time_s,) = {member.mtime for member in members}
    assert time_s > 0
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "LC_ALL": "C",
        "PYTHONHASHSEED": "77",
        "SOURCE_DATE_EPOCH": str(int(time_s)),
        "TZ": "Pacific/Kiritimati",
    }
    script = 'umask 077; exec "$0" -m bundle.build --output "$1/dist" --work "$1/work"'
    finished = subprocess.run(
        ["/bin/sh", "-c", script, sys.executable, tmp_path],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    (again,) = (tmp_path / "dist").iterdir()
    assert again.name == bundle_archive.name
    first, second = digests(bundle_archive), digests(again)
    assert {name for name in first | second if first.get(name) != second.get(name)} == set()
    assert again.read_bytes() == bundle_archive.read_bytes()


def digests(archive: Path) -> dict[str, str]:
    """The digest of each file in an archive, by name."""
    with tarfile.open(archive) as opened:
        files = {one.name: opened.extractfile(one) for one in opened.getmembers() if one.isfile()}
        return {
            name: hashlib.sha256(file.read()).hexdigest() for name, file in files.items() if file
        }
