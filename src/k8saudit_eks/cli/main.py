"""The command's entry: its subcommands, and errors as one sentence on stderr."""

from __future__ import annotations

import sys

import click

from k8saudit_eks import __version__
from k8saudit_eks.cli.completion_command import completion_command
from k8saudit_eks.cli.config_command import config_command
from k8saudit_eks.cli.extract_command import extract_command
from k8saudit_eks.cli.fields_command import fields_command
from k8saudit_eks.cli.install_command import install_command
from k8saudit_eks.cli.library import library_path
from k8saudit_eks.cli.policy_command import policy_command
from k8saudit_eks.cli.printable import printable
from k8saudit_eks.cli.uninstall_command import uninstall_command
from k8saudit_eks.errors import PluginError


@click.group(
    "k8saudit-eks",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="k8saudit-eks")
def command() -> None:
    """The Falco plugin that reads EKS audit logs from CloudWatch Logs.

    Exit codes: 0, or 1 for what can't be done (one sentence on stderr says why
    and what to do), or 2 for a wrong use of the command.
    """


@command.command("path", short_help="Print where libk8saudit-eks.so is.")
def path_command() -> None:
    """Print where libk8saudit-eks.so is, for library_path in falco.yaml."""
    click.echo(library_path())


command.add_command(config_command)
command.add_command(fields_command)
command.add_command(extract_command)
command.add_command(install_command)
command.add_command(uninstall_command)
command.add_command(policy_command)
command.add_command(completion_command)


def main() -> None:
    """Run the command; ends the process."""
    try:
        command(prog_name="k8saudit-eks")
    except PluginError as error:
        click.echo(f"k8saudit-eks: {printable(str(error))}", err=True)
        sys.exit(1)
