"""Verdicts over changed sequences of reference calls, on every task of the shipped worlds, without a server."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import pytest

from tests.support.sources import ROOT
from tests.unit.world.a_shop import nobody
from titan.evaluate.definitions import TaskDefinition
from titan.evaluate.suites import Suite, read_suite
from titan.judge.scorers import Ended, MadeCall, ReferenceCall, ReferenceCalls, Verdict, score
from titan.world.ledger import seeded
from titan.world.simulation import Call, Environment, State, drive

SUITES: Final = {name: read_suite(ROOT / "examples" / "worlds" / name) for name in ("shop", "travel", "telecom")}
SWITCHES: Final = {
    "toggle_airplane_mode",
    "toggle_mobile_data",
    "toggle_roaming",
    "toggle_data_saver",
    "toggle_wifi_calling",
}
TELECOM: Final = SUITES["telecom"]


def _references(suite: Suite) -> Iterator[tuple[TaskDefinition, ReferenceCalls]]:
    for task in suite.tasks:
        for scorer in task.scorers:
            if isinstance(scorer, ReferenceCalls) and scorer.calls:
                yield task, scorer


def _verdict(suite: Suite, task: TaskDefinition, scorer: ReferenceCalls, calls: Sequence[ReferenceCall]) -> Verdict:
    """Return the verdict on an agent that makes these calls."""
    environment = Environment(suite.definition.world)
    initial = seeded(task.odyssey_seed.initial_state or suite.definition.world.initial_state)
    state, made = State(ledger=initial), list[MadeCall]()
    for sequence, one in enumerate(calls):
        call = Call(sequence=sequence, tool=one.tool, args=one.arguments)
        answer = drive(environment.answer(call, state), nobody)
        made.append(MadeCall.of(call, answer))
        state = answer.state
    return score(scorer, Ended(ledger=state.ledger, initial=initial, environment=environment, calls=made)).verdict


def _of_another_type(value: Any) -> Any:
    match value:
        case str():
            return 1
        case int() | float():
            return str(value)
        case dict():
            return [value]
    return None


@pytest.mark.parametrize("name", SUITES)
def test_the_reference_passes_and_leaving_out_any_call_fails(name: str) -> None:
    suite = SUITES[name]

    for task, scorer in _references(suite):
        assert _verdict(suite, task, scorer, scorer.calls) is Verdict.PASS, task.id
        for position in range(len(scorer.calls)):
            rest = [*scorer.calls[:position], *scorer.calls[position + 1 :]]
            assert _verdict(suite, task, scorer, rest) is Verdict.FAIL, (task.id, position)


@pytest.mark.parametrize("name", SUITES)
def test_an_argument_of_another_type_fails(name: str) -> None:
    suite = SUITES[name]

    for task, scorer in _references(suite):
        for position, call in enumerate(scorer.calls):
            for argument, value in call.arguments.items():
                changed = ReferenceCall(tool=call.tool, arguments=call.arguments | {argument: _of_another_type(value)})
                calls = [*scorer.calls[:position], changed, *scorer.calls[position + 1 :]]
                assert _verdict(suite, task, scorer, calls) is Verdict.FAIL, (task.id, position, argument)


@pytest.mark.parametrize("name", SUITES)
def test_a_call_that_is_refused_changes_no_verdict(name: str) -> None:
    suite = SUITES[name]

    for task, scorer in _references(suite):
        refused = [ReferenceCall(tool=scorer.calls[0].tool), ReferenceCall(tool="no_such_tool")]
        assert _verdict(suite, task, scorer, [*refused, *scorer.calls, *refused]) is Verdict.PASS, task.id


def test_a_switch_that_is_turned_back_fails_and_passes_when_it_is_turned_once_more() -> None:
    tried = 0

    for task, scorer in _references(TELECOM):
        for call in scorer.calls:
            if call.tool in SWITCHES:
                tried += 1
                assert _verdict(TELECOM, task, scorer, [*scorer.calls, call]) is Verdict.FAIL, task.id
                assert _verdict(TELECOM, task, scorer, [*scorer.calls, call, call]) is Verdict.PASS, task.id

    assert tried >= 8


def test_only_an_order_that_the_tools_allow_passes() -> None:
    verdicts = {
        task.id: _verdict(TELECOM, task, scorer, scorer.calls[::-1])
        for task, scorer in _references(TELECOM)
        if len(scorer.calls) > 1
    }

    assert {task for task, verdict in verdicts.items() if verdict is Verdict.FAIL} == {
        "broken-access-point",  # the settings are reset when the phone restarts, so that comes last
        "data-switched-off",
        "no-pictures",
        "overdue-bill",
        "pay-an-overdue-bill",
        "payment-without-an-answer",
        "suspended-by-wish",
        "unreadable-phone",
    }
