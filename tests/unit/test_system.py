"""The server's clock and ids."""

import logging
import string
import time
from datetime import UTC, datetime, timedelta

import pytest

from titan.system import EPOCH, SystemClock, SystemIds, steady_ns

SECOND_NS = 10**9
HOUR = timedelta(hours=1)


class Machine:
    """A machine whose clock the test sets."""

    def __init__(self) -> None:
        self.wall_ns = 1_000_000 * SECOND_NS
        self.steady_ns = 5 * SECOND_NS
        self.clock = SystemClock(wall_ns=lambda: self.wall_ns, steady_ns=lambda: self.steady_ns)
        self.began = self.clock.now()

    def pass_time(self, duration: timedelta) -> None:
        """Let both clocks go on."""
        self.wall_ns += duration // timedelta(microseconds=1) * 1000
        self.steady_ns += duration // timedelta(microseconds=1) * 1000

    def set(self, step: timedelta) -> None:
        """Set the clock forward, or back."""
        self.wall_ns += step // timedelta(microseconds=1) * 1000


def test_dag_ids_sort_in_the_order_they_were_made() -> None:
    ids = SystemIds()

    made = [ids.dag_id() for _ in range(2000)]

    assert made == sorted(set(made))
    assert all(set(one) <= set(string.ascii_lowercase + string.digits) and len(one) == 18 for one in made)


def test_secrets_are_32_hex_digits_and_never_repeat() -> None:
    ids = SystemIds()

    made = {ids.secret() for _ in range(2000)}

    assert len(made) == 2000
    assert all(len(one) == 32 and int(one, 16) >= 0 for one in made)


def test_the_clock_begins_with_the_machines_time_in_utc() -> None:
    before = datetime.now(UTC)

    now = SystemClock().now()

    assert now.utcoffset() == timedelta(0)
    assert before - timedelta(seconds=1) < now < datetime.now(UTC) + timedelta(seconds=1)


def test_the_steady_clock_goes_on_by_the_nanosecond() -> None:
    before = steady_ns()

    assert before < steady_ns() < before + 60 * SECOND_NS
    assert steady_ns() >= time.monotonic_ns() - SECOND_NS  # it counts sleep as well


def test_the_clock_starts_with_the_machines_and_advances_by_elapsed_time() -> None:
    machine = Machine()

    machine.pass_time(HOUR)

    assert machine.began == EPOCH + timedelta(seconds=1_000_000)
    assert machine.clock.now() == machine.began + HOUR


@pytest.mark.parametrize("step", [HOUR, -HOUR])
def test_setting_the_machines_clock_moves_nothing(step: timedelta) -> None:
    machine = Machine()

    machine.set(step)
    machine.pass_time(timedelta(seconds=3))

    assert machine.clock.now() == machine.began + timedelta(seconds=3)


def test_each_setting_of_the_clock_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    machine = Machine()

    with caplog.at_level(logging.WARNING):
        for step in (timedelta(0), timedelta(seconds=4), HOUR, timedelta(0), -HOUR):
            machine.set(step)
            machine.pass_time(timedelta(seconds=10))
            machine.clock.look()

    assert [message.split(",")[0] for message in caplog.messages] == [
        "the machine's clock was set: it is +3604 s from the server's",
        "the machine's clock was set: it is +4 s from the server's",
    ]


def test_a_suspended_machine_is_no_set_clock(caplog: pytest.LogCaptureFixture) -> None:
    machine = Machine()

    machine.pass_time(8 * HOUR)
    machine.clock.look()

    assert caplog.messages == []
