"""What strangers write into a request: refused before anybody looks at a token, and never a way past a browser."""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Iterator

import psutil
import pytest

from tests.support.raw_http import Answer, a_key, ask, read_answer, request, said
from tests.support.running_titan import RunningTitan, running_titan
from tests.support.token_holder import Holder

MEBIBYTE = 1024 * 1024
HANDSHAKE = {
    "Content-Length": "",
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}
ANY_PAGE = {"Accept": "text/html"}


@pytest.fixture(scope="module")
def titan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTitan]:
    home = tmp_path_factory.mktemp("headers") / "home"
    with running_titan(home, offers=(), options=("--require-token",)) as running:
        yield running


@pytest.fixture(scope="module")
def admin(titan: RunningTitan) -> Holder:
    return Holder(titan.sdk_port, titan.home_token)


@pytest.fixture
def port(titan: RunningTitan) -> int:
    return titan.sdk_port


def answered(port: int, message: bytes) -> Answer:
    """Return the answer to these bytes; the server must close behind it."""
    with said(port, message) as connection:
        answer = read_answer(connection)
        with contextlib.suppress(ConnectionResetError):
            assert connection.recv(1) == b""
    return answer


def sent_until_refused(port: int, head: bytes, piece: bytes, limit_bytes: int) -> tuple[int, Answer]:
    """Send `head`, then `piece` again and again; return how many bytes went, and the answer."""
    sent = 0
    with said(port, head) as connection:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            while sent < limit_bytes:
                sent += connection.send(piece)
        return sent, read_answer(connection)


@pytest.mark.parametrize("piece", [b"a" * 65536, b"X: a\r\n" * 10_000], ids=["one field", "many fields"])
def test_endless_headers_are_refused_and_cost_no_memory(titan: RunningTitan, piece: bytes) -> None:
    server = psutil.Process(titan.pid)
    before = server.memory_info().rss

    sent, answer = sent_until_refused(titan.sdk_port, b"GET / HTTP/1.1\r\nX: ", piece, 400 * MEBIBYTE)

    assert answer.refusal == (431, "HeadersTooLarge")
    assert sent < 40 * MEBIBYTE
    assert server.memory_info().rss - before < 10 * MEBIBYTE


@pytest.mark.parametrize("piece", [b"X: a\r\n" * 10_000, b"X: " + b"a" * 65536], ids=["many fields", "one field"])
def test_endless_trailers_are_refused(port: int, admin: Holder, piece: bytes) -> None:
    chunked = {"Content-Length": "", "Transfer-Encoding": "chunked", **admin.header, **a_key()}
    head = request("PUT", "/api/files/trailers.bin", b"1\r\na\r\n0\r\n", chunked)

    sent, answer = sent_until_refused(port, head, piece, 400 * MEBIBYTE)

    assert answer.refusal == (431, "HeadersTooLarge")
    assert sent < 40 * MEBIBYTE


def test_a_hundred_fields_and_64_kib_are_taken_and_no_more(port: int) -> None:
    short = {f"X-{number}": "a" for number in range(97)}
    at_the_limit = ask(port, "GET", "/api/health", headers=short)
    over = answered(port, request("GET", "/api/health", headers={**short, "X-97": "a"}))
    large = len(request("GET", "/api/health", headers={"X": "a"}))
    exactly, too_large = (
        answered(port, request("GET", "/api/health", headers={"X": "a" * (64 * 1024 - large + 1 + more)}))
        for more in (-1, 1)
    )

    assert [at_the_limit.status, exactly.status] == [401, 401]  # read whole: it has no token
    assert over.refusal == too_large.refusal == (431, "HeadersTooLarge")
    assert "expected at most 100 fields; found 101" in over.message


def test_a_long_request_line_is_refused(port: int) -> None:
    answer = answered(port, request("GET", "/" + "a" * 70_000))

    assert answer.refusal == (431, "HeadersTooLarge")


def test_a_handshake_has_the_same_limits(port: int) -> None:
    many = {f"X-{number}": "a" for number in range(100)}

    for headers in (many, {"X": "a" * 70_000}):
        answer = answered(port, request("GET", "/api/events/ws", headers={**HANDSHAKE, **headers}))
        assert answer.refusal == (431, "HeadersTooLarge")


def test_a_handshake_with_a_line_that_cannot_be_read_is_answered(port: int) -> None:
    answer = answered(port, request("GET", "/api/events/ws", headers={**HANDSHAKE, "X": "a" * 9000}))

    assert answer.refusal == (400, "InvalidInput")
    assert "no line over 8192 bytes" in answer.message


@pytest.mark.parametrize("body", [b"", b"hello"])
@pytest.mark.parametrize("method", ["POST", "PUT", "GET"])
def test_an_invalid_websocket_handshake_is_answered_and_closed(port: int, method: str, body: bytes) -> None:
    length = {"Content-Length": str(len(body)) if body or method == "GET" else ""}

    answer = answered(port, request(method, "/api/events/ws", body, {**HANDSHAKE, **length}))

    assert answer.refusal == (400, "InvalidInput")
    assert "the WebSocket handshake" in answer.message


