"""All servers of a database show its time, and a machine that agrees with it keeps its own."""

from datetime import timedelta

import pytest

from tests.support.builders import NOON
from tests.support.stores import StandingClock
from titan.store.columns import to_us
from titan.store.postgres.servers import NOISE, SharedClock

HOUR = timedelta(hours=1)


@pytest.fixture
def own() -> StandingClock:
    """Return the server's own clock."""
    return StandingClock()


def test_a_clock_that_differs_from_the_databases_shows_the_databases_time(own: StandingClock) -> None:
    clock = SharedClock(own)

    clock.compare(to_us(NOON + timedelta(minutes=5)), asked_at=NOON)

    assert clock.now() == NOON + timedelta(minutes=5)


def test_a_difference_within_the_noise_is_none(own: StandingClock) -> None:
    clock = SharedClock(own)

    clock.compare(to_us(NOON + NOISE / 2), asked_at=NOON)

    assert clock.now() == NOON


def test_an_answer_that_was_long_under_way_changes_nothing_that_it_cannot_know(own: StandingClock) -> None:
    clock = SharedClock(own)
    own.advance(timedelta(seconds=4))

    clock.compare(to_us(NOON + timedelta(seconds=1)), asked_at=NOON)

    assert clock.now() == NOON + timedelta(seconds=4)


@pytest.mark.parametrize("step", [HOUR, -HOUR])
def test_a_step_of_the_databases_clock_is_followed_and_logged_once(
    own: StandingClock, step: timedelta, caplog: pytest.LogCaptureFixture
) -> None:
    clock = SharedClock(own)
    clock.compare(to_us(NOON - 3 * HOUR), asked_at=NOON)  # how it has always differed is no step

    for _look in range(2):
        clock.compare(to_us(NOON - 3 * HOUR + step), asked_at=NOON)

    assert clock.now() == NOON - 3 * HOUR + step
    assert [message.split(":")[0] for message in caplog.messages] == [
        f"the database's clock was set by {step.total_seconds():+.0f} s"
    ]
