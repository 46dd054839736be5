"""The table of all routes, by resource."""

from typing import Final

from titan.server.http.route import Route, SocketRoute
from titan.server.routes import (
    about,
    access,
    dags,
    determinism,
    evaluations,
    events,
    export_import,
    files,
    jobs,
    kv,
    models,
    notes,
    recording,
    registry,
    replays,
    runs,
    sentinel,
    tasks,
    telemetry,
    workers,
    worlds,
)

RESOURCES: Final = (
    about, access, dags, jobs, files, kv, events, runs, registry, telemetry, replays, determinism, notes, export_import,
    recording, sentinel, models, workers, evaluations, tasks, worlds,
)  # fmt: skip
ROUTES: Final[tuple[Route, ...]] = tuple(route for resource in RESOURCES for route in resource.route.http)
SOCKETS: Final[tuple[SocketRoute, ...]] = tuple(route for resource in RESOURCES for route in resource.route.sockets)
