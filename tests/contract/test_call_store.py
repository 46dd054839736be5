"""The store of calls keeps what was heard, every field of it, and gives it back: runs, actions and tapes."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from itertools import permutations
from random import Random

import pytest
from msgspec.structs import asdict, replace

from tests.support.builders import NOON, PROJECT
from tests.support.call_stores import actions_of, check, kept, record, run_of, tape_of
from tests.support.random_wrappers import a_tree, in_batches
from tests.support.recorded import RUN, Memory, a_call, a_word, at, heard, received
from tests.support.stores import StandingClock
from titan.model.actions import (
    SHARED_MARK,
    ActionEntry,
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
    RunEntry,
    Source,
    Standing,
    digest_of,
)
from titan.model.run_control import Origin, RunStatus, StatusSource
from titan.model.runs import COUNTS_ALL, Count, ReportedEnd, Run, Tally, wrong_now
from titan.ports.runs_store import CallReader, CallStore, ChangedRun, StoredEntry
from titan.store.runs.tapes import link_after
from titan_sdk.tape import CHAIN_START

BLOB = "b" * 64

WHOLE = ActionEntry(
    id="a1",
    run_id=RUN,
    source=Source.OTLP,
    kind=ActionKind.MODEL,
    name="chat é \U0001f600",
    started_at=at(1.000001),
    ended_at=at(2),
    duration_ns=0,
    outcome=Outcome.ERROR,
    parent_id="p",
    actor="helper",
    inputs=Payload(SHARED_MARK, ('{"role":"user"}', '"b"', '{"role":"user"}')),
    outputs=Payload(f'{{"$blob":{{"sha256":"{BLOB}"}}}}', blob=BLOB),
    failure=Failure(type="ValueError", message="no\nno", traceback="Traceback"),
    cost=Decimal("0"),
    is_cost_estimated=True,
    use=ModelUse(
        model="m",
        provider="p",
        input_tokens=0,
        output_tokens=2,
        cache_read_tokens=3,
        cache_write_tokens=4,
        reasoning_tokens=5,
        response_id="r",
    ),
    tags=("x", "y"),
    impact=Impact.HIGH,
    effect=Effect.EXTERNAL,
    is_redacted=True,
    redacted=(Redaction(path="$.a", name="key", fingerprint="f"),),
    redaction_version=3,
    details='{"a":[1]}',
    scope="some.instrumentation",
    project="finance",
)
WORD = RunEntry(
    run_id=RUN,
    source=Source.SDK,
    at=at(3),
    agent_id="ada",
    agent_source=AgentSource.ACTED,
    agent_at=at(0.5),
    session_id="s",
    parent_run_id="R_0",
    forked_at_action_id="a_0",
    name="hunt",
    end=RunEnd.FAILED,
    reason="why",
    done=0,
    total=4,
    tags=("t",),
    traces=("4bf92f3577b34da6a3ce929d0e0e4736",),
    details="{}",
    process='{"command":["x"]}',
    program=Payload(f'{{"$blob":{{"sha256":"{BLOB}"}}}}', blob=BLOB),
    end_source=StatusSource.STAGES,
    standing=Standing(
        last_event_at=at(4), last_started_at=at(2), last_outcome=Outcome.ERROR, last_ended_at=at(4), progress_at=at(1)
    ),
    project="finance",
    origin=Origin.EVALUATION,
)


# --- round trips ---


def test_a_whole_entry_sets_every_field() -> None:
    unset = [name for entry in (WHOLE, WORD) for name, value in asdict(entry).items() if value in (None, ())]

    assert unset == []


@pytest.mark.parametrize(
    "entry",
    [WHOLE, WORD, a_call(), a_call(ends=None), a_word()],
    ids=["whole", "word", "call", "running call", "empty word"],
)
def test_the_recording_returns_every_field_of_an_entry(
    calls: CallStore, reopen_calls: Callable[[], CallStore], entry: Entry
) -> None:
    record(calls, entry)

    before, after = tape_of(calls), tape_of(reopen_calls())

    [stored] = before
    assert after == before
    assert (stored.entry, stored.received_at) == (entry, NOON)
    assert (stored.action_number is None) == isinstance(entry, RunEntry)


@pytest.mark.parametrize("kind", ActionKind)
@pytest.mark.parametrize("outcome", [*Outcome, None])
def test_an_action_is_read_as_it_was_recorded(calls: CallStore, kind: ActionKind, outcome: Outcome | None) -> None:
    memory = Memory()
    ends = None if outcome is None else 2
    entry = replace(WHOLE, kind=kind, outcome=outcome, ended_at=None if ends is None else at(ends))

    record(calls, entry)
    memory.hear(entry, now=received([entry]))

    assert actions_of(calls) == memory.all
    assert run_of(calls) == replace(memory.run, troubles=wrong_now(memory.run))


def test_a_run_is_read_as_it_was_saved(calls: CallStore) -> None:
    run = Run(
        project_id=PROJECT,
        id=RUN,
        agent_id="ada",
        status=RunStatus.CANCELLED,
        status_source=StatusSource.STAGES,
        started_at=at(0.000001),
        last_event_at=at(1),
        received_at=at(2),
        ended_at=at(3),
        session_id="s",
        parent_run_id="R_0",
        forked_at_action_id="a_0",
        determinism=85,
        code_digest="d1",
        name="n",
        reason="why",
        tally=Tally(
            calls=21,
            running=1,
            success=2,
            error=3,
            blocked=4,
            rejected=5,
            replayed=6,
            cost=Decimal("123456.000000000001"),
            prevented=Decimal("0.2"),
            saved=Decimal("0.3"),
            unpriced=9,
            estimated=10,
            input_tokens=7,
            output_tokens=8,
        ),
        has_stages=True,
        last_outcome=Outcome.BLOCKED,
        last_ended_at=at(4),
        first_error_id="a",
        first_error="E",
        first_error_at=at(5),
        last_started_at=at(6),
        done=0,
        total=9,
        progress_at=at(7),
        tags=("é",),
        entry_count=11,
        lost=12,
        pinned_at=at(8),
        archived_at=at(9),
        imported_at=at(11),
        trusted_at=at(12),
        detail_digests=("0f" * 16, "f0" * 16),
        reported_end=ReportedEnd(status=RunStatus.FAILED, source=StatusSource.EXPLICIT, at=at(10), reason="why"),
        troubles=3 + 4 + 5 + 12 + 1,
    )

    kept(calls, lambda tx: tx.save_run(run))

    assert run_of(calls) == run
    assert [name for name, value in asdict(run).items() if value in (None, ())] == []


def test_a_text_with_nul_is_stored_in_the_recording(calls: CallStore) -> None:
    entry = replace(a_call(name="look\0up", error="no\0no"), inputs=Payload('"a\\u0000b"'))

    record(calls, entry)

    assert [stored.entry for stored in tape_of(calls)] == [entry]
    assert [action.outcome for action in actions_of(calls)] == [Outcome.ERROR]


def test_money_is_kept_to_the_picodollar(calls: CallStore) -> None:
    costs = ["0.000000000001", "0.1", "1234567.123456789012", "0"]

    record(calls, *(a_call(f"a{n}", cost=cost) for n, cost in enumerate(costs)))

    assert [action.cost for action in actions_of(calls)] == [Decimal(cost) for cost in costs]
    run = run_of(calls)
    assert run is not None
    assert run.tally.cost == Decimal("1234567.223456789013")


# --- the tape ---


def test_a_repeated_report_changes_nothing(calls: CallStore) -> None:
    entries: list[Entry] = [WORD, WHOLE, a_call("a2")]
    record(calls, *entries)
    before = (tape_of(calls), actions_of(calls), run_of(calls), calls.read(lambda reader: reader.newest_version()))

    again = record(calls, *entries)

    assert again.repeated == 3
    assert (
        tape_of(calls),
        actions_of(calls),
        run_of(calls),
        calls.read(lambda reader: reader.newest_version()),
    ) == before


def test_a_surer_word_of_whose_run_it_is_renames_it_and_its_calls(calls: CallStore) -> None:
    acted = replace(a_word(agent_id="sub"), agent_source=AgentSource.ACTED)
    record(calls, acted, a_call())

    record(calls, a_word(agent_id="root", seconds=9))
    record(calls, replace(acted, at=at(-9)))

    run = run_of(calls)
    assert run is not None
    assert (run.agent_id, [action.agent_id for action in actions_of(calls)]) == ("root", ["root"])


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_call_within_a_call_counts_once_though_they_come_apart(calls: CallStore, order: Sequence[int]) -> None:
    spans = [
        a_call(f"s{level}", source=Source.OTLP, kind=ActionKind.MODEL, cost="1", parent_id=f"s{level - 1}")
        for level in range(3)
    ]

    for level in order:
        record(calls, spans[level])

    run = run_of(calls)
    assert run is not None
    assert run.tally == Tally(calls=1, success=1, cost=Decimal(1))
    assert [action.id for action in actions_of(calls) if action.shown_kind is ActionKind.MODEL] == ["s2"]


@pytest.mark.parametrize("seed", [3, 5, 27, 44, 83, 227])
def test_random_wrappers_have_the_same_totals_in_any_requests(calls: CallStore, seed: int) -> None:
    rnd = Random(seed)
    spans = a_tree(rnd, run_id=RUN, has_steps=False)
    together = heard(spans).run.tally

    for batch in in_batches(rnd, spans):
        record(calls, *batch)

    run = run_of(calls)
    assert run is not None
    assert run.tally == together


def test_a_second_report_of_a_call_is_kept_and_known_as_one(calls: CallStore) -> None:
    answer = ModelUse(response_id="r")
    record(calls, a_call("s1", source=Source.OTLP, kind=ActionKind.MODEL, use=answer))
    version = calls.read(lambda reader: reader.newest_version())

    record(calls, a_call("e1", source=Source.ENDPOINT, kind=ActionKind.MODEL, use=answer, cost="1"))

    span, seen = sorted(actions_of(calls), key=lambda action: action.number)
    assert (span.count, seen.count) == (Count(False, False, False, seen.number), COUNTS_ALL)
    assert span.shown_kind is ActionKind.STEP
    changed = calls.read(lambda reader: reader.actions_of_run(PROJECT, RUN, after_version=version))
    assert {action.id for action in changed} == {"s1", "e1"}


def test_a_text_that_comes_again_is_kept_once_and_found_in_its_place(calls: CallStore, clock: StandingClock) -> None:
    history = [f'{{"role":"user","content":"message {n}"}}' for n in range(30)]

    for length in range(1, 31):
        body = Payload(f'{{"messages":{SHARED_MARK}}}', tuple(history[:length]))
        record(calls, replace(a_call(f"a{length}", begins=length, ends=length), inputs=body, outputs=body))

    for length, stored in enumerate(tape_of(calls), start=1):
        assert isinstance(stored.entry, ActionEntry)
        assert stored.entry.inputs == Payload(f'{{"messages":{SHARED_MARK}}}', tuple(history[:length]))


def test_the_links_of_a_recording_can_be_verified(calls: CallStore, reopen_calls: Callable[[], CallStore]) -> None:
    record(calls, WORD, a_call("a0"))
    calls = reopen_calls()
    record(calls, WHOLE, replace(a_call("a2"), inputs=Payload("1")), replace(a_call("a3"), outputs=Payload("1")))
    record(calls, a_call(run_id="elsewhere"))

    assert check(calls).broken is None
    assert len(tape_of(calls)) == 5


def test_a_body_that_moves_from_inputs_to_outputs_breaks_the_chain() -> None:
    body, shared = (b"1",), (b"1", digest_of("2"))
    told: list[tuple[Sequence[bytes], Sequence[bytes]]] = [(body, ()), ((), body), (shared, ()), ((), ()), (body, body)]

    assert len({link_after(CHAIN_START, b"{}", given, taken) for given, taken in told}) == len(told)


def test_a_recording_is_read_in_parts_and_action_by_action(calls: CallStore) -> None:
    record(calls, WORD, a_call("a1", ends=None), a_call("a2"), a_call("a1"))
    whole = tape_of(calls)

    def read(reader: CallReader) -> list[StoredEntry]:
        first = reader.tape(PROJECT, RUN, limit=3)
        return first + reader.tape(PROJECT, RUN, after=first[-1].number, limit=3)

    assert calls.read(read) == whole
    number = whole[1].action_number
    of_action = calls.read(lambda reader: reader.tape(PROJECT, RUN, action_number=number, limit=9))
    assert of_action == [whole[1], whole[3]]
    after = calls.read(lambda reader: reader.tape(PROJECT, RUN, action_number=number, after=whole[1].number, limit=9))
    assert after == [whole[3]]


def test_a_packed_run_is_read_and_extended_as_before(calls: CallStore, clock: StandingClock) -> None:
    body = Payload(SHARED_MARK, ('"one"', '"two"'))
    record(calls, replace(a_call("a1", ends=5), inputs=body), WHOLE, a_word(seconds=9, end=RunEnd.COMPLETED))
    before = tape_of(calls)

    calls.pack(before=clock.now() + timedelta(hours=1), limit=10)
    packed = tape_of(calls)
    record(calls, replace(a_call("a2", begins=1), inputs=Payload(SHARED_MARK, ('"two"', '"three"'))))

    assert packed == before
    assert tape_of(calls)[: len(before)] == before
    assert check(calls).broken is None


def test_unknown_runs_give_empty_answers(calls: CallStore) -> None:
    def ask(reader: CallReader) -> list[object]:
        return [
            reader.run(PROJECT, "x"),
            reader.actions_of_run(PROJECT, "x"),
            reader.numbers_in_run(PROJECT, "x", ["a"]),
            reader.version_of_run(PROJECT, "x"),
            reader.newest_version(),
            reader.runs_changed(PROJECT, after=0, limit=9),
            reader.action(PROJECT, "x", "a"),
            reader.tape(PROJECT, "x", limit=9),
            reader.find_in_run(PROJECT, "x", "word", limit=9),
            reader.notes_of_run(PROJECT, "x"),
            reader.note("x"),
        ]

    assert calls.read(ask) == [None, [], {}, 0, 0, [], None, [], [], [], None]


def test_projects_see_nothing_of_each_other(calls: CallStore) -> None:
    record(calls, a_call(cost="1"))
    record(calls, a_call(cost="2"), project_id="other")

    mine, others = run_of(calls), calls.read(lambda reader: reader.run("other", RUN))

    assert mine is not None
    assert others is not None
    assert (mine.tally.cost, others.tally.cost) == (Decimal(1), Decimal(2))
    assert len(tape_of(calls)) == 1


# --- names and changes ---


def test_an_action_is_found_by_its_id(calls: CallStore) -> None:
    record(calls, a_call("a1", parent_id="s1"), a_call("a2", begins=2, ends=3))
    first, second = actions_of(calls)

    found = calls.read(lambda reader: [reader.action(PROJECT, RUN, id) for id in ("a1", "s1")])
    numbers = calls.read(lambda reader: reader.numbers_in_run(PROJECT, RUN, ["s1", "a2", "a1"]))

    assert found == [first, None]
    assert numbers == {"a1": first.number, "a2": second.number}


def test_every_change_of_a_run_has_a_newer_version(calls: CallStore) -> None:
    record(calls, a_call("a1", ends=None), a_call("a2"))
    version = calls.read(lambda reader: reader.version_of_run(PROJECT, RUN))
    record(calls, a_call(run_id="R_2"))

    record(calls, a_call("a1"))

    def ask(reader: CallReader) -> tuple[list[str], list[ChangedRun], int]:
        changed = [action.id for action in reader.actions_of_run(PROJECT, RUN, after_version=version)]
        return changed, reader.runs_changed(PROJECT, after=version, limit=9), reader.newest_version()

    changed, runs, newest = calls.read(ask)
    assert changed == ["a1"]
    assert [(run.run_id, run.agent_id) for run in runs] == [("R_2", "unknown"), (RUN, "unknown")]
    assert runs[-1].version == newest > version
    assert calls.read(lambda reader: reader.runs_changed(PROJECT, after=version, limit=1)) == runs[:1]


def test_an_agent_that_becomes_known_late_has_the_earlier_calls_too(calls: CallStore) -> None:
    record(calls, a_call("a1"))

    record(calls, a_word(agent_id="ada"))

    assert [action.agent_id for action in actions_of(calls)] == ["ada"]


def test_reports_are_returned_in_order_of_arrival_and_say_which_entries_were_new(calls: CallStore) -> None:
    record(calls, a_word(), a_call(ends=None))
    record(calls, a_call(run_id="R_2"), a_call())

    heard = calls.read(lambda reader: reader.reported_after(PROJECT, after=0, limit=10))

    firsts = [(one.run_id, one.action and one.action.id, one.is_first_of_run, one.is_first_of_action) for one in heard]
    assert firsts[1:] == [(RUN, "a1", False, True), ("R_2", "a1", True, True), (RUN, "a1", False, False)]
    assert firsts[0] == (RUN, None, True, False)
    assert heard[1].action == heard[3].action == actions_of(calls)[0]
    assert [one.number for one in heard] == sorted(one.number for one in heard)
    rest = calls.read(lambda reader: reader.reported_after(PROJECT, after=heard[0].number, limit=2))
    assert rest == heard[1:3]
    assert calls.read(lambda reader: reader.reported_after("other", after=0, limit=10)) == []
