"""Entries that a run lost, as its program tells of them: summed up, and no doing of the agent's."""

import pytest
from msgspec.structs import replace

from tests.support.recorded import Memory, a_call, a_word, heard, in_any_order
from titan.model.actions import ActionEntry, ActionKind, Outcome, RunEnd, Source
from titan.rules.runs.recording import LOST, lost_by


def a_loss(id: str, details: str | None) -> ActionEntry:
    """Return what the SDK tells of entries that were lost."""
    return replace(a_call(id, kind=ActionKind.EVENT, name=LOST, outcome=Outcome.ERROR, ends=0), details=details)


def counted(id: str, count: int) -> ActionEntry:
    return a_loss(id, f'{{"attributes":{{"count":{count}}}}}')


@pytest.mark.parametrize(
    ("details", "lost"),
    [
        ('{"attributes":{"count":38001}}', 38_001),
        ('{"attributes":{"count":1,"why":"full"},"more":[]}', 1),
        (None, 1),
        ("{}", 1),
        ('{"attributes":{"count":-3}}', 1),
        ('{"attributes":{"count":"many"}}', 1),
        ("[1]", 1),
        ("\ud800", 1),
        ('{"attributes":{"count":99999999999999999}}', 10**12),
    ],
)
def test_a_loss_event_counts_at_least_one_lost_entry(details: str | None, lost: int) -> None:
    assert lost_by(a_loss("l1", details)) == lost


def test_only_the_event_of_that_name_counts_losses() -> None:
    assert lost_by(replace(counted("l1", 9), kind=ActionKind.CALL)) == 0
    assert lost_by(replace(counted("l1", 9), name="entries_lost")) == 0


def test_losses_add_up_in_any_order_and_are_counted_once() -> None:
    for memory in in_any_order(counted("l1", 40), counted("l2", 2), a_call()):
        memory.hear(counted("l2", 2))
        memory.hear(replace(counted("l1", 40), source=Source.IMPORT))

        assert memory.run.lost == 42


def test_losses_are_no_error_of_the_run_and_no_attempt() -> None:
    [alone] = heard([counted("l1", 3)]).runs.values()
    memory = Memory()
    memory.hear(a_call(), counted("l1", 3), a_word(seconds=2, end=RunEnd.COMPLETED))

    assert (alone.lost, alone.tally.calls, alone.first_error_id, alone.last_outcome) == (3, 0, None, None)
    assert (memory.run.tally.attempts, memory.run.tally.success, memory.run.first_error) == (1, 1, None)
    assert memory.run.last_outcome is Outcome.SUCCESS
