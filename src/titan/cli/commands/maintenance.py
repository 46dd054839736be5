"""Maintenance: `titan clean`, `titan backup` and `titan restore`."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from titan.cli.exit_codes import usage_error
from titan.cli.options import Answer, Home, JsonOption, argument, asks, examples, option
from titan.cli.server import Server, read
from titan.cli.terminal import LiveLine, remark, say, show_json
from titan.cli.views.formats import count, size
from titan.settings import home_folder, setting
from titan.wire.server import CleanAnswer

if TYPE_CHECKING:
    from titan.store.backup import Progress

app = typer.Typer()

_MAINTENANCE: Final = "Maintenance"

_CLEAN_SECONDS: Final = 3600.0  # a round over millions of jobs takes minutes

DryRun = Annotated[bool, option("--dry-run", "Only say what would go.")]
Target = Annotated[Path, argument("DEST", "A name that nothing has yet; .tar.gz at its end makes an archive.")]
Source = Annotated[Path, argument("SOURCE", "What titan backup has written.")]
Force = Annotated[bool, option("--force", "Move a home that is not empty aside.")]


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
            "a home that keeps its store in a file",
            "TITAN_STORE, which names a database",
            "Save that with its own tools (pg_dump), and the folders blobs and logs beside it.",
        )
    from titan.store.backup import back_up  # SQLite: 30 ms to import

    line = LiveLine()
    manifest = back_up(
        home or home_folder(), target, now=datetime.now(UTC), on_progress=lambda done: line.show(_words(done))
    )
    line.show("")
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

    line = LiveLine()
    place = home or home_folder()
    at, on_progress = datetime.now(UTC), lambda done: line.show(_words(done))
    manifest, moved = put_back(source, place, now=at, is_forced=force, on_progress=on_progress)
    line.show("")
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


def _words(progress: "Progress") -> str:
    """Return how far a copy has come, in whole percents."""
    share = f"{100 * progress.done // progress.total} %" if progress.total else f"{progress.done:,}"
    return f"{progress.what}: {share}"
