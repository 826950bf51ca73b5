"""botocore's data, reduced to what the plugin calls: it stays in memory while a host runs.

A client keeps the model of its whole service, with documentation, and a session keeps the
endpoints of all services: 10 MB, of which two operations of CloudWatch Logs and one
partition's suffix are used. What is left out here is never asked for; what is kept is kept
as it is, so that requests, answers and host names are those of the whole data
(tests/packaging/test_bundle_aws_models.py).
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

Json = dict[str, Any]

# CloudWatch Logs, and whatever credentials can come from (botocore/credentials.py and
# tokens.py), with the operations that are called.
OPERATIONS = {
    "logs": ("DescribeLogGroups", "FilterLogEvents"),
    "signin": ("CreateOAuth2Token",),
    "sso": ("GetRoleCredentials",),
    "sso-oidc": ("CreateToken",),
    "sts": ("AssumeRole", "AssumeRoleWithWebIdentity"),
}

_MODEL = "service-2.json.gz"
_ENDPOINTS = "endpoints.json"
_DATA = PurePosixPath("botocore/data")


class ReductionError(Exception):
    """botocore's data is not as it was when this was written."""


def is_reduced(path: PurePosixPath) -> bool:
    """Whether a path inside site-packages is one whose contents reduced() knows."""
    return path == _DATA / _ENDPOINTS or (path.name == _MODEL and service_of(path) in OPERATIONS)


def service_of(path: PurePosixPath) -> str | None:
    """The service that a file inside site-packages is data of; None if it is none's."""
    parts = path.parts
    is_data = len(parts) > 3 and PurePosixPath(*parts[:2]) == _DATA
    return parts[2] if is_data else None


def reduced(path: PurePosixPath, file: Path) -> bytes:
    """What takes the place of such a file in the bundle: the same name, the same format.

    Raises:
        ReductionError: an operation, or a part that all such files had, is missing.
    """
    try:
        if path == _DATA / _ENDPOINTS:
            models = file.parent
            prefixes = {prefix_of(_newest_model(models / service)) for service in OPERATIONS}
            return _compact(endpoints(json.loads(file.read_bytes()), prefixes))
        model = json.loads(gzip.decompress(file.read_bytes()))
        # The time in gzip's header would make two builds differ.
        reduced_model = service_model(model, OPERATIONS[str(service_of(path))])
        return gzip.compress(_compact(reduced_model), mtime=0)
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise ReductionError(f"{file} can't be reduced: {error!r}") from error


def service_model(model: Json, operations: tuple[str, ...]) -> Json:
    """A service's model (service-2.json) with these operations, and no documentation."""
    kept = {name: model["operations"][name] for name in operations}
    shapes: Json = {}
    waiting = list(_shapes_named_in(kept))
    while waiting:
        name = waiting.pop()
        if name not in shapes:
            shapes[name] = model["shapes"][name]
            waiting.extend(_shapes_named_in(shapes[name]))
    shapes = dict(sorted(shapes.items()))
    small: Json = _undocumented({**model, "operations": kept, "shapes": shapes})
    return small


def endpoints(whole: Json, prefixes: set[str]) -> Json:
    """endpoints.json: every partition and region, and the services with these prefixes."""
    return {**whole, "partitions": [_partition(part, prefixes) for part in whole["partitions"]]}


def prefix_of(model: Json) -> str:
    """What endpoints.json calls a service."""
    return str(model["metadata"]["endpointPrefix"])


def _partition(partition: Json, prefixes: set[str]) -> Json:
    services = partition["services"]
    return {
        **partition,
        # Of a region only its name is asked for: the value is its description.
        "regions": {name: {} for name in partition["regions"]},
        "services": {name: services[name] for name in sorted(prefixes & services.keys())},
    }


def _newest_model(folder: Path) -> Json:
    # Versions are dates; botocore takes the last one.
    model: Json = json.loads(gzip.decompress(max(folder.glob(f"*/{_MODEL}")).read_bytes()))
    return model


def _shapes_named_in(part: Any) -> Iterator[str]:
    """Names of shapes that an operation or a shape refers to, at any depth."""
    if isinstance(part, dict):
        for key, value in part.items():
            if key == "shape" and isinstance(value, str):
                yield value
            else:
                yield from _shapes_named_in(value)
    elif isinstance(part, list):
        for value in part:
            yield from _shapes_named_in(value)


def _undocumented(part: Any) -> Any:
    """Without documentation. A member that is called so has a shape, not a text."""
    if isinstance(part, dict):
        return {
            key: _undocumented(value)
            for key, value in part.items()
            if not (key == "documentation" and isinstance(value, str))
        }
    return [_undocumented(value) for value in part] if isinstance(part, list) else part


def _compact(document: Json) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
