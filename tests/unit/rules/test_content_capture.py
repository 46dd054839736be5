"""Content capture is decided by the run's project when the run is first heard of, and holds for all that follows."""

import pytest
from msgspec.structs import replace

from tests.support.builders import NOON, PROJECT
from tests.support.recorded import RUN, Memory, a_call, a_word
from titan.model.actions import ActionEntry, Payload
from titan.rules.runs.recording import CAPTURES_ALL, MOST_DETAILS, ContentCapture, apply_entries

FINANCE = ContentCapture(off_projects=frozenset({"Finance", "hr"}))
CALL = replace(a_call(), inputs=Payload("1"), outputs=Payload("2"))


@pytest.mark.parametrize("project", ["finance", "FINANCE", "hr"])
def test_a_project_with_capture_off_stores_no_content_whatever_the_case_of_its_name(project: str) -> None:
    assert not FINANCE.keeps_content(project)


@pytest.mark.parametrize("project", ["default", "shop", "finance2", "financ"])
def test_other_projects_keep_theirs(project: str) -> None:
    assert FINANCE.keeps_content(project)
    assert CAPTURES_ALL.keeps_content(project)


def test_where_the_whole_server_keeps_none_no_project_does() -> None:
    assert not ContentCapture(off_projects=frozenset({"finance"}), is_off=True).keeps_content("shop")


@pytest.mark.parametrize(("capture", "keeps"), [(FINANCE, False), (CAPTURES_ALL, True)])
def test_a_new_run_stores_the_capture_decision(capture: ContentCapture, *, keeps: bool) -> None:
    nothing = Memory().known([CALL])

    applied = apply_entries([CALL], nothing, project_id="finance", now=NOON, capture=capture)

    [run], [call] = applied.runs, [new.entry for new in applied.kept]
    assert isinstance(call, ActionEntry)
    assert (run.keeps_content, call.inputs is not None, call.outputs is not None) == (keeps, keeps, keeps)


@pytest.mark.parametrize("keeps", [True, False])
def test_a_known_run_keeps_its_capture_decision_after_the_setting_has_changed(*, keeps: bool) -> None:
    memory = Memory()
    memory.hear(a_word())
    memory.runs[RUN] = replace(memory.run, keeps_content=keeps)
    capture = ContentCapture(off_projects=frozenset({PROJECT})) if keeps else CAPTURES_ALL
    word = replace(a_word(), details='{"traceback":"t"}')

    applied = apply_entries([CALL, word], memory.known([CALL]), project_id=PROJECT, now=NOON, capture=capture)

    call = applied.kept[0].entry
    assert isinstance(call, ActionEntry)
    assert (call.inputs is not None, applied.runs[0].keeps_content) == (keeps, keeps)
    assert [new.entry.details for new in applied.kept[1:]] == (['{"traceback":"t"}'] if keeps else [])


def test_no_more_is_noted_beside_a_run_than_so_much() -> None:
    memory = Memory()
    for number in range(MOST_DETAILS + 3):
        memory.hear(replace(a_word(), details=f'{{"service":{number}}}'))

    assert len(memory.run.detail_digests) == MOST_DETAILS
