"""`titan up`: starts the server, and a worker beside it."""

from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias

import typer

from titan.cli.arguments import parse_host_names, parse_offers
from titan.cli.options import EVERYDAY, examples
from titan.cli.screen import say
from titan.settings import home_folder, setting, shared_folder

everyday = typer.Typer()

DEFAULT_OFFERS: Final = ("GENERAL:4",)  # the original's worker has four slots

Home: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", envvar="TITAN_HOME", help="Where everything is stored.", show_default="~/.titan", file_okay=False
    ),
]
Port: TypeAlias = Annotated[
    int, typer.Option(min=0, max=65535, metavar="PORT", help="For people and programs; 0: any free one.")
]
SdkPort: TypeAlias = Annotated[
    int, typer.Option(min=0, max=65535, metavar="PORT", help="For titan_sdk; 0: any free one.")
]
Offers: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--offer",
        metavar="LABEL:N",
        help="Run up to N jobs at a time that require LABEL. May be repeated.",
        show_default="GENERAL:4",
    ),
]
Model: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="MODEL",
        envvar="TITAN_MODEL",
        help="The language model for job scripts: local, gemini/gemini-2.5-flash, openai/gpt-4o-mini, "
        "http://localhost:11434/v1#llama3, none.",
    ),
]
StoreUrl: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="URL",
        envvar="TITAN_STORE",
        help="Keep jobs in PostgreSQL: postgres://USER@HOST/DATABASE. Default: a file in the home.",
    ),
]
Host: TypeAlias = Annotated[
    str,
    typer.Option(
        metavar="ADDRESS",
        envvar="TITAN_LISTEN",
        help="Where to listen. Any but 127.0.0.1, localhost and ::1 needs a token: titan tokens create.",
    ),
]
RequireToken: TypeAlias = Annotated[
    bool, typer.Option("--require-token", help="Ask for a token on loopback too: for a proxy in front on this machine.")
]
AllowHost: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-host",
        metavar="NAME",
        envvar="TITAN_ALLOW_HOSTS",
        help="A name the server is asked under, such as a proxy's. May be repeated.",
    ),
]
TlsCert: TypeAlias = Annotated[
    Path | None,
    typer.Option(metavar="FILE", envvar="TITAN_TLS_CERT", help="Encrypt with this certificate chain (PEM)."),
]
TlsKey: TypeAlias = Annotated[
    Path | None,
    typer.Option(metavar="FILE", envvar="TITAN_TLS_KEY", help="Its private key. Default: in the certificate's file."),
]
NoWorker: TypeAlias = Annotated[bool, typer.Option("--no-worker", help="Start the server only.")]
LogFormat: TypeAlias = Annotated[
    Literal["text", "json"] | None,
    typer.Option(
        envvar="TITAN_LOG_FORMAT", help="How it logs: in text, or one JSON object a line.", show_default="text"
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
) -> None:
    """Start Titan: the server and a worker beside it."""
    offers = {} if no_worker else parse_offers(offer or DEFAULT_OFFERS)
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
    raise typer.Exit(main.up(settings, say=_say_lines))


def _say_lines(text: str) -> None:
    """Write the greeting at once: whoever reads it through a pipe waits for the address in it."""
    for line in text.splitlines():
        say(line)
