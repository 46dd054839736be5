"""Recordings that commands execute a program against: exports of one run."""

from pathlib import Path
from typing import Final

import msgspec

from titan.cli.exit_codes import usage_error
from titan.cli.server import Server
from titan.insight.export_lines import ActionLine, Line, RunLine

LONGEST_NAME: Final = 255  # of a file


def is_file(run: str) -> bool:
    """Tell whether a run is named by a file that holds its export."""
    return len(run) < LONGEST_NAME and Path(run).is_file()


def fetched(titan: Server, run: str, folder: Path) -> Path:
    """Return a file in `folder` with the export of a run."""
    path = folder / "recording.jsonl"
    with path.open("wb") as file:
        file.writelines(titan.stream("api", "v1", "runs", "export", format="jsonl", run_id=run))
    return path


def read_recording(path: Path, named: str) -> tuple[RunLine, list[ActionLine]]:
    """Return the run of an export and its actions.

    Raises:
        CommandFailed: the file is none, or holds several runs.
    """
    decoder = msgspec.json.Decoder(Line)
    try:
        with path.open("rb") as file:
            lines = [decoder.decode(line) for line in file]
    except msgspec.DecodeError as error:
        raise usage_error(str(path), "an export in JSON Lines", str(error)) from error
    runs = [line for line in lines if isinstance(line, RunLine)]
    if len(runs) != 1:
        raise usage_error(named, "an export of one run", f"{len(runs)} runs")
    return runs[0], [line for line in lines if isinstance(line, ActionLine)]
