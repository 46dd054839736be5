"""Where the caller is, as headers of a request: in which run, below which action."""

from __future__ import annotations

import os

from titan_sdk.http.encoding import project_header
from titan_sdk.recording import process
from titan_sdk.recording.actions import current_action
from titan_sdk.recording.runs import PROJECT, current_run, open_run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from titan_sdk.recording.actions import ActiveAction
    from titan_sdk.recording.runs import Run

__all__ = ["headers", "headers_here"]


def headers() -> dict[str, str]:
    """Return what puts a request to the model endpoint into the caller's run, below the action that is under way.

        client.chat.completions.create(model="default", messages=[…], extra_headers=titan_sdk.headers())

    To be asked for each call: as a client's `default_headers` they name the place where the client was made. Empty
    where nothing is recorded, and where an id is none that a header can carry.
    """
    act = current_action()
    if not process.is_recording() or process.is_replay():
        return {}
    return _headers_of(act.run if act is not None else current_run(), act)


def headers_here() -> dict[str, str]:
    """Return the same, but begin no run where none is open."""
    act = current_action()
    return {} if process.is_replay() else _headers_of(act.run if act is not None else open_run(), act)


def _headers_of(run: Run | None, act: ActiveAction | None) -> dict[str, str]:
    said = {
        "X-Titan-Run-Id": run.id if run else None,
        "X-Titan-Agent-Id": run.agent_id if run else None,
        "X-Titan-Parent-Id": act.id if act else None,
    }
    found = {name: value for name, value in said.items() if value is not None}
    is_sendable = all(value.isascii() and value.isprintable() for value in found.values())
    return (found if is_sendable else {}) | project_header(run.project if run else os.environ.get(PROJECT))
