"""`python -m titan.worker`: the worker that `titan up` keeps beside its server."""

import argparse
import sys
from pathlib import Path

from titan.log_lines import FORMATS
from titan.worker.main import run


def main(arguments: list[str]) -> int:
    """Read the command line and run a worker; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m titan.worker", description=__doc__)
    parser.add_argument("--join", required=True, metavar="URL", help="the server, as http://127.0.0.1:9090")
    parser.add_argument(
        "--home", required=True, type=Path, help="the TITAN_HOME below which the worker keeps its things"
    )
    parser.add_argument("--offer", action="append", required=True, type=_offer, metavar="LABEL:SLOTS")
    parser.add_argument("--name", help="for people; default: the host's name")
    parser.add_argument("--local", action="store_true", help="be the worker of the server with this home")
    parser.add_argument("--log-format", choices=FORMATS, help="default: TITAN_LOG_FORMAT, else text")
    given = parser.parse_args(arguments)
    return run(
        urls=[given.join],
        offers=dict(given.offer),
        home=given.home,
        name=given.name,
        is_local=given.local,
        log_format=given.log_format,
    )


def _offer(text: str) -> tuple[str, int]:
    label, _, slots = text.rpartition(":")
    if not label or not slots.isdecimal():
        raise argparse.ArgumentTypeError(f"expected LABEL:SLOTS, as GENERAL:4; found {text!r}")
    return label, int(slots)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
