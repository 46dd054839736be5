"""Who may do what, and how far a job reaches."""

from dataclasses import replace

import pytest

from tests.support.builders import NOON, PROJECT, a_spec
from titan.model.dags import Dag, JobCounts, OnFailure
from titan.model.jobs import Job, JobStatus
from titan.model.tokens import Role, Scope
from titan.rules.access import PERMITTED, SCOPED, Permission, is_within_reach, may
from titan.rules.jobs.dag import MAX_DEPTH


def a_dag(dag_id: str, *, run_id: str | None = None, made_by: str | None = None) -> Dag:
    return Dag(
        project_id=PROJECT,
        id=dag_id,
        name=dag_id,
        run_id=run_id,
        agent_id=None,
        on_failure=OnFailure.CONTINUE,
        submitted_at=NOON,
        counts=JobCounts(),
        made_by=made_by,
        depth=0,
    )


def a_job_of(dag: Dag) -> Job:
    return Job(
        project_id=PROJECT,
        id=f"{dag.id}.00000",
        dag_id=dag.id,
        run_id=dag.run_id,
        spec=a_spec(),
        status=JobStatus.RUNNING,
        submitted_at=NOON,
        remaining_parents=0,
    )


def reaches(job: Job, dag: Dag, *others: Dag) -> bool:
    """Return whether the job reaches `dag` in a world of these DAGs."""
    world = {each.id: each for each in (dag, *others)}
    return is_within_reach(job, dag, maker_dag=lambda made: world.get((made.made_by or "").split(".")[0]))


def test_every_permission_is_the_admins_and_every_permission_is_in_the_table() -> None:
    assert PERMITTED.keys() == set(Permission)
    assert all(Role.ADMIN in PERMITTED[permission] for permission in Permission)


def test_each_member_role_includes_the_rights_of_the_lower_one() -> None:
    viewer, manager, owner = (
        {p for p in Permission if may(role, p)} for role in (Role.VIEWER, Role.MANAGER, Role.OWNER)
    )

    assert viewer - {Permission.SEE_FIGURES} < manager < owner
    assert owner - manager == {Permission.ADMINISTER}
    assert not owner & {Permission.OPERATE, Permission.WORK}


@pytest.mark.parametrize("scope", Scope)
def test_a_scope_gives_a_key_only_rights_of_a_manager_and_none_on_the_server(scope: Scope) -> None:
    beyond = {p for p in Permission if may(Role.KEY, p, scopes=[scope]) and not may(Role.KEY, p)}

    assert beyond == SCOPED[scope]
    assert all(may(Role.MANAGER, permission) for permission in beyond)
    assert not may(Role.VIEWER, Permission.EVALUATE, scopes=[])


@pytest.mark.parametrize("role", [Role.MANAGER, Role.VIEWER, Role.WORKER, Role.KEY, Role.JOB])
def test_only_admins_and_owners_hand_out_tokens(role: Role) -> None:
    assert role not in PERMITTED[Permission.ADMINISTER]


def test_a_job_reaches_the_dags_of_its_run_and_no_other_run() -> None:
    job = a_job_of(a_dag("d1", run_id="r1"))

    assert reaches(job, a_dag("d2", run_id="r1"))
    assert not reaches(job, a_dag("d3", run_id="r2"))
    assert not reaches(job, a_dag("d4"))


def test_a_job_without_a_run_reaches_its_own_dag_and_those_made_from_it() -> None:
    own = a_dag("d1")
    child = a_dag("d2", made_by="d1.00001")
    grandchild = a_dag("d3", made_by="d2.00000")
    job = a_job_of(own)

    assert reaches(job, own)
    assert reaches(job, child, own)
    assert reaches(job, grandchild, child, own)


def test_a_job_reaches_neither_its_maker_nor_its_siblings() -> None:
    own, sibling = a_dag("d2", made_by="d1.00000"), a_dag("d3", made_by="d1.00000")
    job = a_job_of(own)

    assert not reaches(job, a_dag("d1"))
    assert not reaches(job, sibling, a_dag("d1"), own)


def test_a_job_reaches_the_run_that_it_began_under_another_name() -> None:
    own = a_dag("d1", run_id="r1")

    assert reaches(a_job_of(own), a_dag("d2", run_id="r2", made_by="d1.00000"), own)


def test_the_chain_is_followed_as_deep_as_dags_make_dags_and_no_deeper() -> None:
    chain = [a_dag("e0")]
    for number in range(1, MAX_DEPTH + 2):
        chain.append(replace(a_dag(f"e{number}"), made_by=f"e{number - 1}.00000"))
    job = a_job_of(chain[0])

    assert reaches(job, chain[MAX_DEPTH], *chain)
    assert not reaches(job, chain[MAX_DEPTH + 1], *chain)
