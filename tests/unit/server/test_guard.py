"""Under which names a server answers, and to whose pages."""

import pytest

from titan.model.errors import Forbidden, InvalidInput
from titan.server.app_state import Access
from titan.server.http.access import check_origin, host_in

OPEN = Access()
NAMED = Access(hosts=frozenset({"titan.example.org"}))
WITH_TOKENS = Access(requires_token=True)


@pytest.mark.parametrize("host", ["127.0.0.1:5000", "localhost:5000", "localhost", "[::1]:9090", "LOCALHOST:1"])
def test_a_request_to_this_machine_by_name_may_ask(host: str) -> None:
    check_origin("POST", host, None, OPEN)


@pytest.mark.parametrize("host", ["evil.example:5000", "127.0.0.1.evil.example", "", None, "[::1", "10.0.0.1"])
def test_a_foreign_host_name_is_refused(host: str | None) -> None:
    with pytest.raises(Forbidden, match="header Host"):
        check_origin("GET", host, None, OPEN)


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:5001", "http://[::1", ""])
def test_a_change_that_another_page_asks_for_is_refused(origin: str) -> None:
    with pytest.raises(Forbidden, match="header Origin"):
        check_origin("POST", "localhost:5000", origin, OPEN)


def test_the_servers_own_page_may_change_things() -> None:
    check_origin("PUT", "localhost:5000", "http://localhost:5000", OPEN)


def test_another_page_may_read_nothing_it_could_not_read_anyway_so_reads_pass() -> None:
    check_origin("GET", "localhost:5000", "https://evil.example", OPEN)


def test_a_socket_reads_for_a_page_so_a_foreign_one_opens_none() -> None:
    check_origin("WEBSOCKET", "localhost:5000", "http://localhost:5000", OPEN)
    check_origin("WEBSOCKET", "localhost:5000", None, OPEN)
    with pytest.raises(Forbidden, match="header Origin"):
        check_origin("WEBSOCKET", "localhost:5000", "https://evil.example", OPEN)


def test_an_allowed_name_may_be_asked_and_its_pages_may_change_things() -> None:
    check_origin("POST", "titan.example.org", "https://titan.example.org", NAMED)
    check_origin("POST", "127.0.0.1:5000", "https://titan.example.org", NAMED)  # a proxy that renames the host
    with pytest.raises(Forbidden, match="header Host"):
        check_origin("GET", "other.example.org", None, NAMED)


@pytest.mark.parametrize("host", ["anything.example", "10.0.0.1:5000", None])
def test_where_every_request_needs_a_token_any_name_may_be_asked(host: str | None) -> None:
    check_origin("GET", host, None, WITH_TOKENS)


def test_a_foreign_page_changes_nothing_where_tokens_are_needed_either() -> None:
    with pytest.raises(Forbidden, match="header Origin"):
        check_origin("POST", "10.0.0.1:5000", "https://evil.example", WITH_TOKENS)


@pytest.mark.parametrize("host", ["127.0.0.1:5000", "[::1]:9090", "titan_server", "a.b-c.example", "", "localhost:"])
def test_a_host_with_or_without_a_port_is_one(host: str) -> None:
    assert host_in([(b"accept", b"*/*"), (b"host", host.encode())]) == host


def test_a_request_may_name_no_host() -> None:
    assert host_in([]) is None


@pytest.mark.parametrize(
    "host",
    ["evil@127.0.0.1", "127.0.0.1/x", "127.0.0.1?x", "127.0.0.1#x", "[::1", "a b", "a:b", "::1", "h\xf6st", "a\tb"],
)
def test_anything_else_in_the_header_host_is_refused(host: str) -> None:
    with pytest.raises(InvalidInput, match="expected one, of the form HOST or HOST:PORT"):
        host_in([(b"host", host.encode("latin-1"))])


def test_two_hosts_are_refused_though_they_are_the_same() -> None:
    with pytest.raises(InvalidInput, match="header Host"):
        host_in([(b"host", b"127.0.0.1"), (b"host", b"127.0.0.1")])
