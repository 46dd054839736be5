"""TLS connections: the certificates to trust, and errors about a server's certificate."""

from __future__ import annotations

import ssl

from titan_sdk.errors import InvalidInput, UnexpectedAnswer, UntrustedServer

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket

    from titan_sdk.errors import TitanError
    from titan_sdk.http.address import Address

_contexts: dict[str | None, ssl.SSLContext] = {}  # reading the system's certificates takes 20 ms


def secured(opened: socket.socket, address: Address) -> ssl.SSLSocket:
    """Return the connection wrapped in TLS, after checking the server's certificate.

    Raises:
        UntrustedServer: its certificate is not trusted, of another host, or expired.
        UnexpectedAnswer: it does not speak TLS.
        InvalidInput: TITAN_CA_FILE cannot be read.
        OSError: the connection broke.
    """
    try:
        return context_of(address.ca_file).wrap_socket(opened, server_hostname=address.host)
    except ssl.SSLError as cause:
        opened.close()
        raise refusal(address, cause) from cause
    except BaseException:
        opened.close()
        raise


def context_of(ca_file: str | None) -> ssl.SSLContext:
    """Return a context that trusts the certificates of a file; None: the system's.

    Raises:
        InvalidInput: the file cannot be read.
    """
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


def refusal(address: Address, cause: ssl.SSLError) -> TitanError:
    """Return the error for a failed TLS handshake."""
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
