"""Builds the bundle: dist/k8saudit-eks-VERSION-linux-ARCH.tar.gz

    python -m bundle.build [--output dist] [--work build/bundle]

Two builds of one commit on one machine give the same bytes. The time of all entries is
SOURCE_DATE_EPOCH, or else the commit's.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import build_plugin

from bundle import (
    FOLDER,
    archive,
    aws_models,
    bytecode,
    components,
    contents,
    elf,
    isolate,
    libraries,
    sbom,
)
from k8saudit_eks import __version__

ROOT = contents.ROOT
ERRORS = (
    aws_models.ReductionError,
    build_plugin.BuildError,
    bytecode.CompilationError,
    components.UnknownComponentError,
    isolate.IsolationError,
    libraries.MissingLibraryError,
)


def build(output: Path, work: Path) -> Path:
    """Build the archive in the folder output; returns it. `work` keeps what is compiled.

    Raises:
        *ERRORS: one sentence that says what to do.
    """
    stage = work / "stage"
    scratch = work / "scratch"
    for folder in (stage, scratch):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    build_plugin.build(stage / build_plugin.LIBRARY_NAME, work / "library")
    print("collecting Python and its shared libraries", flush=True)
    lib = stage / FOLDER / "lib"
    version = f"python{sysconfig.get_python_version()}"
    dynload = lib / version / "lib-dynload"
    for path in (dynload, lib / version / "site-packages"):
        path.mkdir(parents=True)
    for name, file in contents.extension_modules().items():
        shutil.copyfile(file, dynload / name)
    needed = libraries.closure(isolate.files_of(stage))
    _place_libraries(needed, stage, lib, scratch)
    print("compiling Python's modules", flush=True)
    _place_standard_library(lib / f"{version.replace('.', '')}.zip", scratch)
    _place_packages(lib / version / "site-packages")
    parts = components.all_components(needed.values())
    sbom.place_licenses(parts, ROOT / "LICENSE", stage / FOLDER / "licenses")
    (stage / FOLDER / "sbom.cdx.json").write_text(sbom.document(parts, commit_time_s()), "utf-8")
    rules = stage / FOLDER / "rules"
    rules.mkdir()
    for file in contents.rules():
        shutil.copyfile(file, rules / file.name)
    output.mkdir(parents=True, exist_ok=True)
    target = output / f"k8saudit-eks-{__version__}-linux-{platform.machine()}.tar.gz"
    print(f"packing {target.name}", flush=True)
    archive.write_tar_gz(target, stage, commit_time_s())
    return target


def _place_libraries(needed: Mapping[str, Path], stage: Path, lib: Path, scratch: Path) -> None:
    for soname, path in needed.items():
        shutil.copyfile(path, lib / isolate.private_soname(soname, __version__))
    files = isolate.files_of(stage)
    names = isolate.choose_names(needed, files, __version__)
    libpython = str(sysconfig.get_config_var("INSTSONAME"))
    for path in files:
        isolate.isolate(path, names, lib, libpython, scratch)
        if sys.base_prefix != "/usr":  # Debian's Python: a name that says nothing
            isolate.scrub(path, sys.base_prefix)
        left = [name for name in elf.read(path).needed if name in names.sonames]
        if left:
            raise isolate.IsolationError(f"{path} still needs {', '.join(left)}")


def _place_standard_library(target: Path, scratch: Path) -> None:
    compiled: dict[str, Path] = {}
    jobs = []
    for number, (name, file) in enumerate(sorted(contents.standard_library().items())):
        compiled[str(name.with_suffix(".pyc"))] = scratch / f"{number}.pyc"
        jobs.append((file, scratch / f"{number}.pyc", str(name)))
    bytecode.compile_files(jobs)
    archive.write_zip(target, compiled)


def _place_packages(site_packages: Path) -> None:
    jobs = []
    for name, file in sorted(contents.packages().items()):
        target = site_packages / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if PurePosixPath(name).suffix == ".py":
            jobs.append((file, target.with_suffix(".pyc"), str(name)))
        elif aws_models.is_reduced(name):
            target.write_bytes(aws_models.reduced(name, file))
        else:
            shutil.copyfile(file, target)
    bytecode.compile_files(jobs)


def commit_time_s() -> int:
    """SOURCE_DATE_EPOCH, or else when the checked out commit was made; 0 outside of git."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    if epoch is not None:
        return int(epoch)
    finished = subprocess.run(
        ["git", "-C", ROOT, "log", "-1", "--format=%ct"],  # noqa: S607 - the user's git
        capture_output=True,
        text=True,
        check=False,
    )
    return int(finished.stdout) if finished.returncode == 0 else 0


def main() -> int:
    """The command; its exit code."""
    parser = argparse.ArgumentParser(description="Build the self-contained archive.")
    parser.add_argument("--output", type=Path, default=ROOT / "dist")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "bundle")
    arguments = parser.parse_args()
    try:
        target = build(arguments.output.resolve(), arguments.work.resolve())
    except ERRORS as error:
        print(f"bundle: {error}", file=sys.stderr)
        return 1
    stage = arguments.work.resolve() / "stage"
    unpacked = sum(path.stat().st_size for path in stage.rglob("*") if path.is_file())
    packed = target.stat().st_size
    print(f"{target}: {packed / 1e6:.1f} MB, {unpacked / 1e6:.1f} MB unpacked")
    return 0


if __name__ == "__main__":
    sys.exit(main())
