"""TLS: the same requests, encrypted, to a server that proves who it is; else an error that says what to do."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.support.fake_titan import fake_titan
from titan_sdk.errors import InvalidInput, UnexpectedAnswer, UntrustedServer
from titan_sdk.http.address import Address
from titan_sdk.http.async_client import AsyncHttp
from titan_sdk.http.transport import AsyncTransport, Transport

CERTIFICATES = Path(__file__).parent / "certificates"
BODY = bytes(range(256)) * 8192  # 2 MiB: many records


class Handler(BaseHTTPRequestHandler):
    """Answers with what it was sent, or with BODY."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(BODY)

    def do_PUT(self) -> None:
        self._answer(b'{"size": %d}' % len(self.rfile.read(int(self.headers["content-length"]))))

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def tls_server(host: str = "127.0.0.1") -> Iterator[int]:
    """Yield the port of a server that speaks HTTPS for a `with` block."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / "server.pem", CERTIFICATES / "key.pem")
    server = ThreadingHTTPServer((host, 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda request, client_address: None  # type: ignore[method-assign]  # clients that hang up
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with tls_server() as listening:
        yield listening


def a_transport(port: int, *, host: str = "localhost", ca: str | None = "server.pem") -> Transport:
    ca_file = None if ca is None else str(CERTIFICATES / ca)
    return Transport(host, port, retry_for_seconds=0, is_tls=True, ca_file=ca_file)


def test_requests_go_both_ways_over_one_connection(port: int, tmp_path: Path) -> None:
    transport = a_transport(port)
    (tmp_path / "up").write_bytes(BODY)

    answers = [transport.upload("/up", tmp_path / "up"), transport.read("/down") == BODY, transport.read("/") == BODY]

    assert answers == [{"size": len(BODY)}, True, True]
    transport.close()


def test_coroutines_speak_tls_too(port: int) -> None:
    address = Address("127.0.0.1", port, is_tls=True, ca_file=str(CERTIFICATES / "server.pem"))

    async def read_at_once() -> list[bytes]:
        transport = AsyncTransport(AsyncHttp(address))
        answers = await asyncio.gather(*(transport.read("/") for _ in range(5)))
        transport.close()
        await transport.http.closed()
        return answers

    assert asyncio.run(read_at_once()) == [BODY] * 5


@pytest.mark.parametrize("ca", [None, "other.pem"])
def test_a_server_that_nobody_vouches_for_is_refused_and_the_setting_named(port: int, ca: str | None) -> None:
    with pytest.raises(UntrustedServer, match="TITAN_CA_FILE"):
        a_transport(port, ca=ca).read("/")


def test_a_certificate_of_another_host_is_refused() -> None:
    with tls_server("127.0.0.2") as port, pytest.raises(UntrustedServer, match=r"not valid for '127\.0\.0\.2'"):
        a_transport(port, host="127.0.0.2").read("/")


def test_a_server_without_tls_is_said_to_have_none() -> None:
    with fake_titan() as plain, pytest.raises(UnexpectedAnswer, match="no TITAN_TLS"):
        a_transport(plain.port, host="127.0.0.1").read("/")


def test_a_plain_request_to_a_server_with_tls_hints_at_it(port: int) -> None:
    transport = Transport("127.0.0.1", port, retry_for_seconds=0)

    with pytest.raises((UnexpectedAnswer, ConnectionError)):
        transport.read("/")


def test_a_missing_file_of_certificates_is_named(port: int) -> None:
    with pytest.raises(InvalidInput, match=r"TITAN_CA_FILE=.*none\.pem"):
        a_transport(port, ca="none.pem").read("/")
