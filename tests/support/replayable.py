"""Makes an export of what a function of the test recorded, without a server: to be replayed."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from titan_sdk.recording import process
from titan_sdk.recording.entries import entry_of
from titan_sdk.recording.recorder import Recorder
from titan_sdk.recording.redact import built_in

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class CollectingRecorder:
    """Keeps each action as it ends."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []

    def offer(self, act: Any) -> bool:
        act.is_begin_reported = True
        return True

    def put(self, act: Any) -> None:
        if hasattr(act, "config"):
            self.entries.append(json.loads(entry_of(act).text(built_in())))


def recorded(main: Callable[[], object], path: Path, **changes: Any) -> Path:
    """Call `main` with its actions recorded, write them as an export of one run, and return the file."""
    recorder = CollectingRecorder()
    with process.recording_to(cast(Recorder, recorder)):
        main()
    entries = sorted(recorder.entries, key=lambda entry: int(entry["started_at_ns"]))
    lines = [{"type": "run", "run_id": "run", "started_at": time_of(0), "status": "completed"}]
    lines += [line_of(entry) | changes for entry in entries]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def line_of(entry: dict[str, Any]) -> dict[str, Any]:
    """Return an entry of the SDK as a line of an export."""
    names = ("id", "kind", "outcome", "inputs", "outputs", "details")
    known: dict[str, Any] = {name: entry[name] for name in names if name in entry}
    times = {"started_at": time_of(entry["started_at_ns"]), "ended_at": time_of(entry["ended_at_ns"])}
    return {
        "type": "action",
        "run_id": "run",
        "action": entry["name"],
        "parent_id": entry.get("parent_id"),
        "effect": entry.get("effect"),
        "error": entry.get("failure"),
        **times,
        **known,
    }


def time_of(ns: int) -> str:
    """Return a time as an export writes it."""
    return (EPOCH + timedelta(microseconds=ns // 1000)).isoformat(timespec="microseconds").replace("+00:00", "Z")
