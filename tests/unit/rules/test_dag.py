"""What a graph must be to be stored: every refusal has its own message, and a cycle is really one."""

from dataclasses import replace
from graphlib import TopologicalSorter
from itertools import pairwise
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.builders import a_gate, a_new_dag, a_spec
from titan.model.dags import NewDag
from titan.model.errors import InvalidDag, InvalidInput, InvalidName, LimitExceeded
from titan.model.jobs import JobSpec
from titan.rules.jobs import dag as rules
from titan.rules.jobs.dag import check_dag, check_depth, check_run_size, unknown_parents


def test_a_diamond_may_be_stored() -> None:
    check_dag(
        a_new_dag(
            a_spec("plan"),
            a_spec("left", parents=("plan",)),
            a_spec("right", parents=("plan",)),
            a_spec("report", parents=("left", "right")),
        )
    )


def test_a_chain_of_10_000_jobs_may_be_stored_in_either_order() -> None:
    chain = [a_spec("j0"), *(a_spec(f"j{n}", parents=(f"j{n - 1}",)) for n in range(1, 10_000))]

    check_dag(a_new_dag(*chain))
    check_dag(a_new_dag(*reversed(chain)))


def test_a_dag_without_jobs_is_refused() -> None:
    with pytest.raises(InvalidDag, match=r"^dag 'pipeline': expected 1 to 100000 jobs; found an empty list\."):
        check_dag(a_new_dag())


def test_a_dag_with_too_many_jobs_is_refused_before_any_is_looked_at() -> None:
    jobs = (a_spec("same"),) * (rules.MAX_JOBS_PER_DAG + 1)

    with pytest.raises(InvalidDag, match=r"expected 1 to 100000 jobs; found 100001\."):
        check_dag(a_new_dag(*jobs))


def test_two_jobs_of_one_id_are_refused_by_name() -> None:
    with pytest.raises(InvalidDag, match=r"expected every job id once; found 'plan' twice\."):
        check_dag(a_new_dag(a_spec("plan"), a_spec("report"), a_spec("plan")))


def test_a_job_that_is_its_own_parent_is_refused_as_such() -> None:
    with pytest.raises(InvalidDag, match=r"^job 'plan': expected parents other than itself"):
        check_dag(a_new_dag(a_spec("plan", parents=("plan",))))


def test_a_cycle_is_refused_with_the_way_round_it() -> None:
    jobs = [
        a_spec("a", parents=("c",)),
        a_spec("b", parents=("a",)),
        a_spec("c", parents=("b",)),
        a_spec("d"),
    ]

    with pytest.raises(InvalidDag) as refusal:
        check_dag(a_new_dag(*jobs))

    assert refusal.value.subject == "dag 'pipeline'"
    assert refusal.value.found == "a → c → b → a"


def test_a_huge_cycle_is_refused_with_a_message_a_person_can_read() -> None:
    ring = [a_spec(f"j{n}", parents=(f"j{(n + 1) % 10_000}",)) for n in range(10_000)]

    with pytest.raises(InvalidDag) as refusal:
        check_dag(a_new_dag(*ring))

    assert refusal.value.found == "j0 → j1 → j2 → j3 → j4 → j5 → j6 → j7 → … 9992 more … → j0"


def test_parents_outside_the_dag_are_named_once_each_and_not_judged() -> None:
    dag = a_new_dag(a_spec("a", parents=("x", "b", "y")), a_spec("b", parents=("y",)))

    check_dag(dag)

    assert unknown_parents(dag) == ["x", "y"]


@pytest.mark.parametrize(
    "broken",
    [
        replace(a_new_dag(a_spec()), name="../etc"),
        replace(a_new_dag(a_spec()), agent_run_id="run\n"),
        replace(a_new_dag(a_spec()), agent_id=""),
        a_new_dag(a_spec("a;b")),
        a_new_dag(a_spec(parents=("../a",))),
        a_new_dag(replace(a_spec(), filename="../a.py")),
        a_new_dag(replace(a_spec(), requirement="GPU|1")),
        a_new_dag(replace(a_spec(), env={"TITAN_PORT": "1"})),
        a_new_dag(replace(a_spec(), concurrency_key="a\n")),
    ],
)
def test_a_name_anywhere_in_a_dag_is_checked(broken: NewDag) -> None:
    with pytest.raises(InvalidName):
        check_dag(broken)


def test_a_gate_and_a_job_that_asks_for_one_may_be_stored() -> None:
    check_dag(a_new_dag(replace(a_spec("draft"), hitl_message="x" * 10_000), a_gate("ok", parents=("draft",))))


def test_good_names_of_run_agent_label_and_environment_pass() -> None:
    job = replace(a_spec(requirement="GPU"), env={"KEY": "välue\n"}, args=("a|b;c", "😀"))

    check_dag(replace(a_new_dag(job), agent_run_id="RESEARCH_cb5e13", agent_id="RESEARCH"))


