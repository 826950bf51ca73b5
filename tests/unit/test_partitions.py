"""Which partition a region belongs to."""

from __future__ import annotations

from botocore.loaders import create_loader  # type: ignore[import-untyped]

from k8saudit_eks.partitions import partition_of


def test_every_region_of_botocore_has_its_partition() -> None:
    """A partition that AWS adds makes this fail, and not a policy."""
    partitions = create_loader().load_data("partitions")["partitions"]
    wanted = {
        region: partition["id"]
        for partition in partitions
        for region in partition["regions"]
        if not region.endswith("-global")
    }
    assert len(wanted) > 30
    assert {region: partition_of(region) for region in wanted} == wanted
