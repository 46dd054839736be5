"""Find jobs, DAGs and runs by name; suggest near names; complete names in the shell."""

import glob
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Final

import typer

from titan.cli.exit_codes import CommandFailed, not_found, usage_error
from titan.cli.server import Document, Server, connect, read
from titan.cli.views.formats import count
from titan.cli.views.jobs import jobs_of, shortened
from titan.wire.runs import RunView
from titan.wire.work import DagView, JobView

_NAMED_JOBS: Final = 5  # how many jobs of a DAG a hint lists
_NEAR: Final = 3  # near names that are suggested
_UNKNOWN: Final = re.compile(r"(job|dag|run|worker|gate) '(.+)'")  # the subject of an error

_NEWEST: Final = "500"  # 0.1 s to ask for; one large DAG must not hide all others
_LARGEST_PAGE: Final = "200"  # of runs and agents
#: Of each kind of thing: the path of its list, the list's key in the answer, the name's key in each, the query.
_LISTS: Final[Mapping[str, tuple[tuple[str, ...], str, str, Mapping[str, str]]]] = {
    "job": (("jobs",), "jobs", "name", {"limit": _NEWEST}),
    "dag": (("dags",), "dags", "name", {"limit": _NEWEST, "origin": "all"}),
    "run": (
        ("v1", "runs"),
        "data",
        "run_id",
        {"limit": _LARGEST_PAGE, "window": "all", "include_archived": "true", "origin": "all"},
    ),
    "agent": (("v1", "agents"), "data", "agent_id", {"limit": _LARGEST_PAGE, "origin": "all"}),
    "gate": (("gates",), "gates", "name", {"limit": _NEWEST}),
    "worker": (("workers",), "workers", "name", {}),
}

# --- what Tab offers ---


def _completion_of(kind: str) -> Callable[..., list[str]]:
    """Return the function with which typer completes names of one kind."""

    def complete(context: typer.Context, incomplete: str) -> list[str]:
        try:
            names = known_names(connect(context.params.get("server"), project=context.params.get("project")), kind)
        except CommandFailed:
            return []  # a shell that waits for Tab has no place for an error
        return [name for name in names if name.startswith(incomplete)]

    return complete


job_names, dag_names, run_ids, agent_ids, gate_names = map(_completion_of, ("job", "dag", "run", "agent", "gate"))


def windows(incomplete: str) -> list[str]:
    """Return examples of `--since`."""
    return [window for window in ("90m", "24h", "7d", "4w", "all") if window.startswith(incomplete)]


def files(incomplete: str) -> list[str]:
    """Return the paths that begin with `incomplete`, folders with a slash at their end."""
    paths = glob.glob(glob.escape(incomplete) + "*")
    return sorted(f"{path}/" if os.path.isdir(path) else path for path in paths)


def known_names(titan: Server, kind: str, *, like: str | None = None) -> list[str]:
    """Return the names of the newest jobs, DAGs …, each once; `like` filters runs by a text."""
    path, listing, field, query = _LISTS[kind]
    more = {"q": like} if like and kind == "run" else {}
    listed = titan.get("api", *path, timeout_seconds=None, **query, **more).get(listing)
    if not isinstance(listed, Sequence):
        return []
    names = (entry.get(field) for entry in listed if isinstance(entry, Mapping))
    return list(dict.fromkeys(name for name in names if isinstance(name, str)))


# --- the one that is meant ---


def find_dag(server: Server, name: str) -> DagView:
    """Return the DAG with this id, else the newest of this name, with its jobs."""
    return read(server.get("api", "dags", name), DagView)


def find_job(server: Server, name: str, *, dag: str | None = None, run: str | None = None) -> JobView:
    """Return the job with this id, else the newest of this name in `dag` or `run`, else the newest of all."""
    return read(find_job_document(server, name, dag=dag, run=run), JobView)


def find_job_document(server: Server, name: str, *, dag: str | None = None, run: str | None = None) -> Document:
    """Return the answer that `find_job` reads."""
    dag_id = dag_id_of(server, dag)
    with _mentions_dag_of_that_name(server, name):
        document = server.get("api", "jobs", name, dag=dag_id, run=run)
    # Elsewhere the server finds the newest of that name, which suits programs; `--dag` and `--run` mean only there.
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
            found = "none of them" if dag is None else "--dag and --run without a job"
            raise usage_error(command, what, found, f"For example: {command} --dag nightly")
        return ("dags", dag) if dag is not None else ("v1", "runs", _run_id_of(server, str(run)) or str(run))
    if dag is not None or run is not None:
        return "jobs", find_job(server, name, dag=dag, run=run).job_id
    if (job := _none_if("UnknownJob", lambda: server.get("api", "jobs", name))) is not None:
        return "jobs", read(job, JobView).job_id
    if (found_dag := _none_if("UnknownDag", lambda: server.get("api", "dags", name, jobs=False))) is not None:
        return "dags", read(found_dag, DagView).dag_id
    if has_runs and (run_id := _run_id_of(server, name)) is not None:
        return "v1", "runs", run_id
    next_step = "List them: titan jobs, titan dags, titan runs."
    raise not_found(f"job {name!r}", f"the name or id of {what}", "no such name", next_step, kind="UnknownJob")


def _run_id_of(server: Server, name: str) -> str | None:
    """Return the id of a run that may be named by an alias; None where no run has that name."""
    run = _none_if("UnknownRun", lambda: server.get("api", "v1", "runs", name))
    return None if run is None else read(run, RunView).run_id


def _none_if(kind: str, ask: Callable[[], Document]) -> Document | None:
    try:
        return ask()
    except CommandFailed as failure:
        if failure.kind != kind:
            raise
        return None


@contextmanager
def _mentions_dag_of_that_name(server: Server, name: str) -> Iterator[None]:
    """Give an UnknownJob a better next step where a DAG has that name."""
    try:
        yield
    except CommandFailed as failure:
        if failure.kind != "UnknownJob":
            raise
        try:
            names = [job.name for job in jobs_of(find_dag(server, name))]
        except CommandFailed:
            raise failure from None
        found = f"a DAG of that name with {count(len(names), 'job')} ({shortened(names, _NAMED_JOBS)})"
        next_step = f"Name one of its jobs, or see `titan dags show {name}`."
        raise replaced(failure, found=found, next_step=next_step) from failure


def _not_there(name: str, where: str, list_command: str) -> CommandFailed:
    next_step = f"`{list_command}` lists them."
    return not_found(f"job {name!r}", f"a job of {where}", "none of that name there", next_step, kind="UnknownJob")


# --- near names ---


def with_near_names(server: Server, failure: CommandFailed) -> CommandFailed:
    """Return the error with names like the unknown one as its next step, or else the command that lists them."""
    unknown = _UNKNOWN.fullmatch(failure.subject)
    if unknown is None or failure.found != "no such name":
        return failure
    kind, name = unknown.groups()
    try:
        known = known_names(server, kind, like=name) or known_names(server, kind)
    except CommandFailed:
        return failure
    parts = [each for each in known if name.casefold() in each.casefold()]
    near = (parts or get_close_matches(name, known))[:_NEAR]
    return replaced(failure, next_step=f"Did you mean {shortened(near)}?" if near else f"`titan {kind}s` lists them.")


def replaced(failure: CommandFailed, *, found: str | None = None, next_step: str) -> CommandFailed:
    """Return the same error with another next step."""
    return CommandFailed(
        *(failure.subject, failure.expected, found or failure.found, next_step),
        exit_code=failure.exit_code,
        kind=failure.kind,
    )
