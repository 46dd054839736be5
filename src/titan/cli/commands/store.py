"""`titan store`: the store that jobs share, by hand."""

import sys
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from titan.cli.answers import KeyList, StoredValue, read
from titan.cli.arguments import parse_seconds
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
Ttl: TypeAlias = Annotated[
    str | None, typer.Option("--ttl", metavar="TIME", help="Let the key vanish after this: 90, 90s, 5m, 2h.")
]
By: TypeAlias = Annotated[int, typer.Option("--by", metavar="N", help="How much to add.")]
Prefix: TypeAlias = Annotated[str, typer.Argument(metavar="[PREFIX]", help="How the keys begin.", show_default=False)]
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
        "titan store put lock:report busy --ttl 5m",
        "titan store put -- offset -5",
    )
)
def put(key: Key, value: Value, *, ttl: Ttl = None, as_json: JsonOption = False, server: ServerOption = None) -> None:
    """Set the value of a key; it is kept on disk when the command returns."""
    text = _read_stdin() if value == "-" else value
    seconds = None if ttl is None else parse_seconds("--ttl", ttl)
    answer = connect(server).put("api", "store", body={"key": key, "value": text, "ttl_seconds": seconds})
    if as_json:
        show_json(answer)
    else:
        say("OK")


@app.command(epilog=examples("titan store delete greeting"))
def delete(key: Key, *, as_json: JsonOption = False, server: ServerOption = None) -> None:
    """Delete what is under a key, value and set; exit 3 when there is nothing."""
    answer = connect(server).delete("api", "store", key=key)
    if not answer.get("deleted"):
        raise CommandFailed(
            f"key {key!r}",
            exit_code=ExitCode.NOT_FOUND,
            expected="a value or a set in the store",
            found="none",
            next_step="List the keys: titan store keys",
            kind="UnknownKey",
        )
    if as_json:
        show_json(answer)
    else:
        say("Deleted.")


@app.command(epilog=examples("titan store incr pages", "titan store incr budget --by -5"))
def incr(key: Key, *, by: By = 1, as_json: JsonOption = False, server: ServerOption = None) -> None:
    """Add to the whole number under a key, which counts as 0 when absent, and write the sum."""
    answer = connect(server).post("api", "store", "incr", body={"key": key, "by": by})
    if as_json:
        show_json(answer)
    else:
        say(str(answer["value"]))


@app.command(epilog=examples("titan store keys", "titan store keys research:cb5e13:"))
def keys(prefix: Prefix = "", *, as_json: JsonOption = False, server: ServerOption = None) -> None:
    """List the keys of values and sets, all or those with a prefix, sorted."""
    titan = connect(server)
    found: list[str] = []
    after: str | None = ""
    while after is not None:
        page = read(titan.get("api", "store", "keys", prefix=prefix, after=after or None), KeyList)
        found += page.keys
        after = page.next
        if not as_json:
            write_bytes("".join(f"{key}\n" for key in page.keys).encode())
    if as_json:
        show_json({"keys": found})
    elif not found:
        remark("No such keys." if prefix else "No keys yet. Set one: titan store put greeting hello")


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
