"""`k8saudit-eks uninstall`: takes away what `install` placed."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import click

from k8saudit_eks.cli.install_command import PATH_IN_ROOT, absolute, place_options
from k8saudit_eks.cli.library import library_path, rules_files
from k8saudit_eks.cli.printable import printable
from k8saudit_eks.falco.places import Places
from k8saudit_eks.falco.service import Service, service
from k8saudit_eks.falco.uninstall import uninstall


@click.command("uninstall")
@click.option("--purge-state", is_flag=True, help="remove state_dir, too")
@click.option(
    "--state-dir",
    type=PATH_IN_ROOT,
    callback=absolute,
    help="what --purge-state removes [default: the one that was installed]",
)
@click.option(
    "--force",
    is_flag=True,
    help="also where rules or another file need the plugin, and Falco does not start until "
    "another plugin k8saudit-eks takes its place",
)
@place_options
def uninstall_command(
    purge_state: bool,
    state_dir: PurePosixPath | None,
    force: bool,
    root: Path,
    plugins: PurePosixPath,
    rules: PurePosixPath,
) -> None:
    """Take away what `k8saudit-eks install` placed.

    These are the file in /etc/falco/config.d, the link to the library, and those rule
    files that nobody changed. state_dir stays unless --purge-state is given.
    """
    report = uninstall(
        Places(root, plugins, rules),
        library_path(),
        rules_files(),
        state_dir=state_dir,
        purge_state=purge_state,
        force=force,
    )
    for line in report.removed:
        click.echo(f"removed {printable(line)}")
    for line in report.kept:
        click.echo(f"kept {printable(line)}", err=True)
    if not report.removed:
        click.echo("nothing to remove")
        return
    name = (service(root) or Service()).name
    click.echo(f"Restart Falco:            systemctl restart {name}")
