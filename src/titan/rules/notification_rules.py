"""Decide which events are notified, and render their texts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from string import Formatter
from typing import Final, TypeAlias

from titan.model.dags import Dag
from titan.model.errors import InvalidInput
from titan.model.events import JournalEntry
from titan.model.jobs import Job, JobStatus, ReadyJob, WaitsFor
from titan.model.projects import ORGANISATION, organisation_of
from titan.model.run_control import Origin, RunControl, RunOutcome, RunStatus
from titan.model.workers import Worker
from titan.rules.jobs.wait_reason import label_in_words, ready_waits_for
from titan.rules.runs.lifecycle import dag_status, run_status

UNROUTABLE_AFTER: Final = timedelta(seconds=30)  # a worker that restarts is back by then


class NoticeKind(StrEnum):
    """The occasions."""

    GATE_OPENED = "gate_opened"  #: a gate waits for a decision
    RUN_FAILED = "run_failed"  #: reported as failed, or ended after a failed last stage
    DAG_FAILED = "dag_failed"  #: a DAG without a run ended with a failed job
    JOB_UNROUTABLE = "job_unroutable"  #: no connected worker has offered a READY job's label for 30 s


#: The names a text may use in braces; those that do not apply are empty.
FIELDS: Final = ("kind", "at", "run", "agent", "dag", "job", "status", "reason", "label", "message", "link")

TEXTS: Final[Mapping[NoticeKind, str]] = {
    NoticeKind.GATE_OPENED: "Titan: {job} waits for approval: {message} {link}",
    NoticeKind.RUN_FAILED: "Titan: run {run} failed. {reason} {link}",
    NoticeKind.DAG_FAILED: "Titan: DAG {dag} ended {status}: {reason}. {link}",
    NoticeKind.JOB_UNROUTABLE: "Titan: job {job} waits, for no connected worker offers {label}. {link}",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The present state of the things an entry is about; None for those it does not name."""

    run: RunControl | None = None
    last_stage: Dag | None = None
    dag: Dag | None = None
    job: Job | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """An event to notify."""

    kind: NoticeKind
    entry: JournalEntry
    fields: Mapping[str, str]  #: without kind, at and link


Judge: TypeAlias = Callable[[Facts, datetime], tuple[NoticeKind, Mapping[str, str]] | None]


def notice_of(entry: JournalEntry, facts: Facts, *, now: datetime) -> Notice | None:
    """Return the notice of an entry of the journal, None where it is not notified."""
    judge = JUDGES.get(entry.kind)
    found = None if judge is None else judge(facts, now)
    if found is None:
        return None
    kind, more = found
    named = {
        "run": entry.subject.run_id or "",
        "agent": facts.run.agent_id if facts.run else "",
        "dag": facts.dag.name if facts.dag else "",
        "job": facts.job.name if facts.job else "",
    }
    return Notice(kind=kind, entry=entry, fields={**named, **more})


def text_of(template: str, notice: Notice, *, link: str, escape: Callable[[str], str] = str) -> str:
    """Return a text with its fields filled in, each through `escape`, and no blanks at its end."""
    own = {"kind": notice.kind.value, "at": notice.entry.at.isoformat(timespec="seconds"), "link": link}
    fields = {**dict.fromkeys(FIELDS, ""), **notice.fields, **own}
    return template.format_map({name: escape(value) for name, value in fields.items()}).strip()


def check_texts(texts: Mapping[str, object]) -> dict[NoticeKind, str]:
    """Return the usual texts with `texts`, kind → template, in place of some.

    Raises:
        InvalidInput: a kind is unknown, or a template is no text, or uses what is not one of FIELDS.
    """
    checked = dict(TEXTS)
    for kind, template in texts.items():
        if kind not in TEXTS:
            raise _unusable(kind, f"one of {', '.join(TEXTS)}", "no such kind of notification")
        checked[NoticeKind(kind)] = _checked(kind, template)
    return checked


def is_unroutable(job: ReadyJob, workers: list[Worker], *, now: datetime) -> bool:
    """Return whether a READY job has waited for half a minute and no connected worker offers its label."""
    own = [worker for worker in workers if worker.organisation_id == job.organisation_id]
    why = ready_waits_for(job.requirement, own, bound_to=None, confined_to=job.confined_to)
    return why is WaitsFor.UNROUTABLE and now - job.ready_at >= UNROUTABLE_AFTER


def _checked(kind: str, template: object) -> str:
    if not isinstance(template, str):
        raise _unusable(kind, "a text", repr(template)[:60])
    try:
        parts = list(Formatter().parse(template))
    except ValueError as error:
        raise _unusable(kind, "a text with names in braces", str(error)) from error
    for _, name, specification, conversion in parts:
        if name is not None and (name not in FIELDS or specification or conversion):
            raise _unusable(kind, "only {" + "} {".join(FIELDS) + "} in braces", "{" + name + "}")
    return template


def _unusable(kind: str, expected: str, found: str) -> InvalidInput:
    return InvalidInput(
        f"text of notification {kind!a}",
        expected=expected,
        found=found,
        next_step="Correct it in the file that TITAN_NOTIFY_TEMPLATES names.",
    )


def _of_gate(facts: Facts, _now: datetime) -> tuple[NoticeKind, Mapping[str, str]] | None:
    gate = facts.job
    if gate is None or gate.status is not JobStatus.WAITING_APPROVAL:
        return None  # decided before anybody could be notified
    return NoticeKind.GATE_OPENED, {"status": gate.status.value, "message": gate.spec.hitl_message or ""}


def _of_run(facts: Facts, now: datetime) -> tuple[NoticeKind, Mapping[str, str]] | None:
    run = facts.run
    if run is None or run.outcome is RunOutcome.CANCELLED or _is_evaluation(facts.last_stage):
        return None  # agents are tried in order to fail somewhere
    status = run_status(run, facts.last_stage, now=now)
    if status is not RunStatus.FAILED:
        return None
    return NoticeKind.RUN_FAILED, {"status": status.value, "reason": run.reason or _last_stage_failed(facts)}


def _is_evaluation(dag: Dag | None) -> bool:
    return dag is not None and dag.origin is Origin.EVALUATION


def _last_stage_failed(facts: Facts) -> str:
    return f"its last stage '{facts.last_stage.name}' failed" if facts.last_stage else ""


def _of_dag(facts: Facts, _now: datetime) -> tuple[NoticeKind, Mapping[str, str]] | None:
    dag = facts.dag
    if dag is None or dag.run_id is not None or not dag.counts.failed or _is_evaluation(dag):
        return None
    reason = f"{dag.counts.failed} of {dag.counts.total} jobs failed"
    return NoticeKind.DAG_FAILED, {"status": dag_status(dag).value, "reason": reason}


def _of_unroutable(facts: Facts, _now: datetime) -> tuple[NoticeKind, Mapping[str, str]] | None:
    if facts.job is None or facts.job.status.is_final:
        return None
    label = label_in_words(facts.job.spec.requirement, facts.job.spec.confined_to)
    organisation_id = organisation_of(facts.job.project_id)
    if organisation_id != ORGANISATION:
        label += f" to organisation {organisation_id}"
    return NoticeKind.JOB_UNROUTABLE, {"status": facts.job.status.value, "label": label}


#: Kind of a journal entry → what decides whether it is notified.
JUDGES: Final[Mapping[str, Judge]] = {
    "GateOpened": _of_gate,
    "RunEnded": _of_run,
    "RunFellSilent": _of_run,
    "DagEnded": _of_dag,
    "JobUnroutable": _of_unroutable,
}
