"""Where a job asks for approval, a gate stands behind it."""

from dataclasses import replace

from tests.support.builders import a_gate, a_new_dag, a_spec
from titan.model.jobs import Affinity, JobKind
from titan.rules.jobs.gates import asks_for_approval, with_gates


def test_a_dag_without_a_question_stays_as_it_is() -> None:
    dag = a_new_dag(a_spec("a"), a_gate("ok", parents=("a",)), a_spec("b", parents=("ok",)))

    assert with_gates(dag) is dag


def test_the_gate_is_inserted_behind_its_job_and_takes_its_children() -> None:
    draft = replace(a_spec("draft"), hitl_message="Publish?", max_wait_seconds=60.0, priority=7, affinity=Affinity.SOFT)
    dag = a_new_dag(draft, a_spec("publish", parents=("draft", "other")), a_spec("other"))

    jobs = with_gates(dag).jobs

    gate = jobs[1]
    assert [(job.name, job.parents) for job in jobs] == [
        ("draft", ()),
        ("hitl-gate-draft", ("draft",)),
        ("publish", ("hitl-gate-draft", "other")),
        ("other", ()),
    ]
    assert (gate.kind, gate.filename, gate.script) == (JobKind.GATE, None, None)
    assert (gate.hitl_message, gate.max_wait_seconds, gate.priority, gate.affinity) == (
        "Publish?",
        60.0,
        7,
        Affinity.SOFT,
    )


def test_gates_of_a_chain_of_questions_follow_each_other() -> None:
    one = replace(a_spec("one"), hitl_message="?")
    two = replace(a_spec("two", parents=("one",)), hitl_message="?")

    jobs = with_gates(a_new_dag(one, two)).jobs

    assert [job.parents for job in jobs] == [(), ("one",), ("hitl-gate-one",), ("two",)]


def test_a_gate_itself_asks_for_no_other() -> None:
    assert not asks_for_approval(a_gate())
