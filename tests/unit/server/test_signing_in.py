"""Sign-ins that fail are slowed down, those that succeed are not; and a cookie is read as browsers write it."""

import asyncio
from datetime import timedelta

import pytest

from tests.support.virtual_time import run_virtually
from titan.model.errors import Forbidden, TooMany, Unauthorized
from titan.server.guard import check_origin_of_page
from titan.server.signing_in import MOST_WAITING, Turns, cookie_of, set_cookie


async def refuse() -> str:
    raise Unauthorized("the request's token", expected="one that is good", found="another")


async def let_in() -> str:
    return "ada"


def test_five_a_second_may_fail_however_many_try_at_once() -> None:
    async def play() -> float:
        loop = asyncio.get_running_loop()
        turns = Turns(loop.time)
        began = loop.time()
        tries = [turns.take(refuse) for _ in range(11)]
        answers = await asyncio.gather(*tries, return_exceptions=True)
        assert all(isinstance(answer, Unauthorized) for answer in answers)
        return loop.time() - began

    assert run_virtually(play()) == pytest.approx(2.0)


def test_who_shows_a_good_token_waits_for_nobody_that_succeeded() -> None:
    async def play() -> float:
        loop = asyncio.get_running_loop()
        turns = Turns(loop.time)
        began = loop.time()
        for _ in range(100):
            assert await turns.take(let_in) == "ada"
        return loop.time() - began

    assert run_virtually(play()) == 0.0


def test_a_crowd_is_turned_away_and_makes_nobody_wait_for_long() -> None:
    async def play() -> list[object]:
        turns = Turns(asyncio.get_running_loop().time)
        return list(await asyncio.gather(*(turns.take(refuse) for _ in range(100)), return_exceptions=True))

    answers = run_virtually(play())

    assert sum(isinstance(answer, TooMany) for answer in answers) == 100 - MOST_WAITING


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
