"""`titan doctor`: check this machine and the server, and say what to do."""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path

import typer

from titan.cli.doctor import Check, Level, findings_of
from titan.cli.exit_codes import ExitCode
from titan.cli.options import EVERYDAY, Answer, Home, ServerOption, asks
from titan.cli.server import Server, connect, names_a_server, server_of
from titan.cli.terminal import Status, say
from titan.settings import home_folder, setting

everyday = typer.Typer()


@asks(
    everyday,
    "titan doctor",
    "titan doctor --json | jq '.findings[] | select(.level != \"ok\")'",
    panel=EVERYDAY,
    is_local=True,
)
def doctor(*, home: Home = None, server: ServerOption = None, as_json: bool = False) -> Answer:
    """Check everything Titan needs, and say what to do.

    Exit 1 when something does not work. It changes nothing, costs nothing, and works without a server too.
    """
    findings = []
    for finding in findings_of(_checks((home or home_folder()).expanduser().absolute(), server)):
        findings.append(finding)
        if not as_json:
            step = f" → {finding.next_step}" if finding.next_step else ""
            say(Status(f"{finding.level.value:<4}"), f"  {finding.check:<11}  {finding.text}{step}")
    levels = Counter(finding.level for finding in findings)
    document = {"is_well": not levels[Level.FAIL], "findings": [asdict(finding) for finding in findings]}
    text = f"{levels[Level.OK]} ok, {levels[Level.WARN]} warnings, {levels[Level.FAIL]} errors"
    return Answer(document, lambda: say(text), ExitCode.FAILED if levels[Level.FAIL] else ExitCode.OK)


def _checks(home: Path, url: str | None) -> Iterator[tuple[str, Check]]:
    """Yield the checks with their names; checks of a server only if one answers."""
    from titan.cli.doctor import machine  # 0.3 s to import
    from titan.cli.doctor import server as of_server

    yield "home", partial(machine.check_home, home)
    yield "disk", partial(machine.check_disk, home)
    yield "database", partial(machine.check_database, home)
    yield "calls", partial(machine.check_calls, home)
    yield "recorded", partial(machine.check_spools, home, os.environ)
    titan = connect(url) if url is not None or names_a_server() else server_of(home)
    if titan is None:
        yield "server", of_server.check_no_server
        yield "ports", of_server.check_ports
    else:
        yield "server", partial(of_server.check_server, titan)
        yield "TLS", partial(of_server.check_certificate, titan.address, setting("TITAN_CA_FILE") or None)
        if titan.answers(to_us=True):
            yield "workers", partial(of_server.check_workers, titan)
            yield "tapes", partial(of_server.check_tapes, titan)
    yield "interpreter", machine.check_machine
    yield "model", partial(machine.check_model, home, _model_of(titan))


def _model_of(server: Server | None) -> str | None:
    """Return the server's model, else that of TITAN_MODEL."""
    if server is None or not server.answers(to_us=True):
        return os.environ.get("TITAN_MODEL") or None
    named = server.get("api", "health").get("model")
    return named if isinstance(named, str) else "none"
