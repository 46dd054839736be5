"""`titan store`: read and write the key-value store that jobs share."""

import sys
from pathlib import Path
from typing import Annotated

from titan.cli.arguments import parse_seconds
from titan.cli.exit_codes import CommandFailed, not_found, usage_error
from titan.cli.options import Answer, argument, asks, noun, option
from titan.cli.server import Server, local_file, read
from titan.cli.terminal import remark, say, write_bytes
from titan.cli.views.formats import size
from titan.wire.store import KeysAnswer, ValueAnswer

app = noun("Read and write the store that jobs share.")

Key = Annotated[str, argument("KEY", "1 to 1024 bytes, no control characters.")]
Value = Annotated[str | None, argument("[VALUE]", "A text up to 10 MiB, or - to read it from stdin.")]
Ttl = Annotated[str | None, option("--ttl TIME", "Let the key vanish after this: 90, 90s, 5m, 2h.")]
Add = Annotated[
    int | None,
    option(
        "--add N", "Without VALUE: add to the whole number under the key, 0 where there is none, and write the sum."
    ),
]
Prefix = Annotated[str, argument("[PREFIX]", "How the keys begin.")]
Output = Annotated[
    Path | None,
    option(
        "--output -o FILE",
        "Write the artifact published under the key, or the value where there is none, to this file.",
    ),
]


@asks(app, "titan store list", "titan store list research:cb5e13:", name="list")
def list_keys(titan: Server, prefix: Prefix = "", *, as_json: bool = False) -> Answer:
    """List the keys of values and sets, all or those with a prefix, sorted."""
    found: list[str] = []
    after: str | None = ""
    while after is not None:
        page = read(titan.get("api", "store", "keys", prefix=prefix, after=after or None), KeysAnswer)
        found += page.keys
        after = page.next
        if not as_json:
            write_bytes("".join(f"{key}\n" for key in page.keys).encode())
    nothing = "No such keys." if prefix else "No keys yet. Set one: titan store put greeting hello"
    return Answer({"keys": found}, lambda: None if found else remark(nothing))


@asks(
    app,
    "titan store get research:cb5e13:plan | jq .subtopics",
    "titan store get research:cb5e13:report --output report.md",
)
def get(titan: Server, key: Key, *, output: Output = None) -> Answer:
    """Write the value of a key; exit 3 when there is none."""
    answer = titan.get("api", "store", key=key)
    stored = read(answer, ValueAnswer)
    if stored.value is None:
        raise _no_key(key, "a value in the store", f"Set one: titan store put {key} VALUE")
    text = stored.value
    if output is None:
        return Answer(answer, lambda: write_bytes(_as_line(text)))
    _save(titan, stored, output)
    return Answer(answer, lambda: None)


@asks(
    app,
    "titan store put greeting hello",
    "titan store put config - < config.json",
    "titan store put lock:report busy --ttl 5m",
    "titan store put pages --add 1",
    "titan store put -- offset -5",
)
def put(titan: Server, key: Key, value: Value = None, *, ttl: Ttl = None, add: Add = None) -> Answer:
    """Set the value of a key, or add to it; it is stored on disk when the command returns."""
    if (value is None) == (add is None):
        raise usage_error("titan store put", "a VALUE, or --add N", "both" if add is not None else "none")
    if add is not None:
        if ttl is not None:
            raise usage_error("titan store put --add", "no --ttl beside it", f"--ttl {ttl}")
        answer = titan.post("api", "store", "incr", body={"key": key, "by": add})
        return Answer(answer, lambda: say(str(answer["value"])))
    text = _read_stdin() if value == "-" else value
    seconds = None if ttl is None else parse_seconds("--ttl", ttl)
    answer = titan.put("api", "store", body={"key": key, "value": text, "ttl_seconds": seconds})
    return Answer(answer, lambda: say("OK"))


@asks(app, "titan store delete greeting")
def delete(titan: Server, key: Key) -> Answer:
    """Delete what is under a key, value and set; exit 3 when there is nothing."""
    answer = titan.delete("api", "store", key=key)
    if not answer.get("deleted"):
        raise _no_key(key, "a value or a set in the store", "List the keys: titan store list")
    return Answer(answer, lambda: say("Deleted."))


def _no_key(key: str, expected: str, next_step: str) -> CommandFailed:
    return not_found(f"key {key!r}", expected, "none", next_step, kind="UnknownKey")


def _save(server: Server, stored: ValueAnswer, target: Path) -> None:
    if stored.artifact is not None:
        server.download("api", "blobs", stored.artifact, target=target)
    else:
        with local_file(target):
            target.write_text(stored.value or "", encoding="utf-8", newline="")
    remark(f"Wrote {target} ({size(target.stat().st_size)})")


def _as_line(value: str) -> bytes:
    """Return the value, with a line break at its end for the shell's prompt."""
    return (value if value.endswith("\n") else f"{value}\n").encode("utf-8", "surrogatepass")


def _read_stdin() -> str:
    content = sys.stdin.buffer.read()
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        found = f"byte {content[error.start]:#04x} at position {error.start}"
        next_step = "Publish files as artifacts: titan_sdk.TitanClient().publish_artifact(key, file)"
        raise usage_error("the value on stdin", "text in UTF-8", found, next_step) from error
