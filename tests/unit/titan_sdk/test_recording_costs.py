"""What the SDK takes for a cost is what the server takes, however the program itself reckons."""

from __future__ import annotations

from decimal import Context, Decimal, Inexact, localcontext

import pytest

from tests.support.heard import recorded_locally
from titan.model.actions import MOST_USD
from titan_sdk import action
from titan_sdk.recording.entries import LARGEST_USD, usd
from titan_sdk.tape import decode, encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from titan_sdk.recording.actions import Amount

#: Of programs that round early, refuse to round, or write small letters and let what is no number pass.
CONTEXTS = (
    Context(prec=6),
    Context(prec=3, Emin=-5, Emax=5, clamp=1),
    Context(prec=50, traps=[Inexact]),
    Context(capitals=0, traps=[]),
)


def test_the_most_that_a_call_costs_is_the_same_here_and_at_the_server() -> None:
    assert LARGEST_USD == MOST_USD
    assert usd(MOST_USD) == "100000"
    assert usd("100000.01") is None


@pytest.mark.parametrize("context", CONTEXTS, ids=str)
def test_a_program_s_own_way_to_reckon_changes_no_cost(context: Context) -> None:
    with recorded_locally() as heard, localcontext(context):

        @action("paid", cost=0.01)
        def paid() -> Decimal:
            return Decimal("1.2345678901234567")

        paid()

        assert (heard.action()["cost_usd"], heard.action()["outputs"]) == ("0.01", {"$Decimal": "1.2345678901234567"})
        assert usd(Decimal("1234.123456789012")) == "1234.123456789012"
        assert usd("0.00000000000051") == "0.000000000001"
        assert usd("much") is None


@pytest.mark.parametrize("context", CONTEXTS, ids=str)
def test_a_recorded_number_does_not_depend_on_the_decimal_context(context: Context) -> None:
    with localcontext(context):
        text = encode(number := Decimal("1.23456789E+90"))

        assert text == b'{"$Decimal":"1.23456789E+90"}'
        assert str(decode(text)).upper() == str(number).upper() == "1.23456789E+90"
        assert decode(b'{"$Decimal":"x"}') == {"$Decimal": "x"}


@pytest.mark.parametrize(
    ("cost", "kept", "is_said"),
    [
        ("0.333333333333333333", "0.333333333333", True),
        (Decimal("0.0000000000005"), "0", True),  # half, to the even neighbour
        (Decimal("0.0000000000015"), "0.000000000002", True),
        (1e-13, "0", True),
        (0.1 + 0.2, "0.3", False),  # a float is never exact
        ("0.123456789012000", "0.123456789012", False),
        (0, "0", False),
    ],
    ids=str,
)
def test_a_cost_of_more_than_twelve_decimals_is_rounded_and_that_is_said_once(
    cost: Amount, kept: str, is_said: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    name = f"pay {cost!r}"

    with recorded_locally() as heard:
        for _ in range(2):
            with action(name) as act:
                act.set_cost(cost)
        costs = [told["cost_usd"] for told in heard.actions()]

    assert costs == [kept, kept]
    said = f"titan_sdk: {name!r} is recorded with a cost of {kept} US dollars: of {cost}, 12 decimals are kept\n"
    assert capsys.readouterr().err == (said if is_said else "")


@pytest.mark.parametrize(
    ("cost", "raised"),
    [
        (lambda _answer: 1 / 0, "ZeroDivisionError: division by zero"),
        (lambda answer: answer["usage"]["cost"], "KeyError: 'usage'"),
    ],
    ids=["zero", "key"],
)
def test_a_failing_cost_function_is_reported_once_and_the_call_recorded(
    cost: Callable[[object], Amount], raised: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with recorded_locally() as heard:

        @action(f"ask {raised}", cost=cost)
        def ask() -> dict[str, int]:
            return {"tokens": 3}

        answers = [ask(), ask()]
        told = heard.actions()

    assert answers == [{"tokens": 3}] * 2
    assert [(each["outcome"], "cost_usd" in each) for each in told] == [("success", False)] * 2
    name = f"ask {raised}"
    said = f"titan_sdk: {name!r} is recorded without a cost: its function of the result raised {raised}\n"
    assert capsys.readouterr().err == said