@pytest.mark.parametrize("host", ["evil@127.0.0.1", "127.0.0.1\r\nHost: 127.0.0.1", "evil.example\r\nHost: 127.0.0.1"])
@pytest.mark.parametrize("kind", [{}, HANDSHAKE, ANY_PAGE], ids=["HTTP", "WebSocket", "page"])
def test_a_host_that_could_be_read_in_two_ways_is_refused(
    port: int, admin: Holder, host: str, kind: dict[str, str]
) -> None:
    answer = ask(
        port, "GET", "/api/events/ws" if kind is HANDSHAKE else "/", headers={**kind, "Host": host, **admin.header}
    )

    assert answer.refusal == (400, "InvalidInput")
    assert "header Host" in answer.message


def test_a_trailer_is_no_header(port: int, admin: Holder) -> None:
    chunked = {"Content-Length": "", "Transfer-Encoding": "chunked", **a_key()}
    token = "".join(f"{name}: {value}\r\n" for name, value in admin.header.items()).encode()

    answer = ask(port, "PUT", "/api/files/a.bin", b"1\r\na\r\n0\r\n" + token + b"\r\n", chunked)

    assert answer.refusal == (401, "Unauthorized")


def test_a_gigabyte_that_was_refused_is_not_read(port: int, admin: Holder) -> None:
    gigabyte = {"Content-Length": str(1024 * MEBIBYTE), "Connection": "keep-alive", **admin.header, **a_key()}

    sent, answer = sent_until_refused(
        port, request("PUT", "/api/store", headers=gigabyte), bytes(MEBIBYTE), 1024 * MEBIBYTE
    )

    assert answer.refusal == (413, "TooLarge")
    assert sent < 64 * MEBIBYTE


def test_every_answer_has_headers_that_forbid_browsers_to_run_or_embed_it(port: int, admin: Holder) -> None:
    assert admin.ask("PUT", "/api/files/a.txt", b"alert(1)").status == 201
    raw = [
        (200, request("GET", "/", headers=ANY_PAGE)),
        (404, request("GET", "/assets/none.js")),
        (401, request("GET", "/api/jobs")),
        (200, request("GET", "/api/jobs", headers=admin.header)),
        (200, request("HEAD", "/", headers=ANY_PAGE)),
        (200, request("GET", "/api/files/a.txt", headers=admin.header)),
        (403, request("PUT", "/api/store", headers={"Origin": "https://evil.example", **admin.header})),
        (404, request("GET", "/api/nothing", headers=admin.header)),
        (405, request("DELETE", "/api/dags", headers=admin.header)),
        (413, request("PUT", "/api/store", headers={"Content-Length": str(10**15), **admin.header})),
        (431, request("GET", "/", headers={"X": "a" * 70_000})),
        (400, b"hello\r\n\r\n"),
        (400, request("GET", "/", headers={"Host": "evil@127.0.0.1"})),
        (200, request("GET", "/metrics", headers=admin.header)),
        (200, request("GET", "/api/events?after=0", headers=admin.header)),
        (101, request("GET", "/api/events/ws", headers={**HANDSHAKE, **admin.header})),
        (401, request("GET", "/api/events/ws", headers=HANDSHAKE)),
        (403, request("GET", "/api/no-socket", headers={**HANDSHAKE, **admin.header})),
        (400, request("GET", "/api/events/ws", headers={**HANDSHAKE, "Sec-WebSocket-Key": ""})),
        (400, request("POST", "/api/events/ws", headers=HANDSHAKE)),
    ]

    for status, message in raw:
        with said(port, message) as connection:
            head = head_of(connection)
        assert head[0].split()[1] == str(status), (message[:60], head)
        fields = [line.lower() for line in head]
        assert fields.count("x-content-type-options: nosniff") == 1, (message[:60], head)
        assert fields.count("cross-origin-resource-policy: same-origin") == 1, (message[:60], head)


def head_of(connection: socket.socket) -> list[str]:
    """Return the lines of an answer's head."""
    come = b""
    while b"\r\n\r\n" not in come:
        piece = connection.recv(65536)
        assert piece, come
        come += piece
    return come.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")


@pytest.mark.parametrize(
    "payload", [b"nightly|extract.py;train.py", b"", b"x" * 100_000], ids=["a DAG", "nothing", "a large script"]
)
@pytest.mark.parametrize("opcode", [0x04, 0x09, 0x60])
def test_a_frame_of_the_original_protocol_gets_that_protocols_error(port: int, opcode: int, payload: bytes) -> None:
    # As the original's client does: eight bytes, then the text, sent at once; the same back; and the end.
    with said(port, struct.pack(">BBBBI", 1, opcode, 0, 0, len(payload)) + payload) as connection:
        version, answer, flags, spare, length = struct.unpack(">BBBBI", exactly(connection, 8))
        text = exactly(connection, length).decode()
        assert connection.recv(1) == b""

    assert (version, answer, flags, spare) == (1, 0x51, 0, 0)
    assert text == "ERROR: this Titan does not speak TITAN_PROTO yet; use titan_sdk (HTTP)"


def exactly(connection: socket.socket, count: int) -> bytes:
    """Return the next `count` bytes, as the original's client reads them."""
    come = b""
    while len(come) < count:
        piece = connection.recv(count - len(come))
        assert piece
        come += piece
    return come
