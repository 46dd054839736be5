"""The routes of keeping house: a part of the list in `table`."""

from typing import Final

from titan.rules.access import Permission
from titan.server import wire_house, wire_work
from titan.server.route import Route
from titan.server.routes import about, runs

HOUSE_ROUTES: Final[tuple[Route, ...]] = (
    Route(
        method="GET",
        path="/metrics",
        handler=about.metrics,
        permission=Permission.SEE_CLUSTER,
        answer=bytes,
        media_type="text/plain",
    ),
    Route(
        method="POST",
        path="/api/clean",
        handler=about.clean,
        permission=Permission.ADMINISTER,
        query=wire_house.CleanQuery,
        answer=wire_house.CleanAnswer,
    ),
    Route(
        method="POST",
        path="/api/runs/{run:str}/pin",
        handler=runs.pin_run,
        permission=Permission.CHANGE_WORK,
        answer=wire_work.RunView,
        mutates=True,
    ),
    Route(
        method="POST",
        path="/api/runs/{run:str}/unpin",
        handler=runs.unpin_run,
        permission=Permission.CHANGE_WORK,
        answer=wire_work.RunView,
        mutates=True,
    ),
)
