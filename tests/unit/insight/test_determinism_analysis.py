"""Which issues a run has, where their values flow, and what it scores."""

from dataclasses import replace

import pytest

from tests.support.recorded_actions import recorded
from titan.insight.determinism.analysis import analyse, score_of
from titan.insight.determinism.model import (
    MOST_FLOWS,
    Band,
    Flow,
    Issue,
    IssueKind,
    Recorded,
    Severity,
    Side,
    band_of,
)
from titan.model.actions import ActionKind, Outcome

UUID = "3f2c8a0e-5d1b-4c7a-9e2f-8b6d4a1c0e9f"
REPORT = """
from datetime import datetime

def generate_report(data):
    return {"at": datetime.now().isoformat(), "data": data}
"""


def issues(*actions: Recorded, **scripts: str) -> list[Issue]:
    return list(analyse(actions, {f"{name}.py": text for name, text in scripts.items()}).issues)


def score(*actions: Recorded) -> int | None:
    return score_of(analyse(actions, {}))


def test_the_example_of_the_seed() -> None:
    action = recorded(1, "generate_report", outputs={"generated_at": "2024-12-28T14:30:00Z"})

    [issue] = issues(action)

    assert (issue.title, issue.action_name, issue.severity) == ("Timestamp in output", "generate_report", Severity.HIGH)
    assert (
        issue.description == 'Output contains current timestamp ("2024-12-28T14:30:00Z") which will differ on replay.'
    )
    assert issue.advice.recommendation == "Pass timestamp as input parameter instead."
    assert issue.key == "timestamp:generate_report:outputs:$.generated_at"
    assert (issue.place, issue.flows) == (None, ())


def test_a_statement_that_explains_an_issue_gives_its_line_and_the_line_rewritten() -> None:
    action = recorded(1, "generate_report", outputs={"at": "2024-12-28T14:30:00Z"})

    [issue] = issues(action, app=REPORT)

    assert issue.place is not None
    assert (issue.place.file, issue.place.line, issue.side) == ("app.py", 5, Side.OUTPUTS)
    assert issue.advice.before == (
        'def generate_report(data):\n    return {"at": datetime.now().isoformat(), "data": data}'
    )
    assert issue.advice.after == (
        'def generate_report(data, *, as_of):\n    return {"at": as_of.isoformat(), "data": data}'
    )


def test_a_value_that_appears_in_a_later_input_flows_there_and_weighs_more() -> None:
    report = recorded(1, "generate_report", outputs={"id": UUID})
    send = recorded(2, "deliver", inputs={"text": f"report {UUID}"})

    [issue] = issues(report, send)

    assert issue.flows == (Flow(action_id="2", name="deliver", path="$.text"),)
    assert (issue.kind, issue.severity) == (IssueKind.UUID, Severity.HIGH)
    assert score(report, send) == 69  # 100 * (1 - 0.6 / 2) = 70, and what flows is capped


def test_the_number_of_flows_is_limited() -> None:
    later = [recorded(2 + n, "use", inputs={"id": UUID}) for n in range(MOST_FLOWS + 1)]

    [issue] = issues(recorded(1, "make", outputs=UUID), *later)

    assert len(issue.flows) == MOST_FLOWS


def test_an_action_that_passes_a_value_on_is_not_where_it_came_from() -> None:
    passing = recorded(2, "render", inputs={"id": UUID}, outputs={"id": UUID})

    assert [issue.action_ids for issue in issues(recorded(1, "make", outputs=UUID), passing)] == [("1",)]


def test_an_issue_of_many_calls_and_many_items_is_one() -> None:
    ids = [[f"{n}{m}2c8a0e-5d1b-4c7a-9e2f-8b6d4a1c0e9f"[:8] + UUID[8:] for m in range(3)] for n in range(10, 14)]
    calls = [recorded(n, "make", outputs=[{"id": one} for one in some]) for n, some in enumerate(ids)]

    [issue] = issues(*calls)

    assert (issue.path, issue.action_ids) == ("$[*].id", ("0", "1", "2", "3"))


def test_inputs_of_the_run_are_no_issue() -> None:
    agent = recorded(1, "agent", kind=ActionKind.AGENT, inputs={"as_of": "2024-12-28T14:30:00Z"}, seconds=9)
    inner = recorded(2, "report", parent=1, inputs={"as_of": "2024-12-28T14:30:00Z"})

    assert issues(agent, inner) == []
    assert len(issues(inner)) == 1


def test_inputs_of_the_one_enclosing_call_are_no_issue_but_its_outputs_may_be() -> None:
    main = recorded(1, "main", inputs={"id": UUID}, outputs={"now": "2024-12-28T14:30:00Z"}, seconds=9)
    inner = recorded(2, "report", parent=1, inputs={"id": UUID})

    assert [issue.side for issue in issues(main, inner)] == [Side.OUTPUTS]


def test_the_inputs_of_a_step_within_the_run_say_nothing() -> None:
    agent = recorded(1, "agent", kind=ActionKind.AGENT, seconds=9)
    step = recorded(2, "node", kind=ActionKind.STEP, parent=1, inputs={"id": UUID}, seconds=7)
    inner = recorded(3, "make", parent=2, inputs={"id": UUID})

    assert [issue.action_ids for issue in issues(agent, step, inner)] == [("3",)]


def test_outputs_of_a_model_are_no_issue() -> None:
    model = recorded(1, "chat", kind=ActionKind.MODEL, inputs={"temperature": 0}, outputs={"id": UUID})

    assert issues(model, recorded(2, "use", inputs={"id": UUID})) == []


def test_an_id_that_is_written_somewhere_is_high() -> None:
    assert issues(recorded(1, "save_report", inputs={"id": UUID}))[0].severity is Severity.HIGH
    assert issues(recorded(1, "render_report", inputs={"id": UUID}))[0].severity is Severity.MEDIUM


