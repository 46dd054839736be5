"""What entries come to: counted once, joined where they tell of the same call, whatever their order."""

from datetime import timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace

from tests.support.builders import NOON
from tests.support.recorded import Memory, a_call, a_span, a_word, at, heard, in_any_order
from titan.model.actions import (
    ActionKind,
    AgentSource,
    Effect,
    Entry,
    Failure,
    Impact,
    ModelUse,
    Outcome,
    Payload,
    Redaction,
    RunEnd,
    Source,
)
from titan.model.run_control import RunStatus, StatusSource
from titan.model.runs import UNKNOWN_AGENT, Tally

MODEL = ActionKind.MODEL


# --- one source ---


def test_a_call_is_counted_and_its_run_begins_with_it() -> None:
    memory = heard([a_call(begins=3, ends=5, cost="0.10", use=ModelUse(input_tokens=7, output_tokens=2))])

    run = memory.run
    assert (run.started_at, run.last_event_at, run.status) == (at(3), at(5), RunStatus.RUNNING)
    assert run.agent_id == UNKNOWN_AGENT
    assert run.tally == Tally(calls=1, success=1, cost=Decimal("0.10"), input_tokens=7, output_tokens=2)
    assert (run.last_outcome, run.last_ended_at) == (Outcome.SUCCESS, at(5))
    assert (memory.all[0].duration_ns, memory.all[0].outcome) == (2_000_000_000, Outcome.SUCCESS)


def test_a_repeated_entry_counts_once() -> None:
    entries: list[Entry] = [
        a_word(agent_id="ada", name="hunt"),
        a_call(ends=None),
        a_call(),
        a_word(seconds=9, end=RunEnd.COMPLETED),
    ]
    memory = heard(entries)
    before = (memory.run, memory.all)

    again = memory.hear(*entries, *entries, now=NOON + timedelta(hours=1))

    assert (again.repeated, list(again.kept), list(again.runs), list(again.actions)) == (8, [], [], [])
    assert (memory.run, memory.all) == before
    assert memory.run.entry_count == 4


def test_a_repeat_that_brings_a_body_is_kept() -> None:
    memory = heard([a_call()])

    brings = memory.hear(replace(a_call(), inputs=Payload("1")), replace(a_call(), outputs=Payload("2")))
    again = memory.hear(replace(a_call(), inputs=Payload("1"), outputs=Payload("2")))

    assert (len(brings.kept), again.repeated) == (2, 1)
    assert (memory.all[0].has_inputs, memory.all[0].has_outputs) == (True, True)
    assert memory.run.tally.calls == 1


def test_a_call_that_runs_is_pending_until_its_end_comes() -> None:
    memory = heard([a_call(ends=None)])
    pending = memory.run.tally

    memory.hear(a_call(ends=2, error="nope\nand more", cost="0.5"))

    assert pending == Tally(calls=1, running=1)
    assert memory.run.tally == Tally(calls=1, error=1, cost=Decimal("0.5"))
    [action] = memory.all
    assert (action.error_type, action.error_message) == ("ValueError", "nope")
    assert (memory.run.first_error_id, memory.run.first_error) == ("a1", "ValueError: nope")


def test_an_end_before_its_beginning_loses_nothing_of_either() -> None:
    begins = replace(a_call(ends=None), tags=("a",), impact=Impact.HIGH, actor="helper", parent_id="p")
    ends = replace(a_call(ends=2), tags=("b",), effect=Effect.EXTERNAL, is_redacted=True)

    for memory in in_any_order(begins, ends):
        [action] = memory.all
        assert (action.ended_at, action.outcome) == (at(2), Outcome.SUCCESS)
        assert (set(action.tags), action.impact, action.effect) == ({"a", "b"}, Impact.HIGH, Effect.EXTERNAL)
        assert (action.actor, action.parent_id, action.is_redacted) == ("helper", "p", True)
        assert memory.run.tally == Tally(calls=1, success=1)


