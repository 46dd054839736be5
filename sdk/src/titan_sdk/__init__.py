"""Titan's client: submit DAGs of jobs, wait for them, share values and files, ask the language model, record actions.

    from titan_sdk import TitanClient, TitanJob

    client = TitanClient()                       # TITAN_HOST, TITAN_PORT, TITAN_TOKEN; else the server of TITAN_HOME
    client.submit_dag("nightly", [TitanJob("extract", "extract.py"),
                                  TitanJob("train", "train.py", parents=["extract"])])
    client.wait("nightly")                       # -> "COMPLETED"

    @titan_sdk.action                            # each call of it is recorded, with what went in and came out
    def search(query): ...

`AsyncTitanClient` is the same with `await`. Inside a job also `titan_sdk.model.ask("…")` and
`titan_sdk.set_result({…})`. Standard library only, except `AsyncTitanClient`, which needs httpx. Modules are imported
on first use.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from titan_sdk import errors, model
    from titan_sdk.agents import agent
    from titan_sdk.api import DagAccepted
    from titan_sdk.client import AsyncTitanClient, TitanClient
    from titan_sdk.errors import TitanError
    from titan_sdk.job import TitanGate, TitanJob
    from titan_sdk.recording.actions import action, headers, turn
    from titan_sdk.recording.events import event, handoff, progress, thinking
    from titan_sdk.recording.process import flush
    from titan_sdk.recording.redact import Redact
    from titan_sdk.recording.runs import run
    from titan_sdk.replaying.starting import replay
    from titan_sdk.results import result, set_result
    from titan_sdk.signals import wait_for_signal, wait_for_signals
    from titan_sdk.sources import now, random, uuid4
    from titan_sdk.stages import new_run_id

#: The module of each name.
_MODULES = {
    "DagAccepted": "api",
    "Redact": "recording.redact",
    "TitanError": "errors",
    "agent": "agents",
    "flush": "recording.process",
    "new_run_id": "stages",
    "replay": "replaying.starting",
    "run": "recording.runs",
    **dict.fromkeys(("AsyncTitanClient", "TitanClient"), "client"),
    **dict.fromkeys(("TitanGate", "TitanJob"), "job"),
    **dict.fromkeys(("action", "headers", "turn"), "recording.actions"),
    **dict.fromkeys(("event", "handoff", "progress", "thinking"), "recording.events"),
    **dict.fromkeys(("now", "random", "uuid4"), "sources"),
    **dict.fromkeys(("result", "set_result"), "results"),
    **dict.fromkeys(("wait_for_signal", "wait_for_signals"), "signals"),
}
__all__ = ["AsyncTitanClient", "DagAccepted", "Redact", "TitanClient", "TitanError", "TitanGate", "TitanJob", "action"]
__all__ += [
    "agent",
    "errors",
    "event",
    "flush",
    "handoff",
    "headers",
    "model",
    "new_run_id",
    "now",
    "progress",
    "random",
]
__all__ += ["replay", "result", "run", "set_result", "thinking", "turn", "uuid4", "wait_for_signal", "wait_for_signals"]


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name in ("errors", "model"):
        return import_module(f"titan_sdk.{name}")
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f"titan_sdk.{_MODULES[name]}"), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
