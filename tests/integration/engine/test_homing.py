"""A call that our endpoint saw and a span tells of is one action of the span's run, whoever speaks first."""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import permutations
from pathlib import Path

import pytest

from tests.support.builders import PROJECT
from tests.support.call_stores import CALL_STORES, kept
from tests.support.recorded import a_call, a_seen, a_span, a_word
from tests.support.stores import StandingClock
from titan.engine.homing import Homes
from titan.model.actions import Entry, ModelUse, RunEnd, Teller
from titan.model.recorded import Action, RecordedRun
from titan.ports_calls import CallStore, CallTransaction
from titan.rules.recording import settle

ANSWER = "chatcmpl-" + "0123456789abcdef" * 2
TRACE = "0af7651916cd43dd8448eb211c80319c"
ANSWERED = ModelUse(response_id=ANSWER, input_tokens=7)
OWN_RUN: Sequence[Entry] = (
    a_word(run_id=ANSWER, teller=Teller.ENDPOINT, agent_id="direct-calls", name="One call of the model"),
    a_seen(ANSWER, run_id=ANSWER, use=ANSWERED, cost="0.2"),
    a_word(run_id=ANSWER, teller=Teller.ENDPOINT, seconds=1, end=RunEnd.COMPLETED),
)
SPAN = a_span(run_id=TRACE, parent_id="agent", use=ANSWERED, cost="5")
TRACED: Sequence[Entry] = (a_word(run_id=TRACE, teller=Teller.OTLP, agent_id="weather"), SPAN)


@pytest.fixture(params=sorted(CALL_STORES))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[CallStore]:
    with CALL_STORES[request.param](tmp_path) as opened:
        opened_store = opened(StandingClock())
        yield opened_store
        opened_store.close()


def recorded(store: CallStore, homes: Homes, entries: Iterable[Entry]) -> None:
    """Record entries in one transaction, as the recorder does."""

    def write(tx: CallTransaction) -> None:
        housed = homes.brought_home(tx, PROJECT, list(entries))
        settled = settle(housed, tx.known(PROJECT, housed), project_id=PROJECT, now=tx.now)
        tx.keep(PROJECT, runs=settled.runs, actions=settled.actions, entries=settled.kept)

    kept(store, write)


def run_of(store: CallStore, run_id: str) -> RecordedRun | None:
    return store.read(lambda reader: reader.recorded_run(PROJECT, run_id))


def actions_of(store: CallStore, run_id: str) -> list[Action]:
    return store.read(lambda reader: reader.actions_of_run(PROJECT, run_id))


@pytest.mark.parametrize("batches", list(permutations([OWN_RUN[:2], OWN_RUN[2:], TRACED])))
def test_a_call_without_a_run_becomes_one_with_the_span_that_names_its_answer(
    store: CallStore, batches: Sequence[Sequence[Entry]]
) -> None:
    homes = Homes()

    for batch in batches:
        recorded(store, homes, batch)

    [action] = actions_of(store, TRACE)
    run = run_of(store, TRACE)
    assert run is not None
    assert (run.agent_id, run.tally.calls, run.tally.cost) == ("weather", 1, Decimal("0.2"))
    assert (action.parent_id, action.input_tokens) == ("agent", 7)
    assert run_of(store, ANSWER) is None


def test_what_comes_together_is_brought_home_too(store: CallStore) -> None:
    recorded(store, Homes(), [*TRACED, *OWN_RUN])

    assert len(actions_of(store, TRACE)) == 1
    assert run_of(store, ANSWER) is None


def test_a_run_of_that_name_of_which_others_tell_too_stays(store: CallStore) -> None:
    recorded(store, Homes(), [*OWN_RUN, a_call("tool", run_id=ANSWER)])

    recorded(store, Homes(), TRACED)

    assert len(actions_of(store, ANSWER)) == 2
    assert len(actions_of(store, TRACE)) == 1


@pytest.mark.parametrize("answer", ["chatcmpl-9XyZ", "resp_1", None])
def test_answers_that_are_not_ours_move_nothing(store: CallStore, answer: str | None) -> None:
    homes = Homes()
    recorded(store, homes, OWN_RUN)

    recorded(store, homes, [a_span(run_id=TRACE, use=ModelUse(response_id=answer)), a_span("s2", run_id=TRACE)])

    assert len(actions_of(store, ANSWER)) == 1


def test_spans_in_the_run_that_the_call_names_need_no_move(store: CallStore) -> None:
    homes = Homes()
    recorded(store, homes, OWN_RUN)

    recorded(store, homes, [a_span(run_id=ANSWER, use=ANSWERED)])

    assert len(actions_of(store, ANSWER)) == 1


def test_only_the_newest_spans_are_remembered(store: CallStore) -> None:
    homes = Homes(remembered=1)
    recorded(store, homes, TRACED)
    recorded(store, homes, [a_span("s2", run_id=TRACE, use=ModelUse(response_id=f"chatcmpl-{2:032x}"))])

    recorded(store, homes, OWN_RUN)

    assert len(actions_of(store, ANSWER)) == 1
