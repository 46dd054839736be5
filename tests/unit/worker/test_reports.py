"""What workers report, and when: in few requests, as often as it takes, and with what the answers bring."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from typing import cast

import pytest

from tests.support.assignments import an_assignment
from tests.support.builders import NOON
from titan.model.attempts import AttemptOutcome
from titan.wire.protocol import Assignment, CompleteAnswer, CompleteRequest, Report
from titan.worker.intake import Intake
from titan.worker.logs import EndedAttempt
from titan.worker.reports import MAX_REPORTS, Reports
from titan.worker.server_client import ServerAway, ServerClient

Answering = Callable[[CompleteRequest], CompleteAnswer]


def accepting(request: CompleteRequest) -> CompleteAnswer:
    """Accept all that is said."""
    return CompleteAnswer(accepted=[*(report.lease_id for report in request.reports), *request.returned])


def away(_request: CompleteRequest) -> CompleteAnswer:
    raise ServerAway("no answer came")


class WritingServer:
    """A server that keeps the requests, and answers each as the test has said, or else accepts it."""

    def __init__(self) -> None:
        self.requests: list[CompleteRequest] = []
        self.answers: list[Answering] = []

    def complete(self, request: CompleteRequest) -> CompleteAnswer:
        self.requests.append(request)
        return (self.answers.pop(0) if self.answers else accepting)(request)


class WritingIntake:
    def __init__(self) -> None:
        self.taken: list[str] = []

    def take(self, assignments: Sequence[Assignment]) -> bool:
        self.taken += [assignment.lease_id for assignment in assignments]
        return bool(assignments)


class Bench:
    """Reports with their surroundings."""

    def __init__(self) -> None:
        self.server, self.intake = WritingServer(), WritingIntake()
        self.limits: Mapping[str, int] | None = {"GENERAL": 3}
        self.acknowledged: list[str] = []
        self.resent: list[tuple[str, int]] = []
        self.reports = Reports(
            cast("ServerClient", self.server),
            cast("Intake", self.intake),
            prefetch=lambda: self.limits,
            acknowledge=self.acknowledged.append,
            resend=lambda ended: self.resent.append((ended.report.lease_id, ended.log_sent_bytes)),
        )

    def end(self, *lease_ids: str) -> None:
        for lease_id in lease_ids:
            report = Report(lease_id=lease_id, outcome=AttemptOutcome.SUCCEEDED, started_at=NOON, duration_ns=1)
            self.reports.add(EndedAttempt(report=report))

    def said(self) -> list[tuple[list[str], list[str], list[str]]]:
        """Return what each request said: of what has ended, what has begun, and what goes back."""
        return [
            ([report.lease_id for report in request.reports], list(request.started), request.returned)
            for request in self.server.requests
        ]


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def thread() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as executor:
        yield executor


# --- what goes out together ---


def test_all_that_is_known_goes_out_in_one_request(bench: Bench) -> None:
    bench.end("ended", "other")
    bench.reports.add_started("begun")
    bench.reports.give_back(["unwanted", "late"])

    bench.reports.step()

    assert bench.said() == [(["ended", "other"], ["begun"], ["unwanted", "late"])]
    assert bench.acknowledged == ["ended", "other", "unwanted", "late"]


def test_many_reports_go_out_in_several_requests(bench: Bench) -> None:
    names = [f"l{number}" for number in range(MAX_REPORTS + 1)]
    bench.end(*names)

    bench.reports.step()
    bench.reports.step()

    assert [ended for ended, _, _ in bench.said()] == [names[:MAX_REPORTS], names[MAX_REPORTS:]]


def test_an_attempt_that_has_ended_is_not_said_to_have_begun_too(bench: Bench) -> None:
    bench.reports.add_started("a")
    bench.end("a")

    bench.reports.step()

    assert bench.said() == [(["a"], [], [])]


def test_a_start_is_reported_with_its_time(bench: Bench) -> None:
    before = datetime.now(UTC)
    bench.reports.add_started("a")
    after = datetime.now(UTC)
    bench.reports.close()

    bench.reports.step()

    assert before <= bench.server.requests[0].started["a"] <= after


# --- when ---


def test_a_step_waits_until_there_is_something_to_say(bench: Bench, thread: ThreadPoolExecutor) -> None:
    step = thread.submit(bench.reports.step)
    said_nothing = bench.said()

    bench.end("a")
    step.result(timeout=20)

    assert (said_nothing, bench.said()) == ([], [(["a"], [], [])])


def test_a_start_alone_is_reported_within_some_50_ms(bench: Bench) -> None:
    bench.reports.add_started("a")
    began = time.monotonic()

    bench.reports.step()

    assert bench.said() == [([], ["a"], [])]
    assert 0.04 < time.monotonic() - began < 10


def test_closing_lets_a_waiting_step_return_and_says_nothing(bench: Bench, thread: ThreadPoolExecutor) -> None:
    step: Future[None] = thread.submit(bench.reports.step)

    bench.reports.close()
    step.result(timeout=20)

    assert bench.said() == []


def test_remaining_reports_are_sent_at_close(bench: Bench) -> None:
    bench.reports.add_started("begun")
    bench.reports.close()

    bench.reports.step()

    assert bench.said() == [([], ["begun"], [])]


# --- as often as it takes ---


def test_reports_are_not_lost_while_the_server_is_away(bench: Bench) -> None:
    bench.end("ended")
    bench.reports.add_started("begun")
    bench.reports.give_back(["unwanted"])
    bench.server.answers = [away, away]

    for _try in range(2):
        with pytest.raises(ServerAway):
            bench.reports.step()
    nothing_yet = list(bench.acknowledged)
    bench.reports.step()

    assert bench.said() == [(["ended"], ["begun"], ["unwanted"])] * 3
    assert bench.server.requests[0].started == bench.server.requests[2].started
    assert (nothing_yet, bench.acknowledged) == ([], ["ended", "unwanted"])


def test_acknowledged_reports_are_not_sent_again(bench: Bench, thread: ThreadPoolExecutor) -> None:
    bench.end("ended")
    bench.reports.add_started("begun")
    bench.reports.give_back(["unwanted"])
    bench.reports.step()

    step = thread.submit(bench.reports.step)
    bench.end("more")
    step.result(timeout=20)

    assert bench.said()[1:] == [(["more"], [], [])]


def test_reports_added_during_a_request_are_sent_with_the_next(bench: Bench) -> None:
    def add_meanwhile(request: CompleteRequest) -> CompleteAnswer:
        bench.end("begun")
        bench.reports.add_started("later")
        return accepting(request)

    bench.end("ended")
    bench.reports.add_started("begun")
    bench.server.answers = [add_meanwhile]

    bench.reports.step()
    bench.reports.step()

    assert bench.said() == [(["ended"], ["begun"], []), (["begun"], ["later"], [])]


def test_stale_reports_are_dropped_too(bench: Bench, thread: ThreadPoolExecutor) -> None:
    bench.end("stale")
    bench.reports.give_back(["gone"])
    bench.server.answers = [lambda _request: CompleteAnswer(stale=["stale", "gone"])]

    bench.reports.step()
    step = thread.submit(bench.reports.step)
    bench.end("more")
    step.result(timeout=20)

    assert bench.acknowledged == ["stale", "gone", "more"]
    assert bench.said()[1:] == [(["more"], [], [])]


def test_reports_that_the_server_does_not_acknowledge_are_sent_again(bench: Bench) -> None:
    bench.end("a", "b")
    bench.reports.give_back(["c", "d"])
    bench.server.answers = [lambda _request: CompleteAnswer(accepted=["a", "d"])]

    bench.reports.step()
    bench.reports.step()

    assert bench.said()[1] == (["b"], [], ["c"])
    assert bench.acknowledged == ["a", "d", "b", "c"]


def test_an_output_of_which_the_server_lost_a_part_is_sent_again_before_the_report(
    bench: Bench, thread: ThreadPoolExecutor
) -> None:
    bench.end("a")
    bench.server.answers = [lambda _request: CompleteAnswer(gaps={"a": 7})]

    bench.reports.step()
    step = thread.submit(bench.reports.step)
    bench.end("b")
    step.result(timeout=20)

    assert (bench.resent, bench.acknowledged) == ([("a", 7)], ["b"])
    assert bench.said()[1] == (["b"], [], [])


# --- what the answer brings ---


def test_a_request_says_how_much_the_worker_would_prefetch_and_the_answer_is_taken_in(bench: Bench) -> None:
    bench.end("a")
    bench.server.answers = [
        lambda _request: CompleteAnswer(accepted=["a"], assignments=[an_assignment("b"), an_assignment("c")])
    ]

    bench.reports.step()

    assert bench.server.requests[0].prefetch == {"GENERAL": 3}
    assert bench.intake.taken == ["b", "c"]


def test_a_worker_without_anything_to_prefetch_still_wants_its_free_slots_filled(bench: Bench) -> None:
    bench.limits = {}
    bench.end("a")

    bench.reports.step()

    assert bench.server.requests[0].prefetch == {}


def test_a_worker_that_ends_wants_nothing(bench: Bench) -> None:
    bench.limits = None
    bench.end("a")

    bench.reports.step()

    assert bench.server.requests[0].prefetch is None


def test_acknowledged_leases_are_dropped_before_new_ones_are_taken(bench: Bench) -> None:
    order: list[str] = []

    class Intaking(WritingIntake):
        def take(self, assignments: Sequence[Assignment]) -> bool:
            order.append(f"take {len(assignments)}")
            return True

    reports = Reports(
        cast("ServerClient", bench.server),
        cast("Intake", Intaking()),
        prefetch=dict,
        acknowledge=lambda lease_id: order.append(f"drop {lease_id}"),
        resend=lambda _ended: None,
    )
    reports.give_back(["a"])
    bench.server.answers = [lambda _request: CompleteAnswer(accepted=["a"], assignments=[an_assignment("b")])]

    reports.step()

    assert order == ["drop a", "take 1"]