def test_an_action_begun_as_a_step_that_is_a_call_is_counted() -> None:
    begins = a_call(ends=None, kind=ActionKind.STEP, source=Source.OTLP)
    ends = a_span("a1", cost="0.1")

    for memory in in_any_order(begins, ends):
        assert (memory.all[0].kind, memory.run.tally.calls) == (MODEL, 1)
        assert memory.run.tally.cost == Decimal("0.1")


def test_fields_of_an_end_take_precedence_over_those_of_the_beginning() -> None:
    begins = a_call(ends=None, cost="0.05", use=ModelUse(model="gpt-4o"))
    ends = a_call(cost="0.03", use=ModelUse(model="gpt-4o-2024-08-06"))

    for memory in in_any_order(begins, ends):
        assert memory.run.tally.cost == Decimal("0.03")
        assert memory.all[0].model == "gpt-4o-2024-08-06"


def test_frames_are_kept_and_not_counted() -> None:
    frame = replace(a_call("t", kind=ActionKind.AGENT, cost="9"), use=ModelUse(input_tokens=5))

    memory = heard([frame, a_call(parent_id="t", cost="1")])

    assert memory.run.tally == Tally(calls=1, success=1, cost=Decimal(1))
    assert len(memory.all) == 2


def test_an_error_message_is_its_first_line_and_not_endless() -> None:
    long = replace(a_call(), failure=Failure(type="E", message="\n" + "x" * 900))
    silent = replace(a_call("a2"), failure=Failure(type="", message=" "), outcome=Outcome.ERROR)

    memory = heard([long])
    wordless = heard([silent])

    assert (len(memory.all[0].error_message or ""), len(memory.run.first_error or "")) == (500, 300)
    assert wordless.run.first_error == "error, without a message"


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (None, "error, without a message"),
        (Failure(type="Error"), "error, without a message"),
        (Failure(type="error"), "error, without a message"),
        (Failure(type="KeyError"), "KeyError"),
        (Failure(type="error", message="no"), "error: no"),
    ],
)
def test_a_first_error_of_which_nothing_is_known_says_so(failure: Failure | None, told: str) -> None:
    assert heard([replace(a_call(), outcome=Outcome.ERROR, failure=failure)]).run.first_error == told


def test_the_first_error_is_the_one_that_began_first() -> None:
    late, early = a_call("b", begins=5, ends=6, error="late"), a_call("a", begins=1, ends=9, error="early")
    twin = a_call("c", begins=1, ends=2, error="as early")

    for memory in in_any_order(late, early, twin):
        assert (memory.run.first_error_id, memory.run.first_error) == ("a", "ValueError: early")
        assert memory.run.first_error_at == at(1)


def test_the_last_outcome_is_that_of_the_attempt_that_ended_last() -> None:
    entries = [
        a_call("a", ends=5, error="no"),
        a_call("b", ends=5),
        a_call("c", ends=4),
        a_call("d", ends=9, outcome=Outcome.REPLAYED),
    ]

    for memory in in_any_order(*entries):
        assert (memory.run.last_outcome, memory.run.last_ended_at) == (Outcome.ERROR, at(5))


def test_a_redaction_of_ours_marks_the_action() -> None:
    redacted = replace(a_call(), redacted=(Redaction(path="$", name="key", fingerprint="f"),))

    assert heard([redacted]).all[0].is_redacted


def test_a_measured_duration_takes_precedence_over_the_difference_of_times() -> None:
    assert heard([replace(a_call(), duration_ns=5)]).all[0].duration_ns == 5
    assert heard([a_call(begins=2, ends=1)]).all[0].duration_ns == 0


# --- money ---


def test_money_is_right_to_the_last_digit() -> None:
    costs = {
        Outcome.SUCCESS: "0.1",
        Outcome.ERROR: "0.000000000001",
        Outcome.BLOCKED: "0.2",
        Outcome.REJECTED: "0.000000000002",
        Outcome.REPLAYED: "0.7",
        Outcome.IDEMPOTENT_REPLAY: "0.000000000007",
    }
    entries = [a_call(f"{how}{n}", outcome=how, cost=cost) for how, cost in costs.items() for n in range(3)]

    tally = heard(entries).run.tally

    assert (tally.cost, tally.prevented) == (Decimal("0.300000000003"), Decimal("0.600000000006"))
    assert (tally.saved, tally.attempted_cost) == (Decimal("2.100000000021"), Decimal("0.900000000009"))
    assert (tally.calls, tally.attempts, tally.replayed) == (18, 12, 6)


