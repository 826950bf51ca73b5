"""The region in a profile of the AWS config files of another user."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def region_of_profile(home: Path, profile: str | None) -> str | None:
    """The region that boto3 would take from ~/.aws; None if there is none.

    The environment counts for nothing here: it is ours, and not that of Falco's service.

    Args:
        home: the user's home folder.
        profile: a profile's name; None for the default profile.
    """
    # Slow to import, and only needed where no region was given.
    from botocore.configloader import (  # type: ignore[import-untyped]
        load_config,
        raw_config_parse,
    )
    from botocore.exceptions import ConfigNotFound, ConfigParseError  # type: ignore[import-untyped]

    def of_config() -> Any:
        return load_config(str(home / ".aws/config"))["profiles"]

    def of_credentials() -> Any:
        # Its sections are named as the profiles are, without the word before.
        return raw_config_parse(str(home / ".aws/credentials"))

    for read in (of_config, of_credentials):
        try:
            profiles = read()
        except (ConfigNotFound, ConfigParseError, OSError):
            continue
        if region := profiles.get(profile or "default", {}).get("region"):
            return str(region)
    return None
