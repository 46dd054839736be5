"""Which attempts a worker begins next, and how many it may hold beyond its slots."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from tests.support.assignments import an_assignment
from tests.support.builders import NOON
from titan.wire.protocol import MAX_PREFETCH, Assignment
from titan.worker.backlog import Backlog


class Clock:
    """Tells seconds, and stands still until it is turned."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


class Bench:
    """A backlog under a clock that the test turns."""

    def __init__(self, **offers: int) -> None:
        self.clock = Clock()
        self.backlog = Backlog(offers or {"GENERAL": 1}, clock=self.clock)

    def add(self, *lease_ids: str, label: str = "GENERAL") -> None:
        self.add_all(*(a_waiting_one(lease_id, label=label) for lease_id in lease_ids))

    def add_all(self, *assignments: Assignment) -> None:
        for assignment in assignments:
            assert self.backlog.add(assignment)

    def begin_all(self) -> list[str]:
        """Begin what has a slot; return the leases."""
        begun = []
        while (assignment := self.backlog.next()) is not None:
            begun.append(assignment.lease_id)
        return begun

    def run(self, lease_id: str, seconds: float, *, label: str = "GENERAL") -> None:
        """Have an attempt begin at once, and end after so many seconds."""
        self.add(lease_id, label=label)
        assert self.begin_all() == [lease_id]
        self.clock.seconds += seconds
        self.backlog.end(lease_id)

    def learn(self, seconds: float, *, label: str = "GENERAL") -> None:
        """Have run times be so long."""
        self.run(f"example of {label}", seconds, label=label)


def a_waiting_one(
    lease_id: str,
    *,
    label: str | None = "GENERAL",
    priority: int = 1,
    ready_at: datetime | None = NOON,
    job_id: str | None = None,
) -> Assignment:
    return replace(
        an_assignment(lease_id),
        label=label,
        is_prefetched=True,
        priority=priority,
        ready_at=ready_at,
        job_id=job_id or f"d1.{lease_id}",
    )


def leases(assignments: Iterable[Assignment]) -> list[str]:
    return [assignment.lease_id for assignment in assignments]


# --- what begins next ---


def test_no_more_begin_than_there_are_slots_and_the_next_when_one_has_ended() -> None:
    bench = Bench(GENERAL=2)
    bench.add("a", "b", "c", "d")

    first = bench.begin_all()
    bench.backlog.end("b")
    second = bench.begin_all()

    assert (first, second, bench.begin_all()) == (["a", "b"], ["c"], [])


def test_the_highest_priority_begins_first_then_what_has_been_ready_for_longest_then_the_lowest_id() -> None:
    bench = Bench(GENERAL=9)
    later = NOON + timedelta(seconds=1)
    bench.add_all(
        a_waiting_one("fifth", ready_at=later),
        a_waiting_one("fourth", job_id="d1.2"),
        a_waiting_one("third", job_id="d1.1"),
        a_waiting_one("second", priority=9, ready_at=later),
        a_waiting_one("first", priority=9),
    )

    assert bench.begin_all() == ["first", "second", "third", "fourth", "fifth"]


def test_the_slots_of_one_label_are_not_for_another() -> None:
    bench = Bench(GENERAL=1, GPU=2)
    bench.add("a", "b")
    bench.add("g", "h", "i", label="GPU")

    begun = bench.begin_all()
    bench.backlog.end("g")

    assert (sorted(begun), bench.begin_all()) == (["a", "g", "h"], ["i"])


@pytest.mark.parametrize(
    "unslotted",
    [a_waiting_one("a", label=None), a_waiting_one("a", label="NOBODYS"), a_waiting_one("a", ready_at=None)],
    ids=["an older server", "a label that is not offered", "without its place in the queue"],
)
def test_an_attempt_of_which_it_is_unknown_where_it_belongs_needs_no_slot_from_here(unslotted: Assignment) -> None:
    bench = Bench()

    assert not bench.backlog.add(unslotted)
    assert bench.begin_all() == []
    bench.backlog.end("a")  # as everything does that has begun


def test_what_was_leased_for_a_free_slot_begins_at_once_although_an_attempt_is_still_ending_there() -> None:
    bench = Bench(GENERAL=1)
    bench.learn(0.001)
    bench.add("ending", "waiting")
    bench.begin_all()

    waits = bench.backlog.add(replace(a_waiting_one("leased"), is_prefetched=False))
    bench.clock.seconds += 0.06
    limits = bench.backlog.prefetch_limits()
    bench.backlog.end("ending")
    still_full = bench.begin_all()
    bench.backlog.end("leased")

    assert (waits, limits, still_full, bench.begin_all()) == (False, {"GENERAL": 0}, [], ["waiting"])


