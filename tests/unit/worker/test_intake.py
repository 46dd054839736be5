"""What the server assigns reaches the supervisor once, with its script, whichever answer brought it."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest
from msgspec.structs import replace

from tests.support.assignments import a_blob_cache, an_assignment
from titan.wire.protocol import Assignment
from titan.worker.files.folders import AttemptFolders
from titan.worker.intake import Intake
from titan.worker.leases import Leases
from titan.worker.mailbox import AttemptsAssigned, Mailbox, ScriptMissed
from titan.worker.server_client import ServerAway
from titan.worker.threads import ThreadPool
from titan_sdk.errors import NotFound

SCRIPT = b"print('hello')\n"
DIGEST = hashlib.sha256(SCRIPT).hexdigest()
HERE = hashlib.sha256(b"here").hexdigest()


class ScriptServer:
    """A server that has scripts, unless something goes wrong."""

    def __init__(self) -> None:
        self.content = SCRIPT
        self.troubles: list[Exception] = []
        self.fetched: list[str] = []
        self.on_fetch: Callable[[], object] = lambda: None

    def fetch_blob(self, digest: str, target: Path) -> None:
        self.fetched.append(digest)
        self.on_fetch()
        if self.troubles:
            raise self.troubles.pop(0)
        target.write_bytes(self.content)


class WritingFolders:
    def __init__(self) -> None:
        self.unpacked: list[tuple[str, Path]] = []

    def unpack(self, assignment: Assignment, archive: Path) -> None:
        self.unpacked.append((assignment.lease_id, archive))


class Pauses(threading.Event):
    """Notes how often it is waited for, and lets nobody wait."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def wait(self, timeout: float | None = None) -> bool:
        self.count += 1
        return self.is_set()


class AtOnce:
    """A pool that performs its tasks at once, and again while the server is away."""

    def __init__(self, closing: Pauses) -> None:
        self._closing = closing
        self.trouble: Exception | None = None

    def add(self, task: Callable[[], None]) -> None:
        if self.trouble is not None:
            raise self.trouble
        while not self._closing.is_set():
            try:
                return task()
            except ServerAway:
                self._closing.wait(0.1)
        return None


class Bench:
    """An intake with its surroundings; one script is in the cache."""

    def __init__(self, folder: Path) -> None:
        self.server, self.leases, self.mailbox, self.folders = ScriptServer(), Leases(), Mailbox(), WritingFolders()
        self.closing = Pauses()
        self.pool = AtOnce(self.closing)
        self.blobs = a_blob_cache(folder, b"here", server=self.server)
        self.intake = Intake(
            *(self.leases, self.mailbox, self.blobs, cast("AttemptFolders", self.folders)),
            pool=cast("ThreadPool", self.pool),
            closing=self.closing,
        )

    def assigned(self) -> list[list[str]]:
        """Return the leases that the supervisor was told of, by the news that brought them."""
        news = list(self.mailbox.take_all())
        assert all(isinstance(each, AttemptsAssigned) for each in news), news
        return [[one.lease_id for one in each.assignments] for each in news if isinstance(each, AttemptsAssigned)]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.mailbox.close()


def here(lease_id: str) -> Assignment:
    return replace(an_assignment(lease_id), script=HERE)


def elsewhere(lease_id: str) -> Assignment:
    return replace(an_assignment(lease_id), script=DIGEST)


def test_assignments_of_one_answer_are_held_and_passed_on_together(bench: Bench) -> None:
    is_news = bench.intake.take([here("a"), here("b")])

    assert (is_news, bench.assigned(), bench.leases.held()) == (True, [["a", "b"]], ["a", "b"])
    assert bench.server.fetched == []


def test_assignments_in_two_answers_are_passed_on_once(bench: Bench) -> None:
    bench.intake.take([here("a")])

    again = [bench.intake.take([here("a")]), bench.intake.take([here("a"), here("b")])]

    assert (again, bench.assigned()) == ([False, True], [["a"], ["b"]])


def test_an_ended_lease_is_not_taken_again_from_a_late_answer(bench: Bench) -> None:
    bench.leases.begin_claim()
    bench.intake.take([here("a")])
    bench.leases.drop(["a"])

    assert not bench.intake.take([here("a")])
    assert bench.assigned() == [["a"]]


