"""TLS certificates made for a test by the openssl command."""

from __future__ import annotations

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A self-signed certificate with its key."""

    file: Path
    key: Path

    def trusted(self) -> ssl.SSLContext:
        """Return what a client uses that trusts this certificate and nothing else."""
        return ssl.create_default_context(cafile=self.file)


def a_certificate(folder: Path, *, name: str = "server", host: str = "IP:127.0.0.1", days: int = 30) -> Certificate:
    """Make a certificate for `host`, `IP:…` or `DNS:…`, that is good for so many days."""
    file, key = folder / f"{name}.pem", folder / f"{name}.key"
    what = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", str(days)]
    whose = ["-subj", "/CN=titan", "-addext", f"subjectAltName={host}"]
    where = ["-keyout", str(key), "-out", str(file)]
    subprocess.run(["openssl", "req", *what, *whose, *where], check=True, capture_output=True, timeout=120)
    return Certificate(file=file, key=key)


def with_password(key: Path) -> Path:
    """Return the key encrypted with a password."""
    encrypted = key.with_suffix(".encrypted")
    subprocess.run(
        ["openssl", "ec", "-in", str(key), "-out", str(encrypted), "-aes256", "-passout", "pass:secret"],
        check=True,
        capture_output=True,
        timeout=120,
    )
    return encrypted
