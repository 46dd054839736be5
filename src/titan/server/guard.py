"""The guard before the application: which Host and Origin are answered, and whose token is good."""

import re
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from litestar import Request, Response
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send, WebSocketResponseBodyEvent, WebSocketResponseStartEvent

from titan.model.errors import Forbidden, InvalidInput, TitanError, Unauthorized
from titan.server.access import SESSION_PATH, STRANGER, Caller, Door, cookie_of, token_in
from titan.server.answers import on_titan_error, status_code_of
from titan.server.console import Console, send_page
from titan.server.house import Access

LOCAL_HOSTS: Final = frozenset({"127.0.0.1", "localhost", "::1"})
STREAM_PROTOCOL: Final = "titan"  # a page offers it with its token behind it, and is answered with it alone
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
HOST: Final = re.compile(rb"(?:[\w.~%!$&'()*+,;=-]*|\[[0-9a-fA-F:.]+\])(?::[0-9]*)?")  # RFC 9110, 7.2


def host_in(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """Return the value of the header Host; None where there is none.

    Raises:
        InvalidInput: there are two, or it is not a host with or without a port; servers and proxies would guess
            differently at whose it is (RFC 9112, 3.2).
    """
    hosts = [value for name, value in headers if name == b"host"]
    if not hosts:
        return None
    if len(hosts) == 1 and HOST.fullmatch(hosts[0]):
        return hosts[0].decode("ascii")
    raise InvalidInput(
        "header Host",
        expected="one, of the form HOST or HOST:PORT",
        found=ascii(b", ".join(hosts)[:200].decode("latin-1")),
        next_step="Correct it and send the request again.",
    )


def check_origin(method: str, host: str | None, origin: str | None, access: Access) -> None:
    """Return when a request with these headers may be answered; `method` is "WEBSOCKET" for a socket's handshake.

    Without tokens a foreign Host means that a foreign name was made to point here (DNS rebinding), and then any page
    could read. Where every request needs a token, any Host may be asked: a page under a foreign name has no token to
    show, for headers are sent by programs and cookies by name. A foreign Origin on a change or a socket means that
    another page asks in the user's name; that is refused always.

    Raises:
        Forbidden: naming the header.
    """
    if not access.requires_token and hostname_of(f"//{host}") not in LOCAL_HOSTS | access.hosts:
        raise Forbidden(
            "header Host",
            expected=", ".join(("127.0.0.1, localhost or [::1]", *sorted(access.hosts))) + ", with any port",
            found=ascii(host or "none"),
            next_step="Use one of these names in the URL, or start the server with --allow-host NAME.",
        )
    if origin is None or method in SAFE_METHODS or _is_same(origin, host) or _is_allowed(origin, access):
        return
    raise Forbidden(
        "header Origin",
        expected=f"http://{host}, or none",
        found=ascii(origin),
        next_step="Only this server's own pages may change things; behind a proxy, start it with --allow-host NAME.",
    )


def check_origin_of_page(method: str, origin: str | None) -> None:
    """Return when a browser that is signed in may be answered: one that changes something says which page asks.

    `check_origin` has looked at the one it names.

    Raises:
        Forbidden: it names none; every browser does on a change and a socket, so something else has the cookie.
    """
    if origin is None and method not in SAFE_METHODS:
        raise Forbidden(
            "header Origin",
            expected="the page that asks, with what a sign-in is shown for",
            found="none",
            next_step="A program sends its token as `Authorization: Bearer …`.",
        )


def hostname_of(url: str) -> str | None:
    """Return the host name in a URL, without port and brackets; None when it has none."""
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def bearer_of(headers: Mapping[bytes, str]) -> str | None:
    """Return the token a request carries; a page of the console carries a cookie instead, see `cookie_of`."""
    return token_in(headers.get(b"authorization"))


def offered(subprotocols: str | None) -> list[str]:
    """Return what a handshake offers in Sec-WebSocket-Protocol (RFC 6455, 11.3.4)."""
    return [part.strip() for part in (subprotocols or "").split(",") if part.strip()]


def _bearer(scope: Scope, headers: Mapping[bytes, str]) -> str | None:
    """Return the token of a request. A page's handshake has no header of its own choice but this one, and a query."""
    bearer = bearer_of(headers)
    if bearer is not None or scope["type"] == ScopeType.HTTP:
        return bearer
    protocol, *rest = offered(headers.get(b"sec-websocket-protocol")) or [""]
    if protocol == STREAM_PROTOCOL and rest:
        return rest[0]
    return dict(parse_qsl(scope["query_string"].decode("latin-1"))).get("token")


def guarded(app: ASGIApp, door: Door, console: Console) -> ASGIApp:
    """Return `app` behind the checks; what is refused never reaches it, what is not knows its caller.

    The files of `console` are given to whoever asks under the right name: the sign-in is one of their pages.
    """

    async def guard(scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        method = _method(scope)
        try:
            check_origin(method, host_in(scope["headers"]), headers.get(b"origin"), door.house.access)
            if method in ("GET", "HEAD") and (page := console.answer(scope["path"], headers)) is not None:
                await send_page(page, method, send)
                return
            shown = _bearer(scope, headers), cookie_of(headers)
            caller = await _caller(door, scope, *shown)
            _note_authorized(scope, caller)
            if caller.is_signed_in:
                check_origin_of_page(method, headers.get(b"origin"))
        except TitanError as error:
            if isinstance(error, Unauthorized):
                door.note_failure(error, client=_client(scope), asked=_asked(scope))
            await send_refusal(error, scope, receive, send)
            return
        state = scope.setdefault("state", {})
        state["caller"], state["is_still_good"] = caller, partial(door.is_still_good, *shown)
        state["door"], state["cookie"] = door, shown[1]
        await app(scope, receive, send)

    return guard


async def _caller(door: Door, scope: Scope, bearer: str | None, cookie: str | None) -> Caller:
    try:
        return await door.identify(bearer, cookie)
    except Unauthorized as error:
        if scope["path"] != SESSION_PATH:
            raise
        if bearer is not None:  # a token was tried, where a stranger is answered too
            door.note_failure(error, client=_client(scope), asked=_asked(scope))
        return STRANGER


def _note_authorized(scope: Scope, caller: Caller) -> None:
    """Have the connection of a caller that may ask kept, where others are closed to make room."""
    connection = scope.get("state", {}).get("connection")
    if connection is not None and caller.role is not None:
        shown = caller.token.id if caller.token is not None else ""
        connection.authorize(caller.attempt.lease_id if caller.attempt is not None else shown)


async def send_refusal(error: TitanError, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the error, before a handshake is accepted also on a socket."""
    request = _request(scope)
    answer = on_titan_error(request, error)
    if scope["type"] == ScopeType.WEBSOCKET:
        await _refuse_handshake(answer, status_code_of(error), send)
    else:
        await answer.to_asgi_response(app=None, request=request)(scope, receive, send)


def handshake(scope: Scope) -> Request[Any, Any, Any]:
    """Return a socket's handshake as the GET request that it is (RFC 6455, 4.1)."""
    return Request({**scope, "type": ScopeType.HTTP, "method": "GET"})  # type: ignore[arg-type]


def _request(scope: Scope) -> Request[Any, Any, Any]:
    return Request(scope) if scope["type"] == ScopeType.HTTP else handshake(scope)


async def _refuse_handshake(answer: Response[bytes], status_code: int, send: Send) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(answer.content)).encode())]
    headers += [(name.lower().encode(), value.encode()) for name, value in answer.headers.items()]
    start: WebSocketResponseStartEvent = {
        "type": "websocket.http.response.start",
        "status": status_code,
        "headers": headers,
    }
    body: WebSocketResponseBodyEvent = {
        "type": "websocket.http.response.body",
        "body": answer.content,
        "more_body": False,
    }
    await send(start)
    await send(body)


def _is_same(origin: str, host: str | None) -> bool:
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and parts.netloc == host


def _is_allowed(origin: str, access: Access) -> bool:
    return origin.startswith(("http://", "https://")) and hostname_of(origin) in access.hosts


def _method(scope: Scope) -> str:
    return scope["method"] if scope["type"] == ScopeType.HTTP else "WEBSOCKET"


def _client(scope: Scope) -> str:
    client = scope.get("client")
    return client[0] if client else "somebody"


def _asked(scope: Scope) -> str:
    return f"{_method(scope)} {ascii(scope['path'])[:200]}"
