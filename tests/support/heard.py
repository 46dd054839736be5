"""A recorder whose HTTP requests are kept in memory, to be checked."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from titan_sdk.recording.delivery import ENDING, Answer, Spool, Verdict
from titan_sdk.recording.process import recording_to
from titan_sdk.recording.recorder import Destination, Recorder
from titan_sdk.recording.runs import run

FLUSH_SECONDS = 30.0  # takes 1 ms; a machine that others use takes its time


class Heard:
    """Everything that was posted."""

    def __init__(self, folder: Path | None = None) -> None:
        """What is not taken goes into `folder`; without one it stays in memory until it is."""
        self.bodies: list[bytes] = []
        #: How the next posts end; then all are taken.
        self.verdicts: deque[Verdict] = deque()
        #: What the next posts raise, as no post should.
        self.faults: deque[Exception] = deque()
        self.said: list[str] = []
        spool = None if folder is None else Spool(str(folder))
        self.recorder = Recorder(lambda: Destination(self.post, spool), say=self.said.append)

    def post(self, body: bytes, _within_seconds: float) -> Answer:
        """Take a body, or not, as the next verdict says."""
        if self.faults:
            raise self.faults.popleft()
        verdict = self.verdicts.popleft() if self.verdicts else Verdict.TAKEN
        if verdict is Verdict.TAKEN:
            self.bodies.append(body)
            return Answer(verdict)
        return Answer(verdict, f"the server answered HTTP {verdict.name}")

    def entries(self) -> list[dict[str, Any]]:
        """Return all entries, in the order in which they were reported; but what pytest, the program, is made of."""
        assert self.recorder.flush(FLUSH_SECONDS)
        told = [entry for body in self.bodies for entry in json.loads(body)["entries"]]
        return [entry for entry in told if "program" not in entry]

    def runs(self) -> list[dict[str, Any]]:
        """Return what was reported of runs."""
        return [entry for entry in self.entries() if entry["type"] == "run"]

    def actions(self) -> list[dict[str, Any]]:
        """Return the actions in the order of their beginnings, each as all entries about it say together."""
        known: dict[str, dict[str, Any]] = {}
        for entry in self.entries():
            if entry["type"] == "action":
                known.setdefault(entry["id"], {}).update(entry)
        return list(known.values())

    def action(self) -> dict[str, Any]:
        """Return the only action."""
        [only] = self.actions()
        return only


class Away(Heard):
    """A server that does not answer."""

    def post(self, body: bytes, within_seconds: float) -> Answer:
        """Take nothing."""
        return Answer(Verdict.AWAY, "no Titan answers at 127.0.0.1:19999")


def spooled(folder: Path) -> list[dict[str, Any]]:
    """Return the entries that wait in a folder."""
    return [json.loads(line) for path in sorted(folder.glob(f"*{ENDING}")) for line in path.read_bytes().splitlines()]


@contextmanager
def recorded_locally(run_id: str = "R_1") -> Iterator[Heard]:
    """Record what happens in the block, in one run, to memory alone."""
    heard = Heard()
    with recording_to(heard.recorder):
        try:
            with run(agent_id="R", run_id=run_id):
                yield heard
        finally:
            heard.recorder.close(FLUSH_SECONDS)
