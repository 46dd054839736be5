"""A cookie is read as browsers write it, and given so that it goes nowhere else."""

from datetime import timedelta

import pytest

from titan.model.errors import Forbidden
from titan.server.http.access import check_origin_of_page, cookie_of, set_cookie


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("titan_session=abc", "abc"),
        ("a=b; titan_session=abc; c=d", "abc"),
        ("titan_session=", None),
        ("my_titan_session=abc", None),
        ("titan_session", None),
        ("", None),
    ],
)
def test_the_cookie_is_found_among_others(header: str, value: str | None) -> None:
    assert cookie_of({b"cookie": header}) == value


def test_over_tls_the_cookie_goes_no_other_way() -> None:
    assert "Secure" in set_cookie("abc", timedelta(days=1), is_encrypted=True)
    assert "Secure" not in set_cookie("abc", timedelta(days=1), is_encrypted=False)


def test_a_change_or_a_socket_by_cookie_names_its_page() -> None:
    check_origin_of_page("GET", None)
    check_origin_of_page("POST", "http://localhost:5000")
    for method in ("POST", "PUT", "DELETE", "WEBSOCKET"):
        with pytest.raises(Forbidden, match="header Origin"):
            check_origin_of_page(method, None)
