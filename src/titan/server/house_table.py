"""The routes of keeping house: a part of the list in `table`."""

from typing import Final

from titan.rules.access import Permission
from titan.server.access import SESSION_PATH
from titan.server.route import Route
from titan.server.routes import about, session
from titan.wire.about import CleanAnswer, CleanQuery, SettingsAnswer
from titan.wire.access import SessionView, SignInBody

HOUSE_ROUTES: Final[tuple[Route, ...]] = (
    Route(
        method="GET",
        path=SESSION_PATH,
        handler=session.who_am_i,
        permission=Permission.SIGN_IN,
        answer=SessionView,
    ),
    Route(
        method="POST",
        path=SESSION_PATH,
        handler=session.sign_in,
        permission=Permission.SIGN_IN,
        body=SignInBody,
        answer=SessionView,
    ),
    Route(
        method="DELETE",
        path=SESSION_PATH,
        handler=session.sign_out,
        permission=Permission.SIGN_IN,
        answer=SessionView,
    ),
    Route(
        method="GET",
        path="/metrics",
        handler=about.metrics,
        permission=Permission.SEE_FIGURES,
        answer=bytes,
        media_type="text/plain",
    ),
    Route(
        method="GET",
        path="/api/settings",
        handler=about.settings,
        permission=Permission.OPERATE,
        answer=SettingsAnswer,
    ),
    Route(
        method="POST",
        path="/api/clean",
        handler=about.clean,
        permission=Permission.OPERATE,
        query=CleanQuery,
        answer=CleanAnswer,
    ),
)
