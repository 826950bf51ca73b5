"""Errors that reach the user: each is one sentence that says what to do."""

from __future__ import annotations

import json
import re


class PluginError(Exception):
    """Anything the user has to know; str() is the whole message, on one line."""


class ConfigError(PluginError):
    """init_config or open_params can't be used; names the key, the value and what to do."""


class OpenError(PluginError):
    """The source can't be read as configured; names what was refused and what to do."""


_SHOWN_CHARS = 80
# Not of sqs://: what stands before its "@" is the queue's name.
_USER_PART = re.compile(r"\b(?!sqs:)([a-z][a-z0-9+.-]*://)[^/]*@", re.IGNORECASE)
_QUERY = re.compile(r"\?.*=.*", re.DOTALL)


def shown(value: object) -> str:
    """A value that a user wrote, for a sentence: as JSON on one line, cut where it is long.

    The user name and password of a URL and its query are left out.
    """
    if not isinstance(value, str):
        text = json.dumps(value, default=str)
        return text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}..."
    # Cut before and after: one character can take twelve when it is escaped.
    value = _QUERY.sub("?...", _USER_PART.sub(r"\1", value[: 4 * _SHOWN_CHARS]))
    quoted = json.dumps(value)
    return quoted if len(quoted) <= _SHOWN_CHARS + 2 else f'{quoted[:_SHOWN_CHARS]}..."'
