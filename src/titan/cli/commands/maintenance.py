"""`titan clean`, `titan backup` and `titan restore`."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from titan.cli.exit_codes import usage_error
from titan.cli.options import Answer, Home, argument, asks, option
from titan.cli.server import Server, read
from titan.cli.terminal import live_line, remark, say, say_lines
from titan.cli.views.formats import count, size
from titan.settings import home_folder, setting
from titan.wire.server import CleanAnswer

if TYPE_CHECKING:
    from titan.store.backup import Manifest, Progress

app = typer.Typer()

_MAINTENANCE: Final = "Maintenance"

_CLEAN_SECONDS: Final = 3600.0  # a round over millions of jobs takes minutes

DryRun = Annotated[bool, option("--dry-run", "Only report what would be deleted.")]
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


@asks(
    app,
    "titan backup titan-2026-03-01",
    "titan backup /mnt/backups/titan-2026-03-01.tar.gz",
    panel=_MAINTENANCE,
    is_local=True,
)
def backup(target: Target, *, home: Home = None) -> Answer:
    """Copy everything a home keeps, also while its server works.

    The database as of one moment, with the scripts, files and logs it names. Workspaces are not part of it.
    """
    if setting("TITAN_STORE"):
        next_step = "Save that with its own tools (pg_dump), and the folders blobs and logs beside it."
        found = "TITAN_STORE, which names a database"
        raise usage_error("titan backup", "a home that keeps its store in a file", found, next_step)
    from titan.store.backup import back_up  # SQLite: 30 ms to import

    with live_line() as show:
        now, on_progress = datetime.now(UTC), lambda done: show(_words(done))
        manifest = back_up(home or home_folder(), target, now=now, on_progress=on_progress)
    if manifest.missing:
        remark(f"{count(len(manifest.missing), 'blob')} that the database names were not there.")
    things = f"{count(manifest.blobs, 'blob')} and {count(manifest.logs, 'log')}, {size(manifest.size_bytes)}"
    text = f"Wrote {target}: the database, {things}. Put it back with: titan restore {target}"
    return Answer({"backup": str(target), **_figures(manifest)}, lambda: say(text))


@asks(
    app,
    "titan restore titan-2026-03-01",
    "titan restore backup.tar.gz --home ./copy",
    panel=_MAINTENANCE,
    is_local=True,
)
def restore(source: Source, *, home: Home = None, force: Force = False) -> Answer:
    """Put a backup back, after checking every part of it.

    No server may work on the home.
    """
    from titan.env_cipher import KEY_FILE
    from titan.store.backup import restore as put_back

    place = home or home_folder()
    with live_line() as show:
        now, on_progress = datetime.now(UTC), lambda done: show(_words(done))
        manifest, moved = put_back(source, place, now=now, is_forced=force, on_progress=on_progress)
    made_at = f"{manifest.created_at:%Y-%m-%d %H:%M:%S} UTC"
    lines = [f"The former content is now at {moved}."] if moved else []
    if not setting("TITAN_SECRET_KEY") and not (place / KEY_FILE).exists():
        lines.append(
            f"No backup holds {KEY_FILE}, the key that values of env= are encrypted with: jobs that wait with such "
            f"values start when {place / KEY_FILE} is there from the home that was backed up."
        )
    lines.append(f"Restored {place} as of {made_at}. Start it: titan up --home {place}")
    document = {"home": str(place), "moved_aside": str(moved) if moved else None, **_figures(manifest)}
    return Answer(document, lambda: say_lines(lines))


def _figures(manifest: "Manifest") -> dict[str, int]:
    return {"blobs": manifest.blobs, "logs": manifest.logs, "size_bytes": manifest.size_bytes}


def _words(progress: "Progress") -> str:
    """Return a copy's progress in whole percents."""
    share = f"{100 * progress.done // progress.total} %" if progress.total else f"{progress.done:,}"
    return f"{progress.what}: {share}"
