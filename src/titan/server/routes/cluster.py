"""Workers as people handle them: list, drain, resume, start one beside the server."""

from collections.abc import Callable

from titan.engine.attendance import drain, resume
from titan.model.errors import Conflict
from titan.model.workers import Worker
from titan.ports import Reader, Transaction
from titan.rules.access import Permission
from titan.rules.names import check_label, check_name
from titan.server.call import Call, Json
from titan.server.lookup import find_worker
from titan.server.route import Routes
from titan.server.worker_views import standing_of, worker_view
from titan.wire.workers import LocalWorkerAnswer, LocalWorkerBody, WorkersAnswer, WorkersQuery, WorkerView

route = Routes()


@route("GET /api/workers", Permission.SEE_CLUSTER)
def list_workers(call: Call, reader: Reader, query: WorkersQuery) -> WorkersAnswer:
    """List workers, connected ones first."""
    states = query.state.split(",") if query.state else None
    local_ids, within = _local_ids(call), call.caller.project_id
    workers = [w for w in reader.workers() if states is None or standing_of(w) in states]
    views = [worker_view(reader, worker, within=within, local_ids=local_ids) for worker in workers]
    return WorkersAnswer(workers=views)


@route("POST /api/workers/{worker}/drain", Permission.OPERATE, mutates=True)
async def drain_worker(call: Call) -> Json[WorkerView]:
    """Give a worker no new work: it finishes what it runs, then leaves."""
    return await _change(call, drain)


@route("POST /api/workers/{worker}/resume", Permission.OPERATE, mutates=True)
async def resume_worker(call: Call) -> Json[WorkerView]:
    """Give work again to a worker that is draining."""
    return await _change(call, resume)


@route("POST /api/workers/local", Permission.OPERATE, status=201, mutates=True)
async def start_local(call: Call, body: LocalWorkerBody) -> Json[LocalWorkerAnswer]:
    """Start a worker beside the server, and answer when it is here."""
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

    return Json(await call.house.long_once.perform(call.mark(), start))


async def _change(call: Call, act: Callable[[Transaction, Worker], Worker]) -> Json[WorkerView]:
    local_ids = _local_ids(call)
    name = call.path("worker")

    def view(tx: Transaction) -> object:
        return worker_view(tx, act(tx, find_worker(tx, name)), local_ids=local_ids)

    once = call.once(view)

    def decide(tx: Transaction) -> tuple[Worker, bytes]:
        answer = once(tx)
        return find_worker(tx, name), answer

    return Json(await call.house.orchestrator.change_worker(decide))


def _local_ids(call: Call) -> frozenset[str]:
    local = call.house.local_workers
    return frozenset() if local is None else local.worker_ids()
