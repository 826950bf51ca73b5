"""What a fault of a plan is to a client without a network."""

from __future__ import annotations

import random
from typing import Any

# Ships no type information.
from botocore.exceptions import (  # type: ignore[import-untyped]
    ConnectionClosedError,
    ReadTimeoutError,
)
from fakes import Clock, client_error
from fault_plan import REFUSALS, WRONG_SHAPES, Fault
from simulated_logs import RefusedRequest, SimulatedLogs


def go_wrong(
    fault: Fault | None,
    request: dict[str, Any],
    logs: SimulatedLogs,
    clock: Clock,
    chance: random.Random,
) -> dict[str, Any] | None:
    """The answer in place of the right one, or None for that one.

    Raises:
        ClientError, HTTPClientError: as botocore does.
    """
    match fault:
        case None:
            return None
        case Fault.EMPTY_PAGE:
            try:
                return logs.empty_page(request)
            except RefusedRequest as refused:
                raise client_error(refused.code, refused.message, refused.status) from None
        case Fault.NO_ANSWER:
            clock.now_s += 20
            raise ReadTimeoutError(endpoint_url="https://logs")
        case Fault.RESET | Fault.HALF_SENT:
            raise ConnectionClosedError(endpoint_url="https://logs")
        case Fault.NOT_JSON:
            return {"message": "<html>"}
        case Fault.WRONG_SHAPE:
            # botocore raises at what is no object.
            shape = chance.choice([s for s in WRONG_SHAPES if isinstance(s, dict)])
            return dict(shape)
        case Fault.SERVER_ERROR:
            raise client_error("ServiceUnavailableException", status=503)
        case _:
            raise client_error(*REFUSALS[fault])
