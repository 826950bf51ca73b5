"""The check of a region's name for every command: a typo is refused before Falco starts.

The plugin itself only checks a region's form, because a Falco that runs must not
depend on how old its list of regions is. A command's user is there to read a sentence.
"""

from __future__ import annotations

import difflib
from collections import Counter
from functools import cache

from k8saudit_eks.config import checks as config_checks
from k8saudit_eks.errors import ConfigError, shown


def check_region(region: str) -> None:
    """Refuse what is no region that the installed botocore knows.

    Raises:
        ConfigError: names the region, the nearest one that exists, and what to do
            where the region is newer than botocore.
    """
    complaint = config_checks.region(region)
    if complaint is not None:
        raise ConfigError(f"region is {shown(region)}, {complaint}")
    known = known_regions()
    if region in known:
        return
    # Slow to import; known_regions has done so already.
    from botocore import __version__ as botocore_version  # type: ignore[import-untyped]

    near = _nearest(region, known)
    raise ConfigError(
        f"region is {shown(region)}, which botocore {botocore_version} does not know: "
        f"{f'did you mean {near}' if near else 'check its spelling'}, or, if the region is "
        "new, update botocore with pip install --upgrade boto3"
    )


@cache
def known_regions() -> tuple[str, ...]:
    """The codes of all regions of all partitions in botocore's own data, sorted."""
    # Slow to import, and only needed where a region was given.
    from botocore.loaders import create_loader  # type: ignore[import-untyped]

    partitions = create_loader().load_data("partitions")["partitions"]
    # Beside regions each partition lists one name for its global services, e.g. aws-global.
    return tuple(
        sorted(
            name
            for partition in partitions
            for name in partition["regions"]
            if config_checks.region(name) is None
        )
    )


def _nearest(region: str, known: tuple[str, ...]) -> str | None:
    """Of the most similar names the one with most letters in common: many typos swap two."""

    def letters_apart(name: str) -> int:
        return (Counter(name) - Counter(region)).total()

    return min(difflib.get_close_matches(region, known, n=3), key=letters_apart, default=None)
