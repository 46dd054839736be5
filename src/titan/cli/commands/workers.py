"""`titan workers`: who runs the jobs; one started here or beside the server, drained, taken back."""

import os
from collections.abc import Sequence
from typing import Annotated, Final, TypeAlias

import typer

from titan.cli.arguments import parse_offers
from titan.cli.commands.up import DEFAULT_OFFERS, Home, LogFormat, Offers
from titan.cli.formats import NOTHING, age
from titan.cli.options import Answer, asks, examples, noun
from titan.cli.screen import Cell, Column, Status, say, show_table
from titan.cli.server import Server, parse_address, read
from titan.cli.views import now, shortened
from titan.settings import home_folder, setting
from titan.wire.workers import LocalWorkerAnswer, WorkersAnswer, WorkerView

app = noun("List, start and drain workers; join a server as one.")

START_SECONDS: Final = 45.0  # the server waits 30 s for it

WorkerArgument: TypeAlias = Annotated[str, typer.Argument(metavar="WORKER", help="Its name or id.")]
JoinUrl: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="URL[,URL…]", help="The server to work for; of several on one database, the next when one is away."
    ),
]
WorkerName: TypeAlias = Annotated[
    str | None, typer.Option("--name", metavar="NAME", help="Display name. Default: made of the host's name.")
]
Undo: TypeAlias = Annotated[bool, typer.Option("--undo", help="Give it work again, if it has not left.")]

_COLUMNS = (
    Column("WORKER", folds=True),
    Column("STATE"),
    Column("BUSY", folds=True),
    Column("SEEN", "right"),
    Column("HOST", folds=True, least_columns=100),
    Column("PID", "right", least_columns=100),
    Column("RUNS", folds=True),
)


@asks(app, "titan workers", "titan workers list --json | jq -r '.workers[].name'", name="list")
def list_workers(titan: Server) -> Answer:
    """List the workers: what they offer and what they run; BUSY shows how many slots of each label are taken."""
    answer = titan.get("api", "workers")
    return Answer(answer, lambda: _show_workers(titan, read(answer, WorkersAnswer).workers))


@app.command(
    epilog=examples(
        "titan workers join http://127.0.0.1:5000 --offer GENERAL:4",
        "titan workers join http://127.0.0.1:5000 --offer GPU:1 --name gpu-box",
        "titan workers join http://127.0.0.1:5000,http://127.0.0.1:5001",
        "titan workers join https://titan.example.org:5000 --offer GPU:1    # with TITAN_TOKEN set",
    )
)
def join(
    url: JoinUrl, *, offer: Offers = None, name: WorkerName = None, home: Home = None, log_format: LogFormat = None
) -> None:
    """Start a worker here for a server, until Ctrl-C.

    Ctrl-C gives back what it runs: those jobs start again elsewhere, and nothing is counted against them.
    """
    offers = parse_offers(offer or DEFAULT_OFFERS)
    urls = [str(parse_address(each.strip(), option="URL")) for each in url.split(",") if each.strip() or each == url]
    from titan.engine.worker import main

    # What this process alone may show is taken out of its environment: the processes of jobs begin with it.
    token = os.environ.pop("TITAN_TOKEN", None)
    raise typer.Exit(
        main.run(
            urls=urls,
            offers=offers,
            home=home or home_folder(),
            name=name,
            token=token or None,
            ca_file=setting("TITAN_CA_FILE") or None,
            log_format=log_format,
        )
    )


@asks(app, "titan workers start --offer GPU:1", "titan workers start --offer GENERAL:2 --name spare")
def start(titan: Server, *, offer: Offers = None, name: WorkerName = None) -> Answer:
    """Start another worker beside the server, on its machine. Ctrl-C on `titan up` ends it too."""
    body = {"offers": parse_offers(offer or DEFAULT_OFFERS), "name": name}
    answer = titan.post("api", "workers", "local", body=body, timeout_seconds=START_SECONDS)
    started = read(answer, LocalWorkerAnswer)
    return Answer(answer, lambda: say(f"Worker {started.name} ({started.worker_id}) is here."))


@asks(app, "titan workers drain gpu-box", "titan workers drain gpu-box --undo")
def drain(titan: Server, worker: WorkerArgument, *, undo: Undo = False) -> Answer:
    """Give a worker no new work: it finishes what it runs, then leaves."""
    answer = titan.post("api", "workers", worker, "resume" if undo else "drain")
    return Answer(answer, lambda: _show_drained(read(answer, WorkerView)))


def _show_drained(worker: WorkerView) -> None:
    if worker.state != "draining":
        say(f"Worker {worker.name} takes work again.")
    elif worker.running:
        say(f"Worker {worker.name} takes no new work; it leaves when it has finished {len(worker.running)}.")
    else:
        say(f"Worker {worker.name} takes no new work and leaves.")


def _show_workers(titan: Server, listed: Sequence[WorkerView]) -> None:
    if not listed:
        say("No workers: jobs wait until one joins.")
        say(f"Add one: titan workers join {titan.address} --offer GENERAL:4")
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


def _slots(worker: WorkerView) -> str:
    slots = [f"{label} {worker.busy.get(label, 0)}/{offered}" for label, offered in worker.offers.items()]
    return ", ".join(slots) or NOTHING
