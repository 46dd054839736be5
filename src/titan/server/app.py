"""The ASGI application: the list of routes, hung up in Litestar, behind the guard."""

from collections.abc import Sequence
from time import perf_counter
from typing import Any

import msgspec
from litestar import Litestar, Request, Response, WebSocket
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler, WebsocketRouteHandler
from litestar.types import ASGIApp

from titan.model.errors import TitanError
from titan.server.access import Door, guarded, handshake, send_refusal
from titan.server.answers import json_answer, on_any_error, on_http_error, on_titan_error, status_code_of
from titan.server.call import Call
from titan.server.console import Console
from titan.server.house import House
from titan.server.openapi import openapi_document
from titan.server.parts import plain, routed_by_parts
from titan.server.reach import permit
from titan.server.route import Route, SocketRoute
from titan.server.table import ROUTES, SOCKETS


def create_app(house: House, console: Console | None = None) -> ASGIApp:
    """Return the application that serves `house`; without `console`, the built one."""
    app = Litestar(
        route_handlers=[
            *(_handler(route, house) for route in ROUTES),
            *(_socket_handler(route, house) for route in SOCKETS),
            _schema_handler(ROUTES),
        ],
        exception_handlers={
            TitanError: on_titan_error,
            HTTPException: on_http_error,
            Exception: on_any_error,
        },
        openapi_config=None,
        logging_config=None,
        request_max_body_size=None,  # every route has its own limit, see Call
    )
    return guarded(routed_by_parts(app), Door(house), console or Console())


def _handler(route: Route, house: House) -> HTTPRouteHandler:
    template = route.path.replace(":str}", "}")

    async def endpoint(request: Request[Any, Any, Any]) -> Response[Any]:
        began, status = perf_counter(), 500
        request.scope["path"] = plain(request.scope["path"])
        call = Call(house, request)
        try:
            await permit(call, route.permission)
            if route.adds:
                house.space.check(f"{route.method} {template}")
            answer = await route.handler(call)
            status = answer.status_code or route.status_code
            return answer
        except TitanError as refusal:
            status = status_code_of(refusal)
            raise
        finally:
            house.metrics.on_request(route.method, template, status, perf_counter() - began)

    return HTTPRouteHandler(route.path, http_method=route.method, status_code=route.status_code)(endpoint)


def _socket_handler(route: SocketRoute, house: House) -> WebsocketRouteHandler:
    async def endpoint(socket: WebSocket[Any, Any, Any]) -> None:
        socket.scope["path"] = plain(socket.scope["path"])
        call = Call(house, handshake(socket.scope))
        try:
            await permit(call, route.permission)
            await route.handler(call, socket)
        except TitanError as error:  # before the socket was accepted
            await send_refusal(error, socket.scope, socket.receive, socket.send)

    return WebsocketRouteHandler(route.path)(endpoint)


def _schema_handler(routes: Sequence[Route]) -> HTTPRouteHandler:
    document = msgspec.json.encode(openapi_document(routes))

    async def openapi(request: Request[Any, Any, Any]) -> Response[bytes]:
        return json_answer(document)

    return HTTPRouteHandler("/schema/openapi.json", http_method="GET")(openapi)
