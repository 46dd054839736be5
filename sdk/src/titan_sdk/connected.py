"""A client's way to its server.

The original's module constants `titan_sdk.titan_sdk.TITAN_HOST` and `TITAN_PORT` may be assigned at any time:
an assigned constant wins over the environment, also for clients that exist already.
"""

from __future__ import annotations

import os
import sys

from titan_sdk.address import address_of, token_for
from titan_sdk.async_transport import RETRY_FOR_SECONDS, AsyncTransport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from titan_sdk.links import Io

_CONSTANTS_MODULE = "titan_sdk.titan_sdk"


class Connected:
    """What has a server to talk to. Nothing is sent before the first call."""

    def __init__(
        self,
        io: Io,
        host: str | None = None,
        port: int | None = None,
        token: str | None = None,
        *,
        project: str | None = None,
        retry_for_seconds: float = RETRY_FOR_SECONDS,
        announce: Callable[[str], object] = print,
    ) -> None:
        self._given_host = host
        self._given_port = port
        self._given_token = token
        self._announce = announce
        address = address_of(host, port)
        self._transport = AsyncTransport(
            *(io, address, token_for(address, token)),
            project=project or os.environ.get("TITAN_PROJECT"),
            retry_for_seconds=retry_for_seconds,
        )

    @property
    def transport(self) -> AsyncTransport:
        """The requests themselves, for what there is no method for.

        Raises:
            InvalidInput: TITAN_PORT was assigned something that is no port number.
        """
        if _CONSTANTS_MODULE in sys.modules:
            self._follow_constants(vars(sys.modules[_CONSTANTS_MODULE]))
        return self._transport

    def close(self) -> None:
        """Close the connections that are kept for later calls; the next call opens another."""
        self._transport.close()

    def _follow_constants(self, constants: Mapping[str, object]) -> None:
        host, port = constants.get("TITAN_HOST"), constants.get("TITAN_PORT")
        if host is None and port is None:
            return
        environment = dict(os.environ)
        if host is not None:
            environment["TITAN_HOST"] = str(host)
        if port is not None:
            environment["TITAN_PORT"] = str(port)
        address = address_of(self._given_host, self._given_port, environment)
        if address != self._transport.address:
            old = self._transport
            token = token_for(address, self._given_token)
            self._transport = AsyncTransport(
                old.io, address, token, project=old.project, retry_for_seconds=old.retry_for_seconds
            )
