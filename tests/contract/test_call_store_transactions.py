"""What a store of calls keeps together, tells of, and forgets; what people and the server itself note in it."""

import dataclasses
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from threading import Event, Thread

import pytest
from msgspec.structs import replace

from tests.support.builders import PROJECT
from tests.support.call_stores import actions_of, kept, record, recorded_in, run_of, tape_of
from tests.support.recorded import RUN, a_call, a_seen, a_span, a_word, at
from tests.support.stores import PATIENCE_SECONDS, StandingClock
from titan.model.actions import SHARED_MARK, ActionEntry, ActionKind, ModelUse, Payload, RunEnd, Source
from titan.model.errors import StoreUnavailable
from titan.model.projects import reach_of
from titan.model.runs import Note, Run
from titan.ports.runs_store import CallCommit, CallReader, CallStore, CallTransaction, RunFilter
from titan.rules.runs.merge_reports import closed

BLOB = "b" * 64
WHOLE = replace(a_call(), outputs=Payload('{"$blob":{}}', blob=BLOB))


# --- transactions ---


class Refused(Exception):
    """What a test's transaction raises."""


def test_a_transaction_that_raises_keeps_nothing_and_remembers_nothing(calls: CallStore) -> None:
    first, second = (replace(a_call(id), inputs=Payload(SHARED_MARK, ('"same"',))) for id in ("a1", "a2"))

    def refuse(tx: CallTransaction) -> None:
        recorded_in(tx, first)
        raise Refused

    with pytest.raises(Refused):
        kept(calls, refuse)
    nothing = (run_of(calls), tape_of(calls))
    record(calls, second)

    assert nothing == (None, [])
    assert [stored.entry for stored in tape_of(calls)] == [second]


def test_a_transaction_reads_its_own_recorded_entries(calls: CallStore) -> None:
    def decide(tx: CallTransaction) -> tuple[int, int]:
        recorded_in(tx, replace(a_call("a1"), inputs=Payload(SHARED_MARK, ('"x"',))))
        recorded_in(tx, replace(a_call("a2"), inputs=Payload(SHARED_MARK, ('"x"', '"y"'))), a_call(run_id="R_2"))
        return len(tx.actions_of_run(PROJECT, RUN)), len(tx.tape(PROJECT, RUN, limit=9))

    assert kept(calls, decide) == (2, 2)
    assert len(tape_of(calls)) == 2


def test_listeners_receive_each_commit_before_its_caller_does(calls: CallStore) -> None:
    heard: list[CallCommit] = []

    def fail(commit: CallCommit) -> None:
        raise Refused

    calls.listen(fail)
    calls.listen(heard.append)
    kept(calls, lambda tx: recorded_in(tx, a_call(), a_call(run_id="R_2")))
    kept(calls, lambda tx: tx.put_note("x", "1"))

    newest = calls.read(lambda reader: reader.newest_version())
    assert heard == [CallCommit(runs=frozenset({(PROJECT, RUN), (PROJECT, "R_2")}), version=newest)]


def test_two_read_while_one_writes_and_each_sees_whole_commits(calls: CallStore) -> None:
    record(calls, a_call("a", cost="1"), a_call("b", cost="1"))
    done = Event()
    seen: list[bool] = []

    def look() -> None:
        def ask(reader: CallReader) -> bool:
            run = reader.run(PROJECT, RUN)
            assert run is not None
            return len(reader.actions_of_run(PROJECT, RUN)) == run.entry_count and run.tally.calls == run.tally.cost

        while not done.is_set():
            seen.append(calls.read(ask))

    threads = [Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    for number in range(50):
        record(calls, a_call(f"a{number}", cost="1"), a_call(f"b{number}", cost="1"))
    done.set()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)

    run = run_of(calls)
    assert run is not None
    assert run.entry_count == run.tally.calls == 102
    assert seen
    assert all(seen)


