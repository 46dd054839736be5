"""Replays that a worker executes: each is a job that has the recording and the code in its archive."""

import asyncio
import tempfile
import zipfile
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable, Mapping
from functools import partial
from typing import Any, BinaryIO, Final

import msgspec
from msgspec.structs import replace

from titan.insight.export import json_lines
from titan.model.actions import RunEntry
from titan.model.attempts import Attempt
from titan.model.dags import Dag, NewDag
from titan.model.errors import Conflict, Forbidden
from titan.model.jobs import GateOutcome, Job, JobSpec, JobStatus
from titan.model.runs import Replay, ReplayState, Run
from titan.orchestrator.bus import Bus, Kind, Topic
from titan.orchestrator.cancel import cancel_dags
from titan.orchestrator.orchestrator import Orchestrator
from titan.orchestrator.submit import Submitter, submit
from titan.ports.jobs_store import Reader, Store, Transaction
from titan.ports.runs_store import CallStore
from titan.ports.runtime import Blobs, Ids
from titan.replay.orders import (
    ORDER,
    RECORDING,
    STAGES,
    STAGES_FILE,
    Decided,
    Order,
    StoredDag,
    StoredJob,
    StoredStages,
)
from titan.replay.stored import CODE_MISSING, StoredProcess
from titan.rules.jobs.dag import check_dag
from titan.rules.jobs.gates import asks_for_approval, gate_name
from titan.rules.names import shown
from titan.server.views.exported import exported
from titan.server.views.runs import processes_of_run

LIMIT_BYTES: Final = 8 * 1024**3  # of an archive
LONGEST_SECONDS: Final = 4 * 3600.0  # of one job
CHUNK_BYTES: Final = 1024 * 1024
MOST_REMEMBERED: Final = 1000
ENTRY: Final = "replay.py"
_FORK: Final = "_TITAN_FORK"  # in the environment of a fork's stages: `titan_sdk.stages`
FORK_OF: Final = "_TITAN_FORK_OF"  # in the environment of a fork's job: the run whose code it executes
_SCRIPT: Final = """\
\"\"\"Executes a recorded run's code again; see `titan.replay.job`.\"\"\"

import pathlib
import sys

from titan.replay.job import main

sys.exit(main(pathlib.Path(__file__).resolve().parent))
"""