def test_what_waits_makes_a_backlog_true() -> None:
    bench = Bench()
    assert not bench.backlog

    bench.add("a")
    assert bench.backlog

    bench.begin_all()
    assert not bench.backlog


def test_the_end_of_a_lease_that_is_unknown_or_has_ended_frees_nothing() -> None:
    bench = Bench()
    bench.add("a", "b", "c")
    bench.begin_all()

    bench.backlog.end("unknown")
    still_full = bench.begin_all()
    bench.backlog.end("a")
    bench.backlog.end("a")

    assert (still_full, bench.begin_all()) == ([], ["b"])


# --- how many may be prefetched ---


def test_nothing_is_prefetched_before_it_is_known_how_long_attempts_take() -> None:
    bench = Bench(GENERAL=4, GPU=1)
    bench.learn(0.001, label="GPU")

    assert bench.backlog.prefetch_limits() == {"GENERAL": 0, "GPU": 50}


@pytest.mark.parametrize(
    ("slots", "seconds", "limit"),
    [
        (1, 0.005, 10),
        (4, 0.005, 40),
        (1, 0.050, 1),
        (1, 0.051, 0),
        (4, 0.090, 2),
        (4, 3600, 0),
        (8, 0.0, MAX_PREFETCH),
        (1, 0.0, 500),
    ],
)
def test_as_many_may_be_prefetched_as_will_begin_within_50_ms(slots: int, seconds: float, limit: int) -> None:
    bench = Bench(GENERAL=slots)
    bench.learn(seconds)

    assert bench.backlog.prefetch_limits() == {"GENERAL": limit}


def test_the_limit_follows_the_run_times_of_the_last_dozen_attempts() -> None:
    bench = Bench()
    bench.learn(0.001)

    bench.run("long", 0.4)
    after_a_long_one = bench.backlog.prefetch_limits()["GENERAL"]
    for number in range(30):
        bench.run(f"short{number}", 0.001)

    assert after_a_long_one == 0
    assert 20 < bench.backlog.prefetch_limits()["GENERAL"] <= 50


def test_an_attempt_that_never_ran_frees_its_slot_and_says_nothing_of_run_times() -> None:
    bench = Bench()
    bench.learn(0.005)
    bench.add("cancelled", "next")
    bench.begin_all()

    bench.backlog.end("cancelled", has_run=False)

    assert bench.backlog.prefetch_limits() == {"GENERAL": 10}
    assert bench.begin_all() == ["next"]


def test_a_slot_whose_attempt_takes_long_is_not_counted_on() -> None:
    bench = Bench(GENERAL=4)
    bench.learn(0.010)
    bench.add("slow1", "slow2", "slow3")
    bench.begin_all()
    at_first = bench.backlog.prefetch_limits()

    bench.clock.seconds += 0.06
    bench.add("quick")
    bench.begin_all()

    assert (at_first, bench.backlog.prefetch_limits()) == ({"GENERAL": 20}, {"GENERAL": 5})


def test_nothing_is_prefetched_while_every_slot_takes_long() -> None:
    bench = Bench(GENERAL=2)
    bench.learn(0.001)
    bench.add("slow1", "slow2")
    bench.begin_all()

    bench.clock.seconds += 0.06

    assert bench.backlog.prefetch_limits() == {"GENERAL": 0}


def test_a_label_without_slots_prefetches_nothing() -> None:
    assert Backlog({"GENERAL": 0}).prefetch_limits() == {"GENERAL": 0}


# --- what goes back ---


def test_an_attempt_that_waits_can_be_withdrawn_and_one_that_has_begun_cannot() -> None:
    bench = Bench()
    bench.add("begun", "waiting", "other")
    bench.begin_all()

    withdrawn = [bench.backlog.withdraw(lease_id) for lease_id in ("begun", "waiting", "waiting", "unknown")]
    bench.backlog.end("waiting")
    bench.backlog.end("begun")

    assert [each and each.lease_id for each in withdrawn] == [None, "waiting", None, None]
    assert bench.begin_all() == ["other"]


def test_all_that_waits_can_be_withdrawn_whatever_its_label() -> None:
    bench = Bench(GENERAL=1, GPU=1)
    bench.add("a", "b", "c")
    bench.add("g", "h", label="GPU")
    bench.begin_all()

    assert sorted(leases(bench.backlog.withdraw_all())) == ["b", "c", "h"]
    assert not bench.backlog
    bench.add("later")
    bench.backlog.end("a")
    assert bench.begin_all() == ["later"]


