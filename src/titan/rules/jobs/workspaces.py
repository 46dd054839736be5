"""What attempts leave: how their workspaces are called, how much of their output is stored.

    run-NIGHTLY, run-NIGHTLY~6f1ed002ab559585 of another project than the default, dag-0J5K…

A project's name can be no folder's, so its digest stands for it; no run's id has a "~".
"""

from collections.abc import Iterable

from titan.model.actions import digest_of
from titan.model.dags import Dag
from titan.model.projects import DEFAULT_PROJECT
from titan.model.retention import RunKey

# --- How much of an attempt's output is stored ---


def within_limit(content: bytes, *, offset: int, limit_bytes: int) -> bytes:
    """Return what is stored of a part of an output that begins at `offset`; 0 is no limit."""
    if not limit_bytes or offset + len(content) <= limit_bytes:
        return content
    return content[: max(0, limit_bytes - offset)] + _cut_line(limit_bytes)[max(0, offset - limit_bytes) :]


def is_cut(size_bytes: int, *, limit_bytes: int) -> bool:
    """Return whether an output of which so much is stored ends with the line that says it was cut."""
    return bool(limit_bytes) and size_bytes >= limit_bytes + len(_cut_line(limit_bytes))


def _cut_line(limit_bytes: int) -> bytes:
    size = f"{limit_bytes / 1e6:g} MB"
    return f"\n[titan] output cut here: more than {size}; TITAN_MAX_LOG_BYTES sets the limit\n".encode()


def workspace_of(dag: Dag) -> str:
    """Return the name of the workspace of a DAG's jobs."""
    if dag.run_id is None:
        return f"dag-{dag.id}"
    return f"run-{dag.run_id}{_of_project(dag.project_id)}"


def run_of_workspace(name: str, projects: Iterable[str]) -> RunKey | None:
    """Return the run, of one of `projects`, that a workspace is of; None where it is of none."""
    kind, _, rest = name.partition("-")
    run_id, mark, digest = rest.partition("~")
    of_project = {_of_project(project_id): project_id for project_id in (DEFAULT_PROJECT, *projects)}
    project_id = of_project.get(mark + digest)
    return (project_id, run_id) if kind == "run" and project_id is not None else None


def _of_project(project_id: str) -> str:
    return "" if project_id == DEFAULT_PROJECT else f"~{digest_of(project_id).hex()[:16]}"
