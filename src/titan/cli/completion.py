"""What Tab offers where a job, DAG or run is named: the newest ones the server knows, or nothing."""

from collections.abc import Iterable, Sequence

import typer

_NEWEST = 500  # 0.1 s to ask for; one large DAG must not hide all others
_LARGEST_PAGE = 200  # of what was recorded


def job_names(context: typer.Context, incomplete: str) -> list[str]:
    """Return names of the newest jobs."""
    return _ask(context, incomplete, "name", "jobs")


def dag_names(context: typer.Context, incomplete: str) -> list[str]:
    """Return names of the newest DAGs."""
    return _ask(context, incomplete, "name", "dags")


def run_ids(context: typer.Context, incomplete: str) -> list[str]:
    """Return ids of the newest runs."""
    return _ask(context, incomplete, "run_id", "v1", "runs", listing="data", limit=_LARGEST_PAGE, window="all")


def agent_ids(context: typer.Context, incomplete: str) -> list[str]:
    """Return ids of agents of which runs were recorded."""
    return _ask(context, incomplete, "agent_id", "v1", "agents", listing="data", limit=_LARGEST_PAGE)


def gate_names(context: typer.Context, incomplete: str) -> list[str]:
    """Return names of the open gates."""
    return _ask(context, incomplete, "name", "gates")


def windows(incomplete: str) -> list[str]:
    """Return some times since which runs may be listed."""
    return [window for window in ("90m", "24h", "7d", "4w", "all") if window.startswith(incomplete)]


def files(incomplete: str) -> list[str]:
    """Return the paths that begin with `incomplete`, folders with a slash at their end."""
    import glob
    import os

    paths = glob.glob(glob.escape(incomplete) + "*")
    return sorted(f"{path}/" if os.path.isdir(path) else path for path in paths)


def _ask(
    context: typer.Context,
    incomplete: str,
    field: str,
    *path: str,
    listing: str | None = None,
    limit: int = _NEWEST,
    window: str | None = None,
) -> list[str]:
    from titan.cli.exits import CommandFailed
    from titan.cli.server import connect, of_project

    try:
        with of_project(context.params.get("project")):
            document = connect(context.params.get("server")).get("api", *path, limit=limit, window=window)
    except CommandFailed:
        return []  # a shell that waits for Tab has no place for an error
    return _matching(document.get(listing or path[-1]), field, incomplete)


def _matching(listed: object, field: str, incomplete: str) -> list[str]:
    if not isinstance(listed, Sequence):
        return []
    names: Iterable[object] = (entry.get(field) for entry in listed if isinstance(entry, dict))
    return list(dict.fromkeys(name for name in names if isinstance(name, str) and name.startswith(incomplete)))
