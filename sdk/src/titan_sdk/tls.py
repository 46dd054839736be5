"""TLS over any link: the same bytes, encrypted, and a server that proves who it is."""

from __future__ import annotations

import ssl

from titan_sdk.errors import InvalidInput, UnexpectedAnswer, UntrustedServer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from titan_sdk.address import Address
    from titan_sdk.errors import TitanError
    from titan_sdk.links import Link

    R = TypeVar("R")

RECORD_BYTES = 16_384  # the longest of TLS (RFC 8446, 5.1)

_contexts: dict[str | None, ssl.SSLContext] = {}  # reading the system's certificates takes 20 ms


async def secured(link: Link, address: Address, *, timeout_seconds: float) -> TlsLink:
    """Return the link with TLS over it, once the server has proved that it is `address.host`.

    Raises:
        UntrustedServer: its certificate is none of ours, of another host, or over its time.
        UnexpectedAnswer: it does not speak TLS.
        InvalidInput: TITAN_CA_FILE cannot be read.
        OSError: the connection broke.
    """
    secure = TlsLink(link, _context(address.ca_file), address.host)
    secure.timeout_seconds = timeout_seconds
    try:
        await secure.shake_hands()
    except ssl.SSLError as cause:
        link.close()
        raise _refusal(address, cause) from cause
    except BaseException:
        link.close()
        raise
    return secure


class TlsLink:
    """A `titan_sdk.links.Link` that encrypts what another one carries."""

    __slots__ = ("_incoming", "_link", "_outgoing", "_tls")

    def __init__(self, link: Link, context: ssl.SSLContext, host: str) -> None:
        self._link = link
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)

    @property
    def timeout_seconds(self) -> float:
        """How long one silence of the other side may be."""
        return self._link.timeout_seconds

    @timeout_seconds.setter
    def timeout_seconds(self, seconds: float) -> None:
        self._link.timeout_seconds = seconds

    async def shake_hands(self) -> None:
        """Agree on keys, and check the server's certificate.

        Raises:
            ssl.SSLError: it is not trusted, or the other side does not speak TLS.
        """
        await self._perform(self._tls.do_handshake)

    async def send(self, data: bytes) -> None:
        """Send all of `data`."""
        for start in range(0, len(data), RECORD_BYTES * 16):
            piece = data[start : start + RECORD_BYTES * 16]
            await self._perform(lambda piece=piece: self._tls.write(piece))  # type: ignore[misc]  # a default binds it

    async def receive(self, limit_bytes: int) -> bytes:
        """Return what comes next; b"" when the other side has closed."""
        try:
            return await self._perform(lambda: self._tls.read(limit_bytes))
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""

    def close(self) -> None:
        """Close this process's end."""
        self._link.close()

    async def _perform(self, operation: Callable[[], R]) -> R:
        """Return what an operation of the TLS object gives, carrying bytes to and fro as it asks."""
        while True:
            try:
                result = operation()
            except ssl.SSLWantReadError:
                await self._flush()
                self._take(await self._link.receive(RECORD_BYTES * 4))
            except ssl.SSLError:
                await self._flush()  # the alert that tells the server why
                raise
            else:
                await self._flush()
                return result

    def _take(self, received: bytes) -> None:
        if received:
            self._incoming.write(received)
        else:
            self._incoming.write_eof()

    async def _flush(self) -> None:
        if self._outgoing.pending:
            await self._link.send(self._outgoing.read())


def _context(ca_file: str | None) -> ssl.SSLContext:
    if ca_file not in _contexts:
        try:
            _contexts[ca_file] = ssl.create_default_context(cafile=ca_file)
        except OSError as cause:  # also ssl.SSLError: not in PEM
            raise InvalidInput(
                subject=f"TITAN_CA_FILE={ca_file!r}",
                expected="a file of certificates in PEM",
                found=cause.strerror or str(cause),
                next_step="Correct the path. Nothing was sent.",
            ) from cause
    return _contexts[ca_file]


def _refusal(address: Address, cause: ssl.SSLError) -> TitanError:
    if isinstance(cause, ssl.SSLCertVerificationError):
        return UntrustedServer(
            subject=f"Titan server {address}",
            expected="a certificate of this host that is trusted",
            found=cause.verify_message or str(cause),
            next_step="Set TITAN_CA_FILE to the certificate that signed it, or use the name that stands in it."
            " Nothing was sent.",
        )
    return UnexpectedAnswer(
        subject=f"Titan server {address}",
        expected="a TLS handshake",
        found=cause.reason or str(cause),
        next_step="Use http:// (or no TITAN_TLS) if the server has no TLS. Nothing was sent.",
    )
