"""Check that a submitted graph can run."""

from graphlib import CycleError, TopologicalSorter
from typing import Final

from titan.model.dags import NewDag
from titan.model.errors import InvalidDag, InvalidInput, LimitExceeded
from titan.model.jobs import JobKind, JobSpec
from titan.rules.names import check_env_name, check_filename, check_label, check_name, check_path

MAX_JOBS_PER_DAG: Final = 100_000  # ten times the largest graph the tests run
MAX_DEPTH: Final = 50  # jobs that submit jobs that submit jobs
MAX_JOBS_PER_RUN: Final = 10_000
MAX_RETRIES: Final = 1000
MAX_PRIORITY: Final = 2**31 - 1  # fits an INTEGER column of every database
MAX_DELAY_MS: Final = 366 * 24 * 3600 * 1000  # a leap year
MAX_SECONDS: Final = 366 * 24 * 3600.0
MAX_CONCURRENCY: Final = 1_000_000
MAX_MESSAGE: Final = 10_000  # characters: what a person reads before a decision
MAX_SHOWN: Final = 8  # names of a cycle in its message: one line of a terminal


def check_dag(dag: NewDag) -> None:
    """Return when the graph may be stored.

    Parents that are not in the DAG are not judged here: `unknown_parents` names them.

    Raises:
        InvalidDag: it has no jobs, too many, two of one id, a job that is its own parent, or a cycle.
        InvalidName: a name, label or environment variable holds characters that are not allowed.
        InvalidInput: a number of a job is out of range.
    """
    check_name("dag", dag.name)
    if dag.agent_run_id is not None:
        check_name("agent run", dag.agent_run_id)
    if dag.agent_id is not None:
        check_name("agent", dag.agent_id)
    if not 1 <= len(dag.jobs) <= MAX_JOBS_PER_DAG:
        raise InvalidDag(
            f"dag '{dag.name}'",
            expected=f"1 to {MAX_JOBS_PER_DAG} jobs",
            found=f"{len(dag.jobs)}" if dag.jobs else "an empty list",
            next_step="Submit at least one job; split a larger graph into stages of an agent run.",
        )
    for job in dag.jobs:
        _check_job(job)
    _check_distinct(dag)
    _check_acyclic(dag)


def unknown_parents(dag: NewDag) -> list[str]:
    """Return, in order and once each, the parents that are not jobs of this DAG."""
    names = {job.name for job in dag.jobs}
    return list(dict.fromkeys(p for job in dag.jobs for p in job.parents if p not in names))


def check_depth(maker: str, depth: int) -> None:
    """Return when a job at `depth` may be made by the running job `maker`.

    Raises:
        LimitExceeded: it would be more than 50 submissions deep.
    """
    if depth > MAX_DEPTH:
        raise LimitExceeded(
            f"job '{maker}'",
            expected=f"at most {MAX_DEPTH} submissions of jobs by jobs",
            found=f"number {depth}",
            next_step="Let a loop outside submit the next round, or end the recursion.",
        )


def check_run_size(run_id: str, present: int, added: int) -> None:
    """Return when `added` jobs fit into a run that has `present`.

    Raises:
        LimitExceeded: the run would have more than 10,000 jobs.
    """
    if present + added > MAX_JOBS_PER_RUN:
        raise LimitExceeded(
            f"run '{run_id}'",
            expected=f"at most {MAX_JOBS_PER_RUN} jobs in a run",
            found=f"{present} and {added} more",
            next_step="Begin a new run, or submit fewer jobs.",
        )


def _check_job(job: JobSpec) -> None:
    check_name("job", job.name)
    _check_kind(job)
    check_label(job.requirement)
    for parent in job.parents:
        check_name("parent", parent)
    for name, value in job.env.items():
        check_env_name(name)
        _require(job, "\0" not in value, f"no NUL in env {name}", "one")
    _require(job, not any("\0" in arg for arg in job.args), "no NUL in args", "one")
    if job.concurrency_key is not None:
        check_name("concurrency key", job.concurrency_key)
    _check_range(job, "concurrency_limit", job.concurrency_limit, 1, MAX_CONCURRENCY)
    _check_range(job, "max_wait_seconds", job.max_wait_seconds, 0.001, MAX_SECONDS)
    _check_range(job, "priority", job.priority, -MAX_PRIORITY, MAX_PRIORITY)
    _check_range(job, "delay_ms", job.delay_ms, 0, MAX_DELAY_MS)
    _check_range(job, "retries", job.retries, 0, MAX_RETRIES)
    _check_range(job, "max_lost", job.max_lost, 0, MAX_RETRIES)
    _check_range(job, "backoff_seconds", job.backoff_seconds, 0, MAX_SECONDS)
    if job.timeout_seconds is not None:
        _check_range(job, "timeout_seconds", job.timeout_seconds, 0.001, MAX_SECONDS)


def _check_kind(job: JobSpec) -> None:
    """Refuse work without a script, a gate with one, and a question nobody can read."""
    message = job.hitl_message
    if job.kind is JobKind.GATE:
        _require(
            job,
            job.filename is None and job.script is None and job.archive is None,
            "a gate without a script",
            "one with a script",
        )
        _require(job, bool(message and message.strip()), "a gate with a hitl_message", "none")
        _require(job, job.concurrency_key is None, "a gate without a concurrency_key: it takes no slot", "one")
    else:
        has_one = (job.script is None) != (job.archive is None)
        found = "both" if job.script is not None else "none"
        _require(job, job.filename is not None and has_one, "a filename, and a script or an archive", found)
        (check_filename if job.archive is None else check_path)(job.filename or "")
    if message is not None:
        _require(job, len(message) <= MAX_MESSAGE, f"a hitl_message of at most {MAX_MESSAGE} characters", "more")


def _check_range(job: JobSpec, what: str, value: float, least: float, most: float) -> None:
    _require(job, least <= value <= most, f"{what} from {least} to {most}", str(value))


def _require(job: JobSpec, holds: bool, expected: str, found: str) -> None:
    if not holds:
        raise InvalidInput(
            f"job '{job.name}'", expected=expected, found=found, next_step="Correct it and submit again."
        )


def _check_distinct(dag: NewDag) -> None:
    seen: set[str] = set()
    for job in dag.jobs:
        if job.name in seen:
            raise InvalidDag(
                f"dag '{dag.name}'",
                expected="every job id once",
                found=f"'{job.name}' twice",
                next_step="Rename one of the two.",
            )
        seen.add(job.name)


def _check_acyclic(dag: NewDag) -> None:
    parents = {job.name: job.parents for job in dag.jobs}
    for job in dag.jobs:
        if job.name in job.parents:
            raise InvalidDag(
                f"job '{job.name}'",
                expected="parents other than itself",
                found="itself among its parents",
                next_step="Remove it from its own parents.",
            )
    try:
        TopologicalSorter(parents).prepare()
    except CycleError as error:
        cycle = error.args[1]  # each a parent of the next, the last being the first
        raise InvalidDag(
            f"dag '{dag.name}'",
            expected="no cycle of parents",
            found=_shown_cycle(cycle[:0:-1]),
            next_step="Remove one of these dependencies.",
        ) from None


def _shown_cycle(cycle: list[str]) -> str:
    left_out = len(cycle) - MAX_SHOWN
    middle = [f"… {left_out} more …"] if left_out > 0 else []
    return " → ".join([*cycle[:MAX_SHOWN], *middle, cycle[0]])
