"""`k8saudit-eks install`: the plugin for the Falco of this machine, ready to be started."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

import click

from k8saudit_eks.cli.key_options import given_keys, key_options
from k8saudit_eks.cli.library import library_path, rules_files
from k8saudit_eks.cli.printable import printable
from k8saudit_eks.cli.profile_region import region_of_profile
from k8saudit_eks.config.open_params import ReplayParams, parse_open_params
from k8saudit_eks.errors import PluginError
from k8saudit_eks.falco.install import InstallError, Request, install
from k8saudit_eks.falco.places import PLUGINS, RULES, STATE_DIR, Places, User, user
from k8saudit_eks.falco.service import Service, service
from k8saudit_eks.falco.version import command_line_wins, falco_version

_OLDEST_FALCO = (0, 40)


# A path that Falco sees, from its "/" on: see absolute().
PATH_IN_ROOT = click.Path(path_type=PurePosixPath)


def absolute(
    context: click.Context, parameter: click.Parameter, path: PurePosixPath | None
) -> PurePosixPath | None:
    """The callback of an option of type PATH_IN_ROOT: other paths are a wrong use."""
    if path is not None and not path.is_absolute():
        raise click.BadParameter(f"{path} does not start with a slash", context, parameter)
    return path


def place_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options of `install` and `uninstall` that say where everything is."""
    for option in (
        click.option(
            "--rules-to",
            "rules",
            type=PATH_IN_ROOT,
            callback=absolute,
            default=RULES,
            show_default=True,
            help="folder for the rule files",
        ),
        click.option(
            "--to",
            "plugins",
            type=PATH_IN_ROOT,
            callback=absolute,
            default=PLUGINS,
            show_default=True,
            help="folder for the library",
        ),
        click.option(
            "--root",
            type=click.Path(path_type=Path, exists=True, file_okay=False, resolve_path=True),
            default=Path("/"),
            show_default=True,
            help="folder that Falco will see as /, for example of an image",
        ),
    ):
        command = option(command)
    return command


@click.command("install", short_help="Install the plugin for the Falco of this machine.")
@click.argument("cluster")
@click.option(
    "--audit-only", is_flag=True, help="this Falco watches no system calls: it needs no driver"
)
@click.option("--no-state-dir", is_flag=True, help="do not remember what was delivered")
@click.option(
    "--user", "user_name", help="whom Falco runs as [default: its service's user, or root]"
)
@click.option("--no-rules", is_flag=True, help="place no rule files: yours are used")
@click.option("--replace-rules", is_flag=True, help="overwrite rule files that were changed")
@click.option("--replace-library", is_flag=True, help="overwrite another installation's library")
@place_options
@key_options
def install_command(
    cluster: str,
    audit_only: bool,
    no_state_dir: bool,
    user_name: str | None,
    no_rules: bool,
    replace_rules: bool,
    replace_library: bool,
    root: Path,
    plugins: PurePosixPath,
    rules: PurePosixPath,
    **keys: Any,
) -> None:
    """Install the plugin for the Falco of this machine; it reads CLUSTER's audit log.

    CLUSTER and the options below --rules-to are those of `k8saudit-eks config`; without
    --state-dir, state_dir is /var/lib/k8saudit-eks. Placed are a link to the library, the
    rules, state_dir, and the settings in /etc/falco/config.d/k8saudit-eks.yaml. falco.yaml
    is not changed. The library needs the Python environment that this command belongs to:
    updating that environment updates the plugin; moving it away needs another install.
    `k8saudit-eks uninstall` takes all of that away, but not state_dir.
    """
    source = parse_open_params(cluster)
    given = given_keys(keys)
    running = service(root)
    runs_as = user(root, user_name or (running or Service()).user)
    if no_rules and replace_rules:
        raise InstallError("--no-rules and --replace-rules are both given: leave one out")
    if no_state_dir and given.get("state_dir"):
        raise InstallError("--state-dir and --no-state-dir are both given: leave one out")
    if not isinstance(source, ReplayParams):
        _refuse_without_region(given, root, runs_as)
        if not no_state_dir:
            given.setdefault("state_dir", str(STATE_DIR))
    falco = falco_version(root)
    if falco is not None and falco < _OLDEST_FALCO:
        raise InstallError(f"Falco {falco[0]}.{falco[1]} is too old: update it to 0.40 or newer")
    report = install(
        Request(
            places=Places(root, plugins, rules),
            library=library_path(),
            rules=() if no_rules else rules_files(),
            open_params=cluster.strip(),
            init_config=given,
            user=runs_as,
            falco=falco,
            audit_only=audit_only,
            replace_rules=replace_rules,
            replace_library=replace_library,
        )
    )
    for line in report.placed:
        click.echo(f"placed {printable(line)}")
    for sentence in [*report.warnings, *_about_the_engine(audit_only, running, falco)]:
        click.echo(f"warning: {printable(sentence)}", err=True)
    name = (running or Service()).name
    click.echo(f"Restart Falco:            systemctl restart {name}")
    # By identifier: journalctl -u does not know the alias falco of Falco's services.
    click.echo("See that it is loaded:    journalctl -t falco -n 100 | grep k8saudit-eks")


def _refuse_without_region(given: dict[str, Any], root: Path, runs_as: User) -> None:
    if given.get("region"):
        return
    home = root / runs_as.home.relative_to("/")
    profile = given.get("profile")
    if region_of_profile(home, profile) is None:
        looked = f"profile {profile or 'default'} in {home}/.aws/config"
        raise PluginError(
            f"the region is not known: Falco's service has no AWS_REGION, and {looked} has no "
            "region: add --region, for example --region eu-central-1"
        )


def _about_the_engine(
    audit_only: bool, running: Service | None, falco: tuple[int, int] | None
) -> list[str]:
    if not audit_only or running is None or not running.sets_engine:
        return []
    if falco is not None and not command_line_wins(falco):
        return []
    return [
        f"the service {running.name} sets engine.kind on Falco's command line, which wins over "
        f"--audit-only: run systemctl disable --now {running.name}, then systemctl enable --now "
        "falco-custom"
    ]
