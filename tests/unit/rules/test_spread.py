"""Whom a job that will not complete takes with it."""

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from tests.support.builders import a_job
from titan.model.jobs import Job, JobStatus
from titan.rules.jobs.propagation import doomed, not_started


def family(
    edges: dict[str, list[str]], statuses: dict[str, JobStatus] | None = None
) -> tuple[Job, Callable[[str], list[Job]]]:
    """Return the failed job `root` and who its descendants are; `edges` is parent → children."""
    statuses = statuses or {}
    names = {name for parent, children in edges.items() for name in (parent, *children)}
    jobs = {f"d1.{name}": a_job(name, status=statuses.get(name, JobStatus.WAITING)) for name in names}

    def children_of(job_id: str) -> list[Job]:
        return [jobs[f"d1.{child}"] for child in edges.get(jobs[job_id].name, [])]

    return a_job("root", status=JobStatus.FAILED), children_of


def names_of(pairs: list[tuple[Job, Job]]) -> list[tuple[str, str]]:
    """Return the pairs as names."""
    return [(parent.name, child.name) for parent, child in pairs]


def test_descendants_come_nearest_first_with_the_parent_that_reached_them() -> None:
    root, children_of = family({"root": ["a", "b"], "a": ["c"], "b": ["c", "d"], "c": ["e"]})

    reached = names_of(list(doomed(root, children_of)))

    assert reached == [("root", "a"), ("root", "b"), ("a", "c"), ("b", "d"), ("c", "e")]


def test_a_job_without_children_dooms_nobody() -> None:
    root, children_of = family({"root": []})

    assert list(doomed(root, children_of)) == []


def test_children_that_are_already_cancelled_are_not_touched_again() -> None:
    root, children_of = family({"root": ["a", "b"], "a": ["c"]}, {"a": JobStatus.CANCELLED})

    assert names_of(list(doomed(root, children_of))) == [("root", "b")]


def test_only_jobs_that_no_worker_has_taken_count_as_not_started() -> None:
    jobs = [a_job(status.lower(), status=status) for status in JobStatus]

    assert [job.name for job in not_started(jobs)] == ["waiting", "waiting_approval", "ready"]


@st.composite
def trees(draw: st.DrawFn) -> tuple[dict[str, list[str]], dict[str, JobStatus]]:
    """Draw a graph without cycles below `root`, and a status for each job."""
    names = ["root", *(f"j{n}" for n in range(draw(st.integers(0, 8))))]
    edges = {
        name: draw(st.lists(st.sampled_from(names[place + 1 :]), unique=True)) if names[place + 1 :] else []
        for place, name in enumerate(names)
    }
    return edges, {name: draw(st.sampled_from(JobStatus)) for name in names}


@given(trees())
def test_each_waiting_job_that_can_be_reached_through_waiting_ones_comes_once_and_nobody_else(
    tree: tuple[dict[str, list[str]], dict[str, JobStatus]],
) -> None:
    edges, statuses = tree
    root, children_of = family(edges, statuses)

    pairs = names_of(list(doomed(root, children_of)))

    reached = [child for _parent, child in pairs]
    assert len(set(reached)) == len(reached)
    assert set(reached) == waiting_below("root", edges, statuses)
    assert all(child in edges[parent] for parent, child in pairs)


def waiting_below(name: str, edges: dict[str, list[str]], statuses: dict[str, JobStatus]) -> set[str]:
    """Return the same set by recursion."""
    found: set[str] = set()
    for child in edges[name]:
        if statuses[child] is JobStatus.WAITING:
            found |= {child} | waiting_below(child, edges, statuses)
    return found


def test_a_failure_above_10_000_children_is_walked_in_one_go() -> None:
    root, children_of = family({"root": [f"j{n}" for n in range(10_000)]})

    assert len(list(doomed(root, children_of))) == 10_000
