"""Whatever the OpenAPI document allows, and much that it does not: no request makes Titan answer 500.

schemathesis writes the requests: for each route values at the edges of every type, and random ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings

from tests.support.running_titan import RunningTitan, running_titan
from titan.server.http.openapi import openapi_document
from titan.server.http.table import ROUTES

SILENCE_SECONDS = 2.0  # a long poll or a stream that is silent for so long waits, and has not failed
DOCUMENT = schemathesis.openapi.from_dict(openapi_document(ROUTES))

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # schemathesis' own, and unclosed streams


@pytest.fixture(scope="module")
def titan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTitan]:
    with running_titan(tmp_path_factory.mktemp("any") / "home", offers=()) as running:
        yield running


@DOCUMENT.parametrize()
@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.function_scoped_fixture],
)
def test_no_request_makes_a_500(case: schemathesis.Case[Any], titan: RunningTitan) -> None:
    status = 0
    with suppress(requests.Timeout, requests.exceptions.ConnectionError):
        status = case.call(base_url=f"http://127.0.0.1:{titan.sdk_port}", timeout=SILENCE_SECONDS).status_code

    assert status != 500, f"{case.as_curl_command()} gave {status}"  # 503 says that no model is configured
    assert titan.is_alive
