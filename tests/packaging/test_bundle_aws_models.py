"""botocore's data in the bundle: smaller, and the same for everything that is asked of it."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

# Ships no type information.
import botocore  # type: ignore[import-untyped]
import botocore.credentials  # type: ignore[import-untyped]
import botocore.tokens  # type: ignore[import-untyped]
import pytest
from botocore import xform_name
from botocore.loaders import Loader  # type: ignore[import-untyped]
from botocore.model import ServiceModel  # type: ignore[import-untyped]
from botocore.regions import EndpointResolver  # type: ignore[import-untyped]
from bundle import aws_models
from bundle.aws_models import OPERATIONS
from bundle.contents import packages

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(botocore.__file__).parent / "data"
# What runs in a host and makes calls.
CALLERS = (
    *sorted((ROOT / "src" / "k8saudit_eks" / "aws").glob("*.py")),
    Path(botocore.credentials.__file__),
    Path(botocore.tokens.__file__),
)


@pytest.fixture(scope="module")
def reduced_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """botocore's folder of data as the bundle has it."""
    folder = tmp_path_factory.mktemp("data")
    for path, file in packages().items():
        if path.parts[:2] == ("botocore", "data"):
            target = folder / path.relative_to("botocore/data")
            target.parent.mkdir(parents=True, exist_ok=True)
            is_reduced = aws_models.is_reduced(path)
            target.write_bytes(aws_models.reduced(path, file) if is_reduced else file.read_bytes())
    return folder


def loader(folder: Path) -> Loader:
    return Loader(extra_search_paths=[str(folder)], include_default_search_paths=False)


def model(folder: Path, service: str) -> ServiceModel:
    return ServiceModel(loader(folder).load_service_model(service, "service-2"), service)


@pytest.mark.parametrize("service", OPERATIONS)
def test_every_operation_that_is_called_is_kept(reduced_data: Path, service: str) -> None:
    """Whatever the plugin or a credential provider calls on a client, the model has."""
    code = "\n".join(file.read_text("utf-8") for file in CALLERS)
    called = set(re.findall(r"client\.(\w+)\(", code))
    whole = {xform_name(name) for name in model(DATA, service).operation_names}
    kept = {xform_name(name) for name in model(reduced_data, service).operation_names}
    assert whole & called <= kept
    assert kept == {xform_name(name) for name in OPERATIONS[service]}


@pytest.mark.parametrize("service", OPERATIONS)
def test_an_operation_is_what_it_was(reduced_data: Path, service: str) -> None:
    """Its request, its answer and its errors, member by member, and how it is signed."""
    whole, small = model(DATA, service), model(reduced_data, service)
    assert without_texts(small.metadata) == without_texts(whole.metadata)
    for name in OPERATIONS[service]:
        ours, theirs = small.operation_model(name), whole.operation_model(name)
        assert ours.http == theirs.http
        assert ours.auth_type == theirs.auth_type
        assert ours.static_context_parameters == theirs.static_context_parameters
        shapes = [(ours.input_shape, theirs.input_shape), (ours.output_shape, theirs.output_shape)]
        shapes += zip(ours.error_shapes, theirs.error_shapes, strict=True)
        for our, their in shapes:
            assert described(our) == described(their)


def without_texts(part: object) -> object:
    if isinstance(part, dict):
        return {
            key: without_texts(value)
            for key, value in part.items()
            if not (key == "documentation" and isinstance(value, str))
        }
    return part


def described(shape: Any, above: tuple[str, ...] = ()) -> object:
    """A shape with those inside it, without documentation."""
    if shape is None or shape.name in above:
        return getattr(shape, "name", None)
    above = (*above, shape.name)
    inside = {name: described(member, above) for name, member in members(shape)}
    return (shape.name, shape.type_name, shape.serialization, shape.metadata, inside)


def members(shape: Any) -> Iterator[tuple[str, Any]]:
    if shape.type_name == "structure":
        yield from shape.members.items()
    elif shape.type_name == "list":
        yield "member", shape.member
    elif shape.type_name == "map":
        yield from (("key", shape.key), ("value", shape.value))


def test_every_region_of_every_partition_has_the_same_endpoints(reduced_data: Path) -> None:
    """As botocore's whole data says, also for regions that nobody knows yet."""
    whole_data = loader(DATA).load_data("endpoints")
    whole, small = (
        EndpointResolver(whole_data),
        EndpointResolver(loader(reduced_data).load_data("endpoints")),
    )
    prefixes = [model(DATA, service).endpoint_prefix for service in OPERATIONS]
    regions = [name for part in whole_data["partitions"] for name in part["regions"]]
    assert len(regions) > 30
    for region in [*regions, "eu-middle-7", "cn-south-9"]:
        assert small.get_partition_for_region(region) == whole.get_partition_for_region(region)
        for prefix in prefixes:
            for variants in ([], ["fips"], ["dualstack"], ["fips", "dualstack"]):
                asked = {
                    "use_fips_endpoint": "fips" in variants,
                    "use_dualstack_endpoint": "dualstack" in variants,
                }
                assert resolved(small, prefix, region, asked) == resolved(
                    whole, prefix, region, asked
                )


def resolved(
    resolver: EndpointResolver, prefix: str, region: str, asked: dict[str, bool]
) -> object:
    try:
        return resolver.construct_endpoint(prefix, region, **asked)
    except botocore.exceptions.EndpointVariantError as error:
        return str(error)


def test_rule_sets_are_whole(reduced_data: Path) -> None:
    """From them clients take their host names."""
    for service in OPERATIONS:
        whole = loader(DATA).load_service_model(service, "endpoint-rule-set-1")
        assert loader(reduced_data).load_service_model(service, "endpoint-rule-set-1") == whole


def test_a_member_may_be_called_documentation() -> None:
    """It is no text."""
    operation = {"input": {"shape": "In"}, "documentation": "<p>Much</p>"}
    shapes = {
        "In": {"type": "structure", "members": {"documentation": {"shape": "S"}}},
        "S": {"type": "string", "documentation": "<p>Text</p>"},
        "Other": {"type": "string"},
    }
    small = aws_models.service_model(
        {"metadata": {}, "operations": {"Op": operation, "No": {}}, "shapes": shapes}, ("Op",)
    )
    assert small == {
        "metadata": {},
        "operations": {"Op": {"input": {"shape": "In"}}},
        "shapes": {"In": shapes["In"], "S": {"type": "string"}},
    }


def test_an_operation_that_is_gone_stops_the_build(tmp_path: Path) -> None:
    """A botocore that calls it otherwise must not become a bundle that can't read."""
    file = tmp_path / "service-2.json.gz"
    file.write_bytes(gzip.compress(json.dumps({"operations": {}, "shapes": {}}).encode()))
    with pytest.raises(aws_models.ReductionError, match="DescribeLogGroups"):
        aws_models.reduced(PurePosixPath("botocore/data/logs/2014-03-28", file.name), file)
