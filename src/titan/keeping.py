"""How a server keeps its house, as the environment says: what goes when, how much must be free, who is notified."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from titan.engine.notifier import Address, read_addresses
from titan.model.errors import InvalidInput
from titan.rules.notices import NoticeKind, check_texts
from titan.rules.retention import Retention
from titan.settings import days, setting, whole_number


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """How the house is kept."""

    retention: Retention
    min_free_bytes: int
    addresses: tuple[Address, ...]
    texts: Mapping[NoticeKind, str]
    secret: str


def read_keeping() -> Keeping:
    """Return how the environment has the house kept.

    Raises:
        InvalidInput: a setting cannot be understood.
    """
    return Keeping(
        retention=Retention(
            runs=days("TITAN_KEEP_RUNS_DAYS"),
            dags=days("TITAN_KEEP_DAGS_DAYS"),
            logs=days("TITAN_KEEP_LOGS_DAYS"),
            workspaces=days("TITAN_KEEP_WORKSPACES_DAYS"),
            workers=days("TITAN_KEEP_WORKERS_DAYS"),
            files=days("TITAN_KEEP_FILES_DAYS"),
            journal=days("TITAN_KEEP_JOURNAL_DAYS"),
        ),
        min_free_bytes=whole_number("TITAN_MIN_FREE_BYTES"),
        addresses=read_addresses(setting("TITAN_NOTIFY")),
        texts=check_texts(_read_texts(setting("TITAN_NOTIFY_TEMPLATES"))),
        secret=setting("TITAN_NOTIFY_SECRET"),
    )


def _read_texts(path: str) -> dict[str, object]:
    if not path:
        return {}
    try:
        return tomllib.loads(Path(path).expanduser().read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidInput(
            f"setting TITAN_NOTIFY_TEMPLATES: file {path}",
            expected="a TOML file of texts",
            found=str(error),
            next_step="See docs/guide/notifications.md.",
        ) from error
