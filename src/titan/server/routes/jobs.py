"""Jobs: list, look at, wait for, read the output, tell the story, cancel."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Final

from litestar import Response
from litestar.response import Stream

from titan.engine.bus import Kind, Topic
from titan.engine.cancel import cancel_jobs
from titan.model.jobs import Job
from titan.ports import Reader, Transaction
from titan.rules.names import plain
from titan.server.answers import BYTES, json_answer
from titan.server.call import Call
from titan.server.house import House
from titan.server.lists import Found, all_of, given, look_through
from titan.server.lookup import find_job
from titan.server.views import story_view
from titan.server.work_views import job_view, job_views
from titan.wire.base import ScopeQuery
from titan.wire.work import JobQuery, JobsAnswer, JobsQuery, LogQuery

CHUNK_BYTES: Final = 256 * 1024
FOLLOW_SECONDS: Final = 15.0  # how long one wait of a follower lasts before it looks again


async def list_jobs(call: Call) -> Response[bytes]:
    """List jobs, newest first, or those that are asked for by id."""
    query = call.query(JobsQuery)

    def look(reader: Reader) -> JobsAnswer:
        found = _asked_for(reader, call.project_id, query)
        return JobsAnswer(jobs=job_views(reader, found.rows), more=found.more, next=found.next)

    return json_answer(await asyncio.to_thread(call.house.store.read, look))


def _asked_for(reader: Reader, project_id: str, query: JobsQuery) -> Found[Job]:
    fitting = partial(_fitting, reader, query)
    if query.ids is not None:
        return all_of(reader.jobs_of_ids(project_id, given(query.ids)), fitting)

    def read(before: str | None, limit: int) -> list[Job]:
        if query.worker is not None:
            return reader.jobs_of_worker(project_id, query.worker, before=before, limit=limit)
        status = query.status.value if query.status else None
        return reader.jobs(project_id, status=status, run_id=query.run, dag_id=query.dag, before=before, limit=limit)

    return look_through(read, fitting, id_of=lambda job: job.id, before=query.before, limit=query.limit)


def _fitting(reader: Reader, query: JobsQuery, jobs: list[Job]) -> list[Job]:
    part = plain(query.q).lower() if query.q else ""
    fitting = [
        job
        for job in jobs
        if query.status in (None, job.status)
        and query.run in (None, job.run_id)
        and query.dag in (None, job.dag_id)
        and part in job.name.lower()
    ]
    if query.worker is None or query.ids is None:
        return fitting
    attempts = reader.attempts_of_jobs([job.id for job in fitting])
    return [job for job in fitting if any(a.worker_id == query.worker for a in attempts.get(job.id, ()))]


async def show_job(call: Call) -> Response[bytes]:
    """Show a job with its attempts; with wait_seconds, wait until it is final."""
    query = call.query(JobQuery)
    house = call.house
    job = await house.store.look(partial(_find, call=call, scope=query))
    if not job.status.is_final:
        topics = [Topic(Kind.JOB, job.id)]
        await house.bus.wait_until(topics, partial(_is_final, house, job.id), query.wait_seconds)
    return json_answer(await house.store.look(lambda reader: job_view(reader, _again(reader, job.id))))


async def cancel_job(call: Call) -> Response[bytes]:
    """Cancel a job and what waits for it, or stop it when it runs."""
    scope = call.query(ScopeQuery)
    raw = await call.raw_body()

    def act(tx: Transaction) -> object:
        name, project_id = call.path("job"), call.project_id
        return cancel_jobs(tx, [find_job(tx, project_id, name, dag_id=scope.dag, run_id=scope.run, is_strict=True)])

    return json_answer(await call.house.orchestrator.decide(call.once(raw, act)))


async def tell_story(call: Call) -> Response[bytes]:
    """Say why a job is where it is."""
    scope = call.query(ScopeQuery)
    return json_answer(await call.house.store.look(lambda reader: story_view(reader, _find(reader, call, scope))))


async def read_log(call: Call) -> Response[bytes] | Stream:
    """Give the output of a job's attempts, one after the other, as it was written."""
    query = call.query(LogQuery)
    house = call.house
    job = await house.store.look(partial(_find, call=call, scope=query))
    size = sum(map(house.logs.size, await _leases(house, job.id, query.attempt)))
    headers = {"Titan-Log-Size": str(size)}
    end = None if query.limit_bytes is None else query.offset + query.limit_bytes
    if query.follow:
        return Stream(_follow(house, job.id, query, end=end), media_type=BYTES, headers=headers)
    parts = _parts(house, job.id, query.attempt, offset=query.offset, end=size if end is None else min(end, size))
    return Stream(parts, media_type=BYTES, headers=headers)


async def _follow(house: House, job_id: str, query: LogQuery, *, end: int | None) -> AsyncIterator[bytes]:
    """Yield output as it arrives, until `end`, or until the job, or the attempt that is asked for, has ended."""
    offset = query.offset
    with house.bus.watch([Topic(Kind.JOB, job_id), Topic(Kind.LOG, job_id)]) as watch:
        while True:
            is_over = await house.store.look(partial(_writes_no_more, job_id=job_id, attempt=query.attempt))
            async for part in _parts(house, job_id, query.attempt, offset=offset, end=end):
                offset += len(part)
                yield part
            if is_over or house.bus.is_closed or (end is not None and offset >= end):
                return
            await watch.heard(FOLLOW_SECONDS)


async def _parts(
    house: House, job_id: str, attempt: int | None, *, offset: int, end: int | None
) -> AsyncIterator[bytes]:
    """Yield the stored bytes from `offset` to `end` (None: all there is) of the attempts' joined output."""
    start = 0  # where the attempt's output begins in the whole
    for lease_id in await _leases(house, job_id, attempt):
        size = house.logs.size(lease_id)
        while start <= offset < start + size and (end is None or offset < end):
            limit = CHUNK_BYTES if end is None else min(CHUNK_BYTES, end - offset)
            part = house.logs.read(lease_id, offset - start, limit)
            if not part:
                break
            offset += len(part)
            yield part
        start += size


async def _leases(house: House, job_id: str, attempt: int | None) -> list[str]:
    attempts = await house.store.look(lambda reader: reader.attempts_of_job(job_id))
    return [a.lease_id for a in attempts if attempt is None or a.number == attempt]


def _writes_no_more(reader: Reader, *, job_id: str, attempt: int | None) -> bool:
    if _again(reader, job_id).status.is_final:
        return True
    tried = [] if attempt is None else reader.attempts_of_job(job_id)
    return any(each.number == attempt and each.outcome is not None for each in tried)


async def _is_final(house: House, job_id: str) -> bool:
    return (await house.store.look(lambda reader: _again(reader, job_id))).status.is_final


def _again(reader: Reader, job_id: str) -> Job:
    job = reader.job(job_id)
    assert job is not None, f"job {job_id} vanished"
    return job


def _find(reader: Reader, call: Call, scope: ScopeQuery) -> Job:
    return find_job(reader, call.project_id, call.path("job"), dag_id=scope.dag, run_id=scope.run)
