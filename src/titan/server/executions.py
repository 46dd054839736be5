"""Jobs that the server submits itself: replays executed by workers, and Python agents of evaluations."""

import asyncio
import hashlib
import tempfile
import zipfile
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, BinaryIO, Final

import msgspec
from msgspec.structs import replace

from titan.evaluate.contract import MOST_RESPONSE_BYTES
from titan.evaluate.dispatcher import JobEnded
from titan.insight.export import json_lines
from titan.model.actions import RunEnd, RunEntry
from titan.model.attempts import Attempt
from titan.model.dags import Dag, NewDag
from titan.model.errors import Conflict, Forbidden
from titan.model.evaluations import AgentRun
from titan.model.jobs import FORK_OF, GateOutcome, Job, JobSpec, JobStatus
from titan.model.run_control import Origin, RunOutcome
from titan.model.runs import Replay, ReplayState, Run
from titan.orchestrator.bus import Bus, BusClosed, Kind, Topic
from titan.orchestrator.cancel import cancel_dags, end_run
from titan.orchestrator.orchestrator import Orchestrator
from titan.orchestrator.submit import Submitter, submit
from titan.ports.jobs_store import Reader, Store, Transaction
from titan.ports.runs_store import CallStore
from titan.ports.runtime import Blobs, Ids
from titan.replay.orders import (
    CODE_MISSING,
    CODE_UNTRUSTED,
    ORDER,
    RECORDING,
    STAGE_VALUE,
    STAGES,
    STAGES_FILE,
    Decided,
    Order,
    StoredDag,
    StoredJob,
    StoredProcess,
    StoredStages,
)
from titan.rules.jobs.dag import check_dag
from titan.rules.jobs.gates import asks_for_approval, gate_name
from titan.rules.names import shown
from titan.server.views.runs import exported_runs, processes_of_run

LIMIT_BYTES: Final = 8 * 1024**3  # of an archive
LONGEST_SECONDS: Final = 4 * 3600.0  # of one job
CHUNK_BYTES: Final = 1024 * 1024
MOST_REMEMBERED: Final = 1000
ENTRY: Final = "replay.py"
_FORK: Final = "_TITAN_FORK"  # in the environment of a fork's stages: `titan_sdk.stages`
_SCRIPT: Final = """\
\"\"\"Executes a recorded run's code again; see `titan.replay.job`.\"\"\"

import pathlib
import sys

from titan.replay.job import main

sys.exit(main(pathlib.Path(__file__).resolve().parent))
"""


class _ServerJobs:
    """Base class: submits DAGs of one job in the server's own name, waits for them and cancels them."""

    def __init__(self, orchestrator: Orchestrator, store: Store, blobs: Blobs, bus: Bus, ids: Ids) -> None:
        self._orchestrator = orchestrator
        self._store = store
        self._blobs = blobs
        self._bus = bus
        self._ids = ids

    async def cancel(self, dag_id: str, *, by: str) -> None:
        """Cancel a DAG unless it has ended."""

        def act(tx: Transaction) -> None:
            dag = tx.dag(dag_id)
            if dag is not None and not dag.is_final:
                cancel_dags(tx, [dag], by=by)

        await self._orchestrator.decide(act)

    async def _submit(self, new: NewDag, project_id: str) -> str:
        check_dag(new)
        dag_id = self._ids.dag_id()
        submitter = Submitter(project_id=project_id, cipher=self._orchestrator.cipher)
        await self._orchestrator.decide(partial(submit, new=new, submitter=submitter, dag_id=dag_id))
        return dag_id

    async def _is_over(self, dag_id: str) -> bool:
        dag = await self._store.look(lambda reader: reader.dag(dag_id))
        return dag is None or dag.is_final

    async def _wait_until_over(self, dag_id: str, seconds: float) -> None:
        await self._bus.wait_until([Topic(Kind.DAG, dag_id)], partial(self._is_over, dag_id), seconds)


