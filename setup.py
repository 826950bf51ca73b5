"""Puts the library, its ABI and the rules into the wheel; pyproject.toml has everything else."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT))

import build_plugin  # noqa: E402 - needs the line above: a build backend has its own sys.path


class BuildLibrary(build_ext):
    """Builds the library with build_plugin.py and places it in the package."""

    def get_ext_filename(self, fullname: str) -> str:
        *package, _ = fullname.split(".")
        return str(Path(*package, build_plugin.LIBRARY_NAME))

    def run(self) -> None:
        if not self.editable_mode:  # a checkout uses build/, which `make` fills
            super().run()

    def get_output_mapping(self) -> dict[str, str]:
        return {} if self.editable_mode else super().get_output_mapping()

    def build_extension(self, ext: Extension) -> None:
        output = Path(self.get_ext_fullpath(ext.name))
        build_plugin.build(output, Path(self.build_temp).resolve())


class BuildPackage(build_py):
    """Adds rules/ and the header of the ABI to the package, where `k8saudit-eks` finds them."""

    def run(self) -> None:
        # Left from an earlier build, a module that is gone would be packed again.
        if not self.editable_mode:
            shutil.rmtree(self.build_lib, ignore_errors=True)
        super().run()
        if self.editable_mode:
            return
        package = Path(self.build_lib, "k8saudit_eks")
        self._copy((ROOT / "rules").glob("*.yaml"), package / "rules")
        abi = ROOT / "csrc" / "abi"
        # library_host/abi.py reads the first, which includes the second.
        headers = [abi / "falco_abi.h", abi / "severity.cdef.h"]
        self._copy(headers, package / "library_host" / "abi")

    def _copy(self, files: Iterable[Path], folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for file in sorted(files):
            shutil.copy(file, folder)


setup(
    ext_modules=[Extension("k8saudit_eks.library", sources=[])],
    cmdclass={"build_ext": BuildLibrary, "build_py": BuildPackage},
)
