"""A route: one thing that can be asked, who may ask it, and the values that go in and out."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from litestar import Response, WebSocket

from titan.rules.access import Permission
from titan.server.call import Call
from titan.wire.base import NoQuery

Handler = Callable[[Call], Awaitable[Response[Any]]]
SocketHandler = Callable[[Call, WebSocket[Any, Any, Any]], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One thing that can be asked. Its summary is the handler's docstring."""

    method: Literal["GET", "PUT", "POST", "DELETE"]
    path: str  #: with `{name:str}` where a part varies
    handler: Handler
    permission: Permission  #: who may ask; `titan.rules.access` says which roles have it
    answer: Any  #: type of the body of a success; `bytes` for raw content
    body: Any = None  #: type of the request's body; `bytes` for raw content, None for none
    query: Any = NoQuery
    status_code: int = 200
    media_type: str = "application/json"  #: of the answer
    frames: tuple[Any, ...] = ()  #: types of what a stream holds; then `answer` is `bytes`
    mutates: bool = field(default=False)  #: whether it takes an Idempotency-Key
    adds: bool = False  #: whether it brings new work or content, which an almost full disk refuses


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketRoute:
    """One WebSocket. Its handler is given the handshake as a call, and accepts the socket."""

    path: str
    handler: SocketHandler
    permission: Permission
    query: Any = NoQuery