class Executions:
    """Hands replays to workers, and knows how they fare."""

    def __init__(
        self,
        orchestrator: Orchestrator,
        store: Store,
        calls: CallStore,
        blobs: Blobs,
        *,
        bus: Bus,
        ids: Ids,
        model_name: str | None,
    ) -> None:
        self._orchestrator = orchestrator
        self._store = store
        self._calls = calls
        self._blobs = blobs
        self._bus = bus
        self._ids = ids
        self._model_name = model_name
        self._steps: OrderedDict[str, str] = OrderedDict()  #: replay id → what its job does now

    async def begin(self, run: Run, order: Order, *, name: str) -> str:
        """Submit the job that executes a run again, or a fork of it, and return its DAG's id.

        Raises:
            Conflict: the run's code is not stored.
        """
        with tempfile.TemporaryFile() as file:
            await asyncio.to_thread(self._pack, run, order, file)
            file.seek(0)
            digest, _ = await self._blobs.put_stream(_chunks(file), limit_bytes=LIMIT_BYTES)
        spec = JobSpec(
            name="replay",
            filename=ENTRY,
            script=None,
            archive=digest,
            env={} if order.fork is None else {FORK_OF: run.id},
            cold=True,
            timeout_seconds=LONGEST_SECONDS,
        )
        new = NewDag(name=name, jobs=(spec,), is_repeatable=False, is_internal=True)
        check_dag(new)
        dag_id = self._ids.dag_id()
        submitter = Submitter(project_id=run.project_id)
        await self._orchestrator.decide(partial(submit, new=new, submitter=submitter, dag_id=dag_id))
        return dag_id

    async def cancel(self, dag_id: str, *, by: str) -> None:
        """Have a job end, if it has not."""
        await self._orchestrator.decide(partial(_cancel, dag_id=dag_id, by=by))

    async def wait(self, replay: Replay, *, seconds: float) -> None:
        """Return when the job of a replay has ended, or after so many seconds."""
        if replay.dag_id is None or replay.state is not ReplayState.RUNNING:
            return
        find = partial(_is_over, dag_id=replay.dag_id)

        async def is_over() -> bool:
            return await self._store.look(find)

        await self._bus.wait_until([Topic(Kind.DAG, replay.dag_id)], is_over, seconds)

    def note_step(self, replay_id: str, step: str) -> None:
        """Note what the job of a replay does now."""
        self._steps[replay_id] = step
        self._steps.move_to_end(replay_id)
        if len(self._steps) > MOST_REMEMBERED:
            self._steps.popitem(last=False)

    def step(self, replay: Replay) -> str | None:
        """Return what the job of a replay does now; None where it has none, or has ended."""
        if replay.dag_id is None or replay.state is not ReplayState.RUNNING:
            return None
        return self._steps.get(replay.id) or "waiting for a worker"

    def as_it_stands(self, replay: Replay) -> Replay:
        """Return a replay; one whose job has ended without a report has failed."""
        if replay.dag_id is None or replay.state is not ReplayState.RUNNING:
            return replay
        job = self._store.read(partial(_job, dag_id=replay.dag_id))
        if job is not None and not job.status.is_final:
            return replay
        if job is None:
            return replace(replay, state=ReplayState.FAILED, error="The job that executed it is gone.")
        state = ReplayState.CANCELLED if job.status is JobStatus.CANCELLED else ReplayState.FAILED
        why = f"Its job ended without a report: {job.reason or job.status.value}. See `titan logs {job.id}`."
        return replace(replay, state=state, error=why, ended_at=job.ended_at)

    def has_stages(self, run: Run) -> bool:
        """Return whether a run is one of jobs, whose scripts are stored."""
        return self._store.read(lambda reader: bool(_dags_of(reader, run.project_id, run.id)))

    # --- the archive ---

    def _pack(self, run: Run, order: Order, file: BinaryIO) -> None:
        stages = self._stages(run)
        processes = self._calls.read(lambda reader: processes_of_run(reader, run))
        has_program = has_stored_program(processes)
        if not has_program and (stages is None or order.fork is not None):
            raise Conflict(
                f"run {shown(run.id)}",
                expected="a run whose code is stored: "
                + ("of jobs, or " if order.fork is None else "")
                + "of a program that titan_sdk recorded",
                found=f"{CODE_MISSING}: none",
                next_step="Execute it where its code is: "
                + (f"titan replay {run.id}" if order.fork is None else f"titan fork {run.id} --at {order.fork.at}")
                + " -- python agent.py",
            )
        order = msgspec.structs.replace(order, submits=not has_program)
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            archive.writestr(ENTRY, _SCRIPT)
            archive.writestr(ORDER, msgspec.json.encode(order))
            with archive.open(RECORDING, "w", force_zip64=True) as lines:
                for piece in json_lines(exported(self._calls, self._blobs, [run])):
                    lines.write(piece)
            if stages is not None:
                self._pack_stages(archive, *stages)

    def _pack_stages(self, archive: zipfile.ZipFile, stages: StoredStages, contents: Mapping[str, str]) -> None:
        archive.writestr(f"{STAGES}/{STAGES_FILE}", msgspec.json.encode(stages))
        for name, digest in contents.items():
            path = self._blobs.path(digest)
            if path is None:
                raise Conflict(
                    f"run {shown(stages.run_id)}",
                    expected="a run whose code is stored",
                    found=f"{CODE_MISSING}: the script of a job, blob {digest}, is gone",
                    next_step=f"Execute it where its code is: titan replay {stages.run_id} -- python agent.py",
                )
            archive.write(path, f"{STAGES}/{name}")

    def _stages(self, run: Run) -> tuple[StoredStages, dict[str, str]] | None:
        """Return the stages of a run, and file name → digest of their code; None where it has none."""
        found = self._store.read(partial(_stages_of, run=run))
        return None if found is None else (msgspec.structs.replace(found[0], model=self._model_name), found[1])


def check_stages_of_fork(reader: Reader, *, attempt: Attempt, new: NewDag) -> None:
    """Return when a job may submit these jobs: the program of a fork, which has its token, only what its parent ran.

    Its stages run outside of the sandbox that it is in. With code of its own choice it would be out of there.

    Raises:
        Forbidden: one of them is other code.
    """
    job = reader.job(attempt.job_id)
    parent_id = None if job is None else job.spec.env.get(FORK_OF)
    dag = None if job is None or parent_id is None else reader.dag(job.dag_id)
    if job is None or parent_id is None or dag is None or not dag.is_internal:
        return
    stages = _dags_of(reader, job.project_id, parent_id)
    ran = [one.spec for stage in stages for one in reader.jobs_of_dag(stage.id)]
    code = {None, *(digest for spec in ran for digest in (spec.script, spec.archive))}
    names = {_FORK, *(name for spec in ran for name in spec.env)}  # PYTHONPATH would bring other code, too
    other = next((one for one in new.jobs if not ({one.script, one.archive} <= code and one.env.keys() <= names)), None)
    if other is not None:
        raise Forbidden(
            f"the fork of run {shown(parent_id)}",
            expected="stages whose scripts, archives and variables are those of jobs of that run",
            found=f"job {shown(other.name)} with others",
            next_step="Fork it where its code is: titan fork RUN --at ACTION --output JSON -- python agent.py",
        )


