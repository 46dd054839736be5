"""`titan store get` and `titan store put`: the store that jobs share, by hand."""

import sys
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from titan.cli.answers import StoredValue, read
from titan.cli.exits import CommandFailed, ExitCode, usage_error
from titan.cli.formats import size
from titan.cli.options import JsonOption, ServerOption, examples
from titan.cli.screen import remark, say, show_json, write_bytes
from titan.cli.server import Server, connect, local_file

app = typer.Typer(
    help="Read and write the store that jobs share.",
    epilog=examples(
        "titan store put greeting hello",
        "titan store get greeting",
        "titan store get research:cb5e13:report --output report.md",
    ),
)

Key: TypeAlias = Annotated[str, typer.Argument(metavar="KEY", help="1 to 1024 bytes, no control characters.")]
Value: TypeAlias = Annotated[
    str, typer.Argument(metavar="VALUE", help="A text up to 10 MiB, or - to read it from stdin.")
]
Output: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Write the artifact published under the key, or the value where there is none, to this file.",
    ),
]


@app.command(
    epilog=examples(
        "titan store get research:cb5e13:plan | jq .subtopics",
        "titan store get research:cb5e13:report --output report.md",
    )
)
def get(key: Key, *, output: Output = None, as_json: JsonOption = False, server: ServerOption = None) -> None:
    """Write the value of a key; exit 3 when there is none."""
    titan = connect(server)
    answer = titan.get("api", "store", key=key)
    stored = read(answer, StoredValue)
    if stored.value is None:
        raise CommandFailed(
            f"key {key!r}",
            exit_code=ExitCode.NOT_FOUND,
            expected="a value in the store",
            found="none",
            next_step=f"Set one: titan store put {key} VALUE",
            kind="UnknownKey",
        )
    if output is not None:
        _save(titan, stored, output)
    if as_json:
        show_json(answer)
    elif output is None:
        write_bytes(_as_line(stored.value))


@app.command(
    epilog=examples(
        "titan store put greeting hello",
        "titan store put config - < config.json",
        "titan store put -- offset -5",
    )
)
def put(key: Key, value: Value, *, as_json: JsonOption = False, server: ServerOption = None) -> None:
    """Set the value of a key; it is kept on disk when the command returns."""
    text = _read_stdin() if value == "-" else value
    answer = connect(server).put("api", "store", body={"key": key, "value": text})
    if as_json:
        show_json(answer)
    else:
        say("OK")


def _save(server: Server, stored: StoredValue, target: Path) -> None:
    if stored.artifact is not None:
        server.download("api", "blobs", stored.artifact, target=target)
    else:
        with local_file(target):
            target.write_text(stored.value or "", encoding="utf-8", newline="")
    remark(f"Wrote {target} ({size(target.stat().st_size)})")


def _as_line(value: str) -> bytes:
    """Return the value as it is, with a line's end when it has none: a shell's prompt belongs below it."""
    return (value if value.endswith("\n") else f"{value}\n").encode("utf-8", "surrogatepass")


def _read_stdin() -> str:
    content = sys.stdin.buffer.read()
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise usage_error(
            "the value on stdin",
            expected="text in UTF-8",
            found=f"byte {content[error.start]:#04x} at position {error.start}",
            next_step="Publish files as artifacts: titan_sdk.TitanClient().publish_artifact(key, file)",
        ) from error
