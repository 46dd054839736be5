"""Everything that can be asked, resource by resource."""

from typing import Final

from titan.server.route import Route, SocketRoute
from titan.server.routes import (
    about,
    access,
    dags,
    determinism,
    events,
    exporting,
    files,
    gates,
    importing,
    jobs,
    memory,
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
    telemetry,
    workers,
)

RESOURCES: Final = (
    about, access, dags, jobs, gates, files, memory, events, runs, registry, telemetry, replays, determinism, notes,
    exporting, importing, recording, otlp, scores, sentinel, stream, models, workers,
)  # fmt: skip
ROUTES: Final[tuple[Route, ...]] = tuple(route for resource in RESOURCES for route in resource.route.http)
SOCKETS: Final[tuple[SocketRoute, ...]] = tuple(route for resource in RESOURCES for route in resource.route.sockets)
