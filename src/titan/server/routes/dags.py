"""DAGs: submit, list, look at, wait for, cancel."""

import asyncio
import hashlib
from collections.abc import Mapping
from functools import partial
from typing import Final

from litestar import Response

from titan.engine.archives import look_into
from titan.engine.bus import Kind, Topic
from titan.engine.cancel import cancel_dags
from titan.engine.receipts import Once, once
from titan.engine.submit import Submitter, submit
from titan.model.dags import Dag, NewDag
from titan.model.errors import InvalidInput
from titan.model.jobs import JobKind, JobSpec
from titan.model.run_control import Orchestrator
from titan.ports import Blobs, Reader, Transaction
from titan.rules.dag import check_dag
from titan.rules.gates import with_gates
from titan.rules.names import plain, shown
from titan.rules.rollup import dag_status
from titan.server.answers import json_answer
from titan.server.call import LARGE_BODY_BYTES, Call
from titan.server.lists import Found, all_of, given, look_through
from titan.server.lookup import blob_path, find_dag
from titan.server.reach import check_run_of_submission
from titan.server.texts import check_text
from titan.server.work_views import dag_view, dag_with_jobs
from titan.wire.work import DagQuery, DagsAnswer, DagsQuery, DagView, NewJobBody, OrchestratorBody, SubmitBody

MAX_ARGUMENT: Final = 131_072  # characters: what Linux takes as one argument (MAX_ARG_STRLEN)
MAX_SUBMIT_BYTES: Final = 256 * 1024 * 1024  # 10,000 jobs with scripts of 16 KiB each, in base64


async def submit_dag(call: Call) -> Response[bytes]:
    """Store a DAG and start what can start."""
    raw = await call.raw_body(MAX_SUBMIT_BYTES)
    read = partial(_read_submission, call, raw)
    takes_long = len(raw) > LARGE_BODY_BYTES or b'"archive"' in raw
    body, new, mark = await asyncio.to_thread(read) if takes_long else read()
    await check_run_of_submission(call, new.agent_run_id)
    await _keep_scripts(call.house.blobs, body)
    submitter = Submitter(project_id=call.project_id, token=call.token())
    act = partial(submit, new=new, submitter=submitter, dag_id=call.house.ids.dag_id())
    answer = await call.house.orchestrator.decide(partial(once, mark=mark, act=act))
    return json_answer(answer, 201)


async def list_dags(call: Call) -> Response[bytes]:
    """List DAGs, newest first, or those that are asked for by id."""
    query = call.query(DagsQuery)

    def look(reader: Reader) -> DagsAnswer:
        found = _asked_for(reader, call.project_id, query)
        return DagsAnswer(dags=[dag_view(dag) for dag in found.rows], more=found.more, next=found.next)

    return json_answer(await asyncio.to_thread(call.house.store.read, look))


def _asked_for(reader: Reader, project_id: str, query: DagsQuery) -> Found[Dag]:
    name = plain(query.name) if query.name else None
    part = plain(query.q).lower() if query.q else ""
    statuses = query.status.split(",") if query.status else None

    def fitting(dags: list[Dag]) -> list[Dag]:
        return [
            dag
            for dag in dags
            if name in (None, dag.name)
            and query.run in (None, dag.run_id)
            and (part in dag.name.lower() or part in (dag.run_id or "").lower())
            and (statuses is None or dag_status(dag) in statuses)
        ]

    def read(before: str | None, limit: int) -> list[Dag]:
        return reader.dags(project_id, run_id=query.run, name=name, before=before, limit=limit)

    if query.ids is not None:
        return all_of(reader.dags_of_ids(project_id, given(query.ids)), fitting)
    return look_through(read, fitting, id_of=lambda dag: dag.id, before=query.before, limit=query.limit)


async def show_dag(call: Call) -> Response[bytes]:
    """Show a DAG with its jobs; with wait_seconds, wait until it is final."""
    query = call.query(DagQuery)
    house = call.house
    dag_id = (await house.store.look(partial(_find, call=call))).id

    def look(reader: Reader) -> Dag:
        return find_dag(reader, call.project_id, dag_id)

    async def is_final() -> bool:
        return (await house.store.look(look)).is_final

    await house.bus.wait_until([Topic(Kind.DAG, dag_id)], is_final, query.wait_seconds)
    if not query.jobs:
        return json_answer(dag_view(await house.store.look(look)))

    def show(reader: Reader) -> DagView:
        return dag_with_jobs(reader, look(reader), with_attempts=query.attempts)

    return json_answer(await asyncio.to_thread(house.store.read, show))


