"""The servers that keep traces: what each is set to, and what it reads."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeAlias

from benchmarks.rivals.calls import mlflow, phoenix
from benchmarks.rivals.calls.mlflow import running_mlflow
from benchmarks.rivals.calls.phoenix import running_phoenix
from benchmarks.rivals.calls.server import Server
from benchmarks.rivals.calls.titan import running_titan_alone

#: Starts a server: its folder, the interpreter of its environment, its database or None.
Running: TypeAlias = Callable[[Path, Path, str | None], AbstractContextManager[Server]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """A server that is measured."""

    name: str  #: for `--only`
    title: str
    running: Running
    lock: str | None = None  #: of its environment; None: this one
    package: str = ""
    dialect: str  #: a name in corpus.DIALECTS
    database: str | None = None  #: in a PostgreSQL of its own; None: SQLite
    settings: str  #: what was chosen, for a reader who knows the server; said once of each


_PHOENIX: Final = (
    "`phoenix serve` with its defaults, one process. It acknowledges spans before it stores them; they count when they "
    "are stored. Lists by its REST API; words, and a trace as its page draws it, without inputs and outputs, by its "
    "GraphQL. A word is a substring of `input.value` or `output.value`"
)
_MLFLOW: Final = (
    "`mlflow server` with its four workers; without the processes for evaluation jobs, which tracing does not need. "
    "All by its REST API. A word is `trace.text LIKE`, a substring of anything in a span; a trace comes with inputs "
    "and outputs, for there is none without"
)
_TITAN: Final = (
    "`titan up` with its defaults: redaction and full text on. A word is a word of the ledger's search; a trace is the "
    "skeleton of its run, without inputs and outputs. Memory without the worker, which has nothing to do"
)

_IN_A_FILE: Final = (
    Contestant(name="titan", title="Titan", running=running_titan_alone, dialect="GenAI", settings=_TITAN),
    Contestant(
        name="phoenix",
        title="Arize Phoenix",
        running=running_phoenix,
        lock="phoenix",
        package=phoenix.PACKAGE,
        dialect="OpenInference",
        settings=_PHOENIX,
    ),
    Contestant(
        name="mlflow",
        title="MLflow",
        running=running_mlflow,
        lock="mlflow",
        package=mlflow.PACKAGE,
        dialect="GenAI",
        settings=_MLFLOW,
    ),
)

#: Each with SQLite, which all three take by default, and with PostgreSQL, which the rivals advise for production.
CONTESTANTS: Final = (
    *_IN_A_FILE,
    *(replace(one, name=f"{one.name}-postgres", database=one.name, settings="") for one in _IN_A_FILE),
)
