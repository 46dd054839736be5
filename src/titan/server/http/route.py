"""Routes: what can be asked, who may ask it, and the values that go in and out, declared at their handlers.

    route = Routes()

    @route("POST /api/gates/{gate}/approve", Permission.DECIDE, mutates=True)
    def approve_gate(call: Call, tx: Transaction, query: ScopeQuery, body: DecideBody) -> GateView:
        \"""Approve an open gate.\"""

`query` and `body` are read and checked before the handler runs; what it returns is the answer, as JSON. A handler that
is no coroutine has a second argument, which says where it runs: a `Reader` or `CallReader` in a snapshot on a thread, a
`Transaction` in a transaction of the writer, once for each idempotency key, a `CallTransaction` in one of runs.

    @route("GET /api/gates", Permission.SEE_WORK)
    def list_gates(call: Call, reader: Reader, query: GatesQuery) -> GatesAnswer:
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar, get_args, get_origin, get_type_hints

from msgspec import Struct

from titan.ports.jobs_store import Reader, Transaction
from titan.ports.runs_store import CallReader, CallTransaction
from titan.rules.access import Permission
from titan.server.http.call import MAX_BODY_BYTES, Call, Json
from titan.server.http.responses import JSON
from titan.wire.base import NoQuery

H = TypeVar("H", bound=Callable[..., Any])

#: How a handler that is no coroutine is run, by what its second argument is.
_RUNS: Final[Mapping[Any, Callable[[Call, Callable[..., Any]], Awaitable[Any]]]] = {
    Reader: lambda call, handler: call.read(lambda reader: handler(call, reader)),
    CallReader: lambda call, handler: call.read_runs(lambda reader: handler(call, reader)),
    Transaction: lambda call, handler: call.decide(lambda tx: handler(call, tx)),
    CallTransaction: lambda call, handler: call.change_runs(lambda tx: handler(call, tx)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketRoute:
    """One WebSocket. Its handler is given the handshake as a call, and accepts the socket."""

    path: str  #: with `{name}` where a part varies
    handler: Callable[..., Any]
    permission: Permission  #: who may ask; `titan.rules.access` says which roles have it
    query: Any  #: type of the query


@dataclass(frozen=True, slots=True, kw_only=True)
class Route(SocketRoute):
    """One thing that can be asked. Its summary is the first line of the handler's docstring."""

    method: str
    runs: Callable[[Call, Callable[..., Any]], Awaitable[Any]] | None  #: runs a handler that is no coroutine
    takes_body: bool  #: whether the handler is given the body; else it reads what it wants itself
    body: Any  #: type of the request's body; `bytes` for raw content, None for none
    answer: Any  #: type of the body of a success; `bytes` for raw content
    status: int = 200
    media_type: str = JSON  #: of the answer
    frames: tuple[Any, ...] = ()  #: types of what a stream holds; then `answer` is `bytes`
    mutates: bool = False  #: whether it takes an Idempotency-Key
    adds: bool = False  #: whether it brings new work or content, which an almost full disk refuses
    limit_bytes: int = MAX_BODY_BYTES  #: of the body


class Routes:
    """The routes of one resource, in the order of their declaration."""

    def __init__(self) -> None:
        self.http: list[Route] = []
        self.sockets: list[SocketRoute] = []

    def __call__(
        self, asked: str, permission: Permission, *, body: Any = None, answer: Any = None, **options: Any
    ) -> Callable[[H], H]:
        """Return a decorator that declares a route; `asked` is `METHOD /path`.

        `body` and `answer` describe what the handler's signature does not say: a body that it reads itself, an answer
        that it writes itself. `options` are fields of `Route`.
        """
        method, path = asked.split(" ")

        def declare(handler: H) -> H:
            hints = get_type_hints(handler)
            route = Route(
                method=method,
                path=path,
                handler=handler,
                runs=_RUNS.get(hints.get("reader", hints.get("tx"))),
                permission=permission,
                query=hints.get("query", NoQuery),
                takes_body="body" in hints,
                body=hints.get("body", body),
                answer=answer or _answer_of(hints["return"]),
                **options,
            )
            self.http.append(route)
            return handler

        return declare

    def socket(self, path: str, permission: Permission) -> Callable[[H], H]:
        """Return a decorator that declares a WebSocket."""

        def declare(handler: H) -> H:
            query = get_type_hints(handler)["query"]
            self.sockets.append(SocketRoute(path=path, handler=handler, permission=permission, query=query))
            return handler

        return declare


def _answer_of(hint: Any) -> Any:
    """Return the type of what a handler answers with: of its JSON, `bytes` where it writes the response itself."""
    shape = get_args(hint)[0] if get_origin(hint) is Json else get_origin(hint) or hint
    return shape if isinstance(shape, type) and issubclass(shape, Struct | dict) else bytes
