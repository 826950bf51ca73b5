"""Errors that reach the user: each is one sentence that says what to do."""

from __future__ import annotations


class PluginError(Exception):
    """Anything the user has to know; str() is the whole message, on one line."""


class ConfigError(PluginError):
    """init_config or open_params can't be used; names the key, the value and what to do."""


class OpenError(PluginError):
    """The source can't be read as configured; names what was refused and what to do."""
