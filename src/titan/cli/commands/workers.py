"""`titan workers`: who runs the jobs; one drained, taken back, or started beside the server."""

from typing import Annotated, Final, Literal, TypeAlias

import typer

from titan.cli.answers import Worker, WorkerList, WorkerStarted, read
from titan.cli.arguments import parse_offers
from titan.cli.formats import NOTHING, age
from titan.cli.options import JsonOption, ServerOption, examples
from titan.cli.screen import Cell, Column, Status, say, show_json, show_table
from titan.cli.server import connect
from titan.cli.views import now, shortened

app = typer.Typer(
    help="List the workers; drain one, have it take work again, start one beside the server.",
    epilog=examples(
        "titan workers",
        "titan workers drain gpu-box",
        "titan workers resume gpu-box",
        "titan workers start --offer GPU:1 --name second",
    ),
)

START_SECONDS: Final = 45.0  # the server waits 30 s for it

WorkerArgument: TypeAlias = Annotated[str, typer.Argument(metavar="WORKER", help="Its name or id.")]
Offers: TypeAlias = Annotated[
    list[str],
    typer.Option("--offer", metavar="LABEL:N", help="Run up to N jobs at a time that require LABEL. May be repeated."),
]
WorkerName: TypeAlias = Annotated[
    str | None, typer.Option("--name", metavar="NAME", help="What people call it.", show_default="HOST-2, HOST-3, …")
]

_COLUMNS = (
    Column("WORKER", folds=True),
    Column("STATE"),
    Column("BUSY", folds=True),
    Column("SEEN", "right"),
    Column("HOST", folds=True, least_columns=100),
    Column("PID", "right", least_columns=100),
    Column("RUNS", folds=True),
)


@app.callback(invoke_without_command=True)
def workers(context: typer.Context, *, as_json: JsonOption = False, server: ServerOption = None) -> None:
    """List the workers: what they offer and what they run; BUSY shows how many slots of each label are taken.

    Below are commands that ask something of one.
    """
    command = context.invoked_subcommand
    if command is None:
        _show_all(as_json=as_json, server=server)
    elif as_json or server is not None:
        raise typer.BadParameter(f"--json and --server stand behind the command: titan workers {command} … --json")


@app.command(epilog=examples("titan workers drain gpu-box"))
def drain(worker: WorkerArgument, *, as_json: JsonOption = False, server: ServerOption = None) -> None:
    """Give a worker no new work: it finishes what it runs, then leaves."""
    _change("drain", worker, as_json=as_json, server=server)


@app.command(epilog=examples("titan workers resume gpu-box"))
def resume(worker: WorkerArgument, *, as_json: JsonOption = False, server: ServerOption = None) -> None:
    """Give work again to a worker that is draining and has not left."""
    _change("resume", worker, as_json=as_json, server=server)


@app.command(epilog=examples("titan workers start --offer GPU:1", "titan workers start --offer GENERAL:2 --name spare"))
def start(*, offer: Offers, name: WorkerName = None, as_json: JsonOption = False, server: ServerOption = None) -> None:
    """Start another worker beside the server, on its machine. Ctrl-C on `titan up` ends it too."""
    body = {"offers": parse_offers(offer), "name": name}
    answer = connect(server).post("api", "workers", "local", body=body, timeout_seconds=START_SECONDS)
    if as_json:
        show_json(answer)
        return
    started = read(answer, WorkerStarted)
    say(f"Worker {started.name} ({started.worker_id}) is here.")


def _change(word: Literal["drain", "resume"], name: str, *, as_json: bool, server: str | None) -> None:
    answer = connect(server).post("api", "workers", name, word)
    if as_json:
        show_json(answer)
        return
    worker = read(answer, Worker)
    if worker.state != "draining":
        say(f"Worker {worker.name} takes work again.")
    elif worker.running:
        say(f"Worker {worker.name} takes no new work; it leaves when it has finished {len(worker.running)}.")
    else:
        say(f"Worker {worker.name} takes no new work and leaves.")


def _show_all(*, as_json: bool, server: str | None) -> None:
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
