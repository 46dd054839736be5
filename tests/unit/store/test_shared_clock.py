"""All servers of a database show its time, and a machine that agrees with it keeps its own."""

from datetime import UTC, datetime, timedelta

from titan.store.postgres.clock import NOISE, SharedClock
from titan.store.rows.columns import to_us


def test_a_clock_that_differs_from_the_databases_shows_the_databases_time() -> None:
    clock = SharedClock()
    asked_at = datetime.now(UTC)

    clock.compare(to_us(asked_at + timedelta(minutes=5)), asked_at=asked_at)

    assert timedelta(minutes=4, seconds=59) < clock.now() - datetime.now(UTC) <= timedelta(minutes=5)


def test_a_difference_within_the_noise_is_none() -> None:
    clock = SharedClock()
    asked_at = datetime.now(UTC)

    clock.compare(to_us(asked_at + NOISE / 2), asked_at=asked_at)

    assert clock.now() <= datetime.now(UTC)
