"""MLflow's tracking server, asked through its REST API, which its pages use too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from benchmarks.rivals.calls.asking import Ask, Caller
from benchmarks.rivals.calls.server import Launch, Question, Server, Wanted, answers, launched
from benchmarks.titan_server import free_ports

PACKAGE: Final = "mlflow"
EXPERIMENT: Final = "0"  # the one that is always there
PAGE: Final = 50
API: Final = "/api/3.0/mlflow/traces"
COUNT: Final = Ask(
    path=f"{API}/metrics",
    body={
        "experiment_ids": [EXPERIMENT],
        "view_type": "SPANS",
        "metric_name": "span_count",
        "aggregations": [{"aggregation_type": "COUNT"}],
    },
)


class MLflow(Server):
    """A running tracking server."""

    headers: Mapping[str, str] = {"x-mlflow-experiment-id": EXPERIMENT}

    def count(self) -> int:
        """Return the number of spans as its page of metrics shows it."""
        return int(self.caller.ask_json(COUNT)["data_points"][0]["values"]["COUNT"])

    def questions(self, wanted: Wanted) -> Mapping[str, Question]:
        """Return its searches for traces, and a trace with its spans, which it gives with all they hold."""
        trace = urlencode({"trace_id": f"tr-{wanted.trace_id}", "allow_partial": "true"})
        return {
            "newest": _search("", "timestamp_ms DESC"),
            "with an error": _search("span.status = 'ERROR'", "timestamp_ms DESC"),
            "longest first": _search("", "execution_time_ms DESC"),
            "last 24 h": _search(f"timestamp_ms > {wanted.since_ms}", "timestamp_ms DESC"),
            "a rare word": _search(f"trace.text LIKE '%{wanted.rare}%'", "timestamp_ms DESC"),
            "a frequent word": _search(f"trace.text LIKE '%{wanted.frequent}%'", "timestamp_ms DESC"),
            "a trace": Question(ask=Ask(path=f"{API}/get?{trace}"), rows=_spans_of_trace),
        }


@contextmanager
def running_mlflow(folder: Path, python: Path, store: str | None) -> Iterator[Server]:
    """Keep a tracking server with its data in `folder`, or in a PostgreSQL database."""
    [port] = free_ports(1)
    data = folder / "data"
    data.mkdir()
    database = store and store.replace("postgresql:", "postgresql+psycopg2:", 1)  # the package that its own extras name
    command = [
        *(str(python.parent / "mlflow"), "server", "--host", "127.0.0.1", "--port", str(port)),
        *("--backend-store-uri", database or f"sqlite:///{data}/mlflow.db", "--artifacts-destination", str(data)),
        *(
            "--uvicorn-opts",
            "--timeout-worker-healthcheck 120",
        ),  # 5 s kill its workers while a loaded machine starts them
    ]
    settings = {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # seven processes for evaluations, of 220 MiB each
        "PATH": f"{python.parent}:/usr/bin:/bin",
    }
    caller = Caller(port=port)
    launch = Launch(command=command, port=port, folder=folder, settings=settings)
    with launched(launch, is_up=lambda: answers(caller, COUNT)) as pid:
        yield MLflow(port=port, pid=pid, data=data)


def _search(condition: str, order: str) -> Question:
    body = {
        "locations": [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": EXPERIMENT}}],
        "max_results": PAGE,
        "order_by": [order],
        **({"filter": condition} if condition else {}),
    }
    return Question(ask=Ask(path=f"{API}/search", body=body), rows=lambda answer: len(answer.get("traces", [])))


def _spans_of_trace(answer: Any) -> int:
    return len(answer["trace"]["spans"])
