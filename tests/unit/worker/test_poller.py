"""Polling for work, and the machine's load that goes along."""

import threading
from pathlib import Path
from typing import cast

from tests.support.assignments import a_blob_cache, an_assignment
from titan.wire.protocol import ClaimAnswer, ClaimRequest
from titan.worker.backlog import Backlog
from titan.worker.files.folders import AttemptFolders
from titan.worker.intake import Intake
from titan.worker.leases import Leases
from titan.worker.mailbox import GiveBackAsked, Mailbox, Message
from titan.worker.poller import Machine, Poller
from titan.worker.server_client import ServerClient
from titan.worker.threads import ThreadPool


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
    """A server whose server answers every claim at once."""

    def __init__(self, *answers: ClaimAnswer) -> None:
        self._answers = iter(answers)

    def claim(self, _request: ClaimRequest) -> ClaimAnswer:
        """Return the next answer."""
        return next(self._answers)


class Desk:
    """A poller with its surroundings; no script is fetched, for it is in the cache."""

    def __init__(self, folder: Path, *answers: ClaimAnswer) -> None:
        self.leases, self.mailbox, self.pauses = Leases(), Mailbox(), Pauses()
        self.intake = Intake(
            *(self.leases, self.mailbox, a_blob_cache(folder), cast("AttemptFolders", None)),
            pool=cast("ThreadPool", None),
            closing=threading.Event(),
        )
        self.answer_with(Answering(*answers))
        self.count = len(answers)

    def answer_with(self, answering: Answering) -> None:
        """Have claims answered so."""
        server = cast("ServerClient", answering)
        self.poller = Poller(
            *(server, self.leases, self.mailbox, self.intake, Backlog({})), machine=Machine(), closing=self.pauses
        )

    def ask(self) -> list[Message]:
        """Claim until there is no answer left; return the messages to the supervisor."""
        for _ in range(self.count):
            self.poller.step()
        messages = list(self.mailbox.take_all())
        self.mailbox.close()
        return messages


def test_the_pause_after_answers_without_news_doubles_until_there_is_some(tmp_path: Path) -> None:
    empty, news = ClaimAnswer(), ClaimAnswer(lost=["lease"])
    desk = Desk(tmp_path, *[empty] * 7, news, empty)
    desk.leases.take(["lease"])

    desk.ask()

    assert desk.pauses.seconds == [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 0.05]


def test_what_the_answer_to_a_report_has_brought_meanwhile_is_no_reason_to_pause(tmp_path: Path) -> None:
    desk = Desk(tmp_path, *[ClaimAnswer(assignments=[an_assignment(f"l{n}")]) for n in range(9)])

    class Reporting(Answering):
        """A server whose claims are answered after the answer to a report brought the same lease."""

        def claim(self, _request: ClaimRequest) -> ClaimAnswer:
            answer = super().claim(_request)
            desk.intake.take(answer.assignments)
            return answer

    desk.answer_with(Reporting(*[ClaimAnswer(assignments=[an_assignment(f"l{n}")]) for n in range(9)]))

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


LINUX = "MemTotal:       16000 kB\nMemFree:         1000 kB\nMemAvailable:    6000 kB\nHugePages_Total:       0\n"


def test_used_memory_is_what_is_not_available(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text(LINUX)

    load = Machine(tmp_path / "meminfo").load()

    assert load is not None
    assert (load.memory_used_bytes, load.memory_total_bytes) == (10_000 * 1024, 16_000 * 1024)
    assert load.cores >= 1
    assert load.average_1m >= 0


def test_what_the_system_does_not_say_is_left_out(tmp_path: Path) -> None:
    load = Machine(tmp_path / "missing").load()

    assert load is not None
    assert (load.memory_used_bytes, load.memory_total_bytes) == (None, None)


def test_the_machine_is_not_looked_at_for_every_request(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "missing")

    assert machine.load() is machine.load()
