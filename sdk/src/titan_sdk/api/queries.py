"""The client's queries: DAGs, jobs, runs, logs, waiting, and live events."""

from __future__ import annotations

import json

from titan_sdk.api import ClientBase, DagAccepted
from titan_sdk.errors import NotFound, StreamBroken, WaitTimeout
from titan_sdk.http import quote
from titan_sdk.http.transport import LongPoll
from titan_sdk.job import TitanJob
from titan_sdk.parking import JobWait

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Iterator
    from typing import Any, overload

    from titan_sdk.api import Query, Target
    from titan_sdk.wire import Dag, Event, Job, Run

_BETWEEN_STREAMS_SECONDS = 0.05  # a stream that ends at once comes from a server that is stopping
_SILENT_STREAM_SECONDS = 45.0  # a server sends a keep-alive every 15 s
_FINAL_JOB_STATUSES = frozenset({"COMPLETED", "FAILED", "CANCELLED"})
_PENDING_STATUSES = frozenset({"WAITING", "READY"})
_RESYNC = "resync"
_NEWEST_JOBS = 200  # that are listed without a run or DAG
_MOST_ON_A_PAGE = 10_000


class Queries(ClientBase):
    """The client's queries."""

    async def get_job_status(self, job_id: Target) -> str:
        """Return PENDING, RUNNING, COMPLETED, FAILED or CANCELLED, of a gate that waits for a person
        WAITING_APPROVAL; "UNKNOWN" when there is no such job.
        """
        try:
            status = (await self.get_job(job_id))["status"]
        except NotFound:
            return "UNKNOWN"
        return "PENDING" if status in _PENDING_STATUSES else status

    async def get_job(self, job: Target) -> Job:
        """Return a job with its attempts.

        A plain name means a job that this client submitted, else one of this job's own run
        (TITAN_AGENT_RUN_ID), else the newest.

        Raises:
            UnknownJob: there is none.
        """
        path, query = self._job_route(job)
        return await self.transport.request_json("GET", path, query=query)

    async def get_dag(self, dag: str) -> Dag:
        """Return a DAG with its jobs, by receipt, id or name (the newest of that name, its own first).

        Raises:
            UnknownDag: there is none.
        """
        return await self.transport.request_json("GET", self._dag_path(dag))

    async def dag_status(self, dag: str) -> str:
        """Return WAITING, RUNNING, COMPLETED, FAILED or PARTIAL (some jobs completed, some not).

        Raises:
            UnknownDag: there is none.
        """
        return str((await self.transport.request_json("GET", self._dag_path(dag), query={"jobs": False}))["status"])

    async def get_run(self, agent_run_id: str) -> Run:
        """Return a run with its stages in submission order.

        Raises:
            UnknownRun: there is none.
        """
        return await self.transport.request_json("GET", f"/api/v1/runs/{quote(agent_run_id)}")

    async def jobs(
        self, run: str | None = None, dag: str | None = None, status: str | None = None, limit: int | None = None
    ) -> list[Job]:
        """Return jobs, newest first; [] when nothing fits.

        Args:
            run: only those of this agent run.
            dag: only those of this DAG, by receipt, id or name.
            status: WAITING, READY, RUNNING, WAITING_APPROVAL, COMPLETED, FAILED or CANCELLED.
            limit: how many at most. None: all of the run or DAG, else the newest 200.

        Raises:
            UnknownDag: there is no such DAG.
        """
        if limit is None and run is None and dag is None:
            limit = _NEWEST_JOBS
        query: Query = {"run": run, "dag": await self._dag_id(dag), "status": status}
        jobs: list[Job] = []
        before = None
        while limit is None or len(jobs) < limit:
            size = _MOST_ON_A_PAGE if limit is None else min(limit - len(jobs), _MOST_ON_A_PAGE)
            page = await self.transport.request_json(
                "GET", "/api/jobs", query={**query, "limit": size, "before": before}
            )
            jobs += page["jobs"]
            before = page["next"]
            if not page["more"]:
                break
        return jobs

    async def result(self, job: Target) -> Any:  # the shape is up to the job
        """Return the result that a job has set with `titan_sdk.set_result`; None when it has set none.

        Raises:
            UnknownJob: there is none.
        """
        path, query = self._job_route(job)
        return (await self.transport.request_json("GET", f"{path}/result", query=query))["value"]

    async def fetch_logs(self, job_id: Target) -> str:
        """Return what a job's attempts have printed so far; "" for an unknown job.

        Bytes that are not UTF-8 become U+FFFD.
        """
        path, query = self._job_route(job_id)
        try:
            return (await self.transport.read(f"{path}/log", query=query)).decode("utf-8", "replace")
        except NotFound:
            return ""

    async def follow_logs(self, job: Target) -> AsyncGenerator[str, None]:
        """Yield the lines that a job prints, from its first, as they come, until it is final.

        Lines come without their line break; bytes that are not UTF-8 become U+FFFD. A server that restarts
        meanwhile is waited for, and no line is lost or doubled.

        Raises:
            UnknownJob: there is none.
            ServerUnavailable: the server stays away.
        """
        path, query = self._job_route(job)
        offset, rest = 0, b""
        is_final = is_whole = False
        while not is_whole:
            # A server that stops ends its streams normally, but the job may print more: only a stream that began when
            # the job was final has all of it.
            ends_whole = is_final
            pieces = self.transport.stream(f"{path}/log", query={**query, "follow": not is_final, "offset": offset})
            try:
                async for piece in pieces:
                    offset += len(piece)
                    *lines, rest = (rest + piece).split(b"\n")
                    for line in lines:
                        yield line.decode("utf-8", "replace")
                is_whole = ends_whole
                if not is_final:
                    is_final = (await self.transport.request_json("GET", path, query=query))[
                        "status"
                    ] in _FINAL_JOB_STATUSES
            except StreamBroken:
                await self.transport.http.sleep(_BETWEEN_STREAMS_SECONDS)
            finally:
                await pieces.aclose()
        if rest:
            yield rest.decode("utf-8", "replace")

    async def watch(
        self, run: str | None = None, dag: str | None = None, after: str | None = None
    ) -> AsyncGenerator[Event, None]:
        """Yield live events, without end: each has `kind`, `at`, `data` and a `cursor`.

            for event in client.watch(run="RESEARCH_cb5e13"):
                print(event["kind"], event["job_id"])

        A server that restarts meanwhile is waited for, and no event is lost or doubled. An event of the kind
        "resync" means that the server no longer has the events after the last cursor: read everything anew.

        Args:
            run, dag: only events of this run, or of this DAG (by receipt, id or name).
            after: the cursor of the last known event; without it, only events from the first request on are
                yielded.

        Raises:
            UnknownDag: there is no such DAG.
            ServerUnavailable: the server stays away.
        """
        scope: Query = {"run": run, "dag": await self._dag_id(dag)}
        # No journal has the cursor "": its answer is a resync with the present cursor, so that a connection that
        # breaks before the first event loses nothing either.
        reader = EventReader(cursor=after or "", yields_first_resync=bool(after))
        while True:
            pieces = self.transport.stream(
                "/api/events", query={**scope, "after": reader.cursor}, timeout_seconds=_SILENT_STREAM_SECONDS
            )
            reader.begin()
            try:
                async for piece in pieces:
                    for event in reader.read(piece):
                        yield event
            except StreamBroken:
                pass
            finally:
                await pieces.aclose()
            await self.transport.http.sleep(_BETWEEN_STREAMS_SECONDS)

    if TYPE_CHECKING:

        @overload
        async def wait(  # type: ignore[overload-overlap]  # a str is one name, not an iterable of names
            self,
            target: Target,
            timeout: float | None = None,  # noqa: ASYNC109  # the plain client's too
            *,
            park: bool | None = None,
        ) -> str: ...
        @overload
        async def wait(
            self,
            target: Iterable[Target],
            timeout: float | None = None,  # noqa: ASYNC109
            *,
            park: bool | None = None,
        ) -> dict[str, str]: ...

    async def wait(
        self,
        target: Target | Iterable[Target],
        timeout: float | None = None,  # noqa: ASYNC109
        *,
        park: bool | None = None,
    ) -> str | dict[str, str]:
        """Return a DAG's final status (COMPLETED, PARTIAL, FAILED) or a job's (COMPLETED, FAILED, CANCELLED).

        Of several, return {name: status} once all are final.

            client.wait(client.submit_dag("nightly", jobs))  # -> "COMPLETED"
            client.wait(["extract", "train"], timeout=60)    # -> {"extract": "COMPLETED", "train": "FAILED"}

        Args:
            timeout: seconds; None waits as long as it takes.
            park: in a job, whether its slot is free for other jobs meanwhile. None: of a plain client where no other
                thread runs, of an asynchronous one not.

        Raises:
            WaitTimeout: not final in time. The job or DAG goes on.
            Deadlock: the job would wait for itself.
            UnknownJob, UnknownDag: there is none of this name.
        """
        poll = LongPoll(timeout)
        async with JobWait(self.transport, park) as wait:
            if isinstance(target, str | TitanJob):
                return await self._wait_for_one(target, poll, wait)
            return {_shown_name(one): await self._wait_for_one(one, poll.again(), wait) for one in target}

    async def _wait_for_one(self, target: Target, poll: LongPoll, wait: JobWait) -> str:
        path, query = await self._route(target)
        query = query or {"jobs": False}  # a DAG may have thousands of jobs
        status = ""
        while (wait_seconds := poll.next()) is not None:
            try:
                answer: Job | Dag = await self.transport.request_json(
                    "GET",
                    path,
                    query={**query, "wait_seconds": wait_seconds},
                    timeout_seconds=wait_seconds + poll.MARGIN_SECONDS,
                    headers=wait.headers,
                    is_poll=True,
                )
            except StreamBroken:
                continue  # the next poll waits for a server that restarts, as long as any request
            status = answer["status"]
            if answer.get("is_final") or status in _FINAL_JOB_STATUSES:
                return status
            await self.transport.http.sleep(poll.rest())
        raise WaitTimeout(
            subject=_shown_name(target),
            expected="a final status in time",
            found=f"still {status}",
            next_step="It goes on: wait again, or cancel it.",
        )


