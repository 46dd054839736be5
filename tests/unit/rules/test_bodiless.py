"""Of whose entries no bodies are kept: of everybody's, of some projects', or of those of runs told to be theirs."""

import pytest
from msgspec.structs import replace

from tests.support.builders import NOON, PROJECT
from tests.support.recorded import Memory, a_call, a_word
from titan.model.actions import Failure, Payload, digest_of
from titan.rules.bodiless import KEEPS_ALL, Bodiless, told_of_project
from titan.rules.contentless import without_bodies
from titan.rules.recording import MOST_DETAILS, MOST_TOLD, apply_entries

FINANCE = Bodiless.of(["Finance", " hr "])


@pytest.mark.parametrize("project", ["finance", "FINANCE", " finance ", "hr", "hr" + " " * 300 + "x"])
def test_an_entry_of_such_a_project_keeps_none_whatever_the_case_of_its_name(project: str) -> None:
    assert FINANCE.is_of(project)


@pytest.mark.parametrize("project", [None, "", "shop", "finance2", "financ"])
def test_other_entries_keep_theirs(project: str | None) -> None:
    assert not FINANCE.is_of(project)
    assert not KEEPS_ALL.is_of(project)


def test_where_nobody_keeps_any_no_project_is_asked_for() -> None:
    everybody = Bodiless.of(["finance"], is_all=True)

    assert everybody.is_of(None)
    assert (bool(everybody), everybody.is_by_project) == (True, False)
    assert (bool(FINANCE), FINANCE.is_by_project) == (True, True)
    assert (bool(KEEPS_ALL), KEEPS_ALL.is_by_project) == (False, False)


def test_a_run_is_noted_to_be_of_a_project_once_however_much_was_told_beside_it() -> None:
    memory = Memory()
    for number in range(MOST_DETAILS + 3):
        memory.hear(replace(a_word(), details=f'{{"service":{number}}}'))
    assert not FINANCE.is_noted(memory.run.details_told)

    first = memory.hear(replace(a_word(), project="Finance"))
    again = memory.hear(replace(a_word(), project="finance"))

    assert FINANCE.is_noted(memory.run.details_told)
    assert (len(first.kept), len(again.kept)) == (1, 0)
    assert len(memory.run.details_told) == MOST_DETAILS + 1
    assert told_of_project("finance") == digest_of('{"project":"finance"}').hex()


def test_of_projects_without_end_a_run_notes_some_and_those_that_keep_no_bodies() -> None:
    names = [*(f"user-{number}" for number in range(MOST_TOLD + 3)), "Finance", "hr", "shop"]
    words = [replace(a_word(), project=name) for name in names]
    nothing = Memory().known(words)

    applied = apply_entries(words, nothing, project_id=PROJECT, now=NOON, bodiless=FINANCE)

    [run] = applied.runs
    assert set(run.details_told) == {told_of_project(name) for name in (*names[:MOST_TOLD], "Finance", "hr")}
    assert [new.entry for new in applied.kept] == [*words[:MOST_TOLD], words[-3], words[-2]]


def test_what_has_no_bodies_is_the_very_same_without_them() -> None:
    call = replace(a_call(error="no"), details='{"task_id":"t"}', tags=("x",))
    word = replace(a_word(reason="why"), details='{"task_id":"t"}', project="hr")

    assert without_bodies(call) is call
    assert without_bodies(word) is word


def test_bodies_tracebacks_and_content_in_details_go_and_the_rest_stays() -> None:
    call = replace(
        a_call(), outputs=Payload("2"), failure=Failure(type="E", message="m", traceback="t"), details='{"said":"hi"}'
    )

    assert without_bodies(call) == replace(call, outputs=None, failure=Failure(type="E", message="m"), details=None)
    assert without_bodies(replace(a_word(), details='{"traceback":"t"}')) == a_word()
