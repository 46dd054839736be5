"""The ASGI application: Litestar with all routes, behind the guard."""

from collections.abc import Sequence
from functools import partial
from time import perf_counter
from typing import Any
from urllib.parse import unquote

import msgspec
from litestar import HttpMethod, Litestar, Request, Response, WebSocket
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler, WebsocketRouteHandler
from litestar.types import ASGIApp

from titan.model.errors import TitanError
from titan.rules.access import Permission
from titan.server.app_state import AppState
from titan.server.http.access import Authenticator, guarded, handshake, send_refusal
from titan.server.http.authorization import authorize
from titan.server.http.call import Call, Json, routed_as_sent
from titan.server.http.console import Console
from titan.server.http.openapi import openapi_document
from titan.server.http.responses import json_answer, on_any_error, on_http_error, on_titan_error, status_code_of
from titan.server.http.route import Route, SocketRoute
from titan.server.http.table import ROUTES, SOCKETS
from titan.wire.base import NoQuery


def create_app(state: AppState, console: Console | None = None) -> ASGIApp:
    """Return the application that serves `state`, with the built console unless another is given."""
    app = Litestar(
        route_handlers=[
            *(_handler(route, state) for route in ROUTES),
            *(_socket_handler(route, state) for route in SOCKETS),
            _schema_handler(ROUTES),
        ],
        exception_handlers={TitanError: on_titan_error, HTTPException: on_http_error, Exception: on_any_error},
        openapi_config=None,
        logging_config=None,
        request_max_body_size=None,  # every route has its own limit, see Call
    )
    return guarded(routed_as_sent(app), Authenticator(state), console or Console())


def _handler(route: Route, state: AppState) -> HTTPRouteHandler:
    async def endpoint(request: Request[Any, Any, Any]) -> Response[Any]:
        began, status = perf_counter(), 500
        request.scope["path"] = unquote(request.scope["path"])
        call = Call.of(state, request)
        try:
            await authorize(call, route.permission)
            if route.adds:
                state.space.check(f"{route.method} {route.path}")
            answer = await _answer(route, call)
            status = answer.status_code or route.status
            return answer
        except TitanError as refusal:
            status = status_code_of(refusal)
            raise
        finally:
            state.metrics.on_request(route.method, route.path, status, perf_counter() - began)

    methods = [HttpMethod(route.method), *([HttpMethod.HEAD] if route.permission is Permission.PROBE else [])]
    return HTTPRouteHandler(_template(route), http_method=methods, status_code=route.status)(endpoint)


async def _answer(route: Route, call: Call) -> Response[Any]:
    """Read the query and the body, run the handler and return its answer.

    Raises:
        TitanError: the query or the body is invalid, or the handler refuses.
    """
    values = {} if route.query is NoQuery else {"query": call.query(route.query)}
    if route.takes_body or (route.mutates and route.body is not bytes):
        call.raw = await call.raw_body(route.limit_bytes)
    if route.takes_body:
        values["body"] = await call.decoded(route.body)
    if route.runs is None:
        answer = await route.handler(call, **values)
    else:
        answer = await route.runs(call, partial(route.handler, **values))
    if isinstance(answer, Response):
        return answer
    return json_answer(answer.content if isinstance(answer, Json) else answer, route.status)


def _template(route: SocketRoute) -> str:
    """Return a route's path in Litestar's syntax."""
    return route.path.replace("}", ":str}")


def _socket_handler(route: SocketRoute, state: AppState) -> WebsocketRouteHandler:
    async def endpoint(socket: WebSocket[Any, Any, Any]) -> None:
        socket.scope["path"] = unquote(socket.scope["path"])
        call = Call.of(state, handshake(socket.scope))
        try:
            await authorize(call, route.permission)
            await route.handler(call, socket, call.query(route.query))
        except TitanError as error:  # before the socket was accepted
            await send_refusal(error, socket.scope, socket.receive, socket.send)

    return WebsocketRouteHandler(_template(route))(endpoint)


def _schema_handler(routes: Sequence[Route]) -> HTTPRouteHandler:
    document = msgspec.json.encode(openapi_document(routes))

    async def openapi(request: Request[Any, Any, Any]) -> Response[bytes]:
        return json_answer(document)

    return HTTPRouteHandler("/schema/openapi.json", http_method="GET")(openapi)
