"""`titan projects`: which ones there are."""

import typer

from titan.cli.answers import ProjectList, read
from titan.cli.options import JsonOption, ServerOption, examples
from titan.cli.screen import Column, show_json, show_table
from titan.cli.server import connect

app = typer.Typer()

_COLUMNS = (Column("PROJECT", folds=True), Column("CONTENT"))


@app.command(epilog=examples("titan projects", "titan projects --json | jq -r '.data[].name'"))
def projects(*, as_json: JsonOption = False, server: ServerOption = None) -> None:
    """List the projects that have a run, a DAG, a token or a setting.

    CONTENT says whether inputs and outputs are stored of the runs that begin now.
    """
    answer = connect(server).get("api", "v1", "projects")
    if as_json:
        show_json(answer)
        return
    listed = read(answer, ProjectList).data
    show_table(_COLUMNS, [[project.name, "stored" if project.keeps_content else "off"] for project in listed])