def test_a_closed_store_refuses(calls: CallStore) -> None:
    record(calls, a_call())
    calls.close()
    calls.close()

    with pytest.raises(StoreUnavailable):
        record(calls, a_call())
    with pytest.raises(StoreUnavailable):
        run_of(calls)


# --- people, blobs, notes ---


def test_notes_are_stored_with_the_run_newest_first(calls: CallStore) -> None:
    record(calls, a_call())
    early = Note(
        id="n1",
        project_id=PROJECT,
        run_id=RUN,
        action_id=None,
        author="ada",
        at=at(1),
        text="good é",
        acknowledges=True,
        mutes=True,
    )
    late = Note(
        id="n2", project_id=PROJECT, run_id=RUN, action_id="a1", author="bob", at=at(2), name="quality", score=0.1
    )
    heard: list[CallCommit] = []
    calls.listen(heard.append)

    kept(calls, lambda tx: tx.save_note(early))
    kept(calls, lambda tx: tx.save_note(late))

    assert calls.read(lambda reader: reader.notes_of_run(PROJECT, RUN)) == [late, early]
    assert [commit.runs for commit in heard] == [frozenset({(PROJECT, RUN)})] * 2


def test_a_name_is_another_name_of_its_run_until_that_is_deleted(calls: CallStore) -> None:
    record(calls, a_call(), a_call(run_id="R_2"))

    def found(*names: str, project_id: str = PROJECT) -> dict[str, str]:
        return calls.read(lambda reader: reader.aliases(project_id, names))

    def name_run(tx: CallTransaction, name: str, run_id: str) -> None:
        run = tx.run(PROJECT, run_id)
        assert run is not None
        tx.add_alias(name, run)

    kept(calls, partial(name_run, name="t1", run_id=RUN))
    kept(calls, partial(name_run, name="t2", run_id="R_2"))

    assert found("t1", "t2", "t3") == {"t1": RUN, "t2": "R_2"}
    assert (found("t1", project_id="other"), found()) == ({}, {})
    assert run_of(calls, "t2") == run_of(calls, "R_2")
    assert kept(calls, lambda tx: tx.forget_run(PROJECT, "R_2"))
    assert found("t1", "t2") == {"t1": RUN}


def test_a_note_is_known_by_its_id_and_is_overwritten_under_it(calls: CallStore) -> None:
    record(calls, a_call(), a_call(run_id="R_2"))
    first = Note(id="n1", project_id=PROJECT, run_id=RUN, action_id="a1", author="ada", at=at(1), text="good")
    second = dataclasses.replace(first, run_id="R_2", action_id=None, at=at(2), name="quality", score=1.0, text="")

    kept(calls, lambda tx: tx.save_note(first))
    kept(calls, lambda tx: tx.save_note(second))

    assert calls.read(lambda reader: reader.note_by_id(PROJECT, "n1")) == second
    assert calls.read(lambda reader: reader.notes_of_run(PROJECT, RUN)) == []
    assert calls.read(lambda reader: reader.note_by_id("other", "n1")) is None
    assert calls.read(lambda reader: reader.note_by_id(PROJECT, "n2")) is None


def test_the_blobs_of_a_run_are_known(calls: CallStore) -> None:
    record(calls, WHOLE, replace(WHOLE, id="a2", inputs=Payload("1", blob="c" * 64)), a_call(run_id="R_2"))

    assert kept(calls, lambda tx: tx.blobs_of_run(PROJECT, RUN)) == {BLOB, "c" * 64}
    assert kept(calls, lambda tx: tx.blobs_of_run(PROJECT, "R_2")) == set()
    assert kept(calls, lambda tx: tx.blobs_of_run(PROJECT, "x")) == set()
    assert calls.read(lambda reader: reader.named_blobs([BLOB, "d" * 64])) == {BLOB}
    reaches = [reach_of("local"), reach_of("local", PROJECT), reach_of("local", "x"), reach_of("acme")]
    assert calls.read(lambda reader: [reader.is_blob_within(BLOB, reach) for reach in reaches]) == [
        True,
        True,
        False,
        False,
    ]


