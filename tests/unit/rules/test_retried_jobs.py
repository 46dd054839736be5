"""Which jobs a retry tries again, and which gates a job stands behind."""

from hypothesis import given
from hypothesis import strategies as st

from tests.support.builders import a_gate, a_job
from titan.model.jobs import Job, JobStatus
from titan.rules.jobs.propagation import UNSUCCESSFUL, gates_above, jobs_to_revive

Graph = dict[str, tuple[JobStatus, tuple[str, ...]]]  #: name → (status, parents)

COMPLETED, FAILED, CANCELLED = JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED


def revived(graph: Graph, *roots: str) -> list[str]:
    """Return the names that a retry of `roots` tries again."""
    jobs: dict[str, Job] = {name: a_job(name, status=status) for name, (status, _) in graph.items()}
    children = {name: [child for child, (_, parents) in graph.items() if name in parents] for name in graph}
    return jobs_to_revive(roots, jobs, children.__getitem__, lambda name: graph[name][1])


def test_a_failed_job_takes_its_cancelled_descendants_along() -> None:
    graph: Graph = {"a": (FAILED, ()), "b": (CANCELLED, ("a",)), "c": (CANCELLED, ("b",)), "d": (CANCELLED, ())}

    assert revived(graph, "a") == ["a", "b", "c"]


def test_roots_that_completed_or_still_run_are_left_alone() -> None:
    graph: Graph = {"a": (COMPLETED, ()), "b": (JobStatus.RUNNING, ()), "c": (FAILED, ())}

    assert revived(graph, "a", "b", "c") == ["c"]


def test_one_with_another_lost_parent_stays_and_so_do_those_behind_it() -> None:
    graph: Graph = {
        "a": (FAILED, ()),
        "x": (FAILED, ()),
        "both": (CANCELLED, ("a", "x")),
        "behind": (CANCELLED, ("both",)),
        "mine": (CANCELLED, ("a",)),
    }

    assert revived(graph, "a") == ["a", "mine"]
    assert revived(graph, "a", "x") == ["a", "behind", "both", "mine", "x"]


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Draw a graph without cycles with final statuses."""
    names = [f"j{number}" for number in range(draw(st.integers(1, 7)))]
    return {
        name: (
            draw(st.sampled_from((COMPLETED, FAILED, CANCELLED))),
            tuple(draw(st.lists(st.sampled_from(names[:place]), unique=True, max_size=3))) if place else (),
        )
        for place, name in enumerate(names)
    }


@given(graphs(), st.data())
def test_revived_jobs_can_run_and_no_more_could(graph: Graph, data: st.DataObject) -> None:
    roots = data.draw(st.lists(st.sampled_from(sorted(graph)), unique=True, min_size=1))

    found = set(revived(graph, *roots))

    def is_reached(name: str) -> bool:
        status, parents = graph[name]
        if name in roots and status in UNSUCCESSFUL:
            return True
        return status is CANCELLED and any(is_reached(parent) for parent in parents)

    def can_run(name: str, among: set[str]) -> bool:
        return all(graph[parent][0] is COMPLETED or parent in among for parent in graph[name][1])

    assert all(can_run(name, found) for name in found)
    assert all(is_reached(name) for name in found)
    left_out = {name for name in graph if is_reached(name)} - found
    assert not any(can_run(name, found) for name in left_out)


def test_a_job_is_behind_every_gate_in_a_chain_of_its_parents() -> None:
    parents: dict[str, list[str]] = {"first": [], "a": ["first"], "near": ["a"], "b": ["near", "a"], "c": ["b", "a"]}
    gates = {"first": a_gate("first"), "near": a_gate("near")}
    jobs = {name: a_job(name, spec=gates.get(name)) for name in parents}

    above = gates_above("c", jobs, parents.__getitem__)

    assert [gate.name for gate in above] == ["near", "first"]
    assert gates_above("first", jobs, parents.__getitem__) == []
