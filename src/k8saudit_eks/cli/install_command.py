"""`k8saudit-eks install`: the library and the rules where a Falco on this machine finds them."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import click

from k8saudit_eks.cli.library import library_path, rules_files
from k8saudit_eks.config import parse_open_params
from k8saudit_eks.errors import PluginError
from k8saudit_eks.falco.section import section, section_yaml

# Where Falco's packages keep plugins, and the folder of rules that its falco.yaml names.
FALCO_PLUGINS = Path("/usr/share/falco/plugins")
FALCO_RULES = Path("/etc/falco/rules.d")


class InstallError(PluginError):
    """Something can't be placed; says what and the cure."""


@click.command("install")
@click.argument("cluster", default="my-cluster")
@click.option(
    "--to",
    "plugins",
    type=click.Path(path_type=Path),
    default=FALCO_PLUGINS,
    show_default=True,
    help="folder for the library",
)
@click.option(
    "--rules-to",
    "rules",
    type=click.Path(path_type=Path),
    default=FALCO_RULES,
    show_default=True,
    help="folder for the rule files",
)
@click.option(
    "--replace-rules", is_flag=True, help="overwrite rule files that differ from this version's"
)
def install_command(cluster: str, plugins: Path, rules: Path, replace_rules: bool) -> None:
    """Place the library and the rules for the Falco of this machine.

    The library is placed as a link: what it needs lies beside the original, in the
    Python environment that this command belongs to. Updating that environment
    updates the plugin; moving it away needs another install. What was done goes to
    stderr, and a section for falco.yaml that reads CLUSTER to stdout.
    """
    parse_open_params(cluster)
    library = library_path()
    shipped = rules_files()
    if not replace_rules:
        _refuse_changed_rules(shipped, rules)
    for folder in (plugins, rules):
        _make_folder(folder)
    placed = plugins / library.name
    _place(placed, link_to=library)
    for source in shipped:
        _place(rules / source.name, content=source.read_bytes())
    named = [] if rules == FALCO_RULES else [str(rules / source.name) for source in shipped]
    click.echo(section_yaml(section(cluster, str(placed), {}, rules_files=named)), nl=False)


def _refuse_changed_rules(shipped: list[Path], folder: Path) -> None:
    for source in shipped:
        target = folder / source.name
        try:
            differs = target.exists() and target.read_bytes() != source.read_bytes()
        except OSError as error:
            raise InstallError(f"{target} can't be read: {error.strerror}: run as root") from error
        if differs:
            raise InstallError(
                f"{target} differs from this version's: if the changes are yours, move them to a "
                "rule file of your own (it is loaded after this one if its name sorts after it); "
                "then run again with --replace-rules"
            )


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InstallError(
            f"the folder {folder} can't be made: {error.strerror}: run as root, or name another "
            "with --to and --rules-to"
        ) from error


def _place(target: Path, *, link_to: Path | None = None, content: bytes = b"") -> None:
    """Put a link or a file in place at once: a running Falco sees the old or the new one."""
    try:
        with tempfile.TemporaryDirectory(prefix=".k8saudit-eks-", dir=target.parent) as scratch:
            made = Path(scratch, target.name)
            if link_to is not None:
                made.symlink_to(link_to)
            else:
                made.write_bytes(content)
                made.chmod(0o644)
            made.replace(target)
    except OSError as error:
        raise InstallError(
            f"{target} can't be written: {error.strerror or os.strerror(error.errno or 0)}: run "
            "as root, or name other folders with --to and --rules-to"
        ) from error
    click.echo(f"{target}{f' -> {link_to}' if link_to else ''}", err=True)
