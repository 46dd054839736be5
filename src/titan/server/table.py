"""Everything that can be asked, resource by resource."""

from typing import Final

from titan.server.route import Route, SocketRoute
from titan.server.routes import (
    about,
    again,
    cluster,
    dags,
    events,
    exporting,
    files,
    gates,
    importing,
    intercepts,
    jobs,
    ledger_export,
    left_files,
    memory,
    models,
    notes,
    otlp,
    projects,
    queue,
    recording,
    registry,
    results,
    runs,
    scores,
    sentinel,
    session,
    stream,
    tapes,
    telemetry,
    tokens,
    workers,
)

RESOURCES: Final = (
    about, session, tokens, projects, dags, jobs, queue, again, gates, results, files, left_files, memory, events,
    runs, registry, telemetry, tapes, notes, intercepts, exporting, ledger_export, importing, recording, otlp, scores,
    sentinel, stream, models, cluster, workers,
)  # fmt: skip
ROUTES: Final[tuple[Route, ...]] = tuple(route for resource in RESOURCES for route in resource.route.http)
SOCKETS: Final[tuple[SocketRoute, ...]] = tuple(route for resource in RESOURCES for route in resource.route.sockets)
