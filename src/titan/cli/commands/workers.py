"""`titan up` starts the server and a worker; `titan workers` lists, starts and drains workers."""

import os
from pathlib import Path
from typing import Annotated, Final, Literal

import typer

from titan.cli.arguments import parse_host_names, parse_offers
from titan.cli.options import EVERYDAY, Answer, Home, argument, asks, examples, noun, option
from titan.cli.server import Server, connect, parse_address, read
from titan.cli.temporary_server import end_with_users
from titan.cli.terminal import Column, Columns, Status, say, say_lines, show_list
from titan.cli.views.formats import age
from titan.cli.views.jobs import shortened
from titan.settings import home_folder, setting, shared_folder
from titan.wire.protocol import WorkersAnswer, WorkerView

everyday = typer.Typer()

DEFAULT_OFFERS: Final = ("GENERAL:4",)  # the original's worker has four slots

Port = Annotated[int, option("--port PORT", "For people and programs; 0: any free one.", min=0, max=65535)]
SdkPort = Annotated[int, option("--sdk-port PORT", "For titan_sdk; 0: any free one.", min=0, max=65535)]
Offers = Annotated[
    list[str] | None,
    option(
        "--offer LABEL:N", "Run up to N jobs at a time that require LABEL. May be repeated.", show_default="GENERAL:4"
    ),
]
Model = Annotated[
    str | None,
    option(
        "--model MODEL",
        "The language model for job scripts: local, gemini/gemini-2.5-flash, openai/gpt-4o-mini, "
        "http://localhost:11434/v1#llama3, none.",
        envvar="TITAN_MODEL",
    ),
]
StoreUrl = Annotated[
    str | None,
    option(
        "--store URL",
        "Keep jobs in PostgreSQL: postgres://USER@HOST/DATABASE. Default: a file in the home.",
        envvar="TITAN_STORE",
    ),
]
Host = Annotated[
    str,
    option(
        "--host ADDRESS",
        "Where to listen. Any but 127.0.0.1, localhost and ::1 needs a token: titan tokens create.",
        envvar="TITAN_LISTEN",
    ),
]
RequireToken = Annotated[
    bool, option("--require-token", "Ask for a token on loopback too: for a proxy in front on this machine.")
]
AllowHost = Annotated[
    list[str] | None,
    option(
        "--allow-host NAME",
        "A name the server is asked under, such as a proxy's. May be repeated.",
        envvar="TITAN_ALLOW_HOSTS",
    ),
]
TlsCert = Annotated[
    Path | None, option("--tls-cert FILE", "Encrypt with this certificate chain (PEM).", envvar="TITAN_TLS_CERT")
]
TlsKey = Annotated[
    Path | None,
    option("--tls-key FILE", "Its private key. Default: in the certificate's file.", envvar="TITAN_TLS_KEY"),
]
NoWorker = Annotated[bool, option("--no-worker", "Start the server only.")]
LogFormat = Annotated[
    Literal["text", "json"] | None,
    option(
        "--log-format",
        "How it logs: in text, or one JSON object a line.",
        envvar="TITAN_LOG_FORMAT",
        show_default="text",
    ),
]


@everyday.command(
    rich_help_panel=EVERYDAY,
    epilog=examples(
        "titan up",
        "titan up --offer GENERAL:8 --offer GPU:1",
        "titan up --home ./experiment --port 5001 --sdk-port 9091",
        "titan up --model gemini/gemini-2.5-flash",
        "titan up --store postgres://titan@db.example/titan",
        "titan up --host 0.0.0.0 --tls-cert cert.pem --tls-key key.pem",
        "titan up --require-token --allow-host titan.example.org",
    ),
)
def up(
    *,
    home: Home = None,
    port: Port = 5000,
    sdk_port: SdkPort = 9090,
    offer: Offers = None,
    host: Host = "127.0.0.1",
    model: Model = None,
    store: StoreUrl = None,
    no_worker: NoWorker = False,
    require_token: RequireToken = False,
    allow_host: AllowHost = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    log_format: LogFormat = None,
    end_with: Annotated[Path | None, typer.Option(hidden=True, help="Stop when no command holds this file.")] = None,
) -> None:
    """Start Titan: the server and a worker beside it."""
    offers = {} if no_worker else parse_offers(offer or DEFAULT_OFFERS)
    if end_with is not None:
        end_with_users(end_with)
    from titan import main  # the whole server: most of a second to import

    settings = main.UpSettings(
        home=home or home_folder(),
        port=port,
        sdk_port=sdk_port,
        offers=offers,
        host=host,
        requires_token=require_token or bool(setting("TITAN_REQUIRE_TOKEN")),
        hosts=parse_host_names(allow_host or ()),
        tls_certificate=tls_cert,
        tls_key=tls_key,
        model=model,
        store=store or None,
        shared=shared_folder(),
        log_format=log_format,
    )
    raise typer.Exit(main.up(settings, say=lambda text: say_lines(text.splitlines())))


# --- workers ---

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
    return ", ".join(
        f"{label} {worker.busy.get(label, 0)}/{offered}" + (f" + {parked} parked" if parked else "")
        for label, offered in worker.offers.items()
        for parked in [worker.parked.get(label, 0)]
    )
