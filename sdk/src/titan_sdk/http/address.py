"""Where a server is: arguments win over the environment, that over the server of TITAN_HOME, that over 127.0.0.1:9090.

TitanClient("titan.example.org", 9090)             # http, as Titan speaks by itself; "titan.example.org:9090" too
TitanClient("https://titan.example.org:9090")      # TLS; without a port 443
TITAN_HOST=https://titan.example.org  or  TITAN_HOST=titan.example.org TITAN_TLS=1
TitanClient()                                      # nothing said: the server that runs on the home, on whichever port
"""

from __future__ import annotations

import os

from titan_sdk.errors import InvalidInput
from titan_sdk.home import home_token, running_servers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 9090  # the original's
_SCHEME_PORTS = {"http": 80, "https": 443}
NO = frozenset({"", "0", "false", "no", "off"})


class Address:
    """A host, a port, and whether TLS is spoken there."""

    __slots__ = ("ca_file", "host", "is_named", "is_tls", "port")

    def __init__(
        self, host: str, port: int, *, is_tls: bool = False, ca_file: str | None = None, is_named: bool = True
    ) -> None:
        self.host = host
        self.port = port
        self.is_tls = is_tls
        #: Certificates to trust instead of the system's, in PEM.
        self.ca_file = ca_file
        #: Whether somebody said so; else it is where this home's server is now, or the default.
        self.is_named = is_named

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Address) and self._parts == other._parts

    def __hash__(self) -> int:
        return hash(self._parts)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def __repr__(self) -> str:
        return f"Address({self.url})"

    @property
    def url(self) -> str:
        """The address as a URL."""
        return f"http{'s' if self.is_tls else ''}://{self}"

    def is_same_server(self, other: Address) -> bool:
        """Return whether another address is this one, whichever certificates are trusted there."""
        return (self.host, self.port, self.is_tls) == (other.host, other.port, other.is_tls)

    @property
    def _parts(self) -> tuple[str, int, bool, str | None]:
        return self.host, self.port, self.is_tls, self.ca_file


def address_of(host: object = None, port: object = None, environment: Mapping[str, str] = os.environ) -> Address:
    """Return the address that arguments and TITAN_HOST, TITAN_PORT, TITAN_TLS and TITAN_CA_FILE name.

    Where none of them says anything, it is that of the server that runs on TITAN_HOME, or 127.0.0.1:9090.
    `host` may be a URL, or have a port behind it. The port is the given one, else the host's, else for a `host` given
    as a URL its scheme's (https: 443), else TITAN_PORT, else of a URL in TITAN_HOST its scheme's, else 9090.

    Raises:
        InvalidInput: the host or the port is none.
    """
    is_named = bool(host or port is not None or environment.get("TITAN_HOST") or environment.get("TITAN_PORT"))
    if not is_named and (found := _of_home(environment)) is not None:
        return found
    scheme, name, url_port = _split(str(host or environment.get("TITAN_HOST") or DEFAULT_HOST))
    candidates: list[tuple[object, str]] = [
        (port, "port"),
        (url_port, "host"),
        (_SCHEME_PORTS.get(scheme) if host else None, "host"),
        (environment.get("TITAN_PORT") or None, "TITAN_PORT"),
        (_SCHEME_PORTS.get(scheme, DEFAULT_PORT), "host"),
    ]
    chosen, subject = next(candidate for candidate in candidates if candidate[0] is not None)
    is_tls = scheme == "https" or (not scheme and environment.get("TITAN_TLS", "").lower() not in NO)
    return _address(
        name, checked_port(chosen, subject=subject), is_tls=is_tls, is_named=is_named, environment=environment
    )


def address_at(url: str, *, default_port: int) -> Address:
    """Return the address in a URL, `host:port` or `host`; without a port 443 for https, else the default.

    Raises:
        InvalidInput: it is none.
    """
    scheme, name, port = _split(url)
    number = port or (_SCHEME_PORTS["https"] if scheme == "https" else default_port)
    return Address(name, checked_port(number, subject="port"), is_tls=scheme == "https")


def token_for(address: Address, given: str | None = None, environment: Mapping[str, str] = os.environ) -> str | None:
    """Return the token to show at an address: the given one, else TITAN_TOKEN, else the home's, else None.

    The home's own goes to no server but the one that runs on the home; a job has one of its attempt's.
    """
    said = given or environment.get("TITAN_TOKEN")
    if said or environment.get("TITAN_JOB_ID"):
        return said or None
    is_homes = any(address.is_same_server(each) for each in _all_of_home(environment))
    return home_token(environment) if is_homes else None


def checked_port(port: object, *, subject: str) -> int:
    """Return a port number.

    Raises:
        InvalidInput: it is none.
    """
    text = str(port).strip()
    if text.isascii() and text.isdigit() and 0 < int(text) < 65_536:
        return int(text)
    raise InvalidInput(
        subject=subject,
        expected="a port number from 1 to 65535",
        found=repr(port),
        next_step="Correct it. Nothing was sent.",
    )


def _of_home(environment: Mapping[str, str]) -> Address | None:
    """Return where the server that runs on the home left word that it is."""
    return next(iter(_all_of_home(environment)), None)


def _all_of_home(environment: Mapping[str, str]) -> list[Address]:
    found = []
    for url in running_servers(environment):
        try:
            scheme, name, port = _split(url)
            number = checked_port(port or _SCHEME_PORTS.get(scheme), subject="server.json")
        except InvalidInput:
            continue
        found.append(_address(name, number, is_tls=scheme == "https", is_named=False, environment=environment))
    return found


def _address(name: str, port: int, *, is_tls: bool, is_named: bool, environment: Mapping[str, str]) -> Address:
    ca_file = (environment.get("TITAN_CA_FILE") or None) if is_tls else None
    return Address(name, port, is_tls=is_tls, ca_file=ca_file, is_named=is_named)


def _split(host: str) -> tuple[str, str, str | None]:
    """Return scheme ("" for none), name and port (None for none) of a host or URL."""
    scheme, separator, rest = host.partition("://")
    if not separator:
        if host.count(":") > 1 and not host.startswith("["):
            return "", host, None  # an IPv6 address by itself
        scheme, rest = "", host
    name, _, path = rest.partition("/")
    name, port = _host_and_port(name)
    if scheme.lower() not in ("", *_SCHEME_PORTS) or not name or path.strip("/") or set("@?#") & set(name):
        raise InvalidInput(
            subject="host",
            expected="a host name, HOST:PORT, or a URL such as https://titan.example.org:9090",
            found=repr(host),
            next_step="Correct it. Nothing was sent.",
        )
    return scheme.lower(), name, port


def _host_and_port(text: str) -> tuple[str, str | None]:
    if text.startswith("["):  # an IPv6 address
        name, _, rest = text[1:].partition("]")
        return name, rest[1:] if rest.startswith(":") else None
    name, separator, port = text.partition(":")
    return name, port if separator else None
