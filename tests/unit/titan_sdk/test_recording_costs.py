"""What the SDK takes for a cost is what the server takes."""

from __future__ import annotations

from titan.ingest.costs import MOST
from titan_sdk.recording.entries import LARGEST_USD, usd


def test_the_most_that_a_call_costs_is_the_same_here_and_at_the_server() -> None:
    assert LARGEST_USD == MOST
    assert usd(MOST) == "1000000"
    assert usd("1000000.01") is None
