"""Titan's client: submit DAGs of jobs, wait for them, share values and files, ask the language model.

    from titan_sdk import TitanClient, TitanJob

    client = TitanClient()                       # TITAN_HOST, TITAN_PORT, TITAN_TOKEN; else 127.0.0.1:9090
    client.submit_dag("nightly", [TitanJob("extract", "extract.py"),
                                  TitanJob("train", "train.py", parents=["extract"])])
    client.wait("nightly")                       # -> "COMPLETED"

Inside a job also `titan_sdk.model.ask("…")`. Standard library only; what costs time to import is imported
when used.
"""

from __future__ import annotations

from titan_sdk import errors
from titan_sdk.client import TitanClient
from titan_sdk.errors import TitanError
from titan_sdk.job import TitanJob
from titan_sdk.signals import wait_for_signal, wait_for_signals
from titan_sdk.submission import DagAccepted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from titan_sdk import model

__all__ = [
    "DagAccepted",
    "TitanClient",
    "TitanError",
    "TitanJob",
    "errors",
    "model",
    "wait_for_signal",
    "wait_for_signals",
]


def __getattr__(name: str) -> object:
    if name == "model":
        from importlib import import_module

        return import_module("titan_sdk.model")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
