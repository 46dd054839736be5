"""What Tab offers where a job, DAG or run is named: the newest ones the server knows, or nothing."""

from collections.abc import Iterable, Sequence

import typer

_NEWEST = 500  # 0.1 s to ask for; one large DAG must not hide all others


def job_names(context: typer.Context, incomplete: str) -> list[str]:
    """Return names of the newest jobs."""
    return _ask(context, incomplete, "jobs", "name")


def dag_names(context: typer.Context, incomplete: str) -> list[str]:
    """Return names of the newest DAGs."""
    return _ask(context, incomplete, "dags", "name")


def run_ids(context: typer.Context, incomplete: str) -> list[str]:
    """Return ids of the newest agent runs."""
    return _ask(context, incomplete, "runs", "agent_run_id")


def gate_names(context: typer.Context, incomplete: str) -> list[str]:
    """Return names of the open gates."""
    return _ask(context, incomplete, "gates", "name")


def files(incomplete: str) -> list[str]:
    """Return the paths that begin with `incomplete`, folders with a slash at their end."""
    import glob
    import os

    paths = glob.glob(glob.escape(incomplete) + "*")
    return sorted(f"{path}/" if os.path.isdir(path) else path for path in paths)


def _ask(context: typer.Context, incomplete: str, listing: str, field: str) -> list[str]:
    from titan.cli.exits import CommandFailed
    from titan.cli.server import connect

    try:
        document = connect(context.params.get("server")).get("api", listing, limit=_NEWEST)
    except CommandFailed:
        return []  # a shell that waits for Tab has no place for an error
    return _matching(document.get(listing), field, incomplete)


def _matching(listed: object, field: str, incomplete: str) -> list[str]:
    if not isinstance(listed, Sequence):
        return []
    names: Iterable[object] = (entry.get(field) for entry in listed if isinstance(entry, dict))
    return list(dict.fromkeys(name for name in names if isinstance(name, str) and name.startswith(incomplete)))
