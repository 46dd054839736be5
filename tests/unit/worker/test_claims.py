"""A worker that is answered at once and told nothing asks less and less often."""

import threading
from pathlib import Path
from typing import cast

from tests.support.assignments import an_assignment
from titan.wire.protocol import ClaimAnswer, ClaimRequest
from titan.worker.files.archives import Archives
from titan.worker.intake import Intake
from titan.worker.leases import Leases
from titan.worker.loop import pause_seconds
from titan.worker.machine import Machine
from titan.worker.mailbox import GiveBackAsked, Inbox, News
from titan.worker.poller import Claims
from titan.worker.scripts import ScriptCache
from titan.worker.server_client import Link
from titan.worker.thread_pool import Crew


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


class Desk:
    """Claims with their surroundings; no script is fetched, for it is in the cache."""

    def __init__(self, folder: Path, *answers: ClaimAnswer) -> None:
        self.leases, self.inbox, self.pauses = Leases(), Inbox(), Pauses()
        scripts = ScriptCache(folder)
        scripts.add(an_assignment().script, b"")
        link = cast("Link", Answering(*answers))
        self.intake = Intake(
            *(link, self.leases, self.inbox, scripts),
            archives=cast("Archives", None),
            crew=cast("Crew", None),
            closing=threading.Event(),
        )
        self.claims = Claims(link, self.leases, self.inbox, self.intake, machine=Machine(), closing=self.pauses)
        self.count = len(answers)

    def ask(self) -> list[News]:
        """Ask until there is no answer left; return what the supervisor is told."""
        for _ in range(self.count):
            self.claims.step()
        news = list(self.inbox.take_all())
        self.inbox.close()
        return news


def test_what_the_answer_to_a_report_has_brought_meanwhile_is_no_reason_to_pause(tmp_path: Path) -> None:
    desk = Desk(tmp_path, *[ClaimAnswer(assignments=[an_assignment(f"l{n}")]) for n in range(9)])

    class Reporting(Answering):
        """A link whose claims are answered after the answer to a report brought the same lease."""

        def claim(self, _request: ClaimRequest) -> ClaimAnswer:
            answer = super().claim(_request)
            desk.intake.take(answer.assignments)
            return answer

    link = cast("Link", Reporting(*[ClaimAnswer(assignments=[an_assignment(f"l{n}")]) for n in range(9)]))
    desk.claims = Claims(link, desk.leases, desk.inbox, desk.intake, machine=Machine(), closing=desk.pauses)

    news = desk.ask()

    assert (len(news), desk.pauses.seconds) == (9, [])


def test_what_is_held_and_assigned_all_the_same_is_a_disagreement(tmp_path: Path) -> None:
    desk = Desk(tmp_path, *[ClaimAnswer(assignments=[an_assignment("same")])] * 3)

    news = desk.ask()

    assert (len(news), desk.pauses.seconds) == (1, [0.05, 0.1])


def test_what_was_prefetched_is_asked_back_for_as_long_as_it_is_not_and_never_less_often(tmp_path: Path) -> None:
    desk = Desk(tmp_path, *[ClaimAnswer(give_back=True)] * 3)

    news = desk.ask()

    assert (news, desk.pauses.seconds) == ([GiveBackAsked()] * 3, [0.05] * 3)


def test_a_server_that_stays_away_is_asked_less_and_less_often() -> None:
    assert [pause_seconds(away) for away in (0, 14, 16, 119, 121)] == [0.1, 0.1, 1.0, 1.0, 5.0]
