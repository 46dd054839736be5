"""Timers, and the pauses of loops."""

from titan.worker.threads import Timers, pause_seconds


def test_due_calls_are_made_earliest_first_and_once() -> None:
    made: list[str] = []
    timers = Timers()
    timers.add(3.0, lambda: made.append("third"))
    timers.add(1.0, lambda: made.append("first"))
    timers.add(1.0, lambda: made.append("second"))

    timers.run_due(2.0)
    timers.run_due(2.0)

    assert made == ["first", "second"]


def test_the_wait_is_until_the_next_call_and_never_negative() -> None:
    timers = Timers()
    assert timers.seconds_to_next(0.0) is None

    timers.add(5.0, lambda: None)

    assert timers.seconds_to_next(2.0) == 3.0
    assert timers.seconds_to_next(9.0) == 0.0


def test_a_call_may_add_the_next_one() -> None:
    made: list[float] = []
    timers = Timers()

    def again(at: float) -> None:
        made.append(at)
        timers.add(at + 1, lambda: again(at + 1))

    timers.add(1.0, lambda: again(1.0))
    timers.run_due(3.5)

    assert made == [1.0, 2.0, 3.0]


def test_a_call_that_was_taken_back_is_not_made() -> None:
    timers, made = Timers(), list[str]()
    timer = timers.add(1.0, lambda: made.append("taken back"))
    timers.add(2.0, lambda: made.append("kept"))

    timers.cancel(timer)
    timers.cancel(timer)
    timers.run_due(3.0)

    assert made == ["kept"]


def test_a_server_that_stays_away_is_asked_less_and_less_often() -> None:
    assert [pause_seconds(away) for away in (0, 14, 16, 119, 121)] == [0.1, 0.1, 1.0, 1.0, 5.0]
