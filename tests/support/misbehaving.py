"""A server that answers as no server should: slowly, half, endlessly, in another language, or not at all."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from typing import ClassVar

PIECE = b" " * 65536
DRIP_SECONDS = 0.05


class Fault(StrEnum):
    """How the server misbehaves."""

    SILENT = "silent"  #: takes the request and says nothing
    DRIPPING_HEAD = "dripping head"  #: a byte of a header now and then, for ever
    DRIPPING_BODY = "dripping body"
    CUT_HEAD = "cut head"  #: closes in the middle of the head
    CUT_BODY = "cut body"
    ENDLESS = "endless"  #: a body that goes on for ever
    NO_JSON = "no JSON"  #: a page where JSON is due
    REDIRECT = "redirect"  #: to a server that is there
    REDIRECT_REFUSED = "redirect, refused"  #: to an address that Titan does not ask
    RESET = "reset"  #: RST instead of an answer


class Misbehaving:
    """Listens on a free port, and misbehaves towards each connection."""

    def __init__(self, fault: Fault, *, content_type: str = "application/json", elsewhere: str = "") -> None:
        self.asked = 0  #: connections that sent a request
        self.sent_bytes = 0
        self._content_type = content_type
        self._elsewhere = elsewhere
        self._act = self._acts[fault]
        self._stopped = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Stop listening, and end what is under way."""
        self._stopped.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        while not self._stopped.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            if connection.recv(65536):
                self.asked += 1
                self._act(self, connection)

    def _send(self, connection: socket.socket, content: bytes) -> None:
        connection.sendall(content)
        self.sent_bytes += len(content)

    def _head(self, connection: socket.socket, *lines: str, status: str = "200 OK") -> None:
        head = [f"HTTP/1.1 {status}", f"Content-Type: {self._content_type}", *lines, "", ""]
        self._send(connection, "\r\n".join(head).encode())

    def _stay_silent(self, connection: socket.socket) -> None:
        while not self._stopped.is_set() and connection.recv(65536):
            pass

    def _drip(self, connection: socket.socket, before: bytes = b"") -> None:
        self._send(connection, before)
        while not self._stopped.wait(DRIP_SECONDS):
            self._send(connection, b" ")

    def _drip_head(self, connection: socket.socket) -> None:
        self._drip(connection, b"HTTP/1.1 200 OK\r\nX-Slow: ")

    def _drip_body(self, connection: socket.socket) -> None:
        self._head(connection, "Content-Length: 1000000")
        self._drip(connection)

    def _cut_head(self, connection: socket.socket) -> None:
        self._send(connection, b"HTTP/1.1 200 OK\r\nContent-Ty")

    def _cut_body(self, connection: socket.socket) -> None:
        self._head(connection, "Content-Length: 1000")
        self._send(connection, b'{"answer": "ha')

    def _never_end(self, connection: socket.socket) -> None:
        self._head(connection, "Connection: close")
        while not self._stopped.is_set():
            self._send(connection, PIECE)

    def _show_page(self, connection: socket.socket) -> None:
        self._content_type = "text/html"
        self._head(connection, "Content-Length: 15", "Connection: close")
        self._send(connection, b"<html>hi</html>")

    def _redirect(self, connection: socket.socket) -> None:
        self._head(
            connection, f"Location: {self._elsewhere}", "Content-Length: 0", "Connection: close", status="307 Moved"
        )

    def _reset(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    _acts: ClassVar[dict[Fault, Callable[[Misbehaving, socket.socket], None]]] = {
        Fault.SILENT: _stay_silent,
        Fault.DRIPPING_HEAD: _drip_head,
        Fault.DRIPPING_BODY: _drip_body,
        Fault.CUT_HEAD: _cut_head,
        Fault.CUT_BODY: _cut_body,
        Fault.ENDLESS: _never_end,
        Fault.NO_JSON: _show_page,
        Fault.REDIRECT: _redirect,
        Fault.REDIRECT_REFUSED: _redirect,
        Fault.RESET: _reset,
    }


@contextmanager
def misbehaving(fault: Fault, **options: str) -> Iterator[Misbehaving]:
    """Run a server for a `with` block."""
    server = Misbehaving(fault, **options)
    try:
        yield server
    finally:
        server.close()
