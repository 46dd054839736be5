"""Routes of DAGs: submit, list, show, wait, cancel, retry, redeploy."""

import asyncio
import hashlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Final

from titan.model.dags import Dag, NewDag
from titan.model.errors import InvalidInput
from titan.model.jobs import JobKind, JobSpec
from titan.model.run_control import Orchestrator, Origin
from titan.model.shaped import shaped
from titan.orchestrator.archives import look_into
from titan.orchestrator.bus import BusClosed, Kind, Topic
from titan.orchestrator.cancel import cancel_dags
from titan.orchestrator.receipts import Once, once
from titan.orchestrator.rerun import redeploy
from titan.orchestrator.retry import retry_dag
from titan.orchestrator.submit import check_goes_on, submit
from titan.ports.jobs_store import Reader, Transaction
from titan.rules.access import Permission
from titan.rules.jobs.dag import check_dag
from titan.rules.jobs.gates import with_gates
from titan.rules.names import plain, shown
from titan.rules.runs.lifecycle import dag_status
from titan.server.evaluation import check_world, submit_into_world
from titan.server.executions import check_stages_of_fork
from titan.server.http.authorization import authorize, blobs_within_reach, check_run_of_submission
from titan.server.http.call import LARGE_BODY_BYTES, Call, Json
from titan.server.http.route import Routes
from titan.server.http.validation import check_text
from titan.server.lookup import Page, blob_path, filtered_page, find_dag, origin_of, page_of_ids, parse_ids
from titan.server.views.jobs import dag_view, dag_with_jobs
from titan.wire import work as wire

route = Routes()

MAX_ARGUMENT: Final = 131_072  # characters: Linux's limit of one argument (MAX_ARG_STRLEN)
MAX_SUBMIT_BYTES: Final = 256 * 1024 * 1024  # 10,000 jobs with scripts of 16 KiB each, in base64


@route(
    "POST /api/dags",
    Permission.SUBMIT,
    body=wire.SubmitBody,
    limit_bytes=MAX_SUBMIT_BYTES,
    status=201,
    mutates=True,
    adds=True,
)
async def submit_dag(call: Call) -> Json[wire.Submitted]:
    """Submit a DAG: store it, and start the jobs that can start."""
    read = partial(_read_submission, call)
    takes_long = len(call.raw) > LARGE_BODY_BYTES or b'"archive"' in call.raw
    body, new, mark = await asyncio.to_thread(read) if takes_long else read()
    await check_run_of_submission(call, new.agent_run_id)
    if (attempt := call.caller.attempt) is not None:
        await call.app.store.look(partial(check_stages_of_fork, attempt=attempt, new=new))
    if body.world is not None:
        await authorize(call, Permission.EVALUATE)
        check_world(new)
    elif (run_id := new.agent_run_id) is not None:
        new = replace(new, origin=await asyncio.to_thread(_origin_of_run, call, run_id))
    await _keep_scripts(call, body)
    dag_id = call.app.ids.dag_id()

    async def stored(new: NewDag) -> bytes:
        act = partial(submit, new=new, submitter=call.submitter, dag_id=dag_id)
        return await call.app.orchestrator.decide(partial(once, mark=mark, act=act))

    if body.world is None:
        return Json(await stored(new))
    return Json(await submit_into_world(call, body.world, new, dag_id, stored))


@route("GET /api/dags", Permission.SEE_WORK)
def list_dags(call: Call, reader: Reader, query: wire.DagsQuery) -> wire.DagsAnswer:
    """List DAGs, newest first, or those that are asked for by id."""
    found = _asked_for(reader, call.project_id, query)
    return wire.DagsAnswer(dags=[dag_view(dag) for dag in found.rows], more=found.more, next=found.next)


def _origin_of_run(call: Call, run_id: str) -> Origin:
    """Return the origin of a run that was recorded before it submits a stage, as a fork's is."""
    run = call.app.calls.read(lambda reader: reader.run(call.project_id, call.app.recorder.known_as(run_id)))
    return Origin.PRODUCTION if run is None else run.origin


def _asked_for(reader: Reader, project_id: str, query: wire.DagsQuery) -> Page[Dag]:
    name = plain(query.name) if query.name else None
    part = plain(query.q).lower() if query.q else ""
    statuses = query.status.split(",") if query.status else None
    origin = origin_of(query.origin, is_named=any((query.ids, query.run, query.name)))

    def matching(dags: list[Dag]) -> list[Dag]:
        return [
            dag
            for dag in dags
            if name in (None, dag.name)
            and query.run in (None, dag.run_id)
            and origin in (None, dag.origin)
            and (part in dag.name.lower() or part in (dag.run_id or "").lower())
            and (statuses is None or dag_status(dag) in statuses)
        ]

    def read(before: str | None, limit: int) -> list[Dag]:
        return reader.dags(project_id, run_id=query.run, name=name, origin=origin, before=before, limit=limit)

    if query.ids is not None:
        return page_of_ids(reader.dags_of_ids(project_id, parse_ids(query.ids)), matching)
    return filtered_page(read, matching, id_of=lambda dag: dag.id, before=query.before, limit=query.limit)


