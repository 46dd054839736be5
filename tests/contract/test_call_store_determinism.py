"""Scores of runs in a store of calls, and what people accept in the runs of an agent."""

from dataclasses import replace

from msgspec.structs import replace as struct_replace

from tests.contract.test_call_store_lists import DAY, a_run, registry
from tests.support.builders import PROJECT
from tests.support.call_stores import kept, record, standing_runs
from tests.support.recorded import a_word, at
from titan.model.actions import Payload
from titan.model.runs import AcceptedIssue, Replay, ReplayLevel, ReplayState
from titan.ports.runs_store import CallStore, RunFilter


def score(store: CallStore, run_id: str, found: int | None, digest: str | None = None) -> None:
    """Store a score of a run as it stands now."""
    version = store.read(lambda reader: reader.newest_version())
    stamps = {run: stamp for _, run, stamp in store.read(lambda reader: reader.runs_to_score(limit=9))}
    kept(
        store,
        lambda tx: tx.save_determinism(PROJECT, run_id, found, digest, version=version, stamp=stamps.get(run_id, 0)),
    )


def to_score(store: CallStore) -> list[str]:
    """Return the ids of runs that wait for a score."""
    return sorted(run_id for _, run_id, _ in store.read(lambda reader: reader.runs_to_score(limit=9)))


def test_runs_that_ended_are_scored_found_below_a_score_and_sorted_by_it(calls: CallStore) -> None:
    ended = [told for run_id in ("good", "bad", "unknown") for told in a_run(run_id, ends=2, costs=["1"])]
    record(calls, *ended, *a_run("going", costs=["1"]))
    assert to_score(calls) == ["bad", "good", "unknown"]

    for run_id, found in {"good": 95, "bad": 42, "unknown": None, "gone": 1}.items():
        score(calls, run_id, found)

    assert to_score(calls) == []
    assert registry(calls, RunFilter(), sort="determinism")[:2] == ["good", "bad"]
    assert registry(calls, RunFilter(determinism_below=70)) == ["bad"]
    assert {run.id: run.determinism for run in standing_runs(calls).values()} == {
        "good": 95,
        "bad": 42,
        "unknown": None,
        "going": None,
    }
    [day] = calls.read(lambda reader: reader.days_of_agent(PROJECT, "ada", since=at(-DAY)))
    assert (day.scored, day.scores) == (2, 137)


def test_accepting_an_issue_rescores_the_agents_runs(calls: CallStore) -> None:
    record(calls, *a_run("r", ends=2, costs=["1"]))
    score(calls, "r", 42)
    issue = AcceptedIssue(
        project_id=PROJECT, agent_id="ada", key="timestamp:log", author="ana", reason="only a log", at=at(9)
    )
    again = replace(issue, reason="still only a log")

    kept(calls, lambda tx: tx.accept_issue(issue))
    kept(calls, lambda tx: tx.accept_issue(again))

    assert calls.read(lambda reader: reader.accepted_issues(PROJECT, "ada")) == [again]
    assert calls.read(lambda reader: reader.accepted_issues("other", "ada")) == []
    assert to_score(calls) == ["r"]
    score(calls, "r", 90)
    kept(calls, lambda tx: tx.withdraw_acceptance(issue))
    assert calls.read(lambda reader: reader.accepted_issues(PROJECT, "ada")) == []
    assert to_score(calls) == ["r"]


def test_a_run_that_was_executed_again_is_scored_again(calls: CallStore) -> None:
    record(calls, *a_run("r", ends=2, costs=["1"]))
    score(calls, "r", 42)
    replay = Replay(
        id="p1",
        project_id=PROJECT,
        run_id="r",
        level=ReplayLevel.SELF_CHECK,
        state=ReplayState.COMPLETED,
        author="ada",
        created_at=at(3),
    )

    kept(calls, lambda tx: tx.save_replay(replay))
    assert to_score(calls) == []
    kept(calls, lambda tx: tx.save_replay(struct_replace(replay, id="p2", level=ReplayLevel.RE_EXECUTE)))

    assert to_score(calls) == ["r"]


def test_an_agents_versions_are_grouped_by_the_code_of_its_runs(calls: CallStore) -> None:
    scores = {"r1": (40, "old"), "r2": (60, "old"), "r3": (90, "new"), "r4": (None, "new"), "r5": (70, None)}
    for number, run_id in enumerate(scores):
        record(calls, *a_run(run_id, begins=10 * number, ends=10 * number + 2, costs=["1"]))
    record(calls, *a_run("other", ends=2, costs=["1"], agent="bob"))
    score(calls, "other", 10, "old")

    for run_id, (found, digest) in scores.items():
        score(calls, run_id, found, digest)

    told = calls.read(lambda reader: reader.versions_of_agent(PROJECT, "ada", limit=9))
    assert [(one.digest, one.runs, one.scored, one.scores, one.squares) for one in told] == [
        ("new", 2, 1, 90, 8100),
        ("old", 2, 2, 100, 5200),
    ]
    assert (told[1].first_at, told[1].last_at) == (at(0), at(10))
    assert calls.read(lambda reader: reader.versions_of_agent(PROJECT, "ada", limit=1)) == told[:1]


def test_an_issue_accepted_while_a_run_is_scored_rescores_it(calls: CallStore) -> None:
    record(calls, *a_run("r", ends=2, costs=["1"]))
    issue = AcceptedIssue(project_id=PROJECT, agent_id="ada", key="k", author="ana", reason="a log", at=at(9))
    kept(calls, lambda tx: tx.accept_issue(issue))
    version = calls.read(lambda reader: reader.newest_version())
    [(_, _, stamp)] = calls.read(lambda reader: reader.runs_to_score(limit=9))

    kept(calls, lambda tx: tx.withdraw_acceptance(issue))
    kept(calls, lambda tx: tx.save_determinism(PROJECT, "r", 90, None, version=version, stamp=stamp))

    assert to_score(calls) == ["r"]
    score(calls, "r", 40)
    assert to_score(calls) == []


def test_code_that_is_reported_after_a_run_was_scored_has_it_scored_again(calls: CallStore) -> None:
    record(calls, *a_run("r", ends=2, costs=["1"]))
    score(calls, "r", 42)

    told = struct_replace(
        a_word(run_id="r"), process='{"command":["python","agent.py"]}', program=Payload('{"files":[]}')
    )
    record(calls, told)

    assert to_score(calls) == ["r"]
