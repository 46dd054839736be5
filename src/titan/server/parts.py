"""The parts of a path: an id may hold `/`, and may be a word that a route has too, so escapes count in choosing one.

A part that was sent with a `%` is always a value: `/runs/a%2Fb` is the run `a/b`, `/runs/%65xport` the run `export`.
The framework splits paths that are decoded already; so until then a mark, which no path can hold, stands for both.
"""

from typing import Any, Final
from urllib.parse import unquote

from litestar.types import ASGIApp, Receive, Scope, Send

_VALUE: Final = "\0."  # before a part that is a value; a NUL in a path is refused, see `Call.path`
_SLASH: Final = "\0-"  # for a slash within a part


def routed_by_parts(app: ASGIApp) -> ASGIApp:
    """Return `app` given paths with marks; `plain` takes them out again."""

    async def routed(scope: Scope, receive: Receive, send: Send) -> None:
        if b"%" in scope["raw_path"]:
            path = "/".join(map(_marked, scope["raw_path"].decode("latin-1").split("/")))
            changed: Any = {**scope, "path": path}
            await app(changed, receive, send)
        else:
            await app(scope, receive, send)

    return routed


def plain(path: str) -> str:
    """Return a path, or a part of one, as it was meant."""
    return path.replace(_SLASH, "/").replace(_VALUE, "") if "\0" in path else path


def _marked(part: str) -> str:
    return _VALUE + unquote(part).replace("/", _SLASH) if "%" in part else part