def test_a_server_note_is_overwritten(calls: CallStore, reopen_calls: Callable[[], CallStore]) -> None:
    kept(calls, lambda tx: tx.put_note("place", "1"))
    kept(calls, lambda tx: tx.put_note("place", "2"))

    assert reopen_calls().read(lambda reader: reader.note("place")) == "2"


def test_runs_that_fell_silent_are_found_the_longest_silent_first(calls: CallStore, clock: StandingClock) -> None:
    for run_id in ("R_1", "R_2", "R_3", "R_4"):
        record(calls, a_call(run_id=run_id))
        clock.advance(timedelta(seconds=10))
    record(calls, a_word(run_id="R_2", seconds=99, end=RunEnd.COMPLETED))
    staged = run_of(calls, "R_3")
    assert staged is not None
    kept(calls, lambda tx: tx.save_run(replace(staged, has_stages=True)))

    def silent(seconds: float, limit: int = 9) -> list[str]:
        return [run.id for run in calls.read(lambda reader: silent_runs(reader, at(seconds), limit))]

    assert silent(99) == ["R_1", "R_4"]
    assert silent(99, limit=1) == ["R_1"]
    assert silent(30) == ["R_1"]
    assert silent(0) == []


def silent_runs(reader: CallReader, before: datetime, limit: int) -> list[Run]:
    return reader.silent_runs(before=before, within_call_before=before, limit=limit)


def test_runs_with_a_call_that_runs_take_no_place_of_silent_ones_before_their_time(
    calls: CallStore, clock: StandingClock
) -> None:
    for run_id in ("long_1", "long_2", "long_3"):
        record(calls, a_call(run_id=run_id, ends=None))
        clock.advance(timedelta(seconds=10))
    for run_id in ("quiet_1", "quiet_2"):
        record(calls, a_call(run_id=run_id))
        clock.advance(timedelta(seconds=10))

    def silent(within_call: float, limit: int) -> list[str]:
        found = calls.read(
            lambda reader: reader.silent_runs(before=at(99), within_call_before=at(within_call), limit=limit)
        )
        return [run.id for run in found]

    assert silent(0, limit=2) == ["quiet_1", "quiet_2"]
    assert silent(15, limit=3) == ["long_1", "long_2", "quiet_1"]
    assert silent(99, limit=9) == ["long_1", "long_2", "long_3", "quiet_1", "quiet_2"]


def test_runs_that_ended_with_calls_that_still_run_are_found(calls: CallStore, clock: StandingClock) -> None:
    for run_id in ("R_1", "R_2", "R_3"):
        record(calls, a_call(run_id=run_id), a_call("a2", run_id=run_id, ends=None))
        clock.advance(timedelta(seconds=10))
    record(calls, a_word(run_id="R_2", seconds=29, end=RunEnd.COMPLETED))

    found = calls.read(lambda reader: reader.runs_left_open(before=at(99), limit=9))

    assert [run.id for run in found] == ["R_2"]
    assert calls.read(lambda reader: reader.runs_left_open(before=at(30), limit=9)) == []
    assert [action.id for action in calls.read(lambda reader: reader.open_actions(PROJECT, "R_2"))] == ["a2"]
    assert calls.read(lambda reader: reader.open_actions(PROJECT, "R_9")) == []


def test_an_unfinished_action_that_is_closed_is_among_the_changes(calls: CallStore) -> None:
    record(calls, a_call(), a_call("a2", ends=None))
    newest, run = calls.read(lambda reader: reader.newest_version()), run_of(calls)
    assert run is not None
    still_open = calls.read(lambda reader: reader.open_actions(PROJECT, RUN))
    over = [closed(action, at=at(9)) for action in still_open]

    kept(calls, lambda tx: tx.keep(PROJECT, runs=[run], actions=over, entries=[]))

    changed = calls.read(lambda reader: reader.actions_of_run(PROJECT, RUN, after_version=newest))
    assert changed == over


