"""Replays of runs as a store of calls keeps them: rows under their run, gone with either run."""

from collections.abc import Callable

from msgspec.structs import replace

from tests.support.builders import PROJECT
from tests.support.call_stores import kept, record, run_of
from tests.support.recorded import RUN, a_call, a_word, at
from titan.model.runs import Replay, ReplayLevel, ReplayState
from titan.ports.runs_store import CallStore, CallTransaction

OTHER = "R_2"


def a_replay(id: str = "p1", *, run: str = RUN, other: str | None = None, seconds: float = 0) -> Replay:
    return Replay(
        id=id,
        project_id=PROJECT,
        run_id=run,
        level=ReplayLevel.SELF_CHECK if other is None else ReplayLevel.COMPARE,
        with_run=other,
        state=ReplayState.RUNNING,
        author="ada",
        created_at=at(seconds),
    )


def save(calls: CallStore, *replays: Replay) -> None:
    def decide(tx: CallTransaction) -> None:
        for one in replays:
            tx.save_replay(one)

    kept(calls, decide)


def replays_of(calls: CallStore, run: str = RUN, *, limit: int = 10) -> list[Replay]:
    return calls.read(lambda reader: reader.replays_of_run(PROJECT, run, limit=limit))


def replay(calls: CallStore, id: str) -> Replay | None:
    return calls.read(lambda reader: reader.replay(PROJECT, id))


def test_a_replay_is_overwritten_as_it_ends_and_lists_leave_its_result_out(
    calls: CallStore, reopen_calls: Callable[[], CallStore]
) -> None:
    record(calls, a_call())
    ended = replace(
        a_replay(), state=ReplayState.COMPLETED, ended_at=at(9), error="no", metrics='{"calls":1}', result='{"rows":[]}'
    )

    save(calls, a_replay(), ended)

    assert replays_of(calls) == [replace(ended, result=None)]
    assert replay(reopen_calls(), "p1") == ended


def test_replays_are_listed_newest_first_and_no_more_than_asked_for(calls: CallStore) -> None:
    record(calls, a_call(), a_call(run_id=OTHER))
    first, second, elsewhere = a_replay(), a_replay("p2", seconds=1), a_replay("p3", run=OTHER)

    save(calls, first, second, elsewhere)

    assert replays_of(calls) == [second, first]
    assert replays_of(calls, limit=1) == [second]
    assert replays_of(calls, OTHER) == [elsewhere]
    assert replays_of(calls, "unknown") == []
    assert calls.read(lambda reader: reader.replay("other", "p1")) is None


def test_a_deleted_run_takes_its_replays_along_and_those_of_others_with_it(calls: CallStore) -> None:
    record(calls, a_call(), a_call(run_id=OTHER))
    save(calls, a_replay("own", run=OTHER), a_replay("with", other=OTHER), a_replay("alone"))

    kept(calls, lambda tx: tx.forget_run(PROJECT, OTHER))

    assert [replay(calls, id) for id in ("own", "with")] == [None, None]
    assert replays_of(calls) == [a_replay("alone")]


def test_a_replay_of_a_run_that_is_gone_is_not_kept(calls: CallStore) -> None:
    record(calls, a_call())

    save(calls, a_replay("p1", run=OTHER), a_replay("p2", other=OTHER))

    assert [replay(calls, id) for id in ("p1", "p2")] == [None, None]


def test_replays_go_along_when_a_run_turns_out_to_be_another(calls: CallStore) -> None:
    record(calls, a_word(), a_word(run_id=OTHER), a_word(run_id="R_3"))
    save(calls, a_replay("own", run=OTHER), a_replay("with", run="R_3", other=OTHER))
    run = run_of(calls)
    assert run is not None

    kept(calls, lambda tx: tx.add_alias(OTHER, run))

    assert replays_of(calls) == [a_replay("own")]
    assert replays_of(calls, "R_3") == [a_replay("with", run="R_3", other=RUN)]