async def cancel_dag(call: Call) -> Response[bytes]:
    """Cancel what of a DAG has not started, and stop what runs."""
    raw = await call.raw_body()

    def act(tx: Transaction) -> object:
        return cancel_dags(tx, [_find(tx, call)], by=call.caller.name)

    return json_answer(await call.house.orchestrator.decide(call.once(raw, act)))


def new_dag(body: SubmitBody, archives: Mapping[str, str]) -> NewDag:
    """Return the submission in the model's terms; the original's `DAG-` prefix is dropped everywhere.

    `archives` has the digest of each archive by its name.
    """
    jobs = tuple(
        JobSpec(
            name=plain(job.id),
            filename=job.filename or None,
            script=job.script,
            archive=None if job.archive is None else archives[job.archive],
            kind=job.kind,
            args=tuple(job.args),
            parents=tuple(plain(parent) for parent in job.parents),
            priority=job.priority,
            delay_ms=job.delay_ms,
            affinity=job.affinity,
            requirement=job.requirement,
            retries=job.retries,
            backoff_seconds=job.backoff_seconds,
            timeout_seconds=job.timeout_seconds,
            max_lost=job.max_lost,
            env=job.env,
            cold=job.cold,
            hitl_message=_message(job),
            max_wait_seconds=job.max_wait_seconds,
            concurrency_key=job.concurrency_key,
            concurrency_limit=job.concurrency_limit,
        )
        for job in body.jobs
    )
    return NewDag(
        name=plain(body.name),
        jobs=jobs,
        agent_run_id=body.agent_run_id,
        agent_id=body.agent_id,
        on_failure=body.on_failure,
        idempotency_key=body.idempotency_key,
        occurrence=body.occurrence,
        is_resumed=body.resume,
        orchestrator=_orchestrator(body.orchestrator),
    )


def _message(job: NewJobBody) -> str | None:
    if job.hitl_message is None or (job.kind is JobKind.WORK and not job.hitl_message.strip()):
        return None  # as in the original: no message, no gate
    return check_text(f"hitl_message of job {shown(job.id)}", job.hitl_message)


def _orchestrator(body: OrchestratorBody | None) -> Orchestrator | None:
    if body is None:
        return None
    for text in (*body.command, body.directory, body.host):
        check_text("orchestrator of the run", text, limit_characters=MAX_ARGUMENT)
    return Orchestrator(command=tuple(body.command), directory=body.directory, host=body.host)


def _read_submission(call: Call, raw: bytes) -> tuple[SubmitBody, NewDag, Once | None]:
    """Return a submission that can run, with its idempotency key; takes 0.2 s for 10,000 jobs."""
    body = call.decode(raw, SubmitBody)
    users: dict[str, list[NewJobBody]] = {}
    for job in body.jobs:
        if job.archive is not None:
            users.setdefault(job.archive, []).append(job)
    archives = {name: _digest_of_archive(call, jobs[0]) for name, jobs in users.items()}
    new = with_gates(new_dag(body, archives))
    check_dag(new)
    for name, jobs in users.items():
        look_into(blob_path(call.house.blobs, archives[name]), name, scripts=[job.filename for job in jobs])
    return body, new, call.mark(raw)


def _digest_of_archive(call: Call, job: NewJobBody) -> str:
    """Return the digest that the archive of a job has now: a later upload of that name changes nothing for it."""
    name = job.archive or ""
    file = call.house.store.read(lambda reader: reader.file(call.project_id, name))
    if file is not None and call.house.blobs.touch(file.digest):
        return file.digest
    raise InvalidInput(
        f"job {shown(job.id)}",
        expected=f"an archive {shown(name)} among the uploaded files",
        found="none of that name",
        next_step="Upload the zip first: upload_project_folder, upload_file or PUT /api/files/{name}.",
    )


async def _keep_scripts(blobs: Blobs, body: SubmitBody) -> None:
    """Store the scripts that came along, once it is sure that each is what it says and every job has one."""
    for digest, content in body.scripts.items():
        if hashlib.sha256(content).hexdigest() != digest:
            raise InvalidInput(
                f"script {shown(digest)}",
                expected="content with that SHA-256",
                found=f"{len(content)} bytes with another",
                next_step="Send the script again.",
            )
    wanted = {job.script: job.id for job in body.jobs if job.script is not None}
    for digest, job in wanted.items():
        if digest not in body.scripts and not blobs.touch(digest):
            raise InvalidInput(
                f"job '{job}'",
                expected="its script among `scripts`, or sent before",
                found=f"nothing for {digest}",
                next_step="Send the script's content under its digest.",
            )
    for digest, content in body.scripts.items():
        if not blobs.touch(digest):
            await asyncio.to_thread(blobs.put, content)


def _find(reader: Reader, call: Call) -> Dag:
    return find_dag(reader, call.project_id, call.path("dag"))
