"""`titan workers`: who runs the jobs."""

import typer

from titan.cli.answers import Worker, WorkerList, read
from titan.cli.formats import NOTHING, age
from titan.cli.options import JsonOption, ServerOption, examples
from titan.cli.screen import Cell, Column, Status, say, show_json, show_table
from titan.cli.server import connect
from titan.cli.views import now, shortened

app = typer.Typer()

_COLUMNS = (
    Column("WORKER", folds=True),
    Column("STATE"),
    Column("BUSY", folds=True),
    Column("SEEN", "right"),
    Column("HOST", folds=True, least_columns=100),
    Column("PID", "right", least_columns=100),
    Column("RUNS", folds=True),
)


@app.command(epilog=examples("titan workers", "titan workers --json | jq '[.workers[].offers.GPU // 0] | add'"))
def workers(*, as_json: JsonOption = False, server: ServerOption = None) -> None:
    """List the workers: what they offer and what they run.

    BUSY shows, for each label, how many of its slots are taken.
    """
    titan = connect(server)
    answer = titan.get("api", "workers")
    if as_json:
        show_json(answer)
        return
    listed = read(answer, WorkerList).workers
    if not listed:
        say("No workers: jobs wait until one joins.")
        say(f"Add one: titan worker --join {titan.address} --offer GENERAL:4")
        return
    at = now()
    rows: list[list[Cell]] = [
        [
            worker.name,
            Status(worker.state),
            _slots(worker),
            age(worker.seen_at, now=at),
            worker.host,
            str(worker.pid),
            shortened([job.name for job in worker.running]),
        ]
        for worker in listed
    ]
    show_table(_COLUMNS, rows)


def _slots(worker: Worker) -> str:
    slots = [f"{label} {worker.busy.get(label, 0)}/{offered}" for label, offered in worker.offers.items()]
    return ", ".join(slots) or NOTHING
