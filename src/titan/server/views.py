"""Facts as people and programs see them: rows of the store become values of the wire. Work itself: work_views."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal

import msgspec

from titan.engine.tokens import Minted
from titan.insight.story import story
from titan.model.events import JournalEntry
from titan.model.files import LeftFile
from titan.model.jobs import Job, JobStatus
from titan.model.tokens import Role, Token
from titan.ports import Reader
from titan.wire.access import NewTokenAnswer, TokenView
from titan.wire.events import EventView
from titan.wire.files import LeftFileView
from titan.wire.gates import GateView
from titan.wire.work import StoryAnswer, StoryLineView


def left_file_views(reader: Reader, files: Sequence[LeftFile]) -> list[LeftFileView]:
    """Return files with the names of who left them."""
    names = reader.worker_names(list({left.worker_id for left in files}))
    return [
        LeftFileView(
            path=left.file.path,
            size_bytes=left.file.size_bytes,
            digest=left.file.digest,
            reason=left.file.reason,
            modified_at=left.file.modified_at,
            place=left.file.place,
            job_id=left.job_id,
            job=left.job_name,
            attempt=left.attempt,
            worker=names.get(left.worker_id, left.worker_id),
        )
        for left in files
    ]


def gate_view(reader: Reader, gate: Job) -> GateView:
    """Return one gate."""
    return gate_views(reader, [gate])[0]


def gate_views(reader: Reader, gates: Sequence[Job]) -> list[GateView]:
    """Return gates as those who decide see them."""
    names = reader.dag_names(list({gate.dag_id for gate in gates}))
    return [_gate_view(gate, dag_name=names[gate.dag_id]) for gate in gates]


def story_view(reader: Reader, job: Job) -> StoryAnswer:
    """Return a job's journal as sentences, oldest first."""
    entries = reader.journal(job.project_id, job_id=job.id, limit=100_000)
    lines = [
        StoryLineView(seq=line.seq, at=line.at, event=line.event, cause=line.cause, text=line.text)
        for line in story(entries, {worker.id: worker.name for worker in reader.workers()})
    ]
    return StoryAnswer(job_id=job.id, name=job.name, entries=lines)


def event_view(entry: JournalEntry, cursor: str) -> EventView:
    """Return a journal entry as a live event; `cursor` says where a client stands that has seen it.

    Lease ids stay here: whoever knows one could speak for the attempt.
    """
    data = msgspec.json.decode(entry.data, type=dict[str, msgspec.Raw])
    data.pop("lease_id", None)
    return EventView(
        cursor=cursor,
        at=entry.at,
        kind=entry.kind,
        cause=entry.cause,
        agent_run_id=entry.subject.run_id,
        dag_id=entry.subject.dag_id,
        job_id=entry.subject.job_id,
        data=data,
    )


#: What a gate without a decision is called; any other status means that it was cancelled.
_UNDECIDED: Final[Mapping[JobStatus, Literal["waiting", "open"]]] = {
    JobStatus.WAITING: "waiting",
    JobStatus.WAITING_APPROVAL: "open",
}


def _gate_view(gate: Job, *, dag_name: str) -> GateView:
    decision = gate.decision
    is_open = gate.status is JobStatus.WAITING_APPROVAL
    return GateView(
        gate_id=gate.id,
        name=gate.name,
        dag_id=gate.dag_id,
        dag_name=dag_name,
        agent_run_id=gate.run_id,
        message=gate.spec.hitl_message or "",
        state=decision.outcome.value if decision else _UNDECIDED.get(gate.status, "cancelled"),
        parents=gate.spec.parents,
        opened_at=gate.ready_at,
        expires_at=gate.due_at if is_open else None,
        decided_at=gate.ended_at if decision else None,
        decided_by=decision.decided_by if decision else None,
        comment=decision.comment if decision else None,
    )


def token_view(token: Token) -> TokenView:
    """Return what people may know of a token."""
    return TokenView(
        token_id=token.id,
        name=token.name,
        role=token.role,
        trusted=token.is_trusted if token.role is Role.WORKER else None,
        labels=token.labels,
        project=token.project_id,
        created_at=token.created_at,
        last_used_at=token.last_used_at,
        expires_at=token.expires_at,
        revoked_at=token.revoked_at,
    )


def new_token_answer(minted: Minted) -> NewTokenAnswer:
    """Return a token that was just made, with its text."""
    return NewTokenAnswer(
        token_id=minted.token.id,
        name=minted.token.name,
        role=minted.token.role,
        token=minted.text,
        expires_at=minted.token.expires_at,
    )