# --- forgetting ---


def test_a_run_knows_the_version_of_its_last_status_change(calls: CallStore, clock: StandingClock) -> None:
    def standing() -> tuple[int, int]:
        [run] = calls.read(lambda reader: reader.runs_changed(PROJECT, after=0, limit=9))
        return run.version, run.status_version

    record(calls, a_call(ends=None))
    begun = standing()
    record(calls, a_call(), a_word(seconds=2, end=RunEnd.FAILED))
    ended = standing()
    run = run_of(calls)
    assert run is not None
    kept(calls, lambda tx: tx.save_run(replace(run, pinned_at=clock.now())))
    pinned = standing()

    assert begun[1] <= begun[0] < ended[1] <= ended[0] < pinned[0]
    assert pinned[1] == ended[1]


def test_messages_of_a_call_that_come_apart_are_all_kept_each_once(calls: CallStore) -> None:
    parts = [
        replace(a_call(begins=place, ends=None), inputs=Payload(SHARED_MARK, (text,)), is_part=True)
        for place, text in enumerate(('"sys"', '"user"', '"user"'))
    ]

    alone = [record(calls, part).repeated for part in parts]
    again = record(calls, *parts).repeated
    new = replace(parts[0], outputs=Payload('"answer"'))
    twice = record(calls, new, new).repeated

    assert (alone, again, twice) == ([0, 0, 0], 3, 1)
    assert [stored.entry for stored in tape_of(calls)] == [*parts, new]


def test_an_archived_run_that_continues_is_found_as_before(calls: CallStore) -> None:
    def found(word: str) -> list[str]:
        return calls.read(lambda reader: reader.find_in_run(PROJECT, RUN, word, limit=9))

    shared = replace(a_call("a1"), inputs=Payload(SHARED_MARK, ('"giraffe"',)))
    record(calls, shared, a_word(seconds=2, end=RunEnd.COMPLETED))
    ended = run_of(calls)
    assert ended is not None
    kept(calls, lambda tx: tx.archive_run(ended))

    record(calls, shared)
    repeated = (run_of(calls), found("giraffe"))
    record(calls, replace(a_call("a2", begins=3, ends=4), inputs=Payload(SHARED_MARK, ('"giraffe"', '"okapi"'))))

    gone_on = run_of(calls)
    assert repeated[0] is not None
    assert gone_on is not None
    assert (repeated[0].archived_at is None, repeated[1]) == (False, [])
    assert gone_on.archived_at is None
    assert (found("giraffe"), found("okapi")) == (["a1"], ["a2"])
    listed, _ = calls.read(
        lambda reader: reader.registry(PROJECT, RunFilter(), sort="started", is_ascending=False, after=None, limit=9)
    )
    assert [run.id for run in listed] == [RUN]


def test_a_forgotten_run_is_gone_and_the_others_are_not(calls: CallStore) -> None:
    note = Note(id="n1", project_id=PROJECT, run_id=RUN, action_id=None, author="ada", at=at(1), text="good")
    record(calls, WHOLE, a_call(run_id="R_2", name="stays"))
    kept(calls, lambda tx: tx.save_note(note))
    newest = calls.read(lambda reader: reader.newest_version())

    assert kept(calls, lambda tx: tx.forget_run(PROJECT, RUN))
    assert not kept(calls, lambda tx: tx.forget_run(PROJECT, RUN))

    assert (run_of(calls), tape_of(calls), actions_of(calls)) == (None, [], [])
    assert calls.read(lambda reader: reader.named_blobs([BLOB])) == set()
    assert calls.read(lambda reader: reader.find_in_run(PROJECT, "R_2", "stays", limit=9)) == ["a1"]
    assert calls.read(lambda reader: reader.newest_version()) > newest


