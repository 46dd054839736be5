"""What the server of a home left there: where it listens. For programs that nobody told where to ask."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def home_of(environment: Mapping[str, str]) -> str:
    """Return the folder of everything Titan keeps: TITAN_HOME, else ~/.titan."""
    return os.path.expanduser(environment.get("TITAN_HOME") or os.path.join("~", ".titan"))


def running_server(environment: Mapping[str, str]) -> str | None:
    """Return the URL of the server that runs on the home; None while none does.

    A server that was killed leaves its word behind; it counts no more once its process has gone.
    """
    try:
        with open(os.path.join(home_of(environment), "server.json"), "rb") as file:
            content = file.read()
    except OSError:
        return None
    import json

    try:
        left = json.loads(content)
        url, pid = left["url"], left["pid"]
    except (ValueError, LookupError, TypeError):
        return None
    return url if isinstance(url, str) and isinstance(pid, int) and _is_alive(pid) else None


def _is_alive(pid: int) -> bool:
    if pid <= 0:
        return False  # would mean a group of processes
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True  # somebody else's
    except (OSError, OverflowError):
        return False
    return True
