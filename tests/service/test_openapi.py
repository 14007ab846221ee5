"""What OpenAPI describes is what is served: schemathesis makes requests of the description, right and wrong ones."""

from __future__ import annotations

from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from hilum.service.app import create_app
from hilum.service.settings import ServiceSettings
from tests.service.conftest import Room, films, png_of

SCHEMA: Any = schemathesis.openapi.from_dict(create_app(ServiceSettings()).openapi())
OPERATIONS = {each.ok().label: each.ok() for each in SCHEMA.get_all_operations()}
UNASKED = ("/v1/models", "/healthz", "/readyz", "/metrics")  # nothing about such a request can be wrong
QUICK, MANY = 3, 150


@pytest.fixture(scope="module")
def known(room: Room) -> str:
    """The id of an answer that is there."""
    return str(room.post("/v1/predictions", files=films(png_of(60))).json()["predictions"][0]["id"])


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("examples", [QUICK, pytest.param(MANY, marks=pytest.mark.slow)])
@pytest.mark.parametrize("label", OPERATIONS)
def test_no_reply_is_an_error_of_the_service_or_beside_the_description(
    room: Room, known: str, label: str, examples: int, mode: GenerationMode
) -> None:
    operation = OPERATIONS[label]
    if mode is GenerationMode.NEGATIVE and operation.path in UNASKED:
        pytest.skip("takes no parameter")

    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def send(case: Any) -> None:
        check(room, case)
        if mode is GenerationMode.POSITIVE and "id" in case.path_parameters:
            case.path_parameters["id"] = known
            check(room, case)

    send()


def check(room: Room, case: Any) -> None:
    """Send a request and have its reply compared with the description."""
    asked: Any = requests.Request(**case.as_transport_kwargs(base_url=str(room.base_url))).prepare()
    reply = room.request(
        asked.method, asked.url, headers=dict(asked.headers), content=asked.body, follow_redirects=False
    )
    # A request that the description allows may still be refused: bytes that are no film, a cursor that no page gave.
    case.validate_response(reply, excluded_checks=[positive_data_acceptance])
