"""This machine's name."""

import re
import socket


def host_name() -> str:
    """Return this machine's name in the characters that a worker's name may have."""
    return re.sub(r"[^A-Za-z0-9_.-]", "-", socket.gethostname()).strip("-.") or "worker"
