"""What the server of a home left there: where it listens, and a token. For programs configured with neither."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


_LONGEST_TOKEN = 1000


def home_of(environment: Mapping[str, str]) -> str:
    """Return the folder of everything Titan keeps: TITAN_HOME, else ~/.titan."""
    return os.path.expanduser(environment.get("TITAN_HOME") or os.path.join("~", ".titan"))


def running_servers(environment: Mapping[str, str]) -> list[str]:
    """Return the URLs of the server that runs on the home, the one to ask first; none while none does.

    A server that was killed leaves its word behind; it counts no more once its process has gone.
    """
    try:
        with open(os.path.join(home_of(environment), "server.json"), "rb") as file:
            content = file.read()
    except OSError:
        return []
    import json

    try:
        left = json.loads(content)
        url, pid = left["url"], left["pid"]
        others = left.get("urls")
    except (ValueError, LookupError, TypeError):
        return []
    if not isinstance(url, str) or not isinstance(pid, int) or not _is_alive(pid):
        return []
    return [url, *(other for other in (others if isinstance(others, list) else []) if isinstance(other, str))]


def home_token(environment: Mapping[str, str]) -> str | None:
    """Return the token that the server left in its home for programs of its own machine; None without one."""
    try:
        with open(os.path.join(home_of(environment), "token"), encoding="ascii") as file:
            return file.read(_LONGEST_TOKEN).strip() or None
    except (OSError, UnicodeDecodeError):
        return None


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
