"""The tapes of recorded runs: whether those of the newest runs are still what was recorded."""

from collections.abc import Iterator
from typing import Final

import msgspec

from titan.cli.doctor.findings import Finding, fail, ok
from titan.cli.formats import count
from titan.cli.server import Server, read

NEWEST: Final = 20  # runs: a tape of 10,000 entries takes about 1.5 s
VERIFY_SECONDS: Final = 120.0


class RunNamed(msgspec.Struct, frozen=True, kw_only=True):
    """A run of the registry."""

    run_id: str


class NewestRuns(msgspec.Struct, frozen=True, kw_only=True):
    """GET /api/v1/runs."""

    data: list[RunNamed]


class BrokenAt(msgspec.Struct, frozen=True, kw_only=True):
    """The first entry that is not as it was appended."""

    entry: int
    action_id: str | None
    found: str


class Chain(msgspec.Struct, frozen=True, kw_only=True):
    """GET /api/v1/runs/{run}/chain."""

    verified: bool
    entries: int
    broken: BrokenAt | None


def check_tapes(server: Server) -> Iterator[Finding]:
    """Verify the tapes of each project's newest runs."""
    runs, entries, broken = 0, 0, 0
    for inside in server.in_each_project():
        for run in read(inside.get("api", "v1", "runs", window="all", limit=NEWEST), NewestRuns).data:
            answer = inside.get("api", "v1", "runs", run.run_id, "chain", timeout_seconds=VERIFY_SECONDS)
            chain = read(answer, Chain)
            runs += 1
            entries += chain.entries
            if chain.broken is not None:
                broken += 1
                yield _broken(run.run_id, chain.broken)
    if not runs:
        yield ok("tapes", "no run was recorded yet")
    elif not broken:
        what = "entry" if entries == 1 else "entries"
        yield ok("tapes", f"{entries:,} {what} of the {count(runs, 'newest run')} are as they were recorded")


def _broken(run_id: str, broken: BrokenAt) -> Finding:
    whose = f" (action {broken.action_id})" if broken.action_id is not None else ""
    text = f"run {run_id} was changed behind the server's back: at entry {broken.entry}{whose}, {broken.found}"
    return fail("tapes", text, "Find out who changed the database; what was there before is in a backup.")
