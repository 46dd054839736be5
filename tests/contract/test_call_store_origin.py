"""A store of calls tells runs of production from those of evaluations, in lists, totals and sums."""

from collections.abc import Callable
from typing import TypeAlias

import pytest
from msgspec.structs import replace

from tests.support.builders import PROJECT
from tests.support.call_stores import kept, record, run_of
from tests.support.recorded import a_call, a_word, at
from titan.model.actions import Outcome
from titan.model.run_control import Origin
from titan.ports.runs_store import CallFilter, CallReader, CallStore, RunFilter

Asked: TypeAlias = Callable[[CallReader, Origin | None], set[str]]
EVALUATION, PRODUCTION = Origin.EVALUATION, Origin.PRODUCTION


def told(calls: CallStore, run_id: str, *, origin: Origin | None = None, parent: str | None = None) -> None:
    """Record a run of one call, which was blocked."""
    word = replace(a_word(run_id=run_id, agent_id="ada"), origin=origin, parent_run_id=parent)
    record(calls, word, a_call(run_id=run_id, begins=1, ends=1, outcome=Outcome.BLOCKED, error="no"))


def listed(reader: CallReader, origin: Origin | None) -> set[str]:
    runs, _ = reader.registry(
        PROJECT, RunFilter(origin=origin), sort="started", is_ascending=False, after=None, limit=9
    )
    return {run.id for run in runs}


def asked_in(calls: CallStore, asked: Asked, origin: Origin | None) -> set[str]:
    return calls.read(lambda reader: asked(reader, origin))


def in_ledger(reader: CallReader, origin: Origin | None) -> set[str]:
    wanted = CallFilter(origin=origin)
    page = reader.ledger(PROJECT, wanted, sort="time", is_ascending=False, skip=0, limit=9, up_to=9)
    assert page.total == len(page.calls)
    return {action.run_id for action in page.calls}


@pytest.mark.parametrize("asked", [listed, in_ledger])
def test_a_list_is_narrowed_to_runs_of_one_origin(calls: CallStore, asked: Asked) -> None:
    told(calls, "live")
    told(calls, "tried", origin=EVALUATION)

    found = {origin: asked_in(calls, asked, origin) for origin in (*Origin, None)}

    assert found == {PRODUCTION: {"live"}, EVALUATION: {"tried"}, None: {"live", "tried"}}


def test_a_fork_has_the_origin_of_its_parent(calls: CallStore) -> None:
    told(calls, "live")
    told(calls, "tried", origin=EVALUATION)
    told(calls, "live-fork", parent="live")
    told(calls, "tried-fork", parent="tried")
    told(calls, "tried-fork-fork", parent="tried-fork")
    told(calls, "fork-of-none", parent="gone")

    assert calls.read(lambda reader: listed(reader, EVALUATION)) == {"tried", "tried-fork", "tried-fork-fork"}
    assert calls.read(lambda reader: in_ledger(reader, EVALUATION)) == {"tried", "tried-fork", "tried-fork-fork"}


def test_a_run_that_turns_out_to_be_of_an_evaluation_moves_with_its_calls(calls: CallStore) -> None:
    told(calls, "tried")
    record(calls, replace(a_word(run_id="tried", seconds=5), origin=EVALUATION))
    record(calls, a_word(run_id="tried", seconds=6), a_call("more", run_id="tried", begins=6, ends=7))

    run = run_of(calls, "tried")
    assert run is not None
    assert run.origin is EVALUATION
    assert calls.read(lambda reader: in_ledger(reader, PRODUCTION)) == set()
    assert len(calls.read(lambda reader: reader.sums_of_calls(PROJECT, CallFilter(origin=EVALUATION)))) == 2


def test_totals_of_an_agent_are_those_of_its_runs_of_one_origin(calls: CallStore) -> None:
    for run_id in ("tried-1", "tried-2"):
        told(calls, run_id, origin=EVALUATION)
    told(calls, "live")

    def totals(reader: CallReader, origin: Origin | None) -> tuple[int, ...]:
        [agent] = reader.agents(PROJECT, origin=origin, limit=9)
        [day] = reader.days_of_agent(PROJECT, "ada", since=at(0), origin=origin)
        errors = reader.errors_of_agent(PROJECT, "ada", limit=9, origin=origin)
        needs = reader.runs_in_need(PROJECT, since=at(0), origin=origin, limit=9)
        return agent.runs, day.runs, sum(error.count for error in errors), len(needs)

    assert calls.read(lambda reader: totals(reader, PRODUCTION)) == (1, 1, 1, 1)
    assert calls.read(lambda reader: totals(reader, EVALUATION)) == (2, 2, 2, 2)
    assert calls.read(lambda reader: totals(reader, None)) == (3, 3, 3, 3)


def test_how_often_an_agent_is_stopped_is_that_of_production(calls: CallStore) -> None:
    told(calls, "live")
    told(calls, "tried")
    record(calls, replace(a_word(run_id="tried", seconds=5), origin=EVALUATION))

    def stops(reader: CallReader) -> tuple[int, int]:
        found = reader.stops_of_agent(PROJECT, "ada", since=at(0), until=at(7200))
        return found.stopped, found.attempts

    assert calls.read(stops) == (1, 1)
    kept(calls, lambda tx: tx.forget_run(PROJECT, "tried"))
    assert calls.read(stops) == (1, 1)
