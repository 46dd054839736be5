"""Where the server listens."""

import socket

import pytest

from titan.model.errors import InvalidInput
from titan.server.http.serve import is_local, listen, url_of


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_only_this_machine_reaches_a_loopback_address(host: str) -> None:
    assert is_local(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.7", "::", "example.org", "", "127.0.0.2"])
def test_any_other_host_counts_as_reachable_by_others(host: str) -> None:
    assert not is_local(host)


@pytest.mark.parametrize("host", ["203.0.113.7", "no-such-name.invalid", "", "a\0b", "x" * 300])
def test_an_address_that_is_none_of_this_machine_is_named(host: str) -> None:
    with pytest.raises(InvalidInput, match=r"expected (an address|a free port at an address)"):
        listen(host, 0)


def test_every_address_is_asked_from_here_by_the_loopback() -> None:
    with listen("0.0.0.0", 0) as listener:
        port = listener.getsockname()[1]

        assert url_of(listener, is_encrypted=True) == f"https://127.0.0.1:{port}"


def test_localhost_is_the_address_that_clients_try() -> None:
    with listen("localhost", 0) as listener:
        assert listener.getsockname()[0] == "127.0.0.1"


def test_a_taken_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(InvalidInput, match=f"port {port} on 127.0.0.1: expected a free port"):
            listen("127.0.0.1", port)


def test_port_zero_takes_a_free_one() -> None:
    with listen("127.0.0.1", 0) as listener:
        assert listener.getsockname()[1] > 0
