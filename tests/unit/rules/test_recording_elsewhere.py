"""A call of our endpoint counts in the run that it was made for, whichever run a span of it stands in."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import permutations

import pytest

from tests.support.recorded import Memory, a_seen, a_span
from titan.model.actions import ActionEntry, ActionKind, ModelUse
from titan.model.recorded import Tally

ANSWER = "chatcmpl-" + "0123456789abcdef" * 2
ANSWERED = ModelUse(response_id=ANSWER, input_tokens=7)
SEEN = a_seen(ANSWER, run_id="named", cost="0.2", use=ANSWERED)
SPAN = a_span("s1", run_id="trace", cost="5", use=ANSWERED)
OTHER = a_span("s2", run_id="other", cost="4", use=ANSWERED)


@pytest.mark.parametrize("order", list(permutations([SEEN, SPAN, OTHER])))
@pytest.mark.parametrize("is_together", [True, False])
def test_spans_in_other_runs_are_frames_of_the_call(order: Sequence[ActionEntry], *, is_together: bool) -> None:
    memory = Memory()

    for entries in [order] if is_together else [[entry] for entry in order]:
        memory.hear(*entries)

    tallies = {run_id: run.tally for run_id, run in memory.runs.items()}
    once = Tally(calls=1, success=1, cost=Decimal("0.2"), input_tokens=7)
    assert tallies == {"named": once, "trace": Tally(), "other": Tally()}
    assert sorted(action.kind for action in memory.all) == [ActionKind.MODEL, ActionKind.STEP, ActionKind.STEP]


def test_spans_of_a_call_that_our_endpoint_did_not_tell_of_yet_are_calls() -> None:
    memory = Memory()

    for span in (SPAN, OTHER):
        memory.hear(span)

    assert [run.tally.calls for run in memory.runs.values()] == [1, 1]


def test_a_run_that_counts_a_call_no_more_keeps_its_entries() -> None:
    memory = Memory()
    memory.hear(SPAN)

    settled = memory.hear(SEEN)

    assert {run.id: run.entry_count for run in settled.runs} == {"named": 1, "trace": 1}
    assert [kept.entry for kept in settled.kept] == [SEEN]
