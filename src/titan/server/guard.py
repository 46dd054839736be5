"""Who may ask a loopback server: programs here, and pages it served itself; no other web page."""

from typing import Final
from urllib.parse import urlsplit

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from titan.model.errors import Forbidden
from titan.server.answers import on_titan_error

LOCAL_HOSTS: Final = frozenset({"127.0.0.1", "localhost", "::1"})
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def check_origin(method: str, host: str | None, origin: str | None) -> None:
    """Return when a request with these headers may be answered.

    A foreign Host means that a foreign name was made to point here (DNS rebinding); a foreign
    Origin on a change means that another page asks in the user's name.

    Raises:
        Forbidden: naming the header.
    """
    if hostname_of(f"//{host}") not in LOCAL_HOSTS:
        raise Forbidden(
            "header Host",
            expected="127.0.0.1, localhost or [::1], with any port",
            found=ascii(host or "none"),
            next_step="Use one of these names in the URL.",
        )
    if origin is not None and method not in SAFE_METHODS and not _is_same(origin, host):
        raise Forbidden(
            "header Origin",
            expected=f"http://{host}, or none",
            found=ascii(origin),
            next_step="Only this server's own pages may change things.",
        )


def hostname_of(url: str) -> str | None:
    """Return the host name in a URL, without port and brackets; None when it has none."""
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _is_same(origin: str, host: str | None) -> bool:
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and parts.netloc == host


def guarded(app: ASGIApp) -> ASGIApp:
    """Return `app` behind the check; what is refused never reaches it."""

    async def guard(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await app(scope, receive, send)
            return
        headers = {name: value.decode("latin-1") for name, value in scope["headers"] if name in (b"host", b"origin")}
        try:
            check_origin(scope["method"], headers.get(b"host"), headers.get(b"origin"))
        except Forbidden as error:
            answer = on_titan_error(None, error)  # type: ignore[arg-type]  # the request is not looked at
            await answer.to_asgi_response(app=None, request=None)(scope, receive, send)  # type: ignore[arg-type]
            return
        await app(scope, receive, send)

    return guard