def test_an_answer_without_assignments_is_no_news(bench: Bench) -> None:
    assert not bench.intake.take([])
    assert bench.assigned() == []


def test_a_worker_that_ends_takes_nothing_more(bench: Bench) -> None:
    bench.closing.set()

    assert not bench.intake.take([here("a")])
    assert (bench.assigned(), bench.leases.held()) == ([], [])


def test_assignments_with_scripts_do_not_wait_for_the_scripts_of_others(bench: Bench) -> None:
    bench.intake.take([elsewhere("a"), here("b"), elsewhere("c"), here("d")])

    assert bench.assigned() == [["a"], ["b", "c", "d"]]  # a real crew fetches beside, for each that lacks it
    assert bench.server.fetched == [DIGEST]
    assert bench.blobs.script(DIGEST) == SCRIPT


def test_a_script_is_asked_for_until_the_server_answers(bench: Bench) -> None:
    bench.server.troubles = [ServerAway("no answer"), ServerAway("no answer")]

    bench.intake.take([elsewhere("a")])

    assert (bench.assigned(), len(bench.server.fetched), bench.closing.count) == ([["a"]], 3, 2)


def test_a_script_that_the_server_has_not_fails_its_attempt_alone(bench: Bench) -> None:
    bench.server.troubles = [NotFound(subject="script", expected="a script", found="none", next_step="Submit again.")]

    bench.intake.take([elsewhere("a"), here("b"), elsewhere("c")])

    missed, last, first = bench.mailbox.take_all()
    assert first == AttemptsAssigned(assignments=(here("b"),))
    assert isinstance(missed, ScriptMissed)
    assert (missed.assignment.lease_id, missed.is_machine_at_fault) == ("a", False)
    assert last == AttemptsAssigned(assignments=(elsewhere("c"),))
    assert bench.leases.held() == ["a", "b", "c"]


def test_a_script_that_came_damaged_is_not_run(bench: Bench) -> None:
    bench.server.content = b"something else"

    bench.intake.take([elsewhere("a")])

    (missed,) = bench.mailbox.take_all()
    assert isinstance(missed, ScriptMissed)
    assert f"script {DIGEST}" in missed.why
    assert bench.blobs.script(DIGEST) is None


def test_a_script_that_cannot_be_kept_here_may_be_run_elsewhere(bench: Bench) -> None:
    bench.server.troubles = [OSError(28, "No space left on device")]

    bench.intake.take([elsewhere("a")])

    (missed,) = bench.mailbox.take_all()
    assert isinstance(missed, ScriptMissed)
    assert missed.is_machine_at_fault


def test_a_lease_that_ends_while_its_script_is_fetched_is_not_passed_on(bench: Bench) -> None:
    bench.server.troubles = [ServerAway("no answer")]
    bench.server.on_fetch = lambda: bench.leases.drop(["a"])

    bench.intake.take([elsewhere("a")])

    assert (bench.assigned(), bench.intake.unprepared()) == ([], [])


def test_a_worker_that_ends_while_it_fetches_a_script_returns_the_lease(bench: Bench) -> None:
    bench.server.troubles = [ServerAway("no answer")]
    bench.server.on_fetch = bench.closing.set

    bench.intake.take([elsewhere("a")])

    assert (bench.assigned(), bench.intake.unprepared()) == ([], ["a"])


def test_an_attempt_with_an_archive_is_passed_on_once_that_is_unpacked(bench: Bench, tmp_path: Path) -> None:
    bench.intake.take([replace(here("a"), archive=DIGEST), here("b")])

    assert bench.folders.unpacked == [("a", tmp_path / DIGEST)]
    assert (bench.assigned(), bench.leases.held()) == ([["a"], ["b"]], ["a", "b"])


def test_an_assignment_that_could_not_be_passed_on_is_not_held_so_the_next_claim_brings_it_again(bench: Bench) -> None:
    bench.pool.trouble = RuntimeError("no thread")

    with pytest.raises(RuntimeError):
        bench.intake.take([elsewhere("a"), here("b")])
    bench.leases.begin_claim()
    bench.pool.trouble = None
    bench.intake.take([elsewhere("a"), here("b")])

    assert bench.assigned() == [["a"], ["b"]]
