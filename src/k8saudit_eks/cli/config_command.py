"""`k8saudit-eks config`: a ready section for falco.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from k8saudit_eks.cli.key_options import given_keys, key_options
from k8saudit_eks.cli.library import library_path
from k8saudit_eks.config.open_params import ReplayParams, parse_open_params
from k8saudit_eks.falco.section import section, section_yaml


@click.command("config")
@click.argument("cluster")
@click.option(
    "--library",
    type=click.Path(path_type=Path),
    help="where the library is on the machine that runs Falco [default: where it is here]",
)
@click.option(
    "--audit-only", is_flag=True, help="for a Falco that watches no system calls: no driver"
)
@key_options
def config_command(cluster: str, library: Path | None, audit_only: bool, **keys: Any) -> None:
    """Print a section for falco.yaml that reads CLUSTER's audit log.

    CLUSTER is the name of an EKS cluster, or file:///path to replay a file or
    folder of audit events. Only the keys given as options are written; everything
    is checked as the plugin itself would check it. On a host with Falco's package,
    `k8saudit-eks install` writes the same to a file of its own.
    """
    source = parse_open_params(cluster)
    given = given_keys(keys)
    if not isinstance(source, ReplayParams):
        _hint(given)
    keys = section(cluster.strip(), str(library or library_path()), given, audit_only=audit_only)
    click.echo(section_yaml(keys), nl=False)


def _hint(given: dict[str, Any]) -> None:
    if not given.get("region") and not given.get("profile"):
        click.echo(
            "hint: without --region, Falco's process needs AWS_REGION or a profile with a region; "
            "a systemd service has neither",
            err=True,
        )
    if not given.get("state_dir"):
        click.echo(
            "hint: without --state-dir, events of the time in which Falco does not run are not "
            "read; for example --state-dir /var/lib/k8saudit-eks",
            err=True,
        )
