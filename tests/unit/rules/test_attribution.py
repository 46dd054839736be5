"""Whose run it is, and how well that is known, in one number."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from titan.model.actions import AgentSource
from titan.rules.runs.recording import known_by, order_of

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BLINK = timedelta(microseconds=1)
MOMENTS = (
    datetime.min.replace(tzinfo=UTC),
    EPOCH - BLINK,
    EPOCH,
    EPOCH + BLINK,
    datetime(2026, 11, 22, 14, 0, 0, 123456, tzinfo=UTC),
    datetime.max.replace(tzinfo=UTC),
)


@pytest.mark.parametrize("source", AgentSource)
@pytest.mark.parametrize("since", MOMENTS, ids=str)
def test_a_word_of_any_source_and_year_is_read_as_it_was_written(source: AgentSource, since: datetime) -> None:
    assert known_by(order_of(source, since)) == (source, since)


def test_the_surest_word_counts_however_late_and_of_equally_sure_ones_the_earliest() -> None:
    orders = [order_of(source, since) for source in AgentSource for since in MOMENTS]

    assert all(sooner < later for sooner, later in pairwise(orders))
    assert all(-(2**63) <= order < 2**63 for order in orders)  # what a store's column holds


def test_no_order_is_for_certain() -> None:
    assert known_by(0) == (AgentSource.SAID, EPOCH)