def test_results_in_the_order_in_which_concurrent_calls_ended_are_an_issue() -> None:
    slow = recorded(1, "slow", started=1, seconds=5, outputs="the slow one")
    fast = recorded(2, "fast", started=2, seconds=1, outputs="the fast one")

    [issue] = issues(
        slow, fast, recorded(3, "join", started=7, inputs=["the fast one", "the slow one", "the fast one"])
    )

    assert (issue.kind, issue.severity, issue.action_name) == (IssueKind.ORDER, Severity.HIGH, "join")
    assert issues(slow, fast, recorded(3, "join", started=7, inputs=["the slow one", "the fast one"])) == []


def test_a_list_of_a_set_in_no_order_is_an_issue() -> None:
    tags = recorded(1, "tags", outputs={"news", "agents", "llm"})

    [issue] = issues(tags, recorded(2, "join", inputs=["news", "agents", "llm"]))

    assert (issue.kind, issue.action_ids) == (IssueKind.ORDER, ("2",))
    step = recorded(2, "join", kind=ActionKind.STEP, inputs=["news", "agents", "llm"])
    assert issues(tags, step) == []


# --- code without data ---

MAIN = """
import uuid

def main():
    plan()
    rid = uuid.uuid4()
    first(rid)
    second(rid)
"""


def called(number: int, name: str, line: int, function: str = "main", **more: str) -> Recorded:
    site = {"file": "/app/main.py", "line": line, "qualname": function}
    return recorded(number, name, details={more.get("what", "callsite"): site})


@pytest.mark.parametrize(
    ("actions", "owner"),
    [
        ((called(1, "plan", 5), called(2, "first", 7), called(3, "second", 8)), "2"),
        ((called(1, "plan", 5), called(2, "deep", 9, "other")), "1"),
        ((recorded(1), called(2, "deep", 9, "other")), "2"),
        ((called(1, "first", 7), called(2, "main", 1, "<module>")), "2"),
        ((recorded(1), recorded(2)), "1"),
        ((recorded(1), called(2, "task", 4, what="defined_at")), "2"),
        ((replace(recorded(1), bodies=replace(recorded(1).bodies, details="3")),), "1"),
    ],
)
def test_a_statement_belongs_to_the_next_action_that_is_called_after_it(
    actions: tuple[Recorded, ...], owner: str
) -> None:
    [issue] = issues(*actions, main=MAIN)

    assert (issue.action_ids, issue.side, issue.severity) == ((owner,), Side.CODE, Severity.LOW)
    assert issue.key == "uuid:main:code:uuid.uuid4()"
    assert issue.title == "Generated id in code"


def test_two_statements_of_one_issue_stay_two() -> None:
    twice = "import uuid\na, b = uuid.uuid4(), uuid.uuid1()\n"

    found = issues(recorded(1, "use", inputs={"id": UUID}), main=twice)

    assert [(issue.side, issue.place and issue.place.line) for issue in found] == [(Side.INPUTS, 2), (Side.CODE, 2)]


def test_a_run_without_attempts_has_no_issues_of_its_code() -> None:
    analysis = analyse([], {"main.py": MAIN})

    assert (analysis.attempts, analysis.issues, analysis.files) == (0, (), ("main.py",))
    assert score_of(analysis) is None


# --- the score ---


def test_a_run_without_issues_scores_100() -> None:
    assert score(recorded(1, outputs="done"), recorded(2, inputs="2019-01-01T00:00:00Z")) == 100


def test_an_action_loses_the_weight_of_its_gravest_issue() -> None:
    both = recorded(1, outputs={"now": "2024-12-28T14:30:00Z", "ts": "2024-12-28T14:30:01Z"})

    assert score(both, recorded(2), recorded(3), recorded(4)) == 85  # 100 * (1 - 0.6 / 4)


def test_a_critical_issue_whose_value_flows_caps_the_score() -> None:
    stamp = "2024-12-28T14:30:00Z"
    calls = [recorded(1, "now", outputs=stamp), *(recorded(n, "use", inputs=stamp) for n in range(2, 12))]

    assert score(*calls) == 49


def test_an_accepted_issue_takes_nothing() -> None:
    analysis = analyse([recorded(1, "send_email", inputs={"to": "x"})], {})

    assert [(issue.severity, issue.kind) for issue in analysis.issues] == [
        (Severity.CRITICAL, IssueKind.EXTERNAL_STATE)
    ]
    assert (score_of(analysis), score_of(analysis, {analysis.issues[0].key})) == (0, 100)


def test_content_that_is_not_stored_cannot_be_judged() -> None:
    analysis = analyse([recorded(1, has_content=False), recorded(2, has_content=False, outcome=Outcome.REPLAYED)], {})

    assert (analysis.attempts, analysis.unread, score_of(analysis)) == (1, 1, None)


@pytest.mark.parametrize(
    ("score", "band"),
    [
        (100, Band.HIGHLY_DETERMINISTIC),
        (90, Band.HIGHLY_DETERMINISTIC),
        (89, Band.MODERATELY_DETERMINISTIC),
        (70, Band.MODERATELY_DETERMINISTIC),
        (69, Band.LOW_DETERMINISM),
        (50, Band.LOW_DETERMINISM),
        (49, Band.HIGHLY_NON_DETERMINISTIC),
        (0, Band.HIGHLY_NON_DETERMINISTIC),
    ],
)
def test_the_bands_of_the_seed(score: int, band: Band) -> None:
    assert band_of(score) is band


def test_severities_go_up_and_stay_at_the_top() -> None:
    assert [one.raised() for one in Severity] == [Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL, Severity.CRITICAL]
