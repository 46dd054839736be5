"""Decide what retention may delete, name workspaces, and limit stored output."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from titan.model.actions import digest_of
from titan.model.dags import Dag
from titan.model.projects import DEFAULT_PROJECT
from titan.model.retention import LogOwner, OldEntry, RunKey
from titan.model.run_control import RunControl

BLOB_GRACE: Final = timedelta(hours=1)  # from the renewal of a lease to the commit of a reference: a request at most


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long each kind of thing is kept once it is over; None is for ever."""

    runs: timedelta | None = None  #: with their DAGs, jobs, attempts and journal entries
    dags: timedelta | None = None  #: those without a run, with all that belongs to them
    logs: timedelta | None = None  #: the output of attempts; it is deleted with its job in any case
    workspaces: timedelta | None = None
    workers: timedelta | None = None  #: those that left or were lost, and that no attempt names any more
    files: timedelta | None = None  #: uploaded files and published keys
    recorded: timedelta | None = None  #: recorded runs with all that was recorded of them
    archive: timedelta | None = None  #: recorded runs, before they are archived
    journal: timedelta | None = None  #: entries of what is still there


def cutoff(keep: timedelta | None, now: datetime) -> datetime | None:
    """Return the moment before which a thing must have ended to go; None when nothing is deleted."""
    return None if keep is None else now - keep


def may_forget_run(run: RunControl, *, before: datetime) -> bool:
    """Return whether an unpinned run may be deleted with all its data: nothing of it is live, and it is old."""
    return run.live_job_count == 0 and run.last_activity_at < before


def may_forget_dag(dag: Dag, *, before: datetime) -> bool:
    """Return whether a DAG may be deleted alone: it belongs to no run, and ended long enough ago."""
    return dag.run_id is None and dag.ended_at is not None and dag.ended_at < before


def may_delete_log(owner: LogOwner | None, *, before: datetime | None, pinned: Collection[RunKey]) -> bool:
    """Return whether a log may be deleted: its attempt is not stored any more, or ended long ago in no pinned run."""
    if owner is None:
        return True
    if before is None or owner.ended_at is None or owner.run in pinned:
        return False
    return owner.ended_at < before


def may_cut(entry: OldEntry, *, before: datetime, pinned: Collection[RunKey]) -> bool:
    """Return whether a journal entry may be deleted although its subject is kept."""
    return entry.at < before and not entry.is_live and entry.run not in pinned


def may_delete_workspace(
    owner: RunControl | Dag | None, *, idle: timedelta, keep: timedelta | None, now: datetime
) -> bool:
    """Return whether a workspace of no pinned run, unused by its worker for `idle`, may be deleted.

    Its run or DAG must have ended as long ago. One that nobody knows was forgotten, with the run, while its worker
    was away.
    """
    if keep is None or idle < keep:
        return False
    if owner is None:
        return True
    if isinstance(owner, RunControl):
        return may_forget_run(owner, before=now - keep)
    return owner.ended_at is not None and owner.ended_at < now - keep


# --- workspaces and logs of attempts ---


def within_limit(content: bytes, *, offset: int, limit_bytes: int) -> bytes:
    """Return what is stored of a part of an output that begins at `offset`; 0 is no limit."""
    if not limit_bytes or offset + len(content) <= limit_bytes:
        return content
    return content[: max(0, limit_bytes - offset)] + _cut_line(limit_bytes)[max(0, offset - limit_bytes) :]


def is_cut(size_bytes: int, *, limit_bytes: int) -> bool:
    """Return whether an output of which so much is stored ends with the line that says it was cut."""
    return bool(limit_bytes) and size_bytes >= limit_bytes + len(_cut_line(limit_bytes))


def _cut_line(limit_bytes: int) -> bytes:
    size = f"{limit_bytes / 1e6:g} MB"
    return f"\n[titan] output cut here: more than {size}; TITAN_MAX_LOG_BYTES sets the limit\n".encode()


def workspace_of(dag: Dag) -> str:
    """Return the name of the workspace of a DAG's jobs."""
    if dag.run_id is None:
        return f"dag-{dag.id}"
    return f"run-{dag.run_id}{_of_project(dag.project_id)}"


def run_of_workspace(name: str, projects: Iterable[str]) -> RunKey | None:
    """Return the run, of one of `projects`, that a workspace is of; None where it is of none."""
    kind, _, rest = name.partition("-")
    run_id, mark, digest = rest.partition("~")
    of_project = {_of_project(project_id): project_id for project_id in (DEFAULT_PROJECT, *projects)}
    project_id = of_project.get(mark + digest)
    return (project_id, run_id) if kind == "run" and project_id is not None else None


def _of_project(project_id: str) -> str:
    return "" if project_id == DEFAULT_PROJECT else f"~{digest_of(project_id).hex()[:16]}"
