"""An HTTP server of ours in a thread, with limits of a test's own and an application of a few lines."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvloop

from titan.server.http.connections import ConnectionLimits, ConnectionTracker
from titan.server.http.serve import HttpServer, listen


@dataclass
class Application:
    """Answers with the size of the body; the path says what else it does.

    /early answers before the body has come; /late looks at it only after `late_seconds`; /broken fails.
    """

    late_seconds: float = 0.0
    broken_off: threading.Event = field(default_factory=threading.Event)  #: a body ended before its end

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Be called as ASGI says."""
        scope["state"]["authorize"]("")
        if scope["path"] == "/broken":
            raise ValueError("broken")
        if scope["path"] == "/late":
            await asyncio.sleep(self.late_seconds)
        size_bytes = 0
        while scope["path"] != "/early":
            message = await receive()
            if message["type"] == "http.disconnect":
                self.broken_off.set()
                return
            size_bytes += len(message["body"])
            if not message["more_body"]:
                break
        body = str(size_bytes).encode()
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


@contextmanager
def limited_server(
    application: Application,
    limits: ConnectionLimits,
    *,
    connections: int = 1000,
    tls: ssl.SSLContext | None = None,
) -> Iterator[int]:
    """Serve on a free port for a `with` block, and give the port."""
    with listen("127.0.0.1", 0) as listener:
        server = HttpServer(application, ConnectionTracker(connections), tls, limits)
        thread = threading.Thread(target=lambda: uvloop.run(server.serve(sockets=[listener])))
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = server.force_exit = True
            thread.join()
