"""Titan, through the API of its pages: full text and redaction on, as they are by default."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

from benchmarks.rivals.calls.asking import Ask
from benchmarks.rivals.calls.server import Question, Server, Wanted
from benchmarks.titan_server import running_titan


class Titan(Server):
    """A running `titan up`."""

    counts_agents = False  # what an agent does is a run; its calls are counted, and come in the same transactions

    def count(self) -> int:
        """Return the calls of all agents, as the page of agents shows them."""
        return sum(agent["calls"] for agent in self.caller.ask_json(Ask(path="/api/v1/agents?limit=200"))["data"])

    def questions(self, wanted: Wanted) -> Mapping[str, Question]:
        """Return lists of runs, of the ledger, and the skeleton that the page of a run is drawn from."""
        return {
            "newest": _list("runs?window=all"),
            "with an error": _list("ledger?outcome=error"),
            "longest first": _list("runs?window=all&sort=duration"),
            "last 24 h": _list("runs?window=24h"),
            "a rare word": _list(f"ledger?search={wanted.rare}"),
            "a frequent word": _list(f"ledger?search={wanted.frequent}"),
            "a trace": Question(
                ask=Ask(path=f"/api/v1/runs/{wanted.trace_id}/skeleton"),
                rows=lambda answer: len(answer["id"]),
            ),
        }

    def processes(self) -> Sequence[psutil.Process]:
        """Return the server and its reading process, without the worker: it runs jobs, of which there are none."""
        server = psutil.Process(self.pid)
        return [server, *(child for child in server.children() if "spawn_main" in " ".join(child.cmdline()))]


@contextmanager
def running_titan_alone(folder: Path, _python: Path, store: str | None) -> Iterator[Server]:
    """Keep a Titan with its home in `folder`, its records there or in a PostgreSQL database."""
    with running_titan(folder, store=store) as titan:
        yield Titan(port=titan.port, pid=titan.pid, data=titan.home)


def _list(path: str) -> Question:
    return Question(ask=Ask(path=f"/api/v1/{path}"), rows=lambda answer: len(answer["data"]))
