"""The server about itself: whether it lives, its figures, and its housekeeping."""

import asyncio
from dataclasses import asdict

from litestar import Response

from titan import __version__
from titan.server.answers import json_answer
from titan.server.call import Call
from titan.server.metrics import CONTENT_TYPE
from titan.settings import SETTINGS
from titan.wire.about import CleanAnswer, CleanQuery, HealthAnswer, RuleView, SettingsAnswer, StorageView, StoreView


async def health(call: Call) -> Response[bytes]:
    """Say that the server lives and its store answers."""
    house = call.house
    house.space.look()
    return json_answer(
        HealthAnswer(
            status="ok",
            version=__version__,
            now=house.clock.now(),
            started_at=house.started_at,
            home_id=await house.store.look(lambda reader: reader.home_id()),
            model=house.model_name,
            storage=StorageView(free_bytes=house.space.disk.free_bytes, is_low=house.space.is_low),
        )
    )


async def metrics(call: Call) -> Response[bytes]:
    """Give the server's figures in Prometheus' text format."""
    house = call.house

    def write() -> bytes:
        house.store.read(lambda reader: house.metrics.look(reader))
        return house.metrics.text(free_bytes=house.space.disk.free_bytes)

    return Response(await asyncio.to_thread(write), media_type=CONTENT_TYPE)


async def clean(call: Call) -> Response[bytes]:
    """Do a round of keeping house now, and say what went."""
    query = call.query(CleanQuery)
    house = call.house
    freed = await house.cleaner.clean(is_dry=query.dry_run)
    unused = await asyncio.to_thread(house.store.read, lambda reader: reader.unused_bytes())
    return json_answer(CleanAnswer(is_dry_run=query.dry_run, database_unused_bytes=unused, **asdict(freed)))


async def settings(call: Call) -> Response[bytes]:
    """Say what this server runs with: nothing secret, and nothing can be changed here."""
    house, runs_with = call.house, call.house.runs_with
    keep = house.cleaner.retention
    kept = {
        "TITAN_KEEP_RUNS_DAYS": keep.runs,
        "TITAN_KEEP_DAGS_DAYS": keep.dags,
        "TITAN_KEEP_LOGS_DAYS": keep.logs,
        "TITAN_KEEP_WORKSPACES_DAYS": keep.workspaces,
        "TITAN_KEEP_WORKERS_DAYS": keep.workers,
        "TITAN_KEEP_FILES_DAYS": keep.files,
        "TITAN_KEEP_JOURNAL_DAYS": keep.journal,
    }
    watched = {
        "TITAN_INTERVENTIONS_LEAST": house.thresholds.least,
        "TITAN_INTERVENTIONS_RATE": float(house.thresholds.rate),
        "TITAN_INTERVENTIONS_TIMES": float(house.thresholds.times),
    }
    answer = SettingsAnswer(
        version=__version__,
        home=runs_with.home,
        store=StoreView(kind=runs_with.store_kind, place=runs_with.store),
        urls=list(runs_with.urls),
        is_encrypted=runs_with.is_encrypted,
        needs_token=house.access.requires_token,
        allowed_hosts=sorted(house.access.hosts),
        model=house.model_name,
        runs_local_workers=house.local_workers is not None,
        retention=[_rule(name, time.days if time else 0) for name, time in kept.items()],
        limits=[_rule(name, value) for name, value in runs_with.limits.items()],
        thresholds=[_rule(name, value) for name, value in watched.items()],
        notifications=list(runs_with.notified),
    )
    return json_answer(answer)


def _rule(name: str, value: float) -> RuleView:
    known = next(setting for setting in SETTINGS if setting.name == name)
    return RuleView(name=name, value=value, unit=known.unit, help=known.help)