@pytest.mark.parametrize(
    ("job", "expected"),
    [
        (replace(a_spec(), args=("a\0b",)), "no NUL in args"),
        (replace(a_spec(), env={"KEY": "\0"}), "no NUL in env KEY"),
        (replace(a_spec(), priority=2**31), "priority from -2147483647 to 2147483647"),
        (replace(a_spec(), priority=-(2**31)), "priority from -2147483647 to 2147483647"),
        (replace(a_spec(), delay_ms=-1), "delay_ms from 0 to 31622400000"),
        (replace(a_spec(), delay_ms=31_622_400_001), "delay_ms from 0 to 31622400000"),
        (a_spec(retries=-1), "retries from 0 to 1000"),
        (a_spec(retries=1001), "retries from 0 to 1000"),
        (a_spec(max_lost=-1), "max_lost from 0 to 1000"),
        (a_spec(backoff_seconds=-0.1), "backoff_seconds from 0 to 31622400.0"),
        (a_spec(backoff_seconds=nan), "backoff_seconds from 0 to 31622400.0"),
        (a_spec(backoff_seconds=inf), "backoff_seconds from 0 to 31622400.0"),
        (replace(a_spec(), timeout_seconds=0.0), "timeout_seconds from 0.001 to 31622400.0"),
        (replace(a_spec(), timeout_seconds=nan), "timeout_seconds from 0.001 to 31622400.0"),
        (replace(a_spec(), timeout_seconds=inf), "timeout_seconds from 0.001 to 31622400.0"),
        (replace(a_spec(), max_wait_seconds=0.0), "max_wait_seconds from 0.001 to 31622400.0"),
        (replace(a_spec(), concurrency_limit=0), "concurrency_limit from 1 to 1000000"),
        (replace(a_spec(), script=None), "a filename, and a script or an archive"),
        (replace(a_spec(), filename=None), "a filename, and a script or an archive"),
        (replace(a_spec(), archive="0" * 64), "a filename, and a script or an archive"),
        (replace(a_gate("train"), archive="0" * 64), "a gate without a script"),
        (replace(a_spec(), hitl_message="x" * 10_001), "a hitl_message of at most 10000 characters"),
        (replace(a_gate("train"), script="0" * 64), "a gate without a script"),
        (replace(a_gate("train"), filename="ask.py"), "a gate without a script"),
        (a_gate("train", message=" \n"), "a gate with a hitl_message"),
        (replace(a_gate("train"), hitl_message=None), "a gate with a hitl_message"),
        (replace(a_gate("train"), concurrency_key="db"), "a gate without a concurrency_key: it takes no slot"),
    ],
)
def test_a_value_out_of_range_is_refused_with_its_range(job: JobSpec, expected: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        check_dag(a_new_dag(job))

    assert refusal.value.subject == "job 'train'"
    assert refusal.value.expected == expected


@pytest.mark.parametrize(
    "job",
    [
        replace(a_spec(), priority=2**31 - 1, delay_ms=31_622_400_000, timeout_seconds=0.001),
        replace(a_spec(retries=1000, max_lost=0, backoff_seconds=0.0), timeout_seconds=31_622_400.0),
    ],
)
def test_the_ends_of_every_range_are_allowed(job: JobSpec) -> None:
    check_dag(a_new_dag(job))


def test_jobs_may_submit_jobs_fifty_deep_and_no_deeper() -> None:
    check_depth("agent", 50)

    with pytest.raises(LimitExceeded, match=r"^job 'agent': expected at most 50 .*; found number 51\."):
        check_depth("agent", 51)


def test_a_run_holds_10_000_jobs_and_no_more() -> None:
    check_run_size("RESEARCH_1", 9_000, 1_000)

    with pytest.raises(LimitExceeded, match=r"^run 'RESEARCH_1': .*; found 9000 and 1001 more\."):
        check_run_size("RESEARCH_1", 9_000, 1_001)


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, list[str]]:
    """Draw up to 8 names, each with parents among all of them but itself: cycles are common."""
    names = [f"j{n}" for n in range(draw(st.integers(1, 8)))]
    return {
        name: draw(st.lists(st.sampled_from([other for other in names if other != name]), max_size=2))
        if len(names) > 1
        else []
        for name in names
    }


@given(graphs())
def test_a_graph_is_accepted_or_its_cycle_can_be_walked(graph: dict[str, list[str]]) -> None:
    dag = a_new_dag(*(a_spec(name, parents=tuple(parents)) for name, parents in graph.items()))

    try:
        check_dag(dag)
        cycle: list[str] = []
    except InvalidDag as refusal:
        cycle = refusal.found.split(" → ")

    if cycle:
        assert cycle[0] == cycle[-1]
        assert len(set(cycle)) == len(cycle) - 1
        assert all(parent in graph[child] for child, parent in pairwise(cycle))
    else:
        assert len(list(TopologicalSorter(graph).static_order())) == len(graph)
