"""From the name a person types to the one job, DAG or run it means."""

from collections.abc import Iterator
from contextlib import contextmanager

from titan.cli.answers import Dag, Document, Job, read
from titan.cli.exits import CommandFailed, ExitCode
from titan.cli.formats import count
from titan.cli.recorded_answers import Registry
from titan.cli.server import Server
from titan.cli.views import shortened

_NAMED_JOBS = 5  # how many jobs of a DAG a hint lists
_NEAR = 3  # ids that are offered where one is not known


def find_dag(server: Server, name: str) -> Dag:
    """Return the DAG with this id, else the newest of this name, with its jobs.

    Raises:
        CommandFailed: there is none.
    """
    return read(server.get("api", "dags", name), Dag)


def find_job(server: Server, name: str, *, dag: str | None = None, run: str | None = None) -> Job:
    """Return the job with this id, else the newest of this name in `dag` or `run`, else the newest of all.

    Raises:
        CommandFailed: there is none; the message says so when a DAG has the name.
    """
    return read(find_job_document(server, name, dag=dag, run=run), Job)


def find_job_document(server: Server, name: str, *, dag: str | None = None, run: str | None = None) -> Document:
    """Return what `find_job` returns, as it came.

    Raises:
        CommandFailed: as `find_job`.
    """
    dag_id = dag_id_of(server, dag)
    with _dag_of_that_name_told(server, name):
        document = server.get("api", "jobs", name, dag=dag_id, run=run)
    # The server goes on to look elsewhere, which suits programs; a person who says where means there.
    if dag is not None and document.get("dag_id") != dag_id:
        raise _not_there(name, f"DAG {dag!r}", f"titan dag {dag}")
    if run is not None and document.get("agent_run_id") != run:
        raise _not_there(name, f"agent run {run!r}", f"titan runs show {run}")
    return document


def dag_id_of(server: Server, dag: str | None) -> str | None:
    """Return the id of the DAG that `--dag` names, None when it is not given."""
    return None if dag is None else read(server.get("api", "dags", dag, jobs=False), Dag).dag_id


@contextmanager
def run_named(server: Server, run_id: str) -> Iterator[None]:
    """Give an UnknownRun a better next step: the ids of runs that the given one is a part of.

    An action that is unknown in it gets the command that lists those of the run.
    """
    try:
        yield
    except CommandFailed as failure:
        if failure.kind == "UnknownRun":
            near = _near(server, run_id)
            next_step = f"Did you mean {shortened(near)}?" if near else "`titan runs` lists them."
        elif failure.kind == "NotFound" and failure.subject.startswith("action "):  # one of many to the SDK
            next_step = f"`titan runs show {run_id} --ids` lists their ids; give the whole one."
        else:
            raise
        raise CommandFailed(
            failure.subject,
            exit_code=failure.exit_code,
            expected=failure.expected,
            found=failure.found,
            next_step=next_step,
            kind=failure.kind,
        ) from failure


def _near(server: Server, run_id: str) -> list[str]:
    answer = server.get("api", "v1", "runs", q=run_id, window="all", limit=50, include_archived="true")
    ids = [run.run_id for run in read(answer, Registry).data]
    return [known for known in ids if run_id.casefold() in known.casefold()][:_NEAR]


@contextmanager
def _dag_of_that_name_told(server: Server, name: str) -> Iterator[None]:
    """Give an UnknownJob a better next step where a DAG has the name that was looked for."""
    try:
        yield
    except CommandFailed as failure:
        if failure.kind != "UnknownJob":
            raise
        dag = _dag_or_none(server, name)
        if dag is None:
            raise
        raise CommandFailed(
            failure.subject,
            exit_code=failure.exit_code,
            expected=failure.expected,
            found=f"a DAG of that name with {_named(dag)}",
            next_step=f"Name one of its jobs, or see `titan dag {name}`.",
            kind=failure.kind,
        ) from failure


def _not_there(name: str, where: str, list_command: str) -> CommandFailed:
    return CommandFailed(
        f"job {name!r}",
        exit_code=ExitCode.NOT_FOUND,
        expected=f"a job of {where}",
        found="none of that name there",
        next_step=f"`{list_command}` lists them.",
        kind="UnknownJob",
    )


def _dag_or_none(server: Server, name: str) -> Dag | None:
    try:
        return find_dag(server, name)
    except CommandFailed:
        return None


def _named(dag: Dag) -> str:
    names = [job.name for job in dag.jobs]
    listed = ", ".join(names[:_NAMED_JOBS])
    rest = len(names) - _NAMED_JOBS
    return f"{count(len(names), 'job')} ({listed}{f' and {rest:,} more' if rest > 0 else ''})"
