"""The three plainest kinds of rows of the field table."""

from __future__ import annotations

from k8saudit_eks.fields.model import Arg, Field


def scalar(name: str, path: str, description: str) -> Field:
    """One value: what the path reaches, as text."""
    return Field(name, description, (path,))


def every(name: str, path: str, description: str, arg: Arg = Arg.NONE) -> Field:
    """A list: everything that the path reaches, as text."""
    return Field(name, description, (path,), is_list=True, arg=arg)


def keyed(name: str, path: str, description: str) -> Field:
    """One value: what the path with the key argument in it reaches, as text."""
    return Field(name, description, (path,), arg=Arg.KEY)
