"""Reads the settings of retention, disk space, notifications, attention and privacy from the environment."""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from titan.maintenance.notifications import Address, read_addresses
from titan.model.errors import InvalidInput
from titan.rules.names import check_project
from titan.rules.notification_rules import NoticeKind, check_texts
from titan.rules.redaction import check_patterns
from titan.rules.retention import Retention
from titan.rules.runs.attention import Thresholds
from titan.settings import counted, days, is_on, number, setting, whole_number

MOST_STOPPED: Final = 1_000_000  # as many actions as a run may have


@dataclass(frozen=True, slots=True, kw_only=True)
class MaintenanceSettings:
    """Settings of maintenance and notifications."""

    retention: Retention
    min_free_bytes: int
    addresses: tuple[Address, ...]
    texts: Mapping[NoticeKind, str]
    secret: str
    thresholds: Thresholds


def read_maintenance_settings() -> MaintenanceSettings:
    """Return the settings of maintenance.

    Raises:
        InvalidInput: a setting cannot be understood.
    """
    return MaintenanceSettings(
        retention=Retention(
            runs=days("TITAN_KEEP_RUNS_DAYS"),
            dags=days("TITAN_KEEP_DAGS_DAYS"),
            logs=days("TITAN_KEEP_LOGS_DAYS"),
            workspaces=days("TITAN_KEEP_WORKSPACES_DAYS"),
            workers=days("TITAN_KEEP_WORKERS_DAYS"),
            files=days("TITAN_KEEP_FILES_DAYS"),
            journal=days("TITAN_KEEP_JOURNAL_DAYS"),
            recorded=days("TITAN_KEEP_CALLS_DAYS"),
            archive=days("TITAN_ARCHIVE_CALLS_DAYS"),
        ),
        min_free_bytes=whole_number("TITAN_MIN_FREE_BYTES"),
        addresses=read_addresses(setting("TITAN_NOTIFY")),
        texts=check_texts(_read_toml("TITAN_NOTIFY_TEMPLATES", "a TOML file of texts", "docs/guide/notifications.md")),
        secret=setting("TITAN_NOTIFY_SECRET"),
        thresholds=read_thresholds(),
    )


def read_thresholds(environment: Mapping[str, str] = os.environ) -> Thresholds:
    """Return the thresholds from which a run is a critical intercept.

    Raises:
        InvalidInput: a setting cannot be understood.
    """
    return Thresholds(
        least=counted("TITAN_INTERVENTIONS_LEAST", environment, least=1, most=MOST_STOPPED),
        rate=number("TITAN_INTERVENTIONS_RATE", environment, most=1),
        times=number("TITAN_INTERVENTIONS_TIMES", environment, most=1000),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Privacy:
    """The settings of redaction and content capture."""

    patterns: Mapping[str, str]
    fields: tuple[str, ...]
    keeps_content: bool
    content_off: tuple[str, ...] = ()  #: projects whose runs store no content


def read_privacy() -> Privacy:
    """Return the settings of redaction and content capture.

    Raises:
        InvalidInput: a setting cannot be understood.
    """
    patterns = _read_toml("TITAN_REDACT_PATTERNS", "a TOML file of regular expressions", "docs/guide/recording.md")
    check_patterns(patterns)
    return Privacy(
        patterns={name: str(regex) for name, regex in patterns.items()},
        fields=_names("TITAN_REDACT_FIELDS"),
        keeps_content=is_on("TITAN_RECORD_BODIES"),
        content_off=tuple(map(check_project, _names("TITAN_RECORD_NO_BODIES_OF"))),
    )


def _names(name: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in setting(name).split(",") if part.strip())


def _read_toml(name: str, expected: str, page: str) -> dict[str, object]:
    path = setting(name)
    if not path:
        return {}
    try:
        return tomllib.loads(Path(path).expanduser().read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidInput(
            f"setting {name}: file {path}",
            expected=expected,
            found=str(error),
            next_step=f"See {page}.",
        ) from error
