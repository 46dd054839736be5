"""Find the server and its token: from arguments, the environment, the server of TITAN_HOME, or 127.0.0.1:9090.

TitanClient("titan.example.org", 9090)             # http; "titan.example.org:9090" too
TitanClient("https://titan.example.org:9090")      # TLS; without a port 443
TITAN_HOST=https://titan.example.org  or  TITAN_HOST=titan.example.org TITAN_TLS=1
TitanClient()                                      # without settings: the server of TITAN_HOME, on whichever port
"""

from __future__ import annotations

import os

from titan_sdk.errors import InvalidInput
from titan_sdk.switches import is_on

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 9090  # the original's
_SCHEME_PORTS = {"http": 80, "https": 443}
_LONGEST_TOKEN = 1000


class Address:
    """A host, a port, and whether to use TLS."""

    __slots__ = ("ca_file", "host", "is_named", "is_tls", "port")

    def __init__(
        self, host: str, port: int, *, is_tls: bool = False, ca_file: str | None = None, is_named: bool = True
    ) -> None:
        self.host = host
        self.port = port
        self.is_tls = is_tls
        #: Certificates to trust instead of the system's, in PEM.
        self.ca_file = ca_file
        #: Whether it was configured; else it is that of the home's server, or the default.
        self.is_named = is_named

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Address) and self.is_same_server(other) and self.ca_file == other.ca_file

    def __hash__(self) -> int:
        return hash((self.host, self.port, self.is_tls, self.ca_file))

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
        """Return whether another address is the same server, whichever certificates are trusted."""
        return (self.host, self.port, self.is_tls) == (other.host, other.port, other.is_tls)


def address_of(host: object = None, port: object = None, environment: Mapping[str, str] = os.environ) -> Address:
    """Return the address from the arguments and TITAN_HOST, TITAN_PORT, TITAN_TLS and TITAN_CA_FILE.

    Without any of them, it is that of the server that runs on TITAN_HOME, or 127.0.0.1:9090. `host` may be a URL, or
    end in a port. The port is the given one, else the host's, else for a `host` given as a URL its scheme's (https:
    443), else TITAN_PORT, else of a URL in TITAN_HOST its scheme's, else 9090.

    Raises:
        InvalidInput: the host, the port or TITAN_TLS is not valid.
    """
    is_named = bool(host or port is not None or environment.get("TITAN_HOST") or environment.get("TITAN_PORT"))
    if not is_named and (found := _of_home(environment)):
        return found[0]
    scheme, name, url_port = _split(str(host or environment.get("TITAN_HOST") or DEFAULT_HOST))
    candidates: list[tuple[object, str]] = [
        (port, "port"),
        (url_port, "host"),
        (_SCHEME_PORTS.get(scheme) if host else None, "host"),
        (environment.get("TITAN_PORT") or None, "TITAN_PORT"),
        (_SCHEME_PORTS.get(scheme, DEFAULT_PORT), "host"),
    ]
    chosen, subject = next(candidate for candidate in candidates if candidate[0] is not None)
    is_tls = scheme == "https" or (not scheme and is_on("TITAN_TLS", environment))
    number = checked_port(chosen, subject=subject)
    return Address(name, number, is_tls=is_tls, ca_file=_ca_file(environment, is_tls=is_tls), is_named=is_named)


def address_at(url: str, *, default_port: int) -> Address:
    """Return the address in a URL, `host:port` or `host`; without a port 443 for https, else the default.

    Raises:
        InvalidInput: it is not an address.
    """
    scheme, name, port = _split(url)
    number = port or (_SCHEME_PORTS["https"] if scheme == "https" else default_port)
    return Address(name, checked_port(number, subject="port"), is_tls=scheme == "https")


def token_for(address: Address, given: str | None = None, environment: Mapping[str, str] = os.environ) -> str | None:
    """Return the token for an address: the given one, else TITAN_TOKEN, else the home's, else None.

    The home's token is sent only to the server that runs on the home; a job has the token of its attempt.
    """
    token = given or environment.get("TITAN_TOKEN")
    if token or environment.get("TITAN_JOB_ID"):
        return token or None
    if not any(address.is_same_server(each) for each in _of_home(environment)):
        return None
    try:
        with open(os.path.join(home_of(environment), "token"), encoding="ascii") as file:
            return file.read(_LONGEST_TOKEN).strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def home_of(environment: Mapping[str, str]) -> str:
    """Return Titan's data folder: TITAN_HOME, else ~/.titan."""
    return os.path.expanduser(environment.get("TITAN_HOME") or os.path.join("~", ".titan"))


def running_servers(environment: Mapping[str, str], *, is_seen: bool = True) -> list[str]:
    """Return the URLs of the server that runs on the home, the preferred one first; none while it does not run.

    A server that was killed leaves its file behind; the file is ignored once its process has ended. With `is_seen`
    False it is not: the server may run where its process cannot be seen, as in a container.
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
    if not isinstance(url, str) or not isinstance(pid, int) or (is_seen and not _is_alive(pid)):
        return []
    return [url, *(other for other in (others if isinstance(others, list) else []) if isinstance(other, str))]


def checked_port(port: object, *, subject: str) -> int:
    """Return a port number.

    Raises:
        InvalidInput: it is not a port number.
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


def _is_alive(pid: int) -> bool:
    if pid <= 0:
        return False  # would mean a group of processes
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True  # another user's
    except (OSError, OverflowError):
        return False
    return True


def _of_home(environment: Mapping[str, str]) -> list[Address]:
    """Return the addresses of the server that runs on the home."""
    found = []
    for url in running_servers(environment):
        try:
            scheme, name, port = _split(url)
            number = checked_port(port or _SCHEME_PORTS.get(scheme), subject="server.json")
        except InvalidInput:
            continue
        is_tls = scheme == "https"
        ca_file = _ca_file(environment, is_tls=is_tls)
        found.append(Address(name, number, is_tls=is_tls, ca_file=ca_file, is_named=False))
    return found


def _ca_file(environment: Mapping[str, str], *, is_tls: bool) -> str | None:
    return (environment.get("TITAN_CA_FILE") or None) if is_tls else None


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
