"""Which partition of AWS a region belongs to; ARNs begin with it."""

from __future__ import annotations

from typing import Final

DEFAULT_PARTITION: Final = "aws"
# How the codes of a partition's regions begin. A test compares this with botocore's own
# data, which the plugin does not load at its start.
_PREFIXES: Final = {
    "cn-": "aws-cn",
    "us-gov-": "aws-us-gov",
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "eu-isoe-": "aws-iso-e",
    "us-isof-": "aws-iso-f",
    "eusc-": "aws-eusc",
}


def partition_of(region: str) -> str:
    """The partition of a region's code, e.g. aws-cn for cn-north-1."""
    for prefix, partition in _PREFIXES.items():
        if region.startswith(prefix):
            return partition
    return DEFAULT_PARTITION