def test_a_cost_that_moves_from_spent_to_prevented_is_taken_out_where_it_was() -> None:
    memory = heard([a_call(cost="0.1", outcome=Outcome.SUCCESS)])

    memory.hear(a_call(source=Source.SENTINEL, cost="0.1", outcome=Outcome.BLOCKED))

    assert memory.run.tally == Tally(calls=1, blocked=1, prevented=Decimal("0.1"))


@pytest.mark.parametrize(
    ("costs", "told"),
    [
        ([(Source.SDK, "1", False), (Source.OTLP, "2", True)], "1"),
        ([(Source.SDK, "1", False), (Source.OTLP, "2", False)], "2"),
        ([(Source.SDK, "1", True), (Source.OTLP, "2", True)], "2"),
        ([(Source.SDK, None, False), (Source.OTLP, "0", False)], "0"),
    ],
)
def test_of_two_costs_the_better_known_one_counts(costs: list[tuple[Source, str | None, bool]], told: str) -> None:
    entries = [
        a_call(kind=MODEL, source=source, cost=cost, is_cost_estimated=guess, use=ModelUse(response_id="r"))
        for source, cost, guess in costs
    ]

    for memory in in_any_order(*entries):
        assert (len(memory.all), memory.run.tally.cost, memory.all[0].cost) == (1, Decimal(told), Decimal(told))


# --- runs ---


def test_reports_of_a_run_fill_in_missing_fields() -> None:
    words = [
        a_word(seconds=1, agent_id="ada", tags=("x",)),
        a_word(seconds=2, session_id="s", name="hunt", tags=("y", "x")),
        a_word(seconds=3, done=1, total=4),
        a_word(seconds=4, done=3, total=4),
    ]

    for memory in in_any_order(*words):
        run = memory.run
        assert (run.agent_id, run.session_id, run.name, set(run.tags)) == ("ada", "s", "hunt", {"x", "y"})
        assert (run.done, run.total, run.started_at, run.last_event_at) == (3, 4, at(1), at(4))


def test_of_two_names_the_first_one_stays() -> None:
    memory = heard([a_word(name="one"), a_word(name="two", seconds=1)])

    assert memory.run.name == "one"


def test_of_two_agents_the_earlier_one_counts_and_of_two_at_once_one_of_them() -> None:
    words = [a_word(agent_id="bob"), a_word(agent_id="ada"), a_word(agent_id="aaron", seconds=1)]

    for memory in in_any_order(*words):
        assert memory.run.agent_id == "ada"


def test_whose_run_it_is_says_its_program_before_who_acts_in_it_and_a_name_for_all() -> None:
    named = replace(a_word(agent_id="shop"), agent_source=AgentSource.NAMED)
    acted = replace(a_word(agent_id="sub", seconds=5), agent_source=AgentSource.ACTED, agent_at=at(1))
    said = a_word(agent_id="root", seconds=9)

    for memory in in_any_order(named, acted, a_word(agent_id=UNKNOWN_AGENT)):
        assert memory.run.agent_id == "sub"
    for memory in in_any_order(named, acted, said, a_call()):
        assert memory.run.agent_id == "root"


def test_half_a_word_of_progress_leaves_the_other_half() -> None:
    memory = heard([a_word(total=4), a_word(seconds=2, done=2), a_word(seconds=1, done=1, total=3)])

    assert (memory.run.done, memory.run.total, memory.run.progress_at) == (2, 4, at(2))


