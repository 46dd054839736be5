"""Where the server listens."""

import socket

import pytest

from titan.model.errors import InvalidInput, NotSupported
from titan.server.serve import listen


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.7", "::", "example.org", ""])
def test_an_address_that_others_can_reach_is_refused(host: str) -> None:
    with pytest.raises(NotSupported, match="loopback"):
        listen(host, 0)


def test_a_taken_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(InvalidInput, match=f"port {port} on 127.0.0.1: expected a free port"):
            listen("127.0.0.1", port)


def test_port_zero_takes_a_free_one() -> None:
    with listen("127.0.0.1", 0) as listener:
        assert listener.getsockname()[1] > 0
