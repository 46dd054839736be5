"""Every setting in one table: its environment variable, default, unit and meaning."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from titan.model.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One thing a user may set."""

    name: str  #: environment variable
    default: str
    unit: str  #: empty where there is none
    help: str


SETTINGS: Final[tuple[Setting, ...]] = (
    Setting(name="TITAN_HOME", default="~/.titan", unit="", help="Folder of everything Titan keeps."),
    Setting(
        name="TITAN_STORE",
        default="",
        unit="",
        help="postgres://USER@HOST/DATABASE of the control store; without it: a file in the home.",
    ),
    Setting(
        name="TITAN_SHARED",
        default="",
        unit="",
        help="Folder of blobs and logs, one for all servers of a database; without it: the home.",
    ),
    Setting(name="TITAN_HOST", default="127.0.0.1", unit="", help="Where clients look for the server."),
    Setting(name="TITAN_PORT", default="9090", unit="", help="The port clients use."),
    Setting(name="TITAN_TLS", default="", unit="", help="Any text but 0, false, no or off: clients speak TLS."),
    Setting(name="TITAN_CA_FILE", default="", unit="", help="Certificates that clients trust instead of the system's."),
    Setting(name="TITAN_TOKEN", default="", unit="", help="What a client identifies itself with; set inside jobs."),
    Setting(name="TITAN_TLS", default="", unit="", help="1: clients encrypt; as when TITAN_HOST begins with https://."),
    Setting(
        name="TITAN_CA_FILE",
        default="",
        unit="",
        help="Certificates that clients and workers trust instead of the system's, in PEM.",
    ),
    Setting(
        name="TITAN_LISTEN",
        default="127.0.0.1",
        unit="",
        help="The address `titan up` listens at; any but 127.0.0.1, localhost and ::1 needs a token with each request.",
    ),
    Setting(
        name="TITAN_REQUIRE_TOKEN",
        default="",
        unit="",
        help="Any text: every request needs a token, on loopback too; for a proxy in front of it.",
    ),
    Setting(
        name="TITAN_ALLOW_HOSTS",
        default="",
        unit="",
        help="Names under which the server is asked besides its addresses, such as a proxy's; blanks between them.",
    ),
    Setting(name="TITAN_TLS_CERT", default="", unit="", help="File of the server's TLS certificate chain, in PEM."),
    Setting(name="TITAN_TLS_KEY", default="", unit="", help="File of its key; without it, in the certificate's file."),
    Setting(
        name="TITAN_MODEL",
        default="",
        unit="",
        help="The model: gemini/NAME, openai/NAME, http://HOST:PORT/v1#NAME, local, scripted:FILE or none."
        " Without it: Gemini with GEMINI_API_KEY, else local where it is installed, else none.",
    ),
    Setting(name="TITAN_AGENT_RUN_ID", default="", unit="", help="The agent run a client works for; set in jobs."),
    Setting(name="TITAN_RESUME_RUN_ID", default="", unit="", help="The run that a program takes up again."),
    Setting(name="TITAN_AGENT_ID", default="", unit="", help="The agent of the runs a client starts."),
    Setting(
        name="TITAN_JOB_MEMORY_BYTES",
        default="0",
        unit="bytes",
        help="The most address space each process of a job may take on this worker; 0 is no limit.",
    ),
    Setting(
        name="TITAN_MAX_FILE_BYTES",
        default="1073741824",
        unit="bytes",
        help="Largest upload the server takes.",
    ),
    Setting(name="TITAN_DEBUG", default="", unit="", help="Any text: a fault in `titan` shows its traceback."),
)


def setting(name: str, environment: Mapping[str, str] = os.environ) -> str:
    """Return the value of a setting: the environment's, else the default."""
    known = next(entry for entry in SETTINGS if entry.name == name)
    return environment.get(name) or known.default


def whole_number(name: str, environment: Mapping[str, str] = os.environ) -> int:
    """Return the value of a setting that counts something.

    Raises:
        InvalidInput: it is not a whole number.
    """
    text = setting(name, environment)
    if text.isascii() and text.isdigit():
        return int(text)
    raise InvalidInput(
        f"setting {name}",
        expected="a whole number",
        found=ascii(text),
        next_step="Correct it in the environment.",
    )


def home_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of everything Titan keeps."""
    return Path(setting("TITAN_HOME", environment)).expanduser()


def shared_folder(environment: Mapping[str, str] = os.environ) -> Path | None:
    """Return the folder of blobs and logs, where it is not the home."""
    text = setting("TITAN_SHARED", environment)
    return Path(text).expanduser() if text else None
