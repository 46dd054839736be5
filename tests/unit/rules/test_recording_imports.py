"""An import of what was exported here says nothing new, but what only it knows is taken."""

from collections.abc import Iterable
from decimal import Decimal

import pytest
from msgspec.structs import replace

from tests.support.recorded import Memory, a_call, a_span, a_word, heard
from tests.unit.rules.test_unfinished_calls import a_run_broken_off
from titan.model.actions import (
    ActionEntry,
    AgentSource,
    Entry,
    Failure,
    ModelUse,
    Outcome,
    Payload,
    RunEnd,
    RunEntry,
    Source,
)
from titan.rules.runs.merge_reports import NEVER_ENDED

USE = ModelUse(model="m", input_tokens=3, output_tokens=4, response_id="r1")
WHOLE = replace(a_call(cost="0.5", use=USE, outcome=Outcome.SUCCESS), inputs=Payload("1"), outputs=Payload("2"))
BARE = a_call(outcome=Outcome.SUCCESS)
RUNNING = a_call(ends=None)
FAILED = a_call(outcome=Outcome.ERROR, error="nope")


def imported(*entries: Entry) -> list[Entry]:
    """Return what an import of an export of these says."""
    return [replace(entry, source=Source.IMPORT) if isinstance(entry, RunEntry) else entry for entry in entries]


def stored(memory: Memory, entries: Iterable[Entry]) -> int:
    """Return how many of these entries a memory keeps."""
    return len(memory.hear(*entries).kept)


@pytest.mark.parametrize("told", [WHOLE, BARE, RUNNING, FAILED, a_span(use=USE)])
def test_an_import_of_this_servers_export_is_a_repeat(told: ActionEntry) -> None:
    memory = heard([told])
    before = (memory.all, memory.run)

    assert stored(memory, imported(told)) == 0
    assert (memory.all, memory.run) == before


def test_an_import_of_a_known_begin_and_end_is_a_repeat() -> None:
    memory = heard([replace(RUNNING, inputs=Payload("1")), replace(BARE, outputs=Payload("2"))])

    assert stored(memory, imported(replace(BARE, inputs=Payload("1"), outputs=Payload("2")))) == 0


@pytest.mark.parametrize(
    "news",
    [
        {"cost": Decimal("0.5")},
        {"use": ModelUse(model="m")},
        {"use": ModelUse(response_id="r1")},
        {"use": ModelUse(input_tokens=1)},
        {"use": ModelUse(output_tokens=1)},
        {"inputs": Payload("1")},
        {"outputs": Payload("1")},
        {"failure": Failure(type="ValueError")},
    ],
)
def test_imported_fields_unknown_here_are_stored_once(news: dict[str, object]) -> None:
    memory = heard([BARE])
    entries = imported(replace(BARE, **news))

    assert [stored(memory, entries), stored(memory, entries)] == [1, 0]


def test_an_action_that_was_running_here_ends_by_an_import() -> None:
    memory = heard([RUNNING, a_word()])

    assert stored(memory, imported(WHOLE)) == 1
    assert (memory.all[0].outcome, memory.run.tally.success) == (Outcome.SUCCESS, 1)


def test_how_it_ended_is_news_without_a_time() -> None:
    memory = heard([RUNNING])

    assert stored(memory, imported(a_call(ends=None, outcome=Outcome.ERROR))) == 1
    assert memory.all[0].outcome is Outcome.ERROR


def test_of_a_call_that_never_ended_the_inferred_end_is_a_repeat_and_another_one_counts() -> None:
    memory = a_run_broken_off()
    [call] = memory.all
    inferred = replace(a_call(begins=2, ends=9, cost="0.50", outcome=Outcome.ERROR), failure=Failure(type=NEVER_ENDED))
    assert inferred.ended_at == call.ended_at

    assert stored(memory, imported(inferred)) == 0
    assert stored(memory, imported(a_call(begins=2, ends=5, cost="0.50"))) == 1
    assert memory.all[0].outcome is Outcome.SUCCESS


def test_a_run_that_says_nothing_new_is_a_repeat_however_its_agent_was_known() -> None:
    told = replace(a_word(agent_id="ann", name="n", tags=("x",)), details='{"a":1}', agent_source=AgentSource.ACTED)
    memory = heard([told, a_word(seconds=5, end=RunEnd.COMPLETED)])
    words = imported(replace(told, agent_source=AgentSource.SAID), a_word(seconds=5, end=RunEnd.COMPLETED))

    assert stored(memory, words) == 0


def test_another_agent_and_other_details_of_a_run_are_news() -> None:
    memory = heard([replace(a_word(agent_id="service"), agent_source=AgentSource.NAMED)])

    assert stored(memory, imported(a_word(agent_id="ann"))) == 1
    assert stored(memory, imported(replace(a_word(), details='{"a":1}'))) == 1
    assert memory.run.agent_id == "ann"
