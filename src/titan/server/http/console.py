"""Serves the web console: the built files in `titan/web`, read once, with a strict content security policy.

The files hold no secrets and need no token; the API they use does. Paths are keys of a dict, so none leads out of the
folder. If the bundle was not built, a page says how to build it.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from litestar.types import HTTPResponseBodyEvent, HTTPResponseStartEvent, Send

WEB_FOLDER: Final = Path(__file__).parents[2] / "web"

#: First path parts of the API, where a browser gets the same as a program.
FOR_PROGRAMS: Final = frozenset({"api", "v1", "schema", "metrics", "healthz", "readyz"})

MEDIA_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}

#: `connect-src 'self'` covers the server's own WebSocket (CSP 3, 6.7.2.8). Styles need no `unsafe-inline`: React and
#: React Flow set them through the CSSOM.
POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "connect-src 'self'",
        "font-src 'self'",
        "manifest-src 'self'",
        "worker-src 'self' blob:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
#: In addition to `connections.SECURITY_HEADERS`.
HEADERS: Final = {
    "content-security-policy": POLICY,
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
}
FOR_EVER: Final = "public, max-age=31536000, immutable"  # the name of an asset holds a digest of its content
ALWAYS_ASK: Final = "no-cache"

_NOT_BUILT: Final = b"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Titan</title>
<h1>Titan is up, its console is not built</h1>
<p>This copy of Titan has no folder <code>src/titan/web</code>. In a clone, build it:</p>
<pre>make console</pre>
<p>Then start Titan again. The API works without it: <code>/schema/openapi.json</code> lists all requests.</p>
</html>
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A response to a browser."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    content: bytes
    zipped: bytes | None
    media_type: str
    caching: str
    tag: str


class Console:
    """The files of the console."""

    def __init__(self, folder: Path = WEB_FOLDER) -> None:
        """Read the files of `folder`; it may be missing."""
        self._files = dict(_read(folder))
        self._index = self._files.get("/index.html")

    def answer(self, path: str, headers: Mapping[bytes, str]) -> Page | None:
        """Return the response for a path; None if it belongs to the API."""
        first = path[1:].partition("/")[0]
        if first in FOR_PROGRAMS:
            return None
        if (file := self._files.get(path)) is not None:
            return _page(file, headers)
        if first == "assets":
            return Page(status=404, headers={**HEADERS, "content-type": "text/plain"}, body=b"No such file.\n")
        if "text/html" not in headers.get(b"accept", ""):
            return None
        return _not_built() if self._index is None else _page(self._index, headers)


async def send_page(page: Page, method: str, send: Send) -> None:
    """Send a page over ASGI, for HEAD without its body."""
    fields = dict(page.headers)
    if page.status != 304:  # RFC 9110, 8.6: it would be the length of the content that is not sent
        fields["content-length"] = str(len(page.body))
    start: HTTPResponseStartEvent = {
        "type": "http.response.start",
        "status": page.status,
        "headers": [(name.encode(), value.encode()) for name, value in fields.items()],
    }
    body: HTTPResponseBodyEvent = {
        "type": "http.response.body",
        "body": b"" if method == "HEAD" else page.body,
        "more_body": False,
    }
    await send(start)
    await send(body)


def _read(folder: Path) -> list[tuple[str, _File]]:
    """Return URL path and content of each file, with the `.gz` file beside it."""
    found = []
    for file in sorted(folder.rglob("*")):
        if not file.is_file() or file.suffix not in MEDIA_TYPES:
            continue
        content, zipped = file.read_bytes(), file.with_name(file.name + ".gz")
        path = f"/{file.relative_to(folder).as_posix()}"
        read = _File(
            content=content,
            zipped=zipped.read_bytes() if zipped.is_file() else None,
            media_type=MEDIA_TYPES[file.suffix],
            caching=FOR_EVER if path.startswith("/assets/") else ALWAYS_ASK,
            tag=f'"{hashlib.sha256(content).hexdigest()[:32]}"',
        )
        found.append((path, read))
    return found


def _page(file: _File, headers: Mapping[bytes, str]) -> Page:
    is_zipped = file.zipped is not None and _takes_gzip(headers.get(b"accept-encoding", ""))
    tag = f'{file.tag[:-1]}-gz"' if is_zipped else file.tag  # RFC 9110, 8.8.3: each coding has its own tag
    answered = {**HEADERS, "content-type": file.media_type, "cache-control": file.caching, "etag": tag}
    if file.zipped is not None:
        answered["vary"] = "accept-encoding"
    if tag in headers.get(b"if-none-match", ""):  # a list, or a weak one as proxies write it
        return Page(status=304, headers=answered, body=b"")
    if not is_zipped:
        return Page(status=200, headers=answered, body=file.content)
    assert file.zipped is not None
    return Page(status=200, headers={**answered, "content-encoding": "gzip"}, body=file.zipped)


def _takes_gzip(accepted: str) -> bool:
    for part in accepted.lower().split(","):
        coding, _, weight = part.partition(";")
        if coding.strip() == "gzip":
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def _not_built() -> Page:
    answered = {**HEADERS, "content-type": MEDIA_TYPES[".html"], "cache-control": ALWAYS_ASK}
    return Page(status=503, headers=answered, body=_NOT_BUILT)
