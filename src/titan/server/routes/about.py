"""Routes about the server: health, probes, metrics, cleaning, settings."""

import asyncio
from dataclasses import asdict
from typing import Final

from litestar import Response

from titan import __version__
from titan.model.errors import StoreError
from titan.rules.access import Permission
from titan.server.http.call import Call
from titan.server.http.metrics import CONTENT_TYPE
from titan.server.http.route import Routes
from titan.settings import SETTINGS
from titan.wire.server import CleanAnswer, CleanQuery, HealthAnswer, RuleView, SettingsAnswer, StorageView, StoreView

route = Routes()
READY_WITHIN_SECONDS: Final = 2.0  # for both stores; probes of containers wait for 1 to 10 s


@route("GET /api/health", Permission.KNOW_SERVER)
async def health(call: Call) -> HealthAnswer:
    """Report that the server runs and its store answers."""
    app = call.app
    app.space.look()
    return HealthAnswer(
        status="ok",
        version=__version__,
        now=app.clock.now(),
        started_at=app.started_at,
        home_id=await app.store.look(lambda reader: reader.home_id()),
        model=app.model_name,
        storage=StorageView(free_bytes=app.space.disk.free_bytes, is_low=app.space.is_low),
    )


@route("GET /healthz", Permission.PROBE, media_type="text/plain")
async def healthz(call: Call) -> Response[str]:
    """Report that the server's process answers."""
    return Response("ok\n", media_type="text/plain")


@route("GET /readyz", Permission.PROBE, media_type="text/plain")
async def readyz(call: Call) -> Response[str]:
    """Report whether the server can take work: 200, or 503 with the reason. It listens once its stores are upgraded."""
    app, problem = call.app, None
    try:
        async with asyncio.timeout(READY_WITHIN_SECONDS):
            await app.store.look(lambda reader: reader.home_id())
            await asyncio.to_thread(app.calls.read, lambda reader: reader.newest_version())
    except (StoreError, TimeoutError):
        problem = "the store does not answer"
    if app.orchestrator.is_ending:
        problem = "the server is ending"
    text = "ready\n" if problem is None else f"not ready: {problem}\n"
    return Response(text, status_code=200 if problem is None else 503, media_type="text/plain")


@route("GET /metrics", Permission.SEE_FIGURES, media_type="text/plain")
async def metrics(call: Call) -> Response[bytes]:
    """Return metrics in the Prometheus text format."""
    app = call.app

    def write() -> bytes:
        app.store.read(lambda reader: app.metrics.look(reader))
        return app.metrics.text(free_bytes=app.space.disk.free_bytes)

    return Response(await asyncio.to_thread(write), media_type=CONTENT_TYPE)


@route("POST /api/clean", Permission.OPERATE)
async def clean(call: Call, query: CleanQuery) -> CleanAnswer:
    """Apply retention now, and report what was deleted."""
    app = call.app
    freed = await app.maintenance.clean(is_dry=query.dry_run)
    unused = await call.read(lambda reader: reader.unused_bytes())
    return CleanAnswer(is_dry_run=query.dry_run, database_unused_bytes=unused, **asdict(freed))


@route("GET /api/settings", Permission.OPERATE)
async def settings(call: Call) -> SettingsAnswer:
    """Show the configuration of this server, without secrets. It cannot be changed here."""
    app, server_info = call.app, call.app.server_info
    keep = app.maintenance.retention
    kept = {
        "TITAN_KEEP_RUNS_DAYS": keep.runs,
        "TITAN_KEEP_CALLS_DAYS": keep.recorded,
        "TITAN_ARCHIVE_CALLS_DAYS": keep.archive,
        "TITAN_KEEP_DAGS_DAYS": keep.dags,
        "TITAN_KEEP_LOGS_DAYS": keep.logs,
        "TITAN_KEEP_WORKSPACES_DAYS": keep.workspaces,
        "TITAN_KEEP_WORKERS_DAYS": keep.workers,
        "TITAN_KEEP_FILES_DAYS": keep.files,
        "TITAN_KEEP_JOURNAL_DAYS": keep.journal,
    }
    watched = {
        "TITAN_INTERVENTIONS_LEAST": app.thresholds.least,
        "TITAN_INTERVENTIONS_RATE": float(app.thresholds.rate),
        "TITAN_INTERVENTIONS_TIMES": float(app.thresholds.times),
    }
    return SettingsAnswer(
        version=__version__,
        home=server_info.home,
        store=StoreView(kind=server_info.store_kind, place=server_info.store),
        urls=list(server_info.urls),
        is_encrypted=server_info.is_encrypted,
        needs_token=app.access.requires_token,
        allowed_hosts=sorted(app.access.hosts),
        model=app.model_name,
        runs_local_workers=app.local_workers is not None,
        retention=[_rule(name, time.days if time else 0) for name, time in kept.items()],
        limits=[_rule(name, value) for name, value in server_info.limits.items()],
        thresholds=[_rule(name, value) for name, value in watched.items()],
        notifications=list(server_info.notified),
    )


def _rule(name: str, value: float) -> RuleView:
    known = next(setting for setting in SETTINGS if setting.name == name)
    return RuleView(name=name, value=value, unit=known.unit, help=known.help)
