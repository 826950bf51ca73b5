"""A folder with the files of a Falco package, as `install --root` takes it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from click.testing import CliRunner, Result

from k8saudit_eks.cli.main import command
from k8saudit_eks.falco.merge import FalcoConfig, merge

STOCK: dict[str, dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parents[1] / "data/falco/stock.yaml").read_text("utf-8")
)
NEWEST = list(STOCK)[-1]


@dataclass(frozen=True)
class FalcoHost:
    """A root in which Falco's package is installed.

    Attributes:
        version: "0.40" and so on, a key of STOCK.
    """

    root: Path
    version: str

    @property
    def main(self) -> Path:
        """falco.yaml."""
        return self.root / "etc/falco/falco.yaml"

    @property
    def config_folder(self) -> Path:
        """config.d."""
        return self.root / "etc/falco/config.d"

    @property
    def drop_in(self) -> Path:
        """What install adds to it."""
        return self.config_folder / "k8saudit-eks.yaml"

    @property
    def rules(self) -> Path:
        """Where install puts the rules."""
        return self.root / "etc/falco/rules.d"

    @property
    def link(self) -> Path:
        """Where install puts the library."""
        return self.root / "usr/share/falco/plugins/libk8saudit-eks.so"

    @property
    def state_dir(self) -> Path:
        """The default state_dir."""
        return self.root / "var/lib/k8saudit-eks"

    def change(self, **keys: Any) -> None:
        """Set keys of falco.yaml; None removes one."""
        changed = {**yaml.safe_load(self.main.read_text("utf-8")), **keys}
        kept = {key: value for key, value in changed.items() if value is not None}
        self.main.write_text(yaml.safe_dump(kept), "utf-8")

    def add(self, name: str, **keys: Any) -> Path:
        """Add a file to config.d."""
        file = self.config_folder / name
        file.write_text(yaml.safe_dump(keys), "utf-8")
        return file

    def program(self, version: str | None) -> None:
        """Let the program falco tell a version; None takes the program away."""
        falco = self.root / "usr/bin/falco"
        falco.parent.mkdir(parents=True, exist_ok=True)
        falco.unlink(missing_ok=True)
        if version is not None:
            falco.write_text(f"#!/bin/sh\necho 'Falco version: {version}'\n", "utf-8")
            falco.chmod(0o755)

    def run(self, *arguments: str) -> Result:
        """The command with arguments, for this root and, as Falco's user, ours."""
        words = [*arguments, "--root", str(self.root)]
        if arguments[0] == "install" and "--user" not in arguments:
            words += ["--user", str(os.geteuid())]
        return CliRunner().invoke(command, words)

    def install(self, *arguments: str) -> Result:
        """`install production` with a region."""
        return self.run("install", "production", "--region", "eu-central-1", *arguments)

    def config(self) -> FalcoConfig:
        """What this Falco works with."""
        return merge(self.main, root=self.root, appends_lists=self.version != "0.40")

    def contents(self) -> dict[str, bytes | str | None]:
        """Every path below the root: a file's content, where a link points, None for a folder."""
        return {
            str(path.relative_to(self.root)): (
                str(path.readlink())
                if path.is_symlink()
                else path.read_bytes()
                if path.is_file()
                else None
            )
            for path in self.root.rglob("*")
        }


def falco_host(root: Path, version: str = NEWEST) -> FalcoHost:
    """The files of one version's package."""
    host = FalcoHost(root, version)
    stock = STOCK[version]
    for folder in (host.config_folder, host.rules, root / "etc/systemd/system", root / "var/lib"):
        folder.mkdir(parents=True)
    host.main.write_text(yaml.safe_dump(stock["main"]), "utf-8")
    for name, keys in stock["config.d"].items():
        host.add(name, **keys)
    host.program(f"{version}.0")
    return host
