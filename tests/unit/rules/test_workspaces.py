"""The name of a workspace says whose it is, and can be a folder's whatever the project is called."""

from dataclasses import replace

import pytest

from tests.support.builders import a_dag
from titan.rules.names import check_name
from titan.rules.retention import run_of_workspace, workspace_of

PROJECTS = ["finance", "Crème/brûlée"]


@pytest.mark.parametrize("project", ["default", *PROJECTS])
def test_a_run_has_one_workspace_which_leads_back_to_it(project: str) -> None:
    name = workspace_of(replace(a_dag(), run_id="NIGHT-1", project_id=project))

    assert check_name("folder", name.replace("~", "-")) == name.replace("~", "-")
    assert run_of_workspace(name, PROJECTS) == (project, "NIGHT-1")


def test_runs_of_one_name_in_two_projects_have_two() -> None:
    assert (
        len({workspace_of(replace(a_dag(), run_id="R", project_id=project)) for project in ("default", *PROJECTS)}) == 3
    )


@pytest.mark.parametrize("name", ["dag-D1", "run-R~6f1ed002ab559585", "lost+found"])
def test_a_workspace_of_no_known_run_has_none(name: str) -> None:
    assert run_of_workspace(name, PROJECTS) is None


def test_a_dag_without_a_run_has_its_own() -> None:
    dag = a_dag()

    assert workspace_of(dag) == f"dag-{dag.id}"
