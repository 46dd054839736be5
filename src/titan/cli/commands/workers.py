"""`titan workers`: who runs the jobs; one started here, drained, taken back."""

import os
from typing import Annotated

import typer

from titan.cli.arguments import parse_offers
from titan.cli.commands.up import DEFAULT_OFFERS, LogFormat, Offers
from titan.cli.options import Answer, Home, argument, asks, examples, noun, option
from titan.cli.server import Server, connect, parse_address, read
from titan.cli.terminal import Column, Columns, Status, say, show_list
from titan.cli.views.formats import age
from titan.cli.views.jobs import shortened
from titan.settings import home_folder, setting
from titan.wire.protocol import WorkersAnswer, WorkerView

app = noun("List and drain workers; join a server as one.")

WorkerArgument = Annotated[str, argument("WORKER", "Its name or id.")]
JoinUrl = Annotated[
    str | None,
    argument(
        "[URL[,URL…]]",
        "The server to work for; of several on one database, the next when one is away. "
        "Default: TITAN_HOST and TITAN_PORT, else the server that runs here.",
    ),
]
WorkerName = Annotated[str | None, option("--name NAME", "Display name. Default: made of the host's name.")]
Undo = Annotated[bool, option("--undo", "Give it work again, if it has not left.")]

_COLUMNS: Columns[WorkerView] = (
    Column("WORKER", lambda worker, _: worker.name, folds=True),
    Column("STATE", lambda worker, _: Status(worker.state)),
    Column("BUSY", lambda worker, _: _slots(worker), folds=True),
    Column("SEEN", lambda worker, at: age(worker.seen_at, now=at), is_right=True),
    Column("HOST", lambda worker, _: worker.host, folds=True, least_columns=100),
    Column("PID", lambda worker, _: str(worker.pid), is_right=True, least_columns=100),
    Column("RUNS", lambda worker, _: shortened([job.name for job in worker.running]), folds=True),
)


@asks(app, "titan workers", "titan workers list --json | jq -r '.workers[].name'", name="list")
def list_workers(titan: Server) -> Answer:
    """List the workers: what they offer and what they run; BUSY shows how many slots of each label are taken."""
    answer = titan.get("api", "workers")
    nothing = (
        f"No workers: jobs wait until one joins.\nAdd one: titan workers join {titan.address.url} --offer GENERAL:4"
    )
    return Answer(answer, lambda: show_list(_COLUMNS, read(answer, WorkersAnswer).workers, nothing=nothing))


@app.command(
    epilog=examples(
        "titan workers join --offer GPU:1 --name second    # beside the server that runs here",
        "titan workers join http://127.0.0.1:5000 --offer GENERAL:4",
        "titan workers join http://127.0.0.1:5000 --offer GPU:1 --name gpu-box",
        "titan workers join http://127.0.0.1:5000,http://127.0.0.1:5001",
        "titan workers join https://titan.example.org:5000 --offer GPU:1    # with TITAN_TOKEN set",
    )
)
def join(
    url: JoinUrl = None,
    *,
    offer: Offers = None,
    name: WorkerName = None,
    home: Home = None,
    log_format: LogFormat = None,
) -> None:
    """Start a worker here for a server, until Ctrl-C.

    Ctrl-C gives back what it runs: those jobs start again elsewhere, and nothing is counted against them.
    """
    offers = parse_offers(offer or DEFAULT_OFFERS)
    named = url or connect(None).address.url
    urls = [parse_address(each.strip(), option="URL").url for each in named.split(",") if each.strip() or each == url]
    from titan.worker import main

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


def _slots(worker: WorkerView) -> str:
    return ", ".join(f"{label} {worker.busy.get(label, 0)}/{offered}" for label, offered in worker.offers.items())
