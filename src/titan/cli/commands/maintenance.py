"""Maintenance: `titan clean`, `titan backup` and `titan restore`."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

import typer

from titan.cli.exits import usage_error
from titan.cli.formats import count, size
from titan.cli.options import Answer, JsonOption, asks, examples
from titan.cli.screen import is_live, remark, say, show_json
from titan.cli.server import Server, read
from titan.settings import home_folder, setting
from titan.wire.about import CleanAnswer

if TYPE_CHECKING:
    from titan.store.backup import Progress

app = typer.Typer()

_MAINTENANCE: Final = "Maintenance"

_CLEAN_SECONDS: Final = 3600.0  # a round over millions of jobs takes minutes

Home: TypeAlias = Annotated[
    Path | None,
    typer.Option(metavar="DIR", envvar="TITAN_HOME", help="The home.", show_default="~/.titan", file_okay=False),
]
DryRun: TypeAlias = Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")]
Target: TypeAlias = Annotated[
    Path, typer.Argument(metavar="DEST", help="A name that nothing has yet; .tar.gz at its end makes an archive.")
]
Source: TypeAlias = Annotated[Path, typer.Argument(metavar="SOURCE", help="What titan backup has written.")]
Force: TypeAlias = Annotated[bool, typer.Option("--force", help="Move a home that is not empty aside.")]


@asks(app, "titan clean --dry-run", "titan clean", panel=_MAINTENANCE)
def clean(titan: Server, *, dry_run: DryRun = False) -> Answer:
    """Delete now what is older than its retention.

    Workspaces lie with the workers, which delete theirs by themselves every ten minutes.
    """
    query = {"dry_run": "true" if dry_run else "false"}
    answer = titan.post("api", "clean", timeout_seconds=_CLEAN_SECONDS, **query)
    return Answer(answer, lambda: _show_cleaned(read(answer, CleanAnswer), is_dry=dry_run))


def _show_cleaned(done: CleanAnswer, *, is_dry: bool) -> None:
    things = (
        count(done.runs, "run"),
        count(done.dags, "DAG"),
        count(done.jobs, "job"),
        f"{done.journal_entries:,} journal entries",
        count(done.recorded, "recorded run"),
        count(done.workers, "worker"),
        count(done.files, "file name"),
        count(done.keys, "published key"),
        f"{count(done.logs, 'log')} ({size(done.log_bytes)})",
        f"{count(done.blobs, 'blob')} ({size(done.blob_bytes)})",
    )
    say("Would delete at least: " if is_dry else "Deleted: ", ", ".join(things))
    if done.archived:
        say(f"{'Would archive' if is_dry else 'Archived'}: {count(done.archived, 'recorded run')}.")
    say(f"The database keeps its size on disk; {size(done.database_unused_bytes)} of it are free for what comes.")


@app.command(
    rich_help_panel=_MAINTENANCE,
    epilog=examples("titan backup titan-2026-03-01", "titan backup /mnt/backups/titan-2026-03-01.tar.gz"),
)
def backup(target: Target, *, home: Home = None, as_json: JsonOption = False) -> None:
    """Copy everything a home keeps, also while its server works.

    The database as of one moment, with the scripts, files and logs it names. Workspaces are not part of it.
    """
    if setting("TITAN_STORE"):
        raise usage_error(
            "titan backup",
            expected="a home that keeps its store in a file",
            found="TITAN_STORE, which names a database",
            next_step="Save that with its own tools (pg_dump), and the folders blobs and logs beside it.",
        )
    from titan.store.backup import back_up  # SQLite: 30 ms to import

    bar = _Bar()
    manifest = back_up(home or home_folder(), target, now=datetime.now(UTC), tell=bar.show)
    bar.end()
    if manifest.missing:
        remark(f"{count(len(manifest.missing), 'blob')} that the database names were not there.")
    if as_json:
        show_json({"backup": str(target), **_figures(manifest.blobs, manifest.logs, manifest.size_bytes)})
        return
    say(
        f"Wrote {target}: the database, {count(manifest.blobs, 'blob')} and {count(manifest.logs, 'log')}, "
        f"{size(manifest.size_bytes)}. Put it back with: titan restore {target}"
    )


@app.command(
    rich_help_panel=_MAINTENANCE,
    epilog=examples("titan restore titan-2026-03-01", "titan restore backup.tar.gz --home ./copy"),
)
def restore(source: Source, *, home: Home = None, force: Force = False, as_json: JsonOption = False) -> None:
    """Put a backup back, after checking every part of it.

    No server may work on the home.
    """
    from titan.store.backup import restore as put_back

    bar = _Bar()
    place = home or home_folder()
    manifest, moved = put_back(source, place, now=datetime.now(UTC), is_forced=force, tell=bar.show)
    bar.end()
    if as_json:
        show_json(
            {
                "home": str(place),
                "moved_aside": str(moved) if moved else None,
                **_figures(manifest.blobs, manifest.logs, manifest.size_bytes),
            }
        )
        return
    if moved:
        say(f"What stood there is now {moved}.")
    say(f"Restored {place} as of {manifest.created_at:%Y-%m-%d %H:%M:%S} UTC. Start it: titan up --home {place}")


def _figures(blobs: int, logs: int, size_bytes: int) -> dict[str, int]:
    return {"blobs": blobs, "logs": logs, "size_bytes": size_bytes}


class _Bar:
    """One line on a terminal's stderr that says how far it has come."""

    def __init__(self) -> None:
        self._is_live = is_live(sys.stderr)
        self._text = ""

    def show(self, progress: "Progress") -> None:
        """Say where a copy stands, in whole percents."""
        share = f"{100 * progress.done // progress.total} %" if progress.total else f"{progress.done:,}"
        text = f"{progress.what}: {share}"
        if self._is_live and text != self._text:
            sys.stderr.write(f"\r\x1b[K{text}")
            sys.stderr.flush()
        self._text = text

    def end(self) -> None:
        """Take the line away."""
        if self._is_live and self._text:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
