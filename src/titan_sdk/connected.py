"""A client's way to its server: arguments win over the environment, the environment over 127.0.0.1:9090.

The original's module constants `titan_sdk.titan_sdk.TITAN_HOST` and `TITAN_PORT` may be assigned at any time:
an assigned constant wins over the environment, also for clients that exist already.
"""

from __future__ import annotations

import os
import sys

from titan_sdk.errors import InvalidInput
from titan_sdk.transport import RETRY_FOR_SECONDS, Transport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 9090  # the original's
_CONSTANTS_MODULE = "titan_sdk.titan_sdk"


class Connected:
    """What has a server to talk to. Nothing is sent before the first call; threads may share it."""

    def __init__(
        self,
        host: str | None = None,
        port: int | None = None,
        token: str | None = None,
        *,
        retry_for_seconds: float = RETRY_FOR_SECONDS,
    ) -> None:
        self._given_host = host
        self._given_port = port
        self._transport = Transport(
            host or host_from_environment(),
            port_from_environment() if port is None else _checked_port(port, subject="port"),
            token or os.environ.get("TITAN_TOKEN") or None,
            retry_for_seconds=retry_for_seconds,
        )

    @property
    def transport(self) -> Transport:
        """The requests themselves, for what there is no method for.

        Raises:
            InvalidInput: TITAN_PORT was assigned something that is no port number.
        """
        host = self._given_host or _assigned_constant("TITAN_HOST") or self._transport.host
        port = self._given_port or _assigned_constant("TITAN_PORT") or self._transport.port
        if host != self._transport.host or port != self._transport.port:
            self._transport = Transport(
                str(host),
                _checked_port(port, subject="TITAN_PORT"),
                self._transport.token,
                retry_for_seconds=self._transport.retry_for_seconds,
            )
        return self._transport

    def close(self) -> None:
        """Close this thread's connection; the next call opens another."""
        self._transport.close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def host_from_environment() -> str:
    """Return TITAN_HOST, or 127.0.0.1."""
    return os.environ.get("TITAN_HOST") or DEFAULT_HOST


def port_from_environment() -> int:
    """Return TITAN_PORT, or 9090.

    Raises:
        InvalidInput: TITAN_PORT is no port number.
    """
    return _checked_port(os.environ.get("TITAN_PORT") or DEFAULT_PORT, subject="TITAN_PORT")


def _assigned_constant(name: str) -> object | None:
    module = sys.modules.get(_CONSTANTS_MODULE)
    return None if module is None else vars(module).get(name)


def _checked_port(port: object, *, subject: str) -> int:
    text = str(port).strip()
    if text.isascii() and text.isdigit() and 0 < int(text) < 65_536:
        return int(text)
    raise InvalidInput(
        subject=subject,
        expected="a port number from 1 to 65535",
        found=repr(port),
        next_step="Correct it. Nothing was sent.",
    )
