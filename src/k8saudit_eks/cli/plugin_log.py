"""What the plugin logs while a command runs it, on stderr."""

from __future__ import annotations

from types import TracebackType
from typing import Final, Self

import click

from k8saudit_eks.cli.printable import printable
from k8saudit_eks.errors import PluginError

# As in csrc/abi/severity.cdef.h; less is worse.
_ERROR: Final = 3
_WARNING: Final = 4


class PluginLog:
    """A Log (library_host) that shows warnings and errors; a context manager around the handle.

    The plugin logs some errors that it also answers a call with. The command shows the
    answer, so an error is held back until it is clear that no such answer follows.
    """

    def __init__(self) -> None:
        self._held = ""

    def __call__(self, severity: int, text: str) -> None:
        """Take one line; also in the plugin's threads."""
        if severity > _WARNING:
            return
        self._show_held()
        if severity <= _ERROR:
            self._held = text
        else:
            _show(text)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not (isinstance(error, PluginError) and self._held.endswith(str(error))):
            self._show_held()

    def _show_held(self) -> None:
        held, self._held = self._held, ""
        if held:
            _show(held)


def _show(text: str) -> None:
    # A file's name is in it.
    click.echo(f"k8saudit-eks: {printable(text)}", err=True)