@route("GET /api/dags/{dag}", Permission.SEE_WORK)
async def show_dag(call: Call, query: wire.DagQuery) -> wire.DagView:
    """Show a DAG with its jobs; with wait_seconds, wait until it is final."""
    app = call.app
    dag_id = (await app.store.look(partial(_find, call=call))).id

    def look(reader: Reader) -> Dag:
        return find_dag(reader, call.project_id, dag_id)

    async def is_final() -> bool:
        return (await app.store.look(look)).is_final

    with suppress(BusClosed):  # then the answer is how the DAG stands
        await app.bus.wait_until([Topic(Kind.DAG, dag_id)], is_final, query.wait_seconds)
    if not query.jobs:
        return dag_view(await app.store.look(look))

    def show(reader: Reader) -> wire.DagView:
        return dag_with_jobs(reader, look(reader), with_attempts=query.attempts)

    return await call.read(show)


@route("POST /api/dags/{dag}/cancel", Permission.CHANGE_WORK, mutates=True)
def cancel_dag(call: Call, tx: Transaction) -> wire.Cancelled:
    """Cancel what of a DAG has not started, and stop what runs; with all that its jobs submitted."""
    return cancel_dags(tx, [_find(tx, call)], by=call.caller.name)


def new_dag(body: wire.SubmitBody, archives: Mapping[str, str]) -> NewDag:
    """Return the submission as a NewDag; the original's `DAG-` prefix is dropped everywhere.

    `archives` maps the name of each archive to its digest.
    """
    jobs = tuple(
        shaped(
            JobSpec,
            job,
            name=plain(job.id),
            filename=job.filename or None,
            archive=None if job.archive is None else archives[job.archive],
            args=tuple(job.args),
            parents=tuple(plain(parent) for parent in job.parents),
            hitl_message=_message(job),
        )
        for job in body.jobs
    )
    return shaped(
        NewDag,
        body,
        name=plain(body.name),
        jobs=jobs,
        is_resumed=body.resume,
        orchestrator=_orchestrator(body.orchestrator),
    )


def _message(job: wire.NewJobBody) -> str | None:
    if job.hitl_message is None or (job.kind is JobKind.WORK and not job.hitl_message.strip()):
        return None  # as in the original: no message, no gate
    return check_text(f"hitl_message of job {shown(job.id)}", job.hitl_message)


def _orchestrator(body: wire.OrchestratorBody | None) -> Orchestrator | None:
    if body is None:
        return None
    for text in (*body.command, body.directory, body.host):
        check_text("orchestrator of the run", text, limit_characters=MAX_ARGUMENT)
    return Orchestrator(command=tuple(body.command), directory=body.directory, host=body.host)


def _read_submission(call: Call) -> tuple[wire.SubmitBody, NewDag, Once | None]:
    """Parse and check a submission, and return it with its idempotency key; takes 0.2 s for 10,000 jobs."""
    body = call.decode(call.raw, wire.SubmitBody)
    users: dict[str, list[wire.NewJobBody]] = {}
    for job in body.jobs:
        if job.archive is not None:
            users.setdefault(job.archive, []).append(job)
    archives = {name: _digest_of_archive(call, jobs[0]) for name, jobs in users.items()}
    new = with_gates(new_dag(body, archives))
    check_dag(new)
    for name, jobs in users.items():
        look_into(blob_path(call.app.blobs, archives[name]), name, scripts=[job.filename for job in jobs])
    return body, new, call.mark()


def _digest_of_archive(call: Call, job: wire.NewJobBody) -> str:
    """Return the current digest of a job's archive; a later upload under that name does not affect the job."""
    name = job.archive or ""
    file = call.app.store.read(lambda reader: reader.file(call.project_id, name))
    if file is not None and call.app.blobs.touch(file.digest):
        return file.digest
    raise InvalidInput(
        f"job {shown(job.id)}",
        expected=f"an archive {shown(name)} among the uploaded files",
        found="none of that name",
        next_step="Upload the zip first: upload_project_folder, upload_file or PUT /api/files/{name}.",
    )


async def _keep_scripts(call: Call, body: wire.SubmitBody) -> None:
    """Check that every script matches its digest and that none is missing, then store them."""
    for digest, content in body.scripts.items():
        if hashlib.sha256(content).hexdigest() != digest:
            raise InvalidInput(
                f"script {shown(digest)}",
                expected="content with that SHA-256",
                found=f"{len(content)} bytes with another",
                next_step="Send the script again.",
            )
    blobs = call.app.blobs
    wanted = {job.script: job.id for job in body.jobs if job.script is not None and job.script not in body.scripts}
    known = await blobs_within_reach(call, wanted)
    for digest, job in wanted.items():
        if digest not in known or not blobs.touch(digest):
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


@route("POST /api/dags/{dag}/retry", Permission.CHANGE_WORK, mutates=True, adds=True)
def retry_a_dag(call: Call, tx: Transaction) -> wire.Retried:
    """Try again every job of a DAG that failed or was cancelled; what completed stays."""
    check_goes_on(tx, call.submitter)
    return retry_dag(tx, find_dag(tx, call.project_id, call.path("dag")))


@route("POST /api/dags/{dag}/redeploy", Permission.CHANGE_WORK, status=201, mutates=True, adds=True)
def redeploy_a_dag(call: Call, tx: Transaction) -> wire.Submitted:
    """Submit a DAG once more, under the same name."""
    dag = find_dag(tx, call.project_id, call.path("dag"))
    return redeploy(tx, dag, call.submitter, dag_id=call.app.ids.dag_id())
