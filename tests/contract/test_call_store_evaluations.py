"""The store of calls keeps workflows, tasks, registered agents and agent runs, every field of them."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from tests.support.builders import NOON, PROJECT
from tests.support.call_stores import record
from tests.support.recorded import RUN, a_call, a_word
from titan.model.actions import CLOCK_SKEW, RunEnd, Source
from titan.model.evaluations import (
    AgentRun,
    AgentRunStatus,
    ErrorClass,
    RegisteredAgent,
    Task,
    ToolEndpoint,
    Trigger,
    Verdict,
    Workflow,
)
from titan.ports.runs_store import CallStore, CallTransaction

WORKFLOW = Workflow(
    project_id=PROJECT, id="shop", name="The shop", definition='{"a": 1}', created_at=NOON, updated_at=NOON
)
TASK = Task(
    project_id=PROJECT,
    workflow_id="shop",
    id="cancel",
    name="Cancel",
    seed="{}",
    seed_digest="d",
    scorers="[]",
    created_at=NOON,
    seeded_at=NOON,
    state_digest="state",
)
WHOLE = AgentRun(
    project_id=PROJECT,
    run_id=RUN,
    workflow_id="shop",
    task_id="cancel",
    field="main",
    agent_id="agent",
    agent_version=2,
    attempt=3,
    trigger=Trigger.RERUN,
    source_run_id="earlier",
    status=AgentRunStatus.FAILED,
    error_class=ErrorClass.CONTRACT_ERROR,
    error='{"message": "é"}',
    seed_digest="d",
    config="{}",
    queued_at=NOON,
    started_at=NOON + timedelta(seconds=1),
    agent_done_at=NOON + timedelta(seconds=2),
    ended_at=NOON + timedelta(seconds=3),
    response="raw",
    final_response="final",
    messages="[]",
    metadata="{}",
    soft_warnings='["w"]',
    verdict=Verdict.FAIL,
    failure_mode="mode",
    scorers="[1]",
    sources='{"odyssey": 1}',
    violations=4,
    agent_cost="0.1",
    simulator_cost="0.2",
    world_digest="world",
    state_digest="state",
    scorers_digest="scorers",
)
DIGESTS = ("world", "state", "scorers", "d")  # that it names


@pytest.fixture
def stored(calls: CallStore) -> CallStore:
    def act(tx: CallTransaction) -> None:
        tx.save_workflow(WORKFLOW)
        for digest in DIGESTS:
            tx.save_definition(PROJECT, digest, f"[{digest}]")
        tx.save_task(TASK)
        tx.save_agent_run(WHOLE)

    calls.transact(act).result()
    return calls


def test_evaluations_are_read_as_they_were_stored(stored: CallStore) -> None:
    assert stored.read(lambda reader: reader.workflow(PROJECT, "shop")) == WORKFLOW
    assert stored.read(lambda reader: reader.workflows("other")) == []
    assert stored.read(lambda reader: reader.task(PROJECT, "shop", "cancel")) == TASK
    assert stored.read(lambda reader: reader.tasks(PROJECT, "shop", after="cancel", limit=5)) == []
    assert stored.read(lambda reader: reader.agent_run(PROJECT, RUN)) == WHOLE


def test_the_newest_version_of_an_agent_is_meant_where_none_is_named(calls: CallStore) -> None:
    versions = [
        RegisteredAgent(project_id=PROJECT, id="agent", version=number, definition=str(number), created_at=NOON)
        for number in (1, 2)
    ]

    def act(tx: CallTransaction) -> None:
        for one in versions:
            tx.save_registered_agent(one)

    calls.transact(act).result()

    assert calls.read(lambda reader: reader.registered_agent(PROJECT, "agent")) == versions[1]
    assert calls.read(lambda reader: reader.registered_agent(PROJECT, "agent", 1)) == versions[0]
    assert calls.read(lambda reader: reader.registered_agents(PROJECT)) == [versions[1]]


def test_an_agent_of_a_workflow_comes_before_one_of_the_project_and_no_other_workflow_has_it(calls: CallStore) -> None:
    def version(number: int, workflow_id: str | None) -> RegisteredAgent:
        known = {"id": "agent", "definition": "{}", "created_at": NOON, "workflow_id": workflow_id}
        return RegisteredAgent(project_id=PROJECT, version=number, **known)  # type: ignore[arg-type]

    of_shop, of_project, of_travel = version(1, "shop"), version(2, None), version(3, "travel")

    def act(tx: CallTransaction) -> None:
        for one in (of_shop, of_project, of_travel):
            tx.save_registered_agent(one)

    def found(workflow_id: str, number: int | None = None) -> RegisteredAgent | None:
        return calls.read(lambda reader: reader.registered_agent(PROJECT, "agent", number, workflow_id=workflow_id))

    calls.transact(act).result()

    assert [found(one) for one in ("shop", "travel", "third", "")] == [of_shop, of_travel, of_project, of_project]
    assert [found("shop", number) for number in (1, 2, 3)] == [of_shop, of_project, None]
    assert calls.read(lambda reader: reader.registered_agent(PROJECT, "agent")) == of_travel
    assert calls.read(lambda reader: reader.registered_agents(PROJECT)) == [of_travel, of_project, of_shop]
    calls.transact(lambda tx: tx.forget_workflow(PROJECT, "shop")).result()
    assert found("shop") == of_project


def test_agent_runs_are_paged_the_latest_first_and_unfinished_ones_found(stored: CallStore) -> None:
    others = [
        replace(WHOLE, run_id=f"run-{number}", queued_at=NOON + timedelta(seconds=number), status=status)
        for number, status in enumerate([AgentRunStatus.PENDING, AgentRunStatus.RUNNING])
    ]

    def act(tx: CallTransaction) -> None:
        for one in others:
            tx.save_agent_run(one)

    stored.transact(act).result()

    def ids(before: str | None, limit: int) -> list[str]:
        found = stored.read(lambda reader: reader.agent_runs(PROJECT, "shop", before=before, limit=limit))
        return [one.run_id for one in found]

    all_of_them = ids(None, 9)
    assert all_of_them == ["run-1", *sorted([RUN, "run-0"], reverse=True)]  # those of one moment by id
    assert ids(all_of_them[0], 1) == all_of_them[1:2]
    assert [one.run_id for one in stored.read(lambda reader: reader.unfinished_agent_runs())] == ["run-0", "run-1"]
    assert stored.read(lambda reader: reader.agent_runs(PROJECT, "shop", task_id="other", limit=9)) == []


def definitions(calls: CallStore) -> set[str]:
    """Return the digests of the definitions that are stored."""
    found = calls.read(lambda reader: {one: reader.definition(PROJECT, one) for one in (*DIGESTS, "other state")})
    assert all(content in (None, f"[{digest}]") for digest, content in found.items())
    return {digest for digest, content in found.items() if content is not None}


def test_a_definition_is_stored_once_and_read_only_in_its_project(stored: CallStore) -> None:
    stored.transact(lambda tx: tx.save_definition(PROJECT, "state", "[state]")).result()

    assert definitions(stored) == set(DIGESTS)
    assert stored.read(lambda reader: reader.definition("other", "state")) is None


def test_definitions_are_deleted_with_the_last_run_or_task_that_names_them(stored: CallStore) -> None:
    other = replace(WHOLE, run_id="other", world_digest="state")
    record(stored, a_word(), a_call())

    stored.transact(lambda tx: tx.save_agent_run(other)).result()
    stored.transact(lambda tx: tx.forget_run(PROJECT, RUN)).result()
    assert definitions(stored) == {"state", "scorers", "d"}
    stored.transact(lambda tx: tx.forget_task(PROJECT, "shop", "cancel")).result()
    assert definitions(stored) == set()


def test_a_state_is_deleted_when_its_last_task_is_seeded_with_another(stored: CallStore) -> None:
    def reseed(tx: CallTransaction) -> None:
        tx.save_definition(PROJECT, "other state", "[other state]")
        tx.save_task(replace(TASK, state_digest="other state"))

    stored.transact(reseed).result()
    assert definitions(stored) == {*DIGESTS, "other state"}  # the run names the first one still
    stored.transact(lambda tx: tx.save_task(TASK)).result()

    assert definitions(stored) == set(DIGESTS)


def test_a_definition_of_another_project_stays(stored: CallStore) -> None:
    def act(tx: CallTransaction) -> None:
        tx.save_definition("other", "state", "[state]")
        tx.forget_task(PROJECT, "shop", "cancel")

    stored.transact(act).result()

    assert stored.read(lambda reader: reader.definition("other", "state")) == "[state]"
    assert definitions(stored) == set()


def test_attempts_are_counted_by_task_and_field(stored: CallStore) -> None:
    def attempts(task: str, field: str) -> int:
        return stored.read(lambda reader: reader.attempts(PROJECT, "shop", task, field))

    assert (attempts("cancel", "main"), attempts("cancel", "other"), attempts("other", "main")) == (3, 0, 0)


def test_a_run_that_is_deleted_takes_its_agent_run_along(stored: CallStore) -> None:
    record(stored, a_word(), a_call())

    stored.transact(lambda tx: tx.forget_run(PROJECT, RUN)).result()

    assert stored.read(lambda reader: reader.agent_run(PROJECT, RUN)) is None


def test_a_task_that_is_deleted_takes_its_agent_runs_along(stored: CallStore) -> None:
    stored.transact(lambda tx: tx.forget_task(PROJECT, "shop", "cancel")).result()
    stored.transact(lambda tx: tx.forget_workflow(PROJECT, "shop")).result()

    assert stored.read(lambda reader: reader.agent_run(PROJECT, RUN)) is None
    assert stored.read(lambda reader: reader.workflow(PROJECT, "shop")) is None


def test_a_tool_endpoint_is_replaced_and_deleted_in_its_own_project(calls: CallStore) -> None:
    endpoint = ToolEndpoint(project_id=PROJECT, id="crm", definition="{}", created_at=NOON, updated_at=NOON)
    later = replace(endpoint, definition='{"a": 1}', updated_at=NOON + timedelta(seconds=1))

    for one in (endpoint, replace(endpoint, project_id="other"), later):
        calls.transact(lambda tx, one=one: tx.save_tool_endpoint(one)).result()  # type: ignore[misc]

    assert calls.read(lambda reader: reader.tool_endpoint(PROJECT, "crm")) == later
    assert calls.read(lambda reader: reader.tool_endpoints("other")) == [replace(endpoint, project_id="other")]
    calls.transact(lambda tx: tx.forget_tool_endpoint(PROJECT, "crm")).result()
    assert calls.read(lambda reader: reader.tool_endpoint(PROJECT, "crm")) is None
    assert len(calls.read(lambda reader: reader.tool_endpoints("other"))) == 1


def test_recorded_actions_of_an_agent_run_lie_within_it_with_any_clocks_of_their_sources(
    stored: CallStore,
) -> None:
    long_ago, far = -(10**8), 10**8

    record(stored, a_call(begins=long_ago, ends=long_ago + 1), a_call("a2", begins=far, ends=far + 1))
    record(stored, a_word(seconds=5, source=Source.WORLD, end=RunEnd.COMPLETED))

    run = stored.read(lambda reader: reader.run(PROJECT, RUN))
    assert run is not None
    assert (run.started_at, run.last_event_at, run.ended_at) == (WHOLE.started_at, WHOLE.ended_at, WHOLE.ended_at)
    actions = stored.read(lambda reader: reader.actions_of_run(PROJECT, RUN))
    assert {action.tags for action in actions} == {(CLOCK_SKEW,)}
    assert all(action.started_at >= run.started_at for action in actions)