def has_stored_program(processes: Iterable[RunEntry]) -> bool:
    """Return whether one of a run's processes is a program outside of jobs whose code is stored."""
    about = (msgspec.json.decode(each.process, type=StoredProcess) for each in processes if each.process)
    return any(one.job_id is None and one.script is not None and one.left_out is None for one in about)


def _stages_of(reader: Reader, *, run: Run) -> tuple[StoredStages, dict[str, str]] | None:
    dags = _dags_of(reader, run.project_id, run.id)
    if not dags:
        return None
    jobs = {dag.id: reader.jobs_of_dag(dag.id) for dag in dags}
    every = [job for dag in dags for job in jobs[dag.id]]
    outside = [dag for dag in dags if dag.made_by is None]
    contents = {name: digest for job in every for name, digest in _contents(job.spec)}
    stored = StoredStages(
        run_id=run.id,
        in_run=dags[0].run_id == run.id,
        labels=sorted({job.spec.requirement for job in every if not job.is_gate}),
        scripts={job.spec.filename: job.spec.script for job in every if job.spec.filename and job.spec.script},
        dags=[_stored_dag(dag, jobs[dag.id], outside) for dag in outside],
        gates=[_decided(dag, job) for dag in dags for job in jobs[dag.id] if job.decision is not None],
    )
    return stored, contents


def _dags_of(reader: Reader, project_id: str, run_id: str) -> list[Dag]:
    """Return the stages of a run, or the one DAG that it is of."""
    dags = reader.stages(project_id, run_id)
    own = None if dags else reader.dag(run_id)
    return dags or ([own] if own is not None and own.project_id == project_id else [])


def _stored_dag(dag: Dag, jobs: list[Job], dags: list[Dag]) -> StoredDag:
    after = [place for place, other in enumerate(dags) if other.ended_at and other.ended_at <= dag.submitted_at]
    made = {gate_name(job.name) for job in jobs if asks_for_approval(job.spec)}  # submitting these makes them
    return StoredDag(
        name=dag.name,
        on_failure=dag.on_failure.value,
        agent_id=dag.agent_id,
        jobs=[_stored_job(job.spec) for job in jobs if job.name not in made],
        after=after,
    )


def _stored_job(spec: JobSpec) -> StoredJob:
    item: dict[str, Any] = {
        "id": spec.name,
        "kind": spec.kind.value,
        "filename": spec.filename or "",
        "parents": list(spec.parents),
        "hitl_message": spec.hitl_message,
        "max_wait_seconds": spec.max_wait_seconds,
    }
    if spec.filename is None:
        return StoredJob(item=item)
    item |= {
        "args": list(spec.args),
        "priority": spec.priority,
        "delay_ms": spec.delay_ms,
        "affinity": spec.affinity.value,
        "requirement": spec.requirement,
        "retries": spec.retries,
        "backoff_seconds": spec.backoff_seconds,
        "timeout_seconds": spec.timeout_seconds,
        "max_lost": spec.max_lost,
        "env": dict(spec.env),
        "concurrency_key": spec.concurrency_key,
        "concurrency_limit": spec.concurrency_limit,
    }
    return StoredJob(item=item, script=spec.script, archive=None if spec.archive is None else f"{spec.archive}.zip")


def _contents(spec: JobSpec) -> list[tuple[str, str]]:
    found = [(spec.script, spec.script)] if spec.script else []
    return found + ([(f"{spec.archive}.zip", spec.archive)] if spec.archive else [])


def _decided(dag: Dag, gate: Job) -> Decided:
    assert gate.decision is not None
    is_approved = gate.decision.outcome is GateOutcome.APPROVED
    return Decided(dag=dag.name, gate=gate.name, is_approved=is_approved, comment=gate.decision.comment or "")


def _job(reader: Reader, *, dag_id: str) -> Job | None:
    jobs = reader.jobs_of_dag(dag_id)
    return jobs[0] if jobs else None


def _is_over(reader: Reader, *, dag_id: str) -> bool:
    dag = reader.dag(dag_id)
    return dag is None or dag.is_final


def _cancel(tx: Transaction, *, dag_id: str, by: str) -> None:
    dag = tx.dag(dag_id)
    if dag is not None and not dag.is_final:
        cancel_dags(tx, [dag], by=by)


async def _chunks(file: BinaryIO) -> AsyncIterator[bytes]:
    while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
        yield chunk
