"""Scores of runs in a store of calls, and what people accept in the runs of an agent."""

from dataclasses import replace

from tests.contract.test_call_store_lists import DAY, a_run, registry
from tests.support.builders import PROJECT
from tests.support.call_stores import kept, record, standing_runs
from tests.support.recorded import at
from titan.model.runs import AcceptedIssue
from titan.ports_calls import CallStore, RunFilter


def score(store: CallStore, run_id: str, found: int | None) -> None:
    """Store a score of a run as it stands now."""
    version = store.read(lambda reader: reader.newest_version())
    kept(store, lambda tx: tx.save_determinism(PROJECT, run_id, found, version=version))


def to_score(store: CallStore) -> list[str]:
    """Return the ids of runs that wait for a score."""
    return sorted(run_id for _, run_id in store.read(lambda reader: reader.runs_to_score(limit=9)))


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


def test_what_is_accepted_in_an_agents_runs_has_them_scored_again(calls: CallStore) -> None:
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
