"""`k8saudit-eks completion`: what a shell needs to complete the command."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from k8saudit_eks import PLUGIN_NAME
from k8saudit_eks.errors import PluginError

# The variable that click itself looks at when the shell asks for completions.
_VARIABLE = "_K8SAUDIT_EKS_COMPLETE"


@click.command("completion", short_help="Print the completion script of a shell.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion_command(context: click.Context, shell: str) -> None:
    """Print the script that lets SHELL complete commands, options and field names.

    \b
    bash: put this line into ~/.bashrc:
      eval "$(k8saudit-eks completion bash)"
    zsh: put this line into ~/.zshrc, after compinit:
      eval "$(k8saudit-eks completion zsh)"
    fish: put this line into ~/.config/fish/config.fish:
      k8saudit-eks completion fish | source

    Then start a new shell.
    """
    made = get_completion_class(shell)
    if made is None:
        raise PluginError(f"this version of click knows no completion for {shell}: update it")
    click.echo(made(context.find_root().command, {}, PLUGIN_NAME, _VARIABLE).source())
