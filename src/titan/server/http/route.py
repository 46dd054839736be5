"""The decorator by which handlers declare their routes: path, permission, and types of query, body and answer.

    route = Routes()

    @route("POST /api/gates/{gate}/approve", Permission.DECIDE, mutates=True)
    def approve_gate(call: Call, tx: Transaction, query: ScopeQuery, body: DecideBody) -> GateView:
        \"""Approve an open gate.\"""

`query` and `body` are parsed before the handler runs; its result is sent as JSON. A handler that is not a coroutine
has a second argument that says where it runs: `Reader` or `CallReader` in a snapshot on a thread, `Transaction` in a
transaction of the jobs store, once for each idempotency key, `CallTransaction` in one of the runs store.

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

#: Type of a handler's second argument → how the handler is run.
_RUNS: Final[Mapping[Any, Callable[[Call, Callable[..., Any]], Awaitable[Any]]]] = {
    Reader: lambda call, handler: call.read(lambda reader: handler(call, reader)),
    CallReader: lambda call, handler: call.read_runs(lambda reader: handler(call, reader)),
    Transaction: lambda call, handler: call.decide(lambda tx: handler(call, tx)),
    CallTransaction: lambda call, handler: call.change_runs(lambda tx: handler(call, tx)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketRoute:
    """A WebSocket. Its handler gets the handshake as a call, and accepts the socket."""

    path: str  #: with `{name}` where a part varies
    handler: Callable[..., Any]
    permission: Permission  #: required; `titan.rules.access` lists the roles that have it
    query: Any  #: type of the query


@dataclass(frozen=True, slots=True, kw_only=True)
class Route(SocketRoute):
    """An HTTP route. Its summary is the first line of the handler's docstring."""

    method: str
    runs: Callable[[Call, Callable[..., Any]], Awaitable[Any]] | None  #: runs a handler that is not a coroutine
    takes_body: bool  #: whether the handler gets the body; else it reads the body itself
    body: Any  #: type of the request's body; `bytes` for raw content, None for none
    answer: Any  #: type of the body of a success; `bytes` for raw content
    status: int = 200
    media_type: str = JSON  #: of the answer
    frames: tuple[Any, ...] = ()  #: types of the frames of a stream; then `answer` is `bytes`
    mutates: bool = False  #: whether it takes an Idempotency-Key
    adds: bool = False  #: whether it adds work or content, which is refused when the disk is almost full
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
    """Return the type of a handler's JSON answer; `bytes` if it builds the response itself."""
    shape = get_args(hint)[0] if get_origin(hint) is Json else get_origin(hint) or hint
    return shape if isinstance(shape, type) and issubclass(shape, Struct | dict) else bytes
