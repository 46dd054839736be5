"""How often an agent's runs were stopped, by the hour in which they started."""

from tests.support.builders import PROJECT
from tests.support.call_stores import kept, record
from tests.support.recorded import RUN, a_call, a_word, at
from titan.model.actions import Outcome
from titan.model.runs import Stops
from titan.ports.runs_store import CallStore

HOUR = 3600.0


def tell(calls: CallStore, run_id: str, *, begins: float = 0, stopped: int, good: int = 0, agent: str = "ada") -> None:
    outcomes = [Outcome.BLOCKED, Outcome.REJECTED] * stopped
    told = [*outcomes[:stopped], *[Outcome.SUCCESS] * good]
    entries = [
        a_call(f"{outcome}-{n}", run_id=run_id, begins=begins, ends=begins, outcome=outcome)
        for n, outcome in enumerate(told)
    ]
    record(calls, a_word(run_id=run_id, seconds=begins, agent_id=agent), *entries)


def stops(calls: CallStore, *, agent: str = "ada", first: float = 0, last: float = 0) -> tuple[int, int]:
    """Return what the hours from the one to the other come to, asked for until the middle of the next."""
    until = at((last + 1.5) * HOUR)
    found: Stops = calls.read(
        lambda reader: reader.stops_of_agent(PROJECT, agent, since=at((first + 0.5) * HOUR), until=until)
    )
    return found.stopped, found.attempts


def test_runs_of_an_agent_add_up_by_the_hour_in_which_they_started(calls: CallStore) -> None:
    tell(calls, "R_1", stopped=2, good=3)
    tell(calls, "R_2", begins=HOUR - 1, stopped=1)
    tell(calls, "R_3", begins=HOUR, stopped=0, good=4)
    tell(calls, "R_4", stopped=5, agent="bob")

    assert stops(calls) == (3, 6)
    assert (stops(calls, last=1), stops(calls, first=1, last=1)) == ((3, 10), (0, 4))
    assert (stops(calls, agent="bob"), stops(calls, agent="eve")) == ((5, 5), (0, 0))


def test_more_reports_of_a_run_count_it_once(calls: CallStore) -> None:
    tell(calls, RUN, stopped=1)
    tell(calls, RUN, stopped=2, good=1)
    tell(calls, RUN, stopped=2, good=1)

    assert stops(calls) == (2, 3)


def test_a_run_that_turns_out_to_have_begun_earlier_counts_there(calls: CallStore) -> None:
    tell(calls, RUN, begins=2 * HOUR, stopped=1)
    record(calls, a_call("before", begins=0, ends=0))

    assert (stops(calls, last=1), stops(calls, first=2, last=2)) == ((1, 2), (0, 0))


def test_a_run_that_turns_out_to_be_anothers_counts_for_that_agent(calls: CallStore) -> None:
    record(calls, a_call(outcome=Outcome.BLOCKED))
    before = calls.read(lambda reader: reader.run(PROJECT, RUN))
    assert before is not None
    assert stops(calls, agent=before.agent_id) == (1, 1)

    record(calls, a_word(agent_id="bob"))

    assert (stops(calls, agent=before.agent_id), stops(calls, agent="bob")) == ((0, 0), (1, 1))


def test_a_deleted_run_no_longer_counts_and_counts_anew_when_reported_again(calls: CallStore) -> None:
    tell(calls, RUN, stopped=1, good=1)
    tell(calls, "R_2", stopped=3)

    assert kept(calls, lambda tx: tx.forget_run(PROJECT, RUN))
    assert stops(calls) == (3, 3)

    tell(calls, RUN, stopped=2)
    assert stops(calls) == (5, 5)


def test_an_archived_run_still_counts(calls: CallStore) -> None:
    tell(calls, RUN, stopped=1)
    run = calls.read(lambda reader: reader.run(PROJECT, RUN))
    assert run is not None

    kept(calls, lambda tx: tx.archive_run(run))

    assert stops(calls) == (1, 1)
