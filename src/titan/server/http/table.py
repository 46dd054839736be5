"""Everything that can be asked, resource by resource."""

from typing import Final

from titan.server.http.route import Route, SocketRoute
from titan.server.routes import (
    about,
    access,
    code,
    dags,
    determinism,
    endpoints,
    evaluations,
    events,
    exporting,
    files,
    forks,
    gates,
    importing,
    jobs,
    kv,
    models,
    notes,
    otlp,
    recording,
    registry,
    replays,
    runs,
    scores,
    sentinel,
    stream,
    tasks,
    telemetry,
    workers,
    worlds,
)

RESOURCES: Final = (
    about, access, dags, jobs, gates, files, kv, events, runs, registry, telemetry, replays, forks, determinism,
    code, notes, exporting, importing, recording, otlp, scores, sentinel, stream, models, workers, evaluations,
    tasks, endpoints, worlds,
)  # fmt: skip
ROUTES: Final[tuple[Route, ...]] = tuple(route for resource in RESOURCES for route in resource.route.http)
SOCKETS: Final[tuple[SocketRoute, ...]] = tuple(route for resource in RESOURCES for route in resource.route.sockets)
