"""How workspaces are called: the folders in which a worker runs the jobs of one run, or of one DAG without a run.

    run-NIGHTLY, run-NIGHTLY~6f1ed002ab559585 of another project than the default, dag-0J5K…

A project's name can be no folder's, so its digest stands for it; no run's id has a "~".
"""

from collections.abc import Iterable

from titan.model.actions import digest_of
from titan.model.dags import Dag
from titan.model.projects import DEFAULT_PROJECT
from titan.model.retention import RunKey


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
