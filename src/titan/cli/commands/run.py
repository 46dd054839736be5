"""`titan run`: an agent run with its stages, from the first to the last."""

import typer

from titan.cli.answers import Document, Run, read
from titan.cli.exits import CommandFailed
from titan.cli.options import JsonOption, RunArgument, ServerOption, examples
from titan.cli.screen import show_json
from titan.cli.server import Server, connect
from titan.cli.views import now, show_run

app = typer.Typer()


@app.command(epilog=examples("titan run RESEARCH_cb5e13", "titan run RESEARCH_cb5e13 --json | jq -r '.stages[].name'"))
def run(agent_run_id: RunArgument, *, as_json: JsonOption = False, server: ServerOption = None) -> None:
    """Show one agent run: its stages in the order they were submitted.

    What it called, and what that cost: titan runs show.
    """
    answer = _found(connect(server), agent_run_id)
    if as_json:
        show_json(answer)
    else:
        show_run(read(answer, Run), at=now())


def _found(titan: Server, run_id: str) -> Document:
    """Return the run; of one that was recorded and has no stages, say where it is shown."""
    try:
        return titan.get("api", "runs", run_id)
    except CommandFailed as failure:
        if failure.kind != "UnknownRun" or not _is_recorded(titan, run_id):
            raise
        raise CommandFailed(
            failure.subject,
            exit_code=failure.exit_code,
            expected="a run with stages",
            found="one without, of which only calls were recorded",
            next_step=f"See them: titan runs show {run_id}",
            kind=failure.kind,
        ) from failure


def _is_recorded(titan: Server, run_id: str) -> bool:
    try:
        titan.get("api", "v1", "runs", run_id)
    except CommandFailed:
        return False
    return True