class Executions(_ServerJobs):
    """Submits replays as jobs, and reports their progress."""

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
        super().__init__(orchestrator, store, blobs, bus, ids)
        self._calls = calls
        self._model_name = model_name
        self._steps: OrderedDict[str, str] = OrderedDict()  #: replay id → what its job does now

    async def begin(self, run: Run, order: Order, *, name: str) -> str:
        """Submit the job that executes a run or a fork of it again; return the id of its DAG.

        Raises:
            Conflict: the run's code is not stored, or it was imported and nobody trusts it.
        """
        if run.is_untrusted:
            raise Conflict(
                f"run {shown(run.id)}",
                expected="a run that was recorded here, or whose code somebody trusts",
                found=f"{CODE_UNTRUSTED}: it was imported, so its code may be anybody's",
                next_step=f"Read its code; to let workers execute it, where the server runs: titan runs trust {run.id}",
            )
        with tempfile.TemporaryFile() as file:
            values = await asyncio.to_thread(self._pack, run, order, file)
            file.seek(0)
            digest, _ = await self._blobs.put_stream(_chunks(file), limit_bytes=LIMIT_BYTES)
        spec = JobSpec(
            name="replay",
            filename=ENTRY,
            script=None,
            archive=digest,
            env=values if order.fork is None else {FORK_OF: run.id},
            cold=True,
            timeout_seconds=LONGEST_SECONDS,
        )
        new = NewDag(name=name, jobs=(spec,), is_repeatable=False, is_internal=True, origin=run.origin)
        return await self._submit(new, run.project_id)

    async def wait(self, replay: Replay, *, seconds: float) -> None:
        """Wait until the job of a replay has ended, at most `seconds`."""
        if replay.dag_id is not None and replay.state is ReplayState.RUNNING:
            with suppress(BusClosed):
                await self._wait_until_over(replay.dag_id, seconds)

    def set_step(self, replay_id: str, step: str) -> None:
        """Set the current step of a replay's job."""
        self._steps[replay_id] = step
        self._steps.move_to_end(replay_id)
        if len(self._steps) > MOST_REMEMBERED:
            self._steps.popitem(last=False)

    def step(self, replay: Replay) -> str | None:
        """Return the current step of a replay's job; None without a job, or when it has ended."""
        if replay.dag_id is None or replay.state is not ReplayState.RUNNING:
            return None
        return self._steps.get(replay.id) or "waiting for a worker"

    def current(self, replay: Replay) -> Replay:
        """Return the replay, failed or cancelled if its job has ended without a report."""
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
        """Return whether a run consists of jobs, whose scripts are stored."""
        return self._store.read(lambda reader: bool(_dags_of(reader, run.project_id, run.id)))

    # --- the archive ---

    def _pack(self, run: Run, order: Order, file: BinaryIO) -> dict[str, str]:
        """Write the archive; return the variables of the job with the values that its stages are given as `env=`."""
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
        values = {} if stages is None or has_program else self._without_values(run, stages[0])
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            archive.writestr(ENTRY, _SCRIPT)
            archive.writestr(ORDER, msgspec.json.encode(order))
            with archive.open(RECORDING, "w", force_zip64=True) as lines:
                for piece in json_lines(exported_runs(self._calls, self._blobs, [run])):
                    lines.write(piece)
            if stages is not None:
                self._pack_stages(archive, *stages)
        return values

    def _without_values(self, run: Run, stages: StoredStages) -> dict[str, str]:
        """Replace each value of the stages' `env` by the name of a variable; return these variables.

        Raises:
            Conflict: another key encrypted the values.
        """
        cipher = self._orchestrator.cipher
        names: dict[tuple[str, str], str] = {}
        for job in (job for dag in stages.dags for job in dag.jobs):
            env = msgspec.convert(job.item.get("env", {}), dict[str, str])
            if cipher is not None and not cipher.may_decrypt(env):
                raise Conflict(
                    f"run {shown(run.id)}",
                    expected="a run whose jobs' env= this server can decrypt",
                    found="values that another key encrypted",
                    next_step="Start the server with the TITAN_SECRET_KEY, or the home's secret-key, of before.",
                )
            plain = env if cipher is None else cipher.decrypted(env, run.project_id)
            job.item["env"] = {
                name: names.setdefault((name, value), f"{STAGE_VALUE}{len(names)}_{name}")
                for name, value in plain.items()
            }
        return {variable: value for (_, value), variable in names.items()}

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
        """Return the stages of a run, and file name → digest of their code; None if it has none."""
        found = self._store.read(partial(_stages_of, run=run))
        return None if found is None else (msgspec.structs.replace(found[0], model=self._model_name), found[1])


def check_stages_of_fork(reader: Reader, *, attempt: Attempt, new: NewDag) -> None:
    """Check that a job may submit these jobs: a fork's program may only submit code that its parent run executed.

    Its stages run outside its sandbox, so other code would escape the sandbox.

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
    """Return whether one of the run's processes is a program outside jobs whose code is stored."""
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
    """Return the stages of a run, or the one DAG that the run is."""
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


_OF_SCRIPTS: Final = (
    "args", "priority", "delay_ms", "affinity", "requirement", "retries", "backoff_seconds", "timeout_seconds",
    "max_lost", "env", "concurrency_key", "concurrency_limit",
)  # fmt: skip


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
    item |= {name: getattr(spec, name) for name in _OF_SCRIPTS}
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


async def _chunks(file: BinaryIO) -> AsyncIterator[bytes]:
    while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
        yield chunk


