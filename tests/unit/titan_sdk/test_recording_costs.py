"""What the SDK takes for a cost is what the server takes, however the program itself reckons."""

from __future__ import annotations

from decimal import Context, Decimal, Inexact, localcontext

import pytest

from tests.support.heard import heard_by_nobody_else
from titan.ingest.costs import MOST
from titan_sdk import action
from titan_sdk.recording.entries import LARGEST_USD, usd
from titan_sdk.tape import decode, encode

#: Of programs that round early, refuse to round, or write small letters and let what is no number pass.
CONTEXTS = (
    Context(prec=6),
    Context(prec=3, Emin=-5, Emax=5, clamp=1),
    Context(prec=50, traps=[Inexact]),
    Context(capitals=0, traps=[]),
)


def test_the_most_that_a_call_costs_is_the_same_here_and_at_the_server() -> None:
    assert LARGEST_USD == MOST
    assert usd(MOST) == "1000000"
    assert usd("1000000.01") is None


@pytest.mark.parametrize("context", CONTEXTS, ids=str)
def test_a_program_s_own_way_to_reckon_changes_no_cost(context: Context) -> None:
    with heard_by_nobody_else() as heard, localcontext(context):

        @action("paid", cost=0.01)
        def paid() -> Decimal:
            return Decimal("1.2345678901234567")

        paid()

        assert (heard.action()["cost_usd"], heard.action()["outputs"]) == ("0.01", {"$Decimal": "1.2345678901234567"})
        assert usd(Decimal("1234.123456789012")) == "1234.123456789012"
        assert usd("0.00000000000051") == "0.000000000001"
        assert usd("much") is None


@pytest.mark.parametrize("context", CONTEXTS, ids=str)
def test_a_number_of_a_tape_is_the_same_whatever_the_program_rounds_to(context: Context) -> None:
    with localcontext(context):
        text = encode(number := Decimal("1.23456789E+90")).text

        assert text == b'{"$Decimal":"1.23456789E+90"}'
        assert str(decode(text)).upper() == str(number).upper() == "1.23456789E+90"
        assert decode(b'{"$Decimal":"x"}') == {"$Decimal": "x"}
