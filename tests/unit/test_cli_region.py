"""The check of a region's name that the commands share."""

from __future__ import annotations

import pytest

from k8saudit_eks.cli.region import check_region, known_regions
from k8saudit_eks.errors import PluginError


@pytest.mark.parametrize(
    "region", ["eu-central-1", "us-east-1", "cn-north-1", "us-gov-west-1", "ap-southeast-5"]
)
def test_a_region_of_any_partition_passes(region: str) -> None:
    """Those of China and GovCloud too."""
    check_region(region)


@pytest.mark.parametrize(
    ("region", "near"),
    [
        ("eu-centrla-1", "eu-central-1"),
        ("us-esat-1", "us-east-1"),
        ("cn-nort-1", "cn-north-1"),
        ("us-gov-wets-1", "us-gov-west-1"),
    ],
)
def test_a_typo_is_refused_with_the_nearest_region(region: str, near: str) -> None:
    """And with what to do if it is no typo, in one line."""
    with pytest.raises(PluginError) as caught:
        check_region(region)
    message = str(caught.value)
    assert message.startswith(f'region is "{region}"')
    assert f"did you mean {near}" in message
    assert "pip install --upgrade boto3" in message
    assert "\n" not in message


def test_a_name_that_is_near_nothing_gets_no_guess() -> None:
    """Well-formed, but like no region there is."""
    with pytest.raises(PluginError, match="check its spelling") as caught:
        check_region("qqqqqqq-zzzzzzz-77")
    assert "did you mean" not in str(caught.value)


@pytest.mark.parametrize(
    ("region", "part"),
    [
        ("Frankfurt", "write its code, for example eu-central-1"),
        ("eu-central-1a", "availability zone: write its region, eu-central-1"),
        ("aws-global", "is no AWS region"),
        ("", "is no AWS region"),
        ("*", "is no AWS region"),
        ("x" * 5000, "is no AWS region"),
    ],
)
def test_what_has_no_regions_form_is_refused_as_the_plugin_does(region: str, part: str) -> None:
    """The same sentence as init_config's, and never long."""
    with pytest.raises(PluginError) as caught:
        check_region(region)
    assert part in str(caught.value)
    assert len(str(caught.value)) < 200


def test_no_name_of_a_global_service_counts_as_a_region() -> None:
    """botocore lists them beside the regions."""
    assert "aws-global" not in known_regions()
    assert len(known_regions()) > 30
