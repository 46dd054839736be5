"""Every setting in one table: its environment variable, default, unit and meaning."""

import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final

from titan.model.errors import InvalidInput

MAX_DAYS: Final = 100_000  # 270 years; for ever is 0


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing a user may set."""

    name: str  #: environment variable
    default: str
    unit: str  #: empty where there is none
    help: str


SETTINGS: Final[tuple[Setting, ...]] = (
    Setting("TITAN_HOME", "~/.titan", "", "Folder of everything Titan keeps."),
    Setting(
        *("TITAN_STORE", "", ""),
        "postgres://USER@HOST/DATABASE of jobs and recorded runs; without it: files in the home.",
    ),
    Setting(
        *("TITAN_SHARED", "", ""),
        "Folder of blobs and logs, one for all servers of a database; without it: the home.",
    ),
    Setting("TITAN_HOST", "127.0.0.1", "", "Where clients look for the server."),
    Setting("TITAN_PORT", "9090", "", "The port clients use."),
    Setting("TITAN_TOKEN", "", "", "What a client identifies itself with; set inside jobs."),
    Setting(
        *("TITAN_LISTEN", "127.0.0.1", ""),
        "The address `titan up` listens at; any but 127.0.0.1, localhost and ::1 needs a token with each request.",
    ),
    Setting(
        *("TITAN_REQUIRE_TOKEN", "", ""),
        "Any text: every request needs a token, on loopback too; for a proxy in front of it.",
    ),
    Setting(
        *("TITAN_ALLOW_HOSTS", "", ""),
        "Names under which the server is asked besides its addresses, such as a proxy's; blanks between them.",
    ),
    Setting(
        *("TITAN_PUBLIC_URL", "", ""),
        "Where agents of evaluations on other machines reach this server, such as https://titan.example.org;"
        " without it: the address it listens on.",
    ),
    Setting("TITAN_TLS", "", "", "1: clients encrypt; as when TITAN_HOST begins with https://."),
    Setting("TITAN_CA_FILE", "", "", "Certificates that clients and workers trust instead of the system's, in PEM."),
    Setting("TITAN_TLS_CERT", "", "", "File of the server's TLS certificate chain, in PEM."),
    Setting("TITAN_TLS_KEY", "", "", "File of its key; without it, in the certificate's file."),
    Setting(
        *("TITAN_MODEL", "", ""),
        "The model: gemini/NAME, openai/NAME, http://HOST:PORT/v1#NAME, local, scripted:FILE or none."
        " Without it: Gemini with GEMINI_API_KEY, else local where it is installed, else none.",
    ),
    Setting("TITAN_AGENT_RUN_ID", "", "", "The agent run a client works for; set in jobs."),
    Setting("TITAN_RESUME_RUN_ID", "", "", "The run that a program takes up again."),
    Setting("TITAN_RECORD", "1", "", "0, false, no or off: a program records no actions."),
    Setting("TITAN_RECORD_CODE", "1", "", "0, false, no or off: a program reports no code."),
    Setting("TITAN_PROJECT", "", "", "The project that a program or command works in."),
    Setting(
        *("TITAN_SPOOL", "", ""),
        "Folder of what a program recorded while the server was away; without it: spool in TITAN_HOME.",
    ),
    Setting("TITAN_AGENT_ID", "", "", "The agent of the runs a client starts."),
    Setting(
        *("TITAN_JOB_MEMORY_BYTES", "0", "bytes"),
        "The most address space each process of a job may take on this worker; 0 is no limit.",
    ),
    Setting("TITAN_MAX_FILE_BYTES", "1073741824", "bytes", "Largest upload the server takes."),
    Setting(
        *("TITAN_MAX_LOG_BYTES", "100000000", "bytes"),
        "How much of an attempt's output is kept; the log then says that it was cut. 0 is no limit.",
    ),
    Setting(
        *("TITAN_MIN_FREE_BYTES", "536870912", "bytes"),
        "With less free on the home's disk (at most a twentieth of it) no new work is taken; 0 is no limit.",
    ),
    Setting(
        *("TITAN_KEEP_RUNS_DAYS", "90", "days"),
        "How long a run stays after its last activity, with all its DAGs, jobs and logs; 0 is for ever.",
    ),
    Setting(
        *("TITAN_KEEP_DAGS_DAYS", "30", "days"),
        "How long a DAG without a run stays after its end, with its jobs and logs; 0 is for ever.",
    ),
    Setting(
        *("TITAN_KEEP_LOGS_DAYS", "30", "days"),
        "How long the output of an attempt stays after its end; with its job it goes in any case; 0 is for ever.",
    ),
    Setting(
        *("TITAN_KEEP_WORKSPACES_DAYS", "7", "days"),
        "How long a workspace stays on its worker after its run or DAG has ended; 0 is for ever.",
    ),
    Setting(
        *("TITAN_KEEP_WORKERS_DAYS", "30", "days"),
        "How long workers are listed that are gone and ran nothing that is still there; 0 is for ever.",
    ),
    Setting(
        *("TITAN_KEEP_FILES_DAYS", "0", "days"),
        "How long uploaded files and published keys stay after they were written last; 0 is for ever.",
    ),
    Setting(
        *("TITAN_KEEP_JOURNAL_DAYS", "90", "days"),
        "How long journal entries stay whose run or DAG is still there; 0 is for ever.",
    ),
    Setting(
        *("TITAN_NOTIFY", "", ""),
        "Where to POST what people should know of: URLs with commas between; slack+https:// for Slack's dialect.",
    ),
    Setting("TITAN_NOTIFY_SECRET", "", "", "Signs each notification (HMAC-SHA256)."),
    Setting("TITAN_NOTIFY_TEMPLATES", "", "", "A TOML file with other texts for notifications."),
    Setting(
        *("TITAN_KEEP_CALLS_DAYS", "365", "days"),
        "How long a recorded run stays after its last event, with all its calls; 0 is for ever.",
    ),
    Setting(
        *("TITAN_ARCHIVE_CALLS_DAYS", "90", "days"),
        "When a recorded run leaves the lists and the search; it stays and can be restored. 0 is never.",
    ),
    Setting(
        *("TITAN_RECORD_BODIES", "yes", ""),
        "no: of what agents do, neither inputs, outputs and tracebacks are kept nor details that may hold them.",
    ),
    Setting(
        *("TITAN_RECORD_NO_BODIES_OF", "", ""),
        "Names of projects, with commas between, whose new runs are stored as with TITAN_RECORD_BODIES=no.",
    ),
    Setting(
        *("TITAN_REDACT_FIELDS", "", ""),
        "Names of further fields whose values are taken away before anything is stored, with commas between.",
    ),
    Setting(
        *("TITAN_REDACT_PATTERNS", "", ""),
        'A TOML file of further secrets to take away: name = "regular expression"; a group `value` is the secret.',
    ),
    Setting(
        *("TITAN_INTERVENTIONS_LEAST", "3", "actions"),
        "A run is a critical intercept when at least so many of its actions were stopped, and that is often.",
    ),
    Setting("TITAN_INTERVENTIONS_RATE", "0.2", "share", "What is often: this share of a run's actions, from 0 to 1."),
    Setting(
        *("TITAN_INTERVENTIONS_TIMES", "3", "times"),
        "Also often: over so many times as in its agent's other runs of the 30 days before; 0 is never.",
    ),
    Setting("TITAN_LOG_FORMAT", "text", "", "How Titan logs: text, or json (a line each)."),
    Setting("TITAN_LOG_LEVEL", "info", "", "What Titan logs: debug, info, warning or error."),
    Setting(
        *("TITAN_COLLECT_FILE_BYTES", "67108864", "bytes"),
        "Largest file left by a job whose content this worker sends to the server; larger ones are only listed.",
    ),
    Setting(
        *("TITAN_COLLECT_FILES", "1000", "files"),
        "How many files of one attempt this worker sends to the server; further ones are only listed.",
    ),
    Setting(
        *("TITAN_REPLAY_NO_SANDBOX", "", ""),
        "1: this worker executes stored runs without a sandbox where its machine has none; else it refuses.",
    ),
    Setting("TITAN_DEBUG", "", "", "Any text: a fault in `titan` shows its traceback."),
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
    raise _misset(name, expected="a whole number", found=ascii(text))


def days(name: str, environment: Mapping[str, str] = os.environ) -> timedelta | None:
    """Return the value of a setting that counts days; None for 0, which is for ever.

    Raises:
        InvalidInput: it is not a whole number, or more than 100,000.
    """
    count = whole_number(name, environment)
    if count > MAX_DAYS:
        raise _misset(name, expected=f"at most {MAX_DAYS} days, or 0 for ever", found=str(count))
    return timedelta(days=count) if count else None


def counted(name: str, environment: Mapping[str, str] = os.environ, *, least: int, most: int) -> int:
    """Return the value of a setting that counts something within bounds.

    Raises:
        InvalidInput: it is not a whole number from `least` to `most`.
    """
    text = setting(name, environment)
    if re.fullmatch("[0-9]{1,18}", text) and least <= int(text) <= most:
        return int(text)
    raise _misset(name, expected=f"a whole number from {least} to {most:,}", found=ascii(text[:40]))


def number(name: str, environment: Mapping[str, str] = os.environ, *, most: int) -> Decimal:
    """Return the value of a setting that measures something, exactly as it is written.

    Raises:
        InvalidInput: it is not a number from 0 to `most`.
    """
    text = setting(name, environment)
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text) and Decimal(text) <= most:
        return Decimal(text)
    raise _misset(name, expected=f"a number from 0 to {most}, as 0.5", found=ascii(text[:40]))


def one_of(name: str, choices: Collection[str], environment: Mapping[str, str] = os.environ) -> str:
    """Return the value of a setting that has few.

    Raises:
        InvalidInput: it is none of `choices`.
    """
    text = setting(name, environment)
    if text in choices:
        return text
    raise _misset(name, expected=" or ".join(choices), found=ascii(text))


def home_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of everything Titan keeps."""
    return Path(setting("TITAN_HOME", environment)).expanduser()


def shared_folder(environment: Mapping[str, str] = os.environ) -> Path | None:
    """Return the folder of blobs and logs, where it is not the home."""
    text = setting("TITAN_SHARED", environment)
    return Path(text).expanduser() if text else None


def _misset(name: str, *, expected: str, found: str) -> InvalidInput:
    return InvalidInput(f"setting {name}", expected=expected, found=found, next_step="Correct it in the environment.")