def test_what_remains_when_one_is_withdrawn_begins_in_the_same_order() -> None:
    bench = Bench(GENERAL=9)
    names = [f"p{priority}" for priority in range(9, 0, -1)]
    bench.add_all(*(a_waiting_one(f"p{priority}", priority=priority) for priority in range(1, 10)))

    bench.backlog.withdraw("p9")
    bench.backlog.withdraw("p5")

    assert bench.begin_all() == [name for name in names if name not in ("p9", "p5")]


def test_what_is_expected_to_begin_within_100_ms_stays() -> None:
    bench = Bench(GENERAL=1)
    bench.learn(0.02)
    bench.add("running", *(f"w{n}" for n in range(5)))
    bench.begin_all()

    assert leases(bench.backlog.withdraw_late()) == []


def test_what_comes_last_and_will_not_begin_within_100_ms_is_withdrawn() -> None:
    bench = Bench(GENERAL=1)
    bench.learn(0.02)
    bench.add("running", *(f"w{n}" for n in range(5)), "w5", "w6")
    bench.add_all(a_waiting_one("urgent", priority=9))
    begun = bench.begin_all()

    withdrawn = leases(bench.backlog.withdraw_late())

    assert (begun, withdrawn) == (["urgent"], ["w4", "w5", "w6"])


def test_all_that_waits_is_withdrawn_when_every_slot_has_been_busy_for_100_ms() -> None:
    bench = Bench(GENERAL=1)
    bench.learn(0.001)
    bench.add("a", "b", "c")
    bench.begin_all()

    bench.clock.seconds += 0.099
    not_yet = leases(bench.backlog.withdraw_late())
    bench.clock.seconds += 0.002

    assert (not_yet, leases(bench.backlog.withdraw_late())) == ([], ["b", "c"])


def test_what_waits_for_a_slot_before_any_attempt_has_ended_is_withdrawn() -> None:
    bench = Bench(GENERAL=1)
    bench.add("a", "b")
    bench.begin_all()

    assert leases(bench.backlog.withdraw_late()) == ["b"]


def test_what_has_waited_for_100_ms_is_withdrawn_although_it_is_next() -> None:
    bench = Bench(GENERAL=1)
    bench.learn(0.02)
    bench.add("waiting")
    begun, withdrawn = [], []
    for number in range(3):
        bench.add_all(a_waiting_one(f"urgent{number}", priority=9))
        begun += bench.begin_all()[:1]
        bench.clock.seconds += 0.04
        withdrawn.append(leases(bench.backlog.withdraw_late()))
        bench.backlog.end(f"urgent{number}")

    assert begun == ["urgent0", "urgent1", "urgent2"]
    assert withdrawn == [[], [], ["waiting"]]


def test_a_worker_that_stood_still_begins_nothing_that_it_had_prefetched_before() -> None:
    bench = Bench(GENERAL=1)
    bench.learn(0.001)
    bench.add("running", "waiting")
    bench.begin_all()

    bench.clock.seconds += 11
    bench.backlog.end("running")
    withdrawn = leases(bench.backlog.withdraw_late())

    assert (withdrawn, bench.begin_all()) == (["waiting"], [])


def test_one_label_that_is_slow_takes_nothing_from_another() -> None:
    bench = Bench(GENERAL=1, GPU=1)
    bench.learn(0.001)
    bench.learn(9.0, label="GPU")
    bench.add("a", "b")
    bench.add("g", "h", label="GPU")
    bench.begin_all()

    assert leases(bench.backlog.withdraw_late()) == ["h"]


def test_what_has_waited_for_too_long_does_not_begin_even_before_it_is_withdrawn() -> None:
    bench = Bench()
    bench.learn(0.001)
    bench.add("a", "b")
    begun = bench.begin_all()

    bench.clock.seconds += 0.3
    bench.backlog.end("a")

    assert (begun, bench.begin_all(), leases(bench.backlog.withdraw_late())) == (["a"], [], ["b"])


def test_a_parked_attempt_leaves_its_slot_to_one_that_waits_and_takes_it_again() -> None:
    bench = Bench()
    bench.add("agent", "child", "last")
    assert bench.begin_all() == ["agent"]

    assert bench.backlog.park(["agent"])
    assert not bench.backlog.park(["agent"]), "no news"
    assert bench.begin_all() == ["child"]

    bench.backlog.end("child")
    bench.backlog.park([])
    assert bench.begin_all() == []


def test_a_parked_attempt_lets_as_many_be_prefetched_as_if_it_had_no_slot() -> None:
    bench = Bench()
    bench.learn(0.01)
    bench.add("agent")
    bench.begin_all()
    bench.clock.seconds += 10

    before = bench.backlog.prefetch_limits()
    bench.backlog.park(["agent"])

    assert before == {"GENERAL": 0}
    assert bench.backlog.prefetch_limits()["GENERAL"] > 0
