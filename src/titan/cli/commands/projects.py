"""`titan projects`: which ones there are."""

from titan.cli.options import Answer, asks, noun
from titan.cli.server import Server, read
from titan.cli.terminal import Column, Columns, show_table
from titan.wire.server import ProjectsAnswer, ProjectView

app = noun("List projects.")

_COLUMNS: Columns[ProjectView] = (
    Column("PROJECT", lambda project, _: project.name, folds=True),
    Column("CONTENT", lambda project, _: "stored" if project.keeps_content else "off"),
)


@asks(app, "titan projects", "titan projects list --json | jq -r '.data[].name'", name="list")
def list_projects(titan: Server) -> Answer:
    """List the projects that have a run, a DAG, a token or a setting.

    CONTENT says whether inputs and outputs are stored of the runs that begin now.
    """
    answer = titan.get("api", "v1", "projects")
    return Answer(answer, lambda: show_table(_COLUMNS, read(answer, ProjectsAnswer).data))
