"""Did the fix work: what became of a recorded outcome."""

from __future__ import annotations

import pytest

from tests.support.replayed_actions import a_call, in_turn
from titan.insight.replay.comparison import compare, verdict

RECORDED = in_turn(a_call("plan", "a", "b"), a_call("act", "b", "c"))
ELSEWHERE = in_turn(a_call("plan", "a", "b"), a_call("act", "d", "c"))
WAY = "act (input_mismatch)"


@pytest.mark.parametrize(
    ("failed", "fails_now", "is_same", "said"),
    [
        (False, False, True, "the same as recorded"),
        (False, True, False, f"diverged at {WAY}"),
        (True, True, True, "the failure is reproduced"),
        (True, True, False, f"diverged at {WAY}, before the recorded end"),
        (True, False, True, "the failure is no longer reproduced"),
        (True, False, False, f"the failure is no longer reproduced; the run diverges from {WAY} on"),
    ],
)
def test_a_verdict_states_whether_the_recorded_outcome_was_reproduced(
    failed: bool, fails_now: bool, is_same: bool, said: str
) -> None:
    found = verdict(compare(RECORDED, RECORDED if is_same else ELSEWHERE), failed=failed, fails_now=fails_now)

    assert found == said
