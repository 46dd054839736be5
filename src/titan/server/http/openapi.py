"""Generates the OpenAPI document from the routes and the wire types.

`python -m titan.server.http.openapi` prints it, for code generators.
"""

import re
import sys
from collections.abc import Collection, Sequence
from typing import Any, Final

import msgspec

from titan import __version__
from titan.server.http.responses import OTLP_PATHS, PROTOBUF
from titan.server.http.route import Route
from titan.server.http.table import ROUTES
from titan.wire.base import ProblemAnswer

REF: Final = "#/components/schemas/{name}"
RAW_SCHEMA: Final = {"type": "string", "format": "binary"}


def openapi_document(routes: Sequence[Route]) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of `routes`, as JSON values."""
    asked = [t for route in routes for t in (route.body, route.query) if _is_described(t)]
    answered = [t for route in routes for t in (route.answer, *route.frames) if _is_described(t)]
    unique = list(dict.fromkeys([*asked, *answered, ProblemAnswer]))
    _, components = msgspec.json.schema_components(unique, ref_template=REF)
    _require_what_is_always_sent(components, but=msgspec.json.schema_components(asked)[1].keys())
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, components)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Titan",
            "version": __version__,
            "description": "Runs AI agents as graphs of jobs. Every request acts on one project: its token's or job's, "
            "else that of the header X-Titan-Project or the query parameter `project`, else `default`.",
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
            str(route.status): {"description": "Success.", "content": {route.media_type: _content(route)}},
            "4XX": {"description": "Request refused; the body has the reason.", "content": _problem_content(route)},
        },
    }
    if route.body is not None:
        media_type = "application/octet-stream" if route.body is bytes else "application/json"
        operation["requestBody"] = {"required": True, "content": {media_type: {"schema": _schema(route.body)}}}
    return operation


def _problem_content(route: Route) -> dict[str, Any]:
    content: dict[str, Any] = {"application/json": {"schema": _schema(ProblemAnswer)}}
    return content | ({PROTOBUF: {"schema": RAW_SCHEMA}} if route.path in OTLP_PATHS else {})


def _content(route: Route) -> dict[str, Any]:
    """Return the schema of an answer; of a stream also its frames, under `x-frames`."""
    content: dict[str, Any] = {"schema": _schema(route.answer)}
    if route.frames:
        content["x-frames"] = [_schema(frame) for frame in route.frames]
    return content


def _require_what_is_always_sent(components: dict[str, Any], *, but: Collection[str]) -> None:
    """Mark every field of answers as required, except those that may be UNSET.

    `but` are components that requests use too, where a default means optional.
    """
    for name, shape in components.items():
        if name in but:
            continue
        required = set(shape.get("required", ()))
        for field, schema in shape.get("properties", {}).items():
            if "default" in schema:
                del schema["default"]
                required.add(field)
        if "properties" in shape:
            shape["required"] = [field for field in shape["properties"] if field in required]


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    names = re.findall(r"{(\w+)}", route.path)
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
    text = "A unique key; a repeat of the request with the same key within 24 hours returns the first answer."
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


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(openapi_document(ROUTES))) + b"\n")
