"""Runs of several projects in one store of calls."""

from msgspec.structs import replace

from tests.support.builders import PROJECT
from tests.support.call_stores import kept, record, run_of
from tests.support.recorded import RUN, a_call, a_word
from titan.model.actions import ActionEntry
from titan.model.run_control import RunStatus
from titan.ports.runs_store import CallStore


def test_the_projects_are_those_with_a_run(calls: CallStore) -> None:
    assert calls.read(lambda reader: reader.projects()) == []

    for project in ("shop", PROJECT, "Crème/brûlée", "shop"):
        record(calls, a_call(), project_id=project)

    assert calls.read(lambda reader: reader.projects()) == sorted(["Crème/brûlée", PROJECT, "shop"])


def test_runs_and_actions_of_one_name_are_each_of_their_project(calls: CallStore) -> None:
    record(calls, replace(a_call(), name="look"), project_id="finance")
    record(calls, replace(a_call(), name="buy"), a_call("a2"), project_id="shop")

    def names(project: str) -> list[str]:
        tape = calls.read(lambda reader: reader.tape(project, RUN, limit=9))
        return [stored.entry.name for stored in tape if isinstance(stored.entry, ActionEntry)]

    assert (names("finance"), len(names("shop"))) == (["look"], 2)
    assert kept(calls, lambda tx: tx.forget_run("finance", RUN))
    assert (names("finance"), len(names("shop"))) == ([], 2)


def test_the_content_capture_decision_stays_with_the_run(calls: CallStore) -> None:
    record(calls, a_word())
    run = run_of(calls)
    assert run is not None
    bare = replace(run, id="R_2", keeps_content=False)
    kept(calls, lambda tx: tx.save_run(bare))

    kept(calls, lambda tx: tx.save_run(replace(bare, name="budget", keeps_content=True)))

    found = run_of(calls, "R_2")
    assert found is not None
    assert (run.keeps_content, found.keeps_content, found.name) == (True, False, "budget")


def test_unfinished_runs_with_stages_are_found_in_all_projects(calls: CallStore) -> None:
    record(calls, a_word())
    run = run_of(calls)
    assert run is not None
    for project, status in (("finance", RunStatus.RUNNING), ("shop", RunStatus.RUNNING), ("hr", RunStatus.FAILED)):
        row = replace(run, project_id=project, has_stages=True, status=status)
        kept(calls, lambda tx, row=row: tx.save_run(row))  # type: ignore[misc]

    assert sorted(calls.read(lambda reader: reader.running_with_stages())) == [("finance", RUN), ("shop", RUN)]