def test_an_end_is_believed_wherever_it_comes() -> None:
    words: list[Entry] = [
        a_word(agent_id="ada"),
        a_call(begins=1, ends=7),
        a_word(seconds=5, end=RunEnd.FAILED, reason="no money"),
    ]

    for memory in in_any_order(*words):
        run = memory.run
        assert (run.status, run.status_source, run.reason) == (RunStatus.FAILED, StatusSource.EXPLICIT, "no money")
        assert run.ended_at == at(5)


def test_a_run_that_continues_after_its_end_is_open_again() -> None:
    for later in (a_call(begins=6, ends=7), a_word(seconds=6, name="more")):
        for memory in in_any_order(a_word(seconds=5, end=RunEnd.COMPLETED, reason="done"), later):
            run = memory.run
            assert (run.status, run.ended_at, run.reason) == (RunStatus.RUNNING, None, None)


def test_of_two_ends_the_later_counts_and_of_two_at_once_the_worse() -> None:
    early, late = a_word(seconds=5, end=RunEnd.FAILED), a_word(seconds=6, end=RunEnd.COMPLETED)
    same = a_word(seconds=6, end=RunEnd.CANCELLED, reason="enough")

    for memory in in_any_order(early, late, same):
        assert (memory.run.status, memory.run.ended_at, memory.run.reason) == (RunStatus.CANCELLED, at(6), "enough")


def test_an_end_that_was_only_inferred_gives_way_to_any_news() -> None:
    def silent() -> Memory:
        memory = heard([a_call(ends=None)])
        ended = replace(
            memory.run, status=RunStatus.COMPLETED, status_source=StatusSource.INFERRED, ended_at=at(0), reason="quiet"
        )
        memory.runs[ended.id] = ended
        return memory

    news, told = silent(), silent()
    news.hear(a_call(ends=1))
    told.hear(a_word(seconds=0, end=RunEnd.FAILED))

    assert (news.run.status, news.run.ended_at) == (RunStatus.RUNNING, None)
    assert (told.run.status, told.run.status_source) == (RunStatus.FAILED, StatusSource.EXPLICIT)


def test_a_run_with_stages_ends_when_its_stages_do() -> None:
    memory = heard([a_word(agent_id="ada")])
    memory.runs[memory.run.id] = replace(memory.run, has_stages=True, status=RunStatus.COMPLETED, ended_at=at(1))

    memory.hear(a_word(seconds=2, end=RunEnd.FAILED), a_call(begins=3, ends=4))

    assert (memory.run.status, memory.run.ended_at) == (RunStatus.COMPLETED, at(1))
    assert memory.run.last_event_at == at(4)


def test_an_entry_with_new_run_details_alone_is_stored_once() -> None:
    memory = heard([a_word(agent_id="ada"), a_word(seconds=5)])
    planner, painter = (replace(a_word(seconds=3), details=f'{{"resource": "{name}"}}') for name in ("plans", "paints"))

    heard_of = [memory.hear(word).repeated for word in (planner, painter, planner, painter)]

    assert heard_of == [0, 0, 1, 1]
    assert [kept.entry for kept in memory.kept[-2:]] == [planner, painter]


def test_the_number_of_stored_details_of_a_run_is_limited() -> None:
    memory = heard([a_word(agent_id="ada"), a_word(seconds=5)])

    for number in range(40):
        memory.hear(replace(a_word(seconds=3), details=f'{{"n": {number}}}'))

    assert len(memory.kept) == 2 + 32


def test_each_program_of_a_run_is_kept_once() -> None:
    memory = heard([a_word(agent_id="ada")])
    one, other = (replace(a_word(seconds=3), process='{"pid":1}', program=Payload(text)) for text in ("{}", "[]"))

    repeated = [memory.hear(word).repeated for word in (one, other, one)]

    assert repeated == [0, 0, 1]


def test_a_word_that_says_nothing_new_is_not_kept() -> None:
    memory = heard([a_word(agent_id="ada"), a_word(seconds=5, name="hunt")])

    again = memory.hear(a_word(seconds=3, agent_id="ada"))

    assert (again.repeated, len(memory.kept)) == (1, 2)
