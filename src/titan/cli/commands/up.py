"""`titan up`: starts the server, and a worker beside it."""

from pathlib import Path
from typing import Annotated, Final, Literal

import typer

from titan.cli.arguments import parse_host_names, parse_offers
from titan.cli.options import EVERYDAY, Home, examples, option
from titan.cli.terminal import say
from titan.settings import home_folder, setting, shared_folder

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
