"""The OpenAPI document says what the table of routes says."""

import math
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import msgspec

from titan.server.http.openapi import openapi_document
from titan.server.http.table import ROUTES

DOCUMENT = msgspec.json.decode(msgspec.json.encode(openapi_document(ROUTES)))
SCHEMAS = DOCUMENT["components"]["schemas"]


def test_every_route_is_described_and_nothing_else() -> None:
    described = {(method.upper(), path) for path, methods in DOCUMENT["paths"].items() for method in methods}

    assert described == {(route.method, route.path) for route in ROUTES}


def test_every_reference_leads_to_a_schema() -> None:
    references = re.findall(r'"#/components/schemas/([^"]+)"', msgspec.json.encode(DOCUMENT).decode())

    assert set(references) <= set(DOCUMENT["components"]["schemas"])


def test_every_route_has_a_summary_of_its_own() -> None:
    summaries = [operation["summary"] for methods in DOCUMENT["paths"].values() for operation in methods.values()]

    assert all(summaries)
    assert len(set(summaries)) == len({route.handler for route in ROUTES})  # one may be served under two names


def test_every_change_takes_an_idempotency_key() -> None:
    for route in ROUTES:
        operation = DOCUMENT["paths"][route.path][route.method.lower()]
        names = [parameter["name"] for parameter in operation["parameters"]]
        assert ("Idempotency-Key" in names) == route.mutates, route.path


def test_a_number_in_a_query_is_one_that_every_store_can_look_for() -> None:
    unbounded = [
        (path, parameter["name"])
        for path, methods in DOCUMENT["paths"].items()
        for operation in methods.values()
        for parameter in operation["parameters"]
        for schema in integers(parameter["schema"])
        if not -(2**63) <= schema.get("minimum", -math.inf) <= schema.get("maximum", math.inf) < 2**63
    ]

    assert unbounded == []


def integers(schema: object) -> Iterator[dict[str, Any]]:
    """Yield the integers in a schema."""
    if isinstance(schema, dict):
        if schema.get("type") == "integer":
            yield schema
        for part in schema.values():
            yield from integers(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from integers(part)


def test_the_parts_of_a_path_and_a_query_are_parameters() -> None:
    names = [(p["in"], p["name"]) for p in DOCUMENT["paths"]["/api/jobs/{job}"]["get"]["parameters"]]

    assert set(names) == {("path", "job"), ("query", "dag"), ("query", "run"), ("query", "wait_seconds")}


def test_the_frames_of_the_live_events_are_described() -> None:
    content = DOCUMENT["paths"]["/api/events"]["get"]["responses"]["200"]["content"]["text/event-stream"]

    assert [frame["$ref"].rpartition("/")[2] for frame in content["x-frames"]] == [
        "EventView",
        "ResyncFrame",
        "QuietFrame",
        "RunsChangedFrame",
    ]
    assert "JobLeased" in SCHEMAS["EventView"]["properties"]["kind"]["enum"]


def test_fields_always_in_an_answer_are_required() -> None:
    job = SCHEMAS["JobView"]

    assert set(job["properties"]) - set(job["required"]) == {"attempts"}
    assert SCHEMAS["Submitted"]["required"] == list(SCHEMAS["Submitted"]["properties"])
    assert SCHEMAS["NewJobBody"]["required"] == ["id"]


def test_a_closed_set_of_values_is_named() -> None:
    assert SCHEMAS["JobView"]["properties"]["status"] == {"$ref": "#/components/schemas/JobStatus"}
    assert SCHEMAS["RunStatus"]["enum"] == ["cancelled", "completed", "failed", "pending", "running"]


def test_the_document_can_be_printed() -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "titan.server.http.openapi"], capture_output=True, check=True, timeout=120
    )

    assert msgspec.json.decode(printed.stdout) == DOCUMENT
