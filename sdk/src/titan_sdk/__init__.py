"""Titan's client: submit DAGs of jobs, wait for them, share values and files, ask the language model, record actions.

    from titan_sdk import TitanClient, TitanJob

    client = TitanClient()                       # TITAN_HOST, TITAN_PORT, TITAN_TOKEN; else the server of TITAN_HOME
    client.submit_dag("nightly", [TitanJob("extract", "extract.py"),
                                  TitanJob("train", "train.py", parents=["extract"])])
    client.wait("nightly")                       # -> "COMPLETED"

    @titan_sdk.action                            # each call of it is recorded, with what went in and came out
    def search(query): ...

`AsyncTitanClient` is the same with `await`. Inside a job also `titan_sdk.model.ask("…")` and
`titan_sdk.set_result({…})`. Standard library only; everything is imported when it is first used.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from titan_sdk import errors, model
    from titan_sdk.client import AsyncTitanClient, TitanClient
    from titan_sdk.errors import TitanError
    from titan_sdk.job import TitanGate, TitanJob
    from titan_sdk.recording.acts import action, turn
    from titan_sdk.recording.place import headers
    from titan_sdk.recording.process import flush
    from titan_sdk.recording.redact import Redact
    from titan_sdk.recording.runs import run
    from titan_sdk.recording.words import event, handoff, progress, thinking
    from titan_sdk.results import result, set_result
    from titan_sdk.signals import wait_for_signal, wait_for_signals
    from titan_sdk.stages import new_run_id
    from titan_sdk.submission import DagAccepted

__all__ = [
    "AsyncTitanClient",
    "DagAccepted",
    "Redact",
    "TitanClient",
    "TitanError",
    "TitanGate",
    "TitanJob",
    "action",
    "errors",
    "event",
    "flush",
    "handoff",
    "headers",
    "model",
    "new_run_id",
    "progress",
    "result",
    "run",
    "set_result",
    "thinking",
    "turn",
    "wait_for_signal",
    "wait_for_signals",
]


_HOMES = {
    "AsyncTitanClient": "client",
    "DagAccepted": "submission",
    "Redact": "recording.redact",
    "TitanClient": "client",
    "TitanError": "errors",
    "TitanGate": "job",
    "TitanJob": "job",
    "action": "recording.acts",
    "event": "recording.words",
    "flush": "recording.process",
    "handoff": "recording.words",
    "headers": "recording.place",
    "new_run_id": "stages",
    "progress": "recording.words",
    "result": "results",
    "run": "recording.runs",
    "set_result": "results",
    "thinking": "recording.words",
    "turn": "recording.acts",
    "wait_for_signal": "signals",
    "wait_for_signals": "signals",
}
_MODULES = frozenset({"errors", "model"})


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name in _MODULES:
        return import_module(f"titan_sdk.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f"titan_sdk.{_HOMES[name]}"), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