def test_a_run_recorded_after_another_was_forgotten_has_newer_numbers_and_its_own_texts(calls: CallStore) -> None:
    def body(id: str) -> ActionEntry:
        return replace(a_call(id), inputs=Payload(SHARED_MARK, ('"same"',)))

    record(calls, body("a1"))
    newest, [action] = calls.read(lambda reader: reader.newest_version()), actions_of(calls)
    kept(calls, lambda tx: tx.forget_run(PROJECT, RUN))

    record(calls, body("a2"))

    [stored] = tape_of(calls)
    assert stored.entry == body("a2")
    assert stored.number > newest
    assert actions_of(calls)[0].number > action.number


# --- calls within calls, each in a request of its own ---


def test_a_call_of_which_only_the_one_around_it_knows_the_cost_is_a_change(calls: CallStore) -> None:
    record(calls, a_span("s2", begins=1, ends=2, parent_id="s1"))
    before = calls.read(lambda reader: reader.version_of_run(PROJECT, RUN))

    record(calls, a_span("s1", ends=9, cost="0.5"))

    changed = calls.read(lambda reader: reader.actions_of_run(PROJECT, RUN, after_version=before))
    assert [(action.id, action.shown_kind, action.count.has_cost) for action in changed] == [
        ("s1", ActionKind.STEP, True),
        ("s2", ActionKind.MODEL, False),
    ]


def test_calls_within_calls_count_anew_with_each_that_comes(calls: CallStore) -> None:
    def standing() -> tuple[dict[str, tuple[bool, bool]], Decimal, int]:
        run = run_of(calls)
        assert run is not None
        counts = {action.id: (action.count.is_call, action.count.has_cost) for action in actions_of(calls)}
        return counts, run.tally.cost, run.tally.unpriced

    for entry in (
        a_span("s3", begins=3, ends=4, parent_id="s2"),
        a_span("s2", begins=1, ends=8, parent_id="s1"),
        a_span("s1", ends=9, cost="0.5", use=ModelUse(response_id="A")),
    ):
        record(calls, entry)
    one_call = standing()
    record(calls, a_span("s4", begins=5, ends=6, cost="0.2", parent_id="s2"))
    two_calls = standing()
    record(calls, a_seen("e1", begins=3, ends=4, cost="0.1", parent_id="s3", use=ModelUse(response_id="B")))

    call, cost, nothing = (True, True), (False, True), (False, False)
    assert one_call == ({"s1": cost, "s2": nothing, "s3": (True, False)}, Decimal("0.5"), 0)
    assert two_calls == ({"s1": nothing, "s2": nothing, "s3": call, "s4": call}, Decimal("0.2"), 1)
    three = {"s1": nothing, "s2": nothing, "s3": nothing, "s4": call, "e1": call}
    assert standing() == (three, Decimal("0.3"), 0)


@pytest.mark.parametrize("order", [(0, 3, 1, 2), (3, 0, 2, 1), (3, 2, 0, 1), (1, 0, 3, 2), (0, 1, 2, 3)])
def test_a_call_reported_twice_with_steps_between_counts_once_in_any_order(
    calls: CallStore, order: Sequence[int]
) -> None:
    once = ModelUse(model="m", input_tokens=31, output_tokens=9)
    told = [
        a_span("s1", ends=9, cost="2", use=once),
        a_call("step1", source=Source.OTLP, kind=ActionKind.STEP, ends=9, parent_id="s1"),
        a_call("step2", source=Source.OTLP, kind=ActionKind.STEP, ends=9, parent_id="step1"),
        a_span("s2", begins=1, ends=8, cost="1", use=once, parent_id="step2"),
    ]

    for place in order:
        record(calls, told[place])

    run = run_of(calls)
    assert run is not None
    assert (run.tally.calls, run.tally.cost, run.tally.input_tokens) == (1, Decimal(1), 31)
