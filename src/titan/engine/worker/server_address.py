"""Where a worker's server is, and what the worker shows there."""

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerAddress:
    """A server as one worker reaches it."""

    host: str
    port: int
    is_tls: bool = False
    ca_file: str | None = None  #: certificates to trust instead of the system's, in PEM
    token: str | None = field(default=None, repr=False)
    home: Path | None = None  #: it is reached by the socket in this home, not by host and port

    @classmethod
    def of(cls, url: str, *, token: str | None = None, ca_file: str | None = None) -> "ServerAddress":
        """Return the address in `http://host:port` or `https://host:port`."""
        parts = urlsplit(url)
        is_tls = parts.scheme == "https"
        port = parts.port or DEFAULT_PORTS.get(parts.scheme, 80)
        return cls(
            host=parts.hostname or "127.0.0.1",
            port=port,
            is_tls=is_tls,
            ca_file=ca_file if is_tls else None,
            token=token,
        )

    def __str__(self) -> str:
        if self.home is not None:
            return f"home {self.home}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http{'s' if self.is_tls else ''}://{host}:{self.port}"

    def environment(self) -> dict[str, str]:
        """Return the variables that lead a job's SDK there; the token is not the job's."""
        variables = {"TITAN_HOST": self.host, "TITAN_PORT": str(self.port)}
        if self.is_tls:
            variables["TITAN_TLS"] = "1"
        if self.ca_file is not None:
            variables["TITAN_CA_FILE"] = self.ca_file
        return variables