LOOKED_EVERY_SECONDS: Final = 60.0  # besides the bus, which does not report commits of other servers
_FILE: Final = "titan_agent.py"
_RUNNER: Final = '''\
"""Asks a function of `agent.py` to do a task, and hands in what it returns."""

import asyncio
import importlib
import inspect
import json
import os
import pathlib
import sys
import traceback
import urllib.request

SOURCE = {source!r}
SCHEME = "https" if os.environ.get("TITAN_TLS") == "1" else "http"
PROXY = f"{{SCHEME}}://{{os.environ['TITAN_HOST']}}:{{os.environ['TITAN_PORT']}}/api/world/runs/{{os.environ['WORLD_RUN']}}"
TOKEN = os.environ["WORLD_TOKEN"]
ATTEMPT = os.urandom(8).hex()


def ask(path, body=None):
    headers = {{"Authorization": f"Bearer {{TOKEN}}", "Content-Type": "application/json", "X-Titan-Attempt": ATTEMPT}}
    request = urllib.request.Request(PROXY + path, None if body is None else json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


os.environ |= {{"TITAN_PROXY_URL": PROXY, "TITAN_RUN_TOKEN": TOKEN}}  # for what the agent starts
pathlib.Path("agent.py").write_text(SOURCE, "utf-8")
sys.path.insert(0, os.getcwd())
task = ask("/task")
try:
    agent = importlib.import_module("agent")
    answer = getattr(agent, os.environ["WORLD_AGENT_FUNCTION"])(task, proxy_url=PROXY, run_token=TOKEN)
    if inspect.iscoroutine(answer):
        answer = asyncio.run(answer)
    answer = {{"answer": answer}}
    size = len(json.dumps(answer))
    ask("/response", answer if size <= {most_bytes} else {{"size": size}})
except Exception:
    ask("/response", {{"raised": traceback.format_exc()}})
    raise
'''


class AgentJobs(_ServerJobs):
    """Implements `titan.evaluate.dispatcher.Jobs`."""

    async def run(
        self, run: AgentRun, source: str, *, environment: Mapping[str, str], timeout_seconds: float
    ) -> JobEnded:
        """Run the agent as a job and wait for its end; cancelling the caller cancels the job."""
        script = _RUNNER.format(source=source, most_bytes=MOST_RESPONSE_BYTES).encode()
        digest = hashlib.sha256(script).hexdigest()
        if not self._blobs.touch(digest):
            await asyncio.to_thread(self._blobs.put, script)
        spec = JobSpec(
            name="agent",
            filename=_FILE,
            script=digest,
            env=dict(environment),
            timeout_seconds=timeout_seconds,
            max_lost=0,  # the agent may have acted
        )
        new = NewDag(
            name=f"{run.run_id}-agent",
            jobs=(spec,),
            agent_run_id=run.run_id,
            agent_id=run.agent_id,
            is_repeatable=False,
            origin=Origin.EVALUATION,
        )
        return await self.wait(await self._submit(new, run.project_id))

    async def wait(self, dag_id: str) -> JobEnded:
        """Wait until a DAG has ended; cancelling the caller cancels the DAG.

        Raises:
            BusClosed: the server ends first; the DAG goes on.
        """
        try:
            while not await self._is_over(dag_id):
                await self._wait_until_over(dag_id, LOOKED_EVERY_SECONDS)
        except asyncio.CancelledError:
            if not self._bus.is_closed:  # not a server stop: the agent run was cancelled
                self._orchestrator.background(self.cancel(dag_id, by="the evaluation"))
            raise
        return await self._store.look(partial(_ended, dag_id=dag_id))

    async def end(self, run: AgentRun, end: RunEnd, reason: str) -> None:
        """End the run if it has a job."""

        def act(tx: Transaction) -> None:
            if tx.run_control(run.project_id, run.run_id) is not None:
                end_run(tx, run.project_id, run.run_id, RunOutcome(end.value), reason=reason)

        await self._orchestrator.keep(act)

    async def stop(self, run: AgentRun) -> None:
        """Cancel the run's DAGs that have not ended: a restart interrupted it."""

        def act(tx: Transaction) -> None:
            if dags := [dag for dag in tx.stages(run.project_id, run.run_id) if not dag.is_final]:
                cancel_dags(tx, dags, by="a restart of the server")

        await self._orchestrator.decide(act)


def _ended(reader: Reader, *, dag_id: str) -> JobEnded:
    jobs = reader.jobs_of_dag(dag_id)
    if not jobs:
        return JobEnded(has_completed=False, reason="the agent's job is gone")
    results = (reader.result(job.id) for job in reversed(jobs))
    return JobEnded(
        has_completed=all(job.status is JobStatus.COMPLETED for job in jobs),
        was_lost=any(job.status is JobStatus.FAILED and job.lost_count for job in jobs),
        reason=next((job.reason for job in jobs if job.status is not JobStatus.COMPLETED and job.reason), ""),
        result=next((result for result in results if result is not None), None),
    )
