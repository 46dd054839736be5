"""What was reported before its run was named is that run's."""

from dataclasses import dataclass

import pytest
from msgspec.structs import replace

from tests.support.builders import NOON, PROJECT
from tests.support.recorded import a_call, a_word, at
from titan.model.actions import ActionKind, ModelUse, RunEnd, Source
from titan.model.run_control import RunStatus, StatusSource
from titan.model.runs import UNKNOWN_AGENT, Run
from titan.rules.runs.lifecycle import not_reported_yet
from titan.rules.runs.recording import claims_of, joined, under_their_runs

TRACE = "a" * 32
ANSWER = f"chatcmpl-{'b' * 32}"


def a_run(id: str = "R_1", **fields: object) -> Run:
    return replace(not_reported_yet(PROJECT, id, at=NOON, now=NOON, keeps_content=True), **fields)


def test_a_run_claims_its_traces_and_the_answers_that_its_spans_name_and_who_reported_first_has_it() -> None:
    use = ModelUse(model="m", response_id=ANSWER)
    span = a_call("s1", run_id="budget", source=Source.OTLP, kind=ActionKind.MODEL, use=use)

    claims = claims_of(
        [
            replace(a_word(run_id="budget", source=Source.OTLP), traces=(TRACE,)),
            replace(a_word(run_id="late", source=Source.OTLP), traces=(TRACE,)),
            span,
            replace(span, run_id="late"),
        ]
    )

    assert claims == {TRACE: "budget", ANSWER: "budget"}


@pytest.mark.parametrize(
    "entry",
    [
        a_call("t1"),
        a_call("s1", kind=ActionKind.MODEL),
        a_call(ANSWER, source=Source.ENDPOINT, kind=ActionKind.MODEL, use=ModelUse(response_id=ANSWER)),
        a_call("s1", kind=ActionKind.MODEL, use=ModelUse(response_id="resp_7")),
        a_call("s1", kind=ActionKind.MODEL, use=ModelUse(model="m")),
        a_call("s1", run_id=ANSWER, kind=ActionKind.MODEL, use=ModelUse(response_id=ANSWER)),
    ],
    ids=["a tool", "no use", "the endpoint", "another server", "no answer", "the answer's own run"],
)
def test_an_entry_that_names_no_answer_of_our_endpoint_claims_none(entry: object) -> None:
    assert claims_of([entry]) == {}  # type: ignore[list-item]


def test_entries_are_filed_under_the_names_of_their_runs() -> None:
    names = {TRACE: "budget", ANSWER: "budget"}
    span = a_call("s1", run_id=TRACE, source=Source.OTLP)
    end = a_word(run_id=TRACE, source=Source.OTLP, end=RunEnd.COMPLETED)
    name = a_word(run_id=TRACE, source=Source.OTLP, name="chat")
    of_an_answer = a_word(run_id=ANSWER, source=Source.ENDPOINT, name="One call of the model")
    by_hand, elsewhere = a_word(run_id=TRACE, source=Source.SDK), a_call("s2", source=Source.OTLP)

    placed = list(under_their_runs([span, end, name, of_an_answer, by_hand, elsewhere], names))

    assert placed == [
        replace(span, run_id="budget"),
        replace(end, run_id="budget", is_part_end=True),
        replace(name, run_id="budget"),
        None,
        by_hand,
        elsewhere,
    ]


@dataclass(frozen=True)
class Joined:
    """Two runs as they were, and some of what they come to."""

    run: Run
    earlier: Run
    expected: dict[str, object]


ENDED = {"status": RunStatus.COMPLETED, "status_source": StatusSource.EXPLICIT, "ended_at": at(9), "reason": "done"}


@pytest.mark.parametrize(
    "case",
    [
        Joined(
            a_run(started_at=at(5), last_event_at=at(6), lost=1, entry_count=2),
            a_run(TRACE, started_at=at(1), last_event_at=at(8), lost=2, entry_count=3, pinned_at=at(4)),
            {
                "started_at": at(1),
                "last_event_at": at(8),
                "lost": 3,
                "entry_count": 5,
                "pinned_at": at(4),
                "status": RunStatus.RUNNING,
            },
        ),
        Joined(
            a_run(agent_id="ann", name="named"),
            a_run(TRACE, agent_id="bob", session_id="s", name="chat", tags=("t",), agent_order=1),
            {"agent_id": "ann", "session_id": "s", "name": "named", "tags": ("t",)},
        ),
        Joined(a_run(), a_run(TRACE, agent_id="bob", agent_order=1), {"agent_id": "bob", "agent_order": 1}),
        Joined(
            a_run(),
            a_run(ANSWER, agent_id="bob", name="One call of the model"),
            {"agent_id": UNKNOWN_AGENT, "name": None},
        ),
        Joined(a_run(), a_run(TRACE, **ENDED), ENDED),
        Joined(a_run(has_stages=True), a_run(TRACE, **ENDED), {"status": RunStatus.RUNNING, "ended_at": None}),
        Joined(
            a_run(imported_at=at(1), trusted_at=at(2)),
            a_run(TRACE, imported_at=at(3), trusted_at=at(4)),
            {"imported_at": at(3), "trusted_at": None},
        ),
        Joined(a_run(imported_at=at(1), trusted_at=at(2)), a_run(TRACE), {"imported_at": at(1), "trusted_at": at(2)}),
    ],
    ids=["times and counts", "words", "the surer agent", "an answer", "an end", "stages", "imported", "trusted"],
)
def test_a_run_has_entries_reported_under_another_name(case: Joined) -> None:
    after = joined(case.run, case.earlier)

    assert {name: getattr(after, name) for name in case.expected} == case.expected
    assert after.id == "R_1"
