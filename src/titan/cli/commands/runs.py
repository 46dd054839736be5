"""`titan runs` and `titan run`: agents, from their first stage to their last."""

import typer

from titan.cli.answers import Run, RunList, read
from titan.cli.formats import NOTHING, duration, moment
from titan.cli.options import JsonOption, Limit, RunArgument, ServerOption, examples
from titan.cli.screen import Cell, Column, Status, remark_limit, say, show_json, show_table
from titan.cli.server import connect
from titan.cli.views import now, show_run

app = typer.Typer()

_COLUMNS = (
    Column("RUN", folds=True),
    Column("STATUS"),
    Column("STAGES", "right"),
    Column("JOBS", "right"),
    Column("STARTED", least_columns=70),
    Column("TOOK", "right", least_columns=50),
    Column("AGENT", folds=True, least_columns=90),
    Column("WHY", folds=True, least_columns=110),
)


@app.command(epilog=examples("titan runs", "titan runs --limit 5", "titan runs --json | jq -r '.runs[0].agent_run_id'"))
def runs(*, limit: Limit = 50, as_json: JsonOption = False, server: ServerOption = None) -> None:
    """List the newest agent runs."""
    answer = connect(server).get("api", "runs", limit=limit)
    if as_json:
        show_json(answer)
        return
    listed = read(answer, RunList).runs
    if not listed:
        say("No agent runs yet: DAGs submitted with an agent_run_id appear here, grouped by it.")
        say("Make one: titan submit plan.py --run RESEARCH_1")
        return
    at = now()
    rows: list[list[Cell]] = [
        [
            f"{run.agent_run_id} (pinned)" if run.pinned else run.agent_run_id,
            Status(run.status),
            f"{run.stage_count:,}",
            f"{run.job_count:,}",
            moment(run.started_at, now=at),
            duration(run.length(at)),
            run.agent_id or NOTHING,
            run.reason or NOTHING,
        ]
        for run in listed
    ]
    show_table(_COLUMNS, rows)
    remark_limit(len(listed), limit)


@app.command(epilog=examples("titan run RESEARCH_cb5e13", "titan run RESEARCH_cb5e13 --json | jq -r '.stages[].name'"))
def run(agent_run_id: RunArgument, *, as_json: JsonOption = False, server: ServerOption = None) -> None:
    """Show one agent run: its stages in the order they were submitted."""
    answer = connect(server).get("api", "runs", agent_run_id)
    if as_json:
        show_json(answer)
    else:
        show_run(read(answer, Run), at=now())
