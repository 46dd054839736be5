"""Workers as people handle them: list, drain, resume, start one beside the server."""

import asyncio
from collections.abc import Callable

from litestar import Response

from titan.engine.attendance import drain, resume
from titan.model.errors import Conflict
from titan.model.workers import Worker
from titan.ports import Reader, Transaction
from titan.rules.names import check_label, check_name
from titan.server.answers import json_answer
from titan.server.call import Call
from titan.server.lookup import find_worker
from titan.server.worker_views import standing_of, worker_view
from titan.wire.workers import LocalWorkerAnswer, LocalWorkerBody, WorkersAnswer, WorkersQuery


async def list_workers(call: Call) -> Response[bytes]:
    """List workers, connected ones first."""
    query = call.query(WorkersQuery)
    states = query.state.split(",") if query.state else None
    local_ids, within = _local_ids(call), call.caller.project_id

    def look(reader: Reader) -> WorkersAnswer:
        workers = [w for w in reader.workers() if states is None or standing_of(w) in states]
        views = [worker_view(reader, worker, within=within, local_ids=local_ids) for worker in workers]
        return WorkersAnswer(workers=views)

    return json_answer(await asyncio.to_thread(call.house.store.read, look))


async def drain_worker(call: Call) -> Response[bytes]:
    """Give a worker no new work: it finishes what it runs, then leaves."""
    return await _change(call, drain)


async def resume_worker(call: Call) -> Response[bytes]:
    """Give work again to a worker that is draining."""
    return await _change(call, resume)


async def start_local(call: Call) -> Response[bytes]:
    """Start a worker beside the server, and answer when it is here."""
    raw = await call.raw_body()
    body = call.decode(raw, LocalWorkerBody)
    for label in body.offers:
        check_label(label)
    name = None if body.name is None else check_name("worker", body.name)
    local = call.house.local_workers
    if local is None:
        raise Conflict(
            "a worker beside this server",
            expected="a server that may run workers on its machine",
            found="one that was started with --no-worker",
            next_step="Start it without --no-worker, or start a worker where it is to run: titan worker --join URL.",
        )

    async def start() -> LocalWorkerAnswer:
        started = await local.add(body.offers, name=name)
        return LocalWorkerAnswer(worker_id=started.worker_id, name=started.name)

    return json_answer(await call.house.long_once.perform(call.mark(raw), start), 201)


async def _change(call: Call, act: Callable[[Transaction, Worker], Worker]) -> Response[bytes]:
    raw = await call.raw_body()
    local_ids = _local_ids(call)
    name = call.path("worker")

    def view(tx: Transaction) -> object:
        return worker_view(tx, act(tx, find_worker(tx, name)), local_ids=local_ids)

    once = call.once(raw, view)

    def decide(tx: Transaction) -> tuple[Worker, bytes]:
        answer = once(tx)
        return find_worker(tx, name), answer

    return json_answer(await call.house.orchestrator.change_worker(decide))


def _local_ids(call: Call) -> frozenset[str]:
    local = call.house.local_workers
    return frozenset() if local is None else local.worker_ids()
