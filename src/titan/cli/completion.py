"""The names that the server knows: what Tab offers, and what a mistyped name is compared with."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import typer

if TYPE_CHECKING:
    from titan.cli.server import Server

_NEWEST: Final = "500"  # 0.1 s to ask for; one large DAG must not hide all others
_LARGEST_PAGE: Final = "200"  # of what was recorded

#: Of each kind of thing: the path of its list, the list's place in the answer, the name's place in each, the query.
_LISTS: Final[Mapping[str, tuple[tuple[str, ...], str, str, Mapping[str, str]]]] = {
    "job": (("jobs",), "jobs", "name", {"limit": _NEWEST}),
    "dag": (("dags",), "dags", "name", {"limit": _NEWEST}),
    "run": (("v1", "runs"), "data", "run_id", {"limit": _LARGEST_PAGE, "window": "all", "include_archived": "true"}),
    "agent": (("v1", "agents"), "data", "agent_id", {"limit": _LARGEST_PAGE}),
    "gate": (("gates",), "gates", "name", {"limit": _NEWEST}),
    "worker": (("workers",), "workers", "name", {}),
}


def job_names(context: typer.Context, incomplete: str) -> list[str]:
    """Return names of the newest jobs."""
    return _completed(context, "job", incomplete)


def dag_names(context: typer.Context, incomplete: str) -> list[str]:
    """Return names of the newest DAGs."""
    return _completed(context, "dag", incomplete)


def run_ids(context: typer.Context, incomplete: str) -> list[str]:
    """Return ids of the newest runs."""
    return _completed(context, "run", incomplete)


def agent_ids(context: typer.Context, incomplete: str) -> list[str]:
    """Return ids of agents of which runs were recorded."""
    return _completed(context, "agent", incomplete)


def gate_names(context: typer.Context, incomplete: str) -> list[str]:
    """Return names of the open gates."""
    return _completed(context, "gate", incomplete)


def windows(incomplete: str) -> list[str]:
    """Return some times since which runs may be listed."""
    return [window for window in ("90m", "24h", "7d", "4w", "all") if window.startswith(incomplete)]


def files(incomplete: str) -> list[str]:
    """Return the paths that begin with `incomplete`, folders with a slash at their end."""
    import glob
    import os

    paths = glob.glob(glob.escape(incomplete) + "*")
    return sorted(f"{path}/" if os.path.isdir(path) else path for path in paths)


def known_names(titan: "Server", kind: str, *, like: str | None = None) -> list[str]:
    """Return the names of the newest things of this kind, each once; of runs only those that hold a text."""
    path, listing, field, query = _LISTS[kind]
    listed = titan.get(
        "api", *path, timeout_seconds=None, **query, **({"q": like} if like and kind == "run" else {})
    ).get(listing)
    if not isinstance(listed, Sequence):
        return []
    names = (entry.get(field) for entry in listed if isinstance(entry, Mapping))
    return list(dict.fromkeys(name for name in names if isinstance(name, str)))


def _completed(context: typer.Context, kind: str, incomplete: str) -> list[str]:
    from titan.cli.exit_codes import CommandFailed
    from titan.cli.server import connect

    try:
        names = known_names(connect(context.params.get("server"), project=context.params.get("project")), kind)
    except CommandFailed:
        return []  # a shell that waits for Tab has no place for an error
    return [name for name in names if name.startswith(incomplete)]
