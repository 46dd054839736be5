"""From the name a person types to the one job, DAG or run it means."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Final

from titan.cli.completion import known_names
from titan.cli.exit_codes import CommandFailed, not_found, usage_error
from titan.cli.server import Document, Server, read
from titan.cli.views.formats import count
from titan.cli.views.jobs import jobs_of, shortened
from titan.wire.runs import RunView
from titan.wire.work import DagView, JobView

_NAMED_JOBS: Final = 5  # how many jobs of a DAG a hint lists
_NEAR: Final = 3  # names that are offered where one is not known
_UNKNOWN: Final = re.compile(r"(job|dag|run|worker|gate) '(.+)'")  # the subject of an error


def find_dag(server: Server, name: str) -> DagView:
    """Return the DAG with this id, else the newest of this name, with its jobs."""
    return read(server.get("api", "dags", name), DagView)


def find_job(server: Server, name: str, *, dag: str | None = None, run: str | None = None) -> JobView:
    """Return the job with this id, else the newest of this name in `dag` or `run`, else the newest of all."""
    return read(find_job_document(server, name, dag=dag, run=run), JobView)


def find_job_document(server: Server, name: str, *, dag: str | None = None, run: str | None = None) -> Document:
    """Return what `find_job` returns, as it came."""
    dag_id = dag_id_of(server, dag)
    with _mentions_dag_of_that_name(server, name):
        document = server.get("api", "jobs", name, dag=dag_id, run=run)
    # The server goes on to look elsewhere, which suits programs; a person who says where means there.
    if dag is not None and document.get("dag_id") != dag_id:
        raise _not_there(name, f"DAG {dag!r}", f"titan dags show {dag}")
    if run is not None and document.get("agent_run_id") != run:
        raise _not_there(name, f"agent run {run!r}", f"titan runs show {run}")
    return document


def dag_id_of(server: Server, dag: str | None) -> str | None:
    """Return the id of the DAG that `--dag` names, None when it is not given."""
    return None if dag is None else read(server.get("api", "dags", dag, jobs=False), DagView).dag_id


def path_of(
    server: Server, command: str, name: str | None, *, dag: str | None, run: str | None, has_runs: bool = True
) -> tuple[str, ...]:
    """Return the path, below /api, of the job, DAG or run that is meant.

    `--dag` or `--run` alone is all of it, beside a name the place where that job is; a name alone is a job's, else a
    DAG's, else a run's, which may be an alias.
    """
    what = "a job, a DAG or an agent run" if has_runs else "a job or a DAG"
    if name is None:
        if (dag is None) == (run is None or not has_runs):
            raise usage_error(
                command,
                what,
                "none of them" if dag is None else "--dag and --run without a job",
                f"For example: {command} --dag nightly",
            )
        return ("dags", dag) if dag is not None else ("v1", "runs", _run_id_of(server, str(run)) or str(run))
    if dag is not None or run is not None:
        return "jobs", find_job(server, name, dag=dag, run=run).job_id
    if (job := _none_if("UnknownJob", lambda: server.get("api", "jobs", name))) is not None:
        return "jobs", read(job, JobView).job_id
    if (found := _none_if("UnknownDag", lambda: server.get("api", "dags", name, jobs=False))) is not None:
        return "dags", read(found, DagView).dag_id
    if has_runs and (run_id := _run_id_of(server, name)) is not None:
        return "v1", "runs", run_id
    raise not_found(
        f"job {name!r}",
        f"the name or id of {what}",
        "none such",
        "List them: titan jobs, titan dags, titan runs.",
        kind="UnknownJob",
    )


def _run_id_of(server: Server, name: str) -> str | None:
    """Return the id of a run that may be named by an alias; None where none was recorded under that name."""
    run = _none_if("UnknownRun", lambda: server.get("api", "v1", "runs", name))
    return None if run is None else read(run, RunView).run_id


def _none_if(kind: str, ask: Callable[[], Document]) -> Document | None:
    try:
        return ask()
    except CommandFailed as failure:
        if failure.kind != kind:
            raise
        return None


def with_near_names(server: Server, failure: CommandFailed) -> CommandFailed:
    """Return the error with names like the unknown one as its next step, or else the command that lists them."""
    unknown = _UNKNOWN.fullmatch(failure.subject)
    if unknown is None or failure.found != "none such":  # another find says more
        return failure
    kind, name = unknown.groups()
    try:
        known = known_names(server, kind, like=name) or known_names(server, kind)
    except CommandFailed:
        return failure
    parts = [each for each in known if name.casefold() in each.casefold()]
    near = (parts or get_close_matches(name, known))[:_NEAR]
    next_step = f"Did you mean {shortened(near)}?" if near else f"`titan {kind}s` lists them."
    return replaced(failure, next_step=next_step)


def replaced(failure: CommandFailed, *, found: str | None = None, next_step: str) -> CommandFailed:
    """Return the same error with another next step."""
    return CommandFailed(
        failure.subject,
        exit_code=failure.exit_code,
        expected=failure.expected,
        found=failure.found if found is None else found,
        next_step=next_step,
        kind=failure.kind,
    )


@contextmanager
def _mentions_dag_of_that_name(server: Server, name: str) -> Iterator[None]:
    """Give an UnknownJob a better next step where a DAG has the name that was looked for."""
    try:
        yield
    except CommandFailed as failure:
        if failure.kind != "UnknownJob":
            raise
        try:
            dag = find_dag(server, name)
        except CommandFailed:
            raise failure from None
        next_step = f"Name one of its jobs, or see `titan dags show {name}`."
        raise replaced(failure, found=f"a DAG of that name with {_named(dag)}", next_step=next_step) from failure


def _not_there(name: str, where: str, list_command: str) -> CommandFailed:
    return not_found(
        f"job {name!r}",
        f"a job of {where}",
        "none of that name there",
        f"`{list_command}` lists them.",
        kind="UnknownJob",
    )


def _named(dag: DagView) -> str:
    names = [job.name for job in jobs_of(dag)]
    listed = ", ".join(names[:_NAMED_JOBS])
    rest = len(names) - _NAMED_JOBS
    return f"{count(len(names), 'job')} ({listed}{f' and {rest:,} more' if rest > 0 else ''})"
