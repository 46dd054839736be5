"""The OpenAPI document, generated from the list of routes and the types of the wire."""

import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from titan import __version__
from titan.server.route import Route
from titan.server.wire import ProblemAnswer

REF: Final = "#/components/schemas/{name}"
RAW_SCHEMA: Final = {"type": "string", "format": "binary"}


def openapi_document(routes: Sequence[Route]) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of `routes`, as JSON values."""
    types = [t for route in routes for t in (route.body, route.answer, route.query) if _is_described(t)]
    unique = list(dict.fromkeys([*types, ProblemAnswer]))
    _, components = msgspec.json.schema_components(unique, ref_template=REF)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        path = re.sub(r":str}", "}", route.path)
        paths.setdefault(path, {})[route.method.lower()] = _operation(route, components)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Titan",
            "version": __version__,
            "description": "Runs AI agents as graphs of jobs.",
        },
        "paths": paths,
        "components": {"schemas": components},
    }


def _operation(route: Route, components: dict[str, Any]) -> dict[str, Any]:
    summary = (route.handler.__doc__ or "").strip().splitlines()[0]
    operation: dict[str, Any] = {
        "operationId": getattr(route.handler, "__name__", route.path),
        "summary": summary,
        "parameters": [*_path_parameters(route), *_query_parameters(route, components), *_headers(route)],
        "responses": {
            str(route.status_code): {
                "description": "Success.",
                "content": {route.media_type: {"schema": _schema(route.answer)}},
            },
            "4XX": {
                "description": "Refused; the body says why.",
                "content": {"application/json": {"schema": _schema(ProblemAnswer)}},
            },
        },
    }
    if route.body is not None:
        media_type = "application/octet-stream" if route.body is bytes else "application/json"
        operation["requestBody"] = {
            "required": True,
            "content": {media_type: {"schema": _schema(route.body)}},
        }
    return operation


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    names = re.findall(r"{(\w+):str}", route.path)
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]


def _query_parameters(route: Route, components: dict[str, Any]) -> list[dict[str, Any]]:
    shape = components[route.query.__name__]
    required = shape.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in required, "schema": schema}
        for name, schema in shape.get("properties", {}).items()
    ]


def _headers(route: Route) -> list[dict[str, Any]]:
    if not route.mutates:
        return []
    text = "A random key; a repeat of the request with the same key gets the first answer, for a day."
    schema = {"type": "string", "maxLength": 200}
    return [{"name": "Idempotency-Key", "in": "header", "required": False, "description": text, "schema": schema}]


def _schema(shape: Any) -> dict[str, Any]:
    if shape is bytes:
        return RAW_SCHEMA
    if shape is dict:
        return {"type": "object"}
    return {"$ref": REF.format(name=shape.__name__)}


def _is_described(shape: Any) -> bool:
    return shape is not None and shape is not bytes and shape is not dict
