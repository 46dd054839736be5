"""The way of a local worker to its server: the socket in their home."""

from pathlib import Path

from titan.engine.home_socket import connect_in
from titan_sdk.blocking_io import BlockingIo, BlockingLink, link_of


class HomeIo(BlockingIo):
    """Connects to the server that runs on a home, wherever that listens besides."""

    def __init__(self, home: Path) -> None:
        self._home = home

    async def connect(self, host: str, port: int, *, timeout_seconds: float) -> BlockingLink:
        """Connect to the home's socket; `host` and `port` only name it."""
        return link_of(connect_in(self._home, timeout_seconds=timeout_seconds), timeout_seconds=timeout_seconds)
