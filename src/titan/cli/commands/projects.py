"""`titan projects`: which ones there are."""

from titan.cli.options import Answer, asks, noun
from titan.cli.screen import Column, show_table
from titan.cli.server import Server, read
from titan.wire.access import ProjectsAnswer

app = noun("List projects.")

_COLUMNS = (Column("PROJECT", folds=True), Column("CONTENT"))


@asks(app, "titan projects", "titan projects list --json | jq -r '.data[].name'", name="list")
def list_projects(titan: Server) -> Answer:
    """List the projects that have a run, a DAG, a token or a setting.

    CONTENT says whether inputs and outputs are stored of the runs that begin now.
    """
    answer = titan.get("api", "v1", "projects")
    return Answer(answer, lambda: _show(read(answer, ProjectsAnswer)))


def _show(listed: ProjectsAnswer) -> None:
    show_table(_COLUMNS, [[project.name, "stored" if project.keeps_content else "off"] for project in listed.data])