def _shown_name(target: Target) -> str:
    if isinstance(target, DagAccepted):
        return target.name
    return target.id if isinstance(target, TitanJob) else target


class EventReader:
    """Parses server-sent events (HTML, 9.2) from pieces of any size; `cursor` is that of the last event."""

    def __init__(self, *, cursor: str, yields_first_resync: bool) -> None:
        #: Where the next connection continues.
        self.cursor = cursor
        self._skips_resync = not yields_first_resync
        self._rest = b""

    def begin(self) -> None:
        """Discard an incomplete frame: a new connection begins with a whole one."""
        self._rest = b""

    def read(self, piece: bytes) -> Iterator[Event]:
        """Yield the events that end in this piece, in order."""
        *frames, self._rest = (self._rest + piece).split(b"\n\n")
        for frame in frames:
            fields = dict(_field(line) for line in frame.decode("utf-8", "replace").split("\n"))
            if "data" in fields:
                event = _event(fields)
                self.cursor = event["cursor"]
                if event["kind"] != _RESYNC or not self._skips_resync:
                    yield event
                self._skips_resync = False


def _field(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")  # a comment begins with the colon: it has no name
    return name, value.removeprefix(" ")


def _event(fields: dict[str, str]) -> Event:
    event: Event = json.loads(fields["data"])
    if fields.get("event") == _RESYNC:
        return {"kind": _RESYNC, "cursor": event["cursor"]}
    return event
