"""A worker that is answered at once and told nothing asks less and less often."""

import threading
from pathlib import Path
from typing import cast

from titan.engine.protocol import ClaimAnswer, ClaimRequest
from titan.engine.worker.archives import Archives
from titan.engine.worker.claims import Claims
from titan.engine.worker.crew import Crew
from titan.engine.worker.inbox import Inbox
from titan.engine.worker.intake import Intake
from titan.engine.worker.leases import Leases
from titan.engine.worker.link import Link
from titan.engine.worker.loop import pause_seconds
from titan.engine.worker.machine import Machine
from titan.engine.worker.scripts import ScriptCache


class Pauses(threading.Event):
    """Notes for how long it is waited for, and lets nobody wait."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        """Note the pause."""
        self.seconds.append(timeout or 0.0)
        return False


class Answering:
    """A link whose server answers every claim at once."""

    def __init__(self, *answers: ClaimAnswer) -> None:
        self._answers = iter(answers)

    def claim(self, _request: ClaimRequest) -> ClaimAnswer:
        """Return the next answer."""
        return next(self._answers)


def test_the_pause_after_answers_without_news_doubles_until_there_is_some(tmp_path: Path) -> None:
    empty, news = ClaimAnswer(), ClaimAnswer(lost=["lease"])
    leases, inbox, pauses = Leases(), Inbox(), Pauses()
    leases.take(["lease"])
    link = cast("Link", Answering(*[empty] * 7, news, empty))
    claims = Claims(
        link,
        leases,
        inbox,
        Intake(
            *(link, leases, inbox, ScriptCache(tmp_path)),
            archives=cast("Archives", None),
            crew=cast("Crew", None),
            closing=threading.Event(),
        ),
        machine=Machine(),
        closing=pauses,
    )

    for _ in range(9):
        claims.step()
    inbox.close()

    assert pauses.seconds == [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 0.05]


def test_a_server_that_stays_away_is_asked_less_and_less_often() -> None:
    assert [pause_seconds(away) for away in (0, 14, 16, 119, 121)] == [0.1, 0.1, 1.0, 1.0, 5.0]
