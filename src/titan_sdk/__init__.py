"""Titan's client: submit DAGs of jobs, wait for them, share values and files, ask the language model.

    from titan_sdk import TitanClient, TitanJob

    client = TitanClient()                       # TITAN_HOST, TITAN_PORT, TITAN_TOKEN; else 127.0.0.1:9090
    client.submit_dag("nightly", [TitanJob("extract", "extract.py"),
                                  TitanJob("train", "train.py", parents=["extract"])])
    client.wait("nightly")                       # -> "COMPLETED"

`AsyncTitanClient` is the same with `await`. Inside a job also `titan_sdk.model.ask("…")` and
`titan_sdk.set_result({…})`. Standard library only; what costs time to import is imported when used.
"""

from __future__ import annotations

from titan_sdk import errors
from titan_sdk.client import AsyncTitanClient, TitanClient
from titan_sdk.errors import TitanError
from titan_sdk.job import TitanGate, TitanJob
from titan_sdk.submission import DagAccepted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from titan_sdk import model
    from titan_sdk.results import result, set_result
    from titan_sdk.signals import wait_for_signal, wait_for_signals
    from titan_sdk.stages import new_run_id

__all__ = [
    "AsyncTitanClient",
    "DagAccepted",
    "TitanClient",
    "TitanError",
    "TitanGate",
    "TitanJob",
    "errors",
    "model",
    "new_run_id",
    "result",
    "set_result",
    "wait_for_signal",
    "wait_for_signals",
]


_LATER = {
    "new_run_id": "titan_sdk.stages",
    "result": "titan_sdk.results",
    "set_result": "titan_sdk.results",
    "wait_for_signal": "titan_sdk.signals",
    "wait_for_signals": "titan_sdk.signals",
}


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name == "model":
        return import_module("titan_sdk.model")
    if name in _LATER:
        return getattr(import_module(_LATER[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
