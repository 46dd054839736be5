"""`titan runs deliver`: brings to a server what programs recorded while none answered."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from titan.cli.commands.runs import app
from titan.cli.exits import CommandFailed, ExitCode, usage_error
from titan.cli.formats import count
from titan.cli.options import JsonOption, ServerOption, examples
from titan.cli.screen import remark, say, show_json
from titan.cli.server import connect, names_a_server
from titan.cli.waiting_folders import entries

if TYPE_CHECKING:
    from titan.cli.delivering import Delivered

Folder: TypeAlias = Annotated[
    Path | None,
    typer.Argument(
        metavar="[FOLDER]",
        help="What waits in this folder, for whichever server that was. Default: what waits in the home for this one.",
        show_default=False,
    ),
]


@app.command(
    epilog=examples(
        "titan runs deliver",
        "titan runs deliver ~/.titan/spool/old-host_9090 --server http://127.0.0.1:5000",
        "titan runs deliver --json | jq .folders",
    )
)
def deliver(folder: Folder = None, *, as_json: JsonOption = False, server: ServerOption = None) -> None:
    """Deliver what programs recorded while no server answered, and nothing has delivered since.

    What the server knows already counts once. `titan doctor` names the folders; one that nobody wants: rm -r FOLDER.
    """
    if folder is not None and not folder.is_dir():
        raise usage_error(
            f"folder {str(folder)!r}",
            expected="a folder in which recorded entries wait",
            found="a file" if folder.exists() else "none of that name",
            next_step="titan doctor names those there are.",
        )
    from titan.cli import delivering  # what it sends with takes 0.1 s to import

    titan = connect(server)
    titan.get("api", "health")  # so that nothing goes to another program
    is_named = server is not None or names_a_server()
    folders = delivering.folders_of(titan, is_named=is_named) if folder is None else [folder]
    done = delivering.emptied(titan, folders)
    if as_json:
        show_json({"folders": [_document(each) for each in done]})
    elif not done:
        say(f"Nothing waits in {folder}." if folder is not None else f"Nothing waits for {titan.address}.")
    else:
        for each in done:
            say(f"Delivered {entries(each.entries)} from {each.folder} to {titan.address}.")
    for line in delivering.left_for_others() if folder is None else ():
        remark(line)
    _fail_where_something_is_left(done)


def _document(done: "Delivered") -> dict[str, object]:
    return {
        "folder": str(done.folder),
        "delivered": done.entries,
        "lost": done.lost,
        "waiting_files": 0 if done.left is None else done.left.files,
    }


def _fail_where_something_is_left(done: "list[Delivered]") -> None:
    for each in done:
        if each.left is None:
            continue
        raise CommandFailed(
            f"folder {each.folder}",
            exit_code=ExitCode.REFUSED if each.is_refused else ExitCode.UNREACHABLE,
            expected="a server that takes all of it",
            found=f"{count(each.left.files, 'file')} that it does not take: {each.reason}",
            next_step="Try again: what was delivered counts once.",
        )
    if any(each.lost for each in done):
        raise typer.Exit(ExitCode.REFUSED)


__all__ = ["app"]
