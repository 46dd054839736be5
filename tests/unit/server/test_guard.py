"""Who may ask a loopback server."""

import pytest

from titan.model.errors import Forbidden
from titan.server.guard import check_origin


@pytest.mark.parametrize("host", ["127.0.0.1:5000", "localhost:5000", "localhost", "[::1]:9090", "LOCALHOST:1"])
def test_a_request_to_this_machine_by_name_may_ask(host: str) -> None:
    check_origin("POST", host, None)


@pytest.mark.parametrize("host", ["evil.example:5000", "127.0.0.1.evil.example", "", None, "[::1", "10.0.0.1"])
def test_a_foreign_host_name_is_refused(host: str | None) -> None:
    with pytest.raises(Forbidden, match="header Host"):
        check_origin("GET", host, None)


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:5001", "http://[::1", ""])
def test_a_change_that_another_page_asks_for_is_refused(origin: str) -> None:
    with pytest.raises(Forbidden, match="header Origin"):
        check_origin("POST", "localhost:5000", origin)


def test_the_servers_own_page_may_change_things() -> None:
    check_origin("PUT", "localhost:5000", "http://localhost:5000")


def test_another_page_may_read_nothing_it_could_not_read_anyway_so_reads_pass() -> None:
    check_origin("GET", "localhost:5000", "https://evil.example")
