"""A TCP proxy between a worker and its server that can be cut."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TypeAlias

CHUNK_BYTES = 65536
LONGEST_STANDSTILL_SECONDS = 600

Ear: TypeAlias = Callable[[bytes], None]  #: is told every piece of one direction before it is sent on


class Proxy:
    """Forwards connections to a port of this machine while it is whole.

    `listening` returns the ears of a new connection: one for what the near end says, one for the far end.
    """

    def __init__(self, target_port: int, *, listening: Callable[[], tuple[Ear, Ear]] | None = None) -> None:
        self._target_port = target_port
        self._listening = listening or (lambda: (_heed_not, _heed_not))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._is_whole = threading.Event()
        self._is_whole.set()
        self._flows = threading.Event()  #: cleared, bytes stay where they are and nobody is told
        self._flows.set()
        self._pairs: set[_Pair] = set()
        self._lock = threading.Lock()
        self._is_closed = False
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        """Where the proxy listens."""
        return f"http://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """Break every connection, and each new one at once."""
        self._is_whole.clear()
        with self._lock:
            cut, self._pairs = self._pairs, set()
        for pair in cut:
            pair.shut_down()

    def flicker(self, *, times: int, apart_seconds: float) -> None:
        """Cut and mend the connection so often, with so much time between."""
        for _ in range(times):
            self.cut()
            self.mend()
            time.sleep(apart_seconds)

    def mend(self) -> None:
        """Forward new connections again."""
        self._is_whole.set()

    def freeze(self) -> None:
        """Let nothing through, with all connections open: as when a cable is pulled."""
        self._flows.clear()

    def thaw(self) -> None:
        """Let through what was held back, and all that follows."""
        self._flows.set()

    def close(self) -> None:
        """End for good."""
        self._is_closed = True
        self.thaw()
        self.cut()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while not self._is_closed:
            try:
                near, _address = self._listener.accept()
            except OSError:
                return
            try:
                if not self._is_whole.is_set():
                    raise ConnectionError
                pair = _Pair(near, socket.create_connection(("127.0.0.1", self._target_port)))
            except OSError:
                near.close()
                continue
            with self._lock:
                self._pairs.add(pair)
            threading.Thread(target=self._serve, args=(pair,), daemon=True).start()

    def _serve(self, pair: "_Pair") -> None:
        """Forward in both directions; nobody uses the sockets any more when they are closed."""
        of_near, of_far = self._listening()
        back = threading.Thread(target=self._forward, args=(pair, pair.far, pair.near, of_far), daemon=True)
        back.start()
        self._forward(pair, pair.near, pair.far, of_near)
        back.join()
        pair.near.close()
        pair.far.close()
        with self._lock:
            self._pairs.discard(pair)

    def _forward(self, pair: "_Pair", source: socket.socket, target: socket.socket, ear: Ear) -> None:
        with suppress(OSError):
            while content := source.recv(CHUNK_BYTES):
                self._flows.wait(LONGEST_STANDSTILL_SECONDS)
                ear(content)
                target.sendall(content)
        pair.shut_down()


def _heed_not(_content: bytes) -> None:
    """Hear nothing."""


@dataclass(frozen=True, slots=True)
class _Pair:
    """The two ends of one connection."""

    near: socket.socket
    far: socket.socket

    def shut_down(self) -> None:
        """End both, which wakes who reads them."""
        for end in (self.near, self.far):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@contextmanager
def a_proxy(target_port: int, *, listening: Callable[[], tuple[Ear, Ear]] | None = None) -> Iterator[Proxy]:
    """Open a proxy to a port of this machine for a `with` block."""
    proxy = Proxy(target_port, listening=listening)
    try:
        yield proxy
    finally:
        proxy.close()
