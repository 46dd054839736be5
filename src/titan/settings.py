"""Lists every setting, with its default, unit and meaning, and reads settings from the environment."""

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
    """An environment variable that users may set."""

    name: str  #: environment variable
    default: str
    unit: str
    help: str


SETTINGS: Final = (
    Setting("TITAN_HOME", "~/.titan", "", "The data directory."),
    Setting("TITAN_STORE", "", "", "postgres://USER@HOST/DATABASE of jobs and runs; without it: files in the home."),
    Setting("TITAN_SHARED", "", "", "Folder of blobs and logs, one for all servers of a database; default: the home."),
    Setting("TITAN_HOST", "127.0.0.1", "", "Where clients look for the server."),
    Setting("TITAN_PORT", "9090", "", "The port clients use."),
    Setting("TITAN_TOKEN", "", "", "The token that a client sends; set inside jobs."),
    Setting("TITAN_LISTEN", "127.0.0.1", "", "The address `titan up` listens at; any but loopback needs tokens."),
    Setting("TITAN_REQUIRE_TOKEN", "", "", "Any text: loopback needs tokens too, as behind a proxy."),
    Setting("TITAN_ALLOW_HOSTS", "", "", "Further host names of the server, such as a proxy's; blanks between."),
    Setting("TITAN_PUBLIC_URL", "", "", "Where agents on other machines reach the server; default: where it listens."),
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
    Setting("TITAN_RESUME_RUN_ID", "", "", "The run that a program resumes."),
    Setting("TITAN_RECORD", "1", "", "0, false, no or off: a program records no actions."),
    Setting("TITAN_RECORD_CODE", "1", "", "0, false, no or off: a program reports no code."),
    Setting("TITAN_PROJECT", "", "", "The project that a program or command works in."),
    Setting("TITAN_SPOOL", "", "", "Folder of what a program recorded while offline; without it: spool in TITAN_HOME."),
    Setting("TITAN_AGENT_ID", "", "", "The agent of the runs a client starts."),
    Setting("TITAN_JOB_MEMORY_BYTES", "0", "bytes", "Most address space of each process of a job here; 0: no limit."),
    Setting("TITAN_PARK_LABELS", "GENERAL", "", "Labels whose slot a job gives back while it waits; commas between."),
    Setting("TITAN_MAX_PARKED", "64", "jobs", "Most jobs of a worker that wait without a slot; each stays in memory."),
    Setting("TITAN_MAX_FILE_BYTES", "1073741824", "bytes", "Largest upload the server takes."),
    Setting("TITAN_MAX_LOG_BYTES", "100000000", "bytes", "Where an attempt's output is cut; 0: no limit."),
    Setting(
        "TITAN_MIN_FREE_BYTES", "536870912", "bytes", "With less free disk (at most 5 %) work is refused; 0: never."
    ),
    Setting(
        "TITAN_KEEP_RUNS_DAYS", "90", "days", "Retention of runs and their jobs after the last activity; 0: for ever."
    ),
    Setting("TITAN_KEEP_DAGS_DAYS", "30", "days", "Retention of a DAG without a run, after its end; 0: for ever."),
    Setting("TITAN_KEEP_LOGS_DAYS", "30", "days", "Retention of an attempt's output after its end; 0: for ever."),
    Setting("TITAN_KEEP_WORKSPACES_DAYS", "7", "days", "Retention of a workspace after its run's end; 0: for ever."),
    Setting("TITAN_KEEP_WORKERS_DAYS", "30", "days", "Retention of gone workers without attempts; 0: for ever."),
    Setting("TITAN_KEEP_FILES_DAYS", "0", "days", "Retention of files and keys after their last write; 0: for ever."),
    Setting("TITAN_KEEP_JOURNAL_DAYS", "90", "days", "Retention of journal entries of existing runs; 0: for ever."),
    Setting("TITAN_NOTIFY", "", "", "Where to POST notifications: URLs, commas between; slack+https:// for Slack."),
    Setting("TITAN_NOTIFY_SECRET", "", "", "Signs each notification (HMAC-SHA256)."),
    Setting("TITAN_NOTIFY_TEMPLATES", "", "", "A TOML file with other texts for notifications."),
    Setting("TITAN_KEEP_CALLS_DAYS", "365", "days", "Retention of a recorded run after its last event; 0: for ever."),
    Setting("TITAN_ARCHIVE_CALLS_DAYS", "90", "days", "When a recorded run leaves lists and search; 0: never."),
    Setting("TITAN_RECORD_BODIES", "yes", "", "no: inputs, outputs and tracebacks of what agents do are not stored."),
    Setting("TITAN_RECORD_NO_BODIES_OF", "", "", "Projects, with commas between, of which new runs store no content."),
    Setting("TITAN_REDACT_FIELDS", "", "", "Further fields whose values are redacted, with commas between."),
    Setting(
        *("TITAN_REDACT_PATTERNS", "", ""),
        'A TOML file of further secrets to redact: name = "regular expression"; a group `value` is the secret.',
    ),
    Setting(
        *("TITAN_SECRET_KEY", "", ""),
        "Encrypts values of env= in the store, 32 characters or more; without it: the home's file secret-key.",
    ),
    Setting("TITAN_INTERVENTIONS_LEAST", "3", "actions", "Fewest stopped actions of a critical intercept."),
    Setting("TITAN_INTERVENTIONS_RATE", "0.2", "share", "Share of a run's actions that is often stopped, 0 to 1."),
    Setting("TITAN_INTERVENTIONS_TIMES", "3", "times", "Multiple of the agent's 30-day rate that is often; 0: never."),
    Setting("TITAN_DRAIN_SECONDS", "0", "seconds", "How long running jobs may go on after SIGTERM or Ctrl-C."),
    Setting("TITAN_LOG_FORMAT", "text", "", "How Titan logs: text, or json (a line each)."),
    Setting("TITAN_LOG_LEVEL", "info", "", "What Titan logs: debug, info, warning or error."),
    Setting("TITAN_COLLECT_FILE_BYTES", "67108864", "bytes", "Largest file of a job that is sent, not only listed."),
    Setting("TITAN_COLLECT_FILES", "1000", "files", "Most files of an attempt that are sent, not only listed."),
    Setting("TITAN_REPLAY_NO_SANDBOX", "", "", "1: executes stored runs without a sandbox where the machine has none."),
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
    """Return the value of a setting with a fixed set of choices.

    Raises:
        InvalidInput: it is none of `choices`.
    """
    text = setting(name, environment)
    if text in choices:
        return text
    raise _misset(name, expected=" or ".join(choices), found=ascii(text))


def home_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the data directory."""
    return Path(setting("TITAN_HOME", environment)).expanduser()


def shared_folder(environment: Mapping[str, str] = os.environ) -> Path | None:
    """Return the folder of blobs and logs; None when it is the home."""
    text = setting("TITAN_SHARED", environment)
    return Path(text).expanduser() if text else None


def _misset(name: str, *, expected: str, found: str) -> InvalidInput:
    return InvalidInput(f"setting {name}", expected=expected, found=found, next_step="Correct it in the environment.")
