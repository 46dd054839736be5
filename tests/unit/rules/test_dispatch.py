"""Who gets which job: examples of each rule, and what holds of every plan."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from itertools import product
from random import Random
from typing import TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.builders import NOON, a_free_worker, a_ready_job
from titan.model.jobs import Affinity, ReadyJob
from titan.model.workers import FreeWorker, Placement
from titan.rules.jobs.dispatch import plan_placements

LABELS = ("GENERAL", "GPU")
WORKER_IDS = ("w1", "w2", "w3")


def plan(ready: list[ReadyJob], workers: list[FreeWorker]) -> dict[str, str]:
    """Return the plan as job id → worker id."""
    return {placement.job_id: placement.worker_id for placement in plan_placements(ready, workers)}


def test_the_highest_priority_goes_first() -> None:
    low, high = a_ready_job("a", priority=1), a_ready_job("b", priority=2)

    assert plan([low, high], [a_free_worker("w1")]) == {"b": "w1"}


def test_of_equal_priorities_the_one_that_waits_longest_goes_first() -> None:
    late = a_ready_job("a", ready_at=NOON + timedelta(milliseconds=1))
    early = a_ready_job("b", ready_at=NOON)

    assert plan([late, early], [a_free_worker("w1")]) == {"b": "w1"}


def test_of_jobs_ready_at_the_same_moment_the_lower_id_goes_first() -> None:
    assert plan([a_ready_job("b"), a_ready_job("a")], [a_free_worker("w1")]) == {"a": "w1"}


def test_a_job_no_worker_can_do_does_not_hold_up_the_others() -> None:
    gpu_job = a_ready_job("train", requirement="GPU", priority=9)

    assert plan([gpu_job, a_ready_job("report")], [a_free_worker("w1")]) == {"report": "w1"}


def test_a_confined_job_goes_to_workers_with_its_token_only() -> None:
    confined = a_ready_job("a", confined_to="t1", affinity=Affinity.REQUIRED, preferred_worker_id="w1")
    elsewhere = [a_free_worker("w1"), a_free_worker("w2", confines_to="t2")]

    assert plan([confined], elsewhere) == {}
    assert plan([a_ready_job("b", confined_to="t1")], [*elsewhere, a_free_worker("w3", confines_to="t1")]) == {
        "b": "w3"
    }


def test_a_job_goes_to_workers_of_its_organisation_only() -> None:
    of_acme = a_ready_job("a", organisation_id="acme", affinity=Affinity.SOFT, preferred_worker_id="w1")
    workers = [a_free_worker("w1", {"GENERAL": 9}), a_free_worker("w2", organisation_id="zeta")]

    assert plan([of_acme], workers) == {}
    assert plan([of_acme, a_ready_job("b")], [*workers, a_free_worker("w3", organisation_id="acme")]) == {
        "a": "w3",
        "b": "w1",
    }


def test_a_job_of_another_organisation_is_not_prefetched_and_holds_up_nothing() -> None:
    of_acme = a_ready_job("a", organisation_id="acme", must_not_be_lost=True)

    assert prefetched([of_acme, a_ready_job("b")], [a_busy_worker("w1", room=9)]) == {"b": "w1"}


def test_a_worker_of_an_untrusted_token_also_takes_unconfined_jobs() -> None:
    assert plan([a_ready_job("a")], [a_free_worker("w1", confines_to="t1")]) == {"a": "w1"}


def test_a_gpu_worker_takes_no_general_job_unless_it_offers_both() -> None:
    ready = [a_ready_job("report")]

    assert plan(ready, [a_free_worker("gpu", {"GPU": 1})]) == {}
    assert plan(ready, [a_free_worker("both", {"GPU": 1, "GENERAL": 1})]) == {"report": "both"}


def test_a_worker_gets_as_many_jobs_as_it_has_free_slots() -> None:
    ready = [a_ready_job(f"j{n}") for n in range(5)]

    assert plan(ready, [a_free_worker("w1", {"GENERAL": 3})]) == {"j0": "w1", "j1": "w1", "j2": "w1"}


def test_jobs_go_to_the_worker_with_most_free_slots_then_to_the_lowest_id() -> None:
    workers = [a_free_worker("w2", {"GENERAL": 2}), a_free_worker("w1", {"GENERAL": 1})]

    assert plan([a_ready_job("a"), a_ready_job("b")], workers) == {"a": "w2", "b": "w1"}


def test_soft_affinity_prefers_its_worker_to_a_freer_one() -> None:
    job = a_ready_job("b", affinity=Affinity.SOFT, preferred_worker_id="w1")

    assert plan([job], [a_free_worker("w1"), a_free_worker("w2", {"GENERAL": 4})]) == {"b": "w1"}


def test_soft_affinity_goes_elsewhere_when_its_worker_is_busy() -> None:
    job = a_ready_job("b", affinity=Affinity.SOFT, preferred_worker_id="w1")

    assert plan([job], [a_free_worker("w1", {"GENERAL": 0}), a_free_worker("w2")]) == {"b": "w2"}


def test_required_affinity_waits_for_its_worker_and_holds_up_nobody() -> None:
    bound = a_ready_job("b", priority=9, affinity=Affinity.REQUIRED, preferred_worker_id="w1")

    assert plan([bound, a_ready_job("c")], [a_free_worker("w2")]) == {"c": "w2"}


def test_affinity_of_a_job_whose_parents_name_no_worker_means_nothing() -> None:
    assert plan([a_ready_job("b", affinity=Affinity.REQUIRED)], [a_free_worker("w1")]) == {"b": "w1"}


def test_a_preferred_worker_is_ignored_by_a_job_without_affinity() -> None:
    job = a_ready_job("b", preferred_worker_id="w1")

    assert plan([job], [a_free_worker("w1"), a_free_worker("w2", {"GENERAL": 4})]) == {"b": "w2"}


def test_nobody_asking_or_nothing_waiting_gives_no_plan() -> None:
    assert plan([a_ready_job()], []) == {}
    assert plan([], [a_free_worker()]) == {}


# --- prefetching ---


def a_busy_worker(worker_id: str = "w1", room: int = 1, *, confines_to: str | None = None) -> FreeWorker:
    """Return a worker without a free slot that has room for so many leases beyond."""
    return a_free_worker(worker_id, {}, room={"GENERAL": room}, confines_to=confines_to)


def prefetched(
    ready: list[ReadyJob], workers: list[FreeWorker], *, not_asking: list[FreeWorker] | None = None
) -> dict[str, str]:
    """Return the part of the plan that is prefetched as job id → worker id."""
    made = plan_placements(ready, workers, not_asking=not_asking or [])
    return {placement.job_id: placement.worker_id for placement in made if placement.is_prefetched}


def test_a_worker_without_a_free_slot_prefetches_as_many_jobs_as_it_has_room_for() -> None:
    ready = [a_ready_job("a"), a_ready_job("b"), a_ready_job("c")]

    assert prefetched(ready, [a_busy_worker(room=2)]) == {"a": "w1", "b": "w1"}


def test_a_worker_prefetches_nothing_of_a_label_that_it_has_no_room_for() -> None:
    assert plan([a_ready_job("a", requirement="GPU")], [a_busy_worker(room=9)]) == {}


def test_only_jobs_without_a_free_slot_are_prefetched() -> None:
    ready = [a_ready_job("a"), a_ready_job("b"), a_ready_job("c")]
    workers = [a_free_worker("w1", room={"GENERAL": 5}), a_free_worker("w2")]

    assert list(plan_placements(ready, workers)) == [
        Placement(job_id="a", worker_id="w1"),
        Placement(job_id="b", worker_id="w2"),
        Placement(job_id="c", worker_id="w1", is_prefetched=True),
    ]


def test_a_job_that_fits_a_free_slot_of_a_worker_that_does_not_ask_waits_until_it_asks() -> None:
    ready = [a_ready_job("a"), a_ready_job("b"), a_ready_job("c")]

    made = plan_placements(ready, [a_busy_worker(room=9)], not_asking=[a_free_worker("w2", {"GENERAL": 2})])

    assert list(made) == [Placement(job_id="a", worker_id="w1", is_prefetched=True)]  # nothing overtakes another


def test_a_worker_that_does_not_ask_keeps_nobody_from_a_free_slot() -> None:
    workers, not_asking = [a_free_worker("w1")], [a_free_worker("w2", {"GENERAL": 9})]

    assert list(plan_placements([a_ready_job("a")], workers, not_asking=not_asking)) == [
        Placement(job_id="a", worker_id="w1")
    ]


def test_a_free_slot_that_a_job_may_not_take_keeps_nobody_from_prefetching_it() -> None:
    bound = a_ready_job("a", affinity=Affinity.REQUIRED, preferred_worker_id="w1")
    confined = a_ready_job("b", confined_to="t1")

    made = prefetched([bound, confined], [a_busy_worker(room=2, confines_to="t1")], not_asking=[a_free_worker("w2")])

    assert made == {"a": "w1", "b": "w1"}


def test_of_workers_with_room_the_one_with_most_prefetches() -> None:
    workers = [a_busy_worker("w1", room=1), a_busy_worker("w2", room=2)]

    assert prefetched([a_ready_job("a"), a_ready_job("b")], workers) == {"a": "w2", "b": "w1"}


def test_a_worker_prefetches_jobs_that_prefer_it_although_another_has_more_room() -> None:
    job = a_ready_job("a", affinity=Affinity.SOFT, preferred_worker_id="w1")

    assert prefetched([job], [a_busy_worker("w1"), a_busy_worker("w2", room=4)]) == {"a": "w1"}


@pytest.mark.parametrize("affinity", [Affinity.SOFT, Affinity.REQUIRED])
def test_a_job_that_prefers_to_wait_for_another_worker_is_not_prefetched(affinity: Affinity) -> None:
    job = a_ready_job("a", affinity=affinity, preferred_worker_id="w9")

    assert plan([job], [a_busy_worker("w1")]) == {}


def test_a_job_with_affinity_whose_parents_name_no_worker_is_prefetched() -> None:
    assert prefetched([a_ready_job("a", affinity=Affinity.REQUIRED)], [a_busy_worker()]) == {"a": "w1"}


def test_a_confined_job_is_prefetched_by_workers_with_its_token_only() -> None:
    job = a_ready_job("a", confined_to="t1")

    assert prefetched([job], [a_busy_worker("w1"), a_busy_worker("w2", confines_to="t2")]) == {}
    assert prefetched([job], [a_busy_worker("w1", room=9), a_busy_worker("w2", confines_to="t1")]) == {"a": "w2"}


def test_a_job_that_was_lost_before_takes_free_slots_only() -> None:
    lost = a_ready_job("a", must_not_be_lost=True)

    assert prefetched([lost], [a_busy_worker()]) == {}
    assert list(plan_placements([lost], [a_free_worker("w1", room={"GENERAL": 9})])) == [
        Placement(job_id="a", worker_id="w1")
    ]


@pytest.mark.parametrize(
    "first",
    [
        a_ready_job("a", must_not_be_lost=True),
        a_ready_job("a", affinity=Affinity.SOFT, preferred_worker_id="w9"),
        a_ready_job("a", affinity=Affinity.REQUIRED, preferred_worker_id="w1", must_not_be_lost=True),
    ],
    ids=["lost before", "prefers another", "lost, and bound to it"],
)
def test_nothing_is_prefetched_ahead_of_a_job_that_waits_for_a_free_slot_of_that_worker(first: ReadyJob) -> None:
    assert prefetched([first, a_ready_job("b")], [a_busy_worker("w1", room=9)]) == {}
    assert prefetched([a_ready_job("0"), first, a_ready_job("b")], [a_busy_worker("w1", room=9)]) == {"0": "w1"}


@pytest.mark.parametrize(
    "first",
    [
        a_ready_job("a", affinity=Affinity.REQUIRED, preferred_worker_id="w9", must_not_be_lost=True),
        a_ready_job("a", affinity=Affinity.REQUIRED, preferred_worker_id="w9"),
        a_ready_job("a", confined_to="t1", must_not_be_lost=True),
        a_ready_job("a", requirement="GPU", must_not_be_lost=True),
    ],
    ids=["lost, and bound to another", "bound to another", "confined to another", "of another label"],
)
def test_a_job_that_a_worker_will_never_take_holds_up_nothing_that_it_prefetches(first: ReadyJob) -> None:
    assert prefetched([first, a_ready_job("b")], [a_busy_worker("w1", room=9)]) == {"b": "w1"}


# --- what holds of every plan ---


#: One draw from a pool is far quicker than one draw per field.
JOBS = [
    a_ready_job(
        requirement=requirement,
        priority=priority,
        ready_at=NOON + timedelta(seconds=second),
        affinity=affinity,
        preferred_worker_id=preferred,
        must_not_be_lost=must_not_be_lost,
    )
    for requirement, priority, second, affinity, preferred, must_not_be_lost in product(
        (*LABELS, "UNHEARD_OF"), (0, 1), (0, 1), Affinity, (None, *WORKER_IDS), (False, True)
    )
]
OFFERS = [dict(zip(LABELS, slots, strict=True)) for slots in product(range(3), repeat=len(LABELS))]
IDS = [f"j{n:02}" for n in range(12)]

Situation: TypeAlias = tuple[list[ReadyJob], list[FreeWorker]]


@st.composite
def situations(draw: st.DrawFn) -> Situation:
    """Draw up to 10 ready jobs and 3 asking workers, over two labels and one that nobody offers."""
    drawn = draw(st.lists(st.sampled_from(JOBS), max_size=10))
    ids = draw(st.permutations(IDS))
    ready = [replace(job, id=job_id) for job, job_id in zip(drawn, ids, strict=False)]
    offers = draw(st.lists(st.sampled_from(OFFERS), max_size=len(WORKER_IDS)))
    return ready, [a_free_worker(worker_id, slots) for worker_id, slots in zip(WORKER_IDS, offers, strict=False)]


Busyness: TypeAlias = tuple[list[ReadyJob], list[FreeWorker], list[FreeWorker]]


#: Of one label, so that they get into each other's way.
GENERAL_JOBS = [job for job in JOBS if job.requirement == "GENERAL"]
ROOMS = [(slots, room) for slots in range(2) for room in range(4)]


@st.composite
def busyness(draw: st.DrawFn) -> Busyness:
    """Draw ready jobs, workers with room to prefetch and few free slots, and workers that do not ask."""
    drawn = draw(st.lists(st.sampled_from(GENERAL_JOBS), min_size=2, max_size=8))
    ready = [replace(job, id=job_id) for job, job_id in zip(drawn, draw(st.permutations(IDS)), strict=False)]
    asking = [
        a_free_worker(worker_id, {"GENERAL": slots}, room={"GENERAL": room})
        for worker_id, (slots, room) in zip(
            WORKER_IDS, draw(st.lists(st.sampled_from(ROOMS), min_size=1, max_size=2)), strict=False
        )
    ]
    others = draw(st.lists(st.integers(0, 2), max_size=1))
    return ready, asking, [a_free_worker("w3", {"GENERAL": slots}) for slots in others]


def may_take(worker_id: str, job: ReadyJob) -> bool:
    """Return whether affinity lets `worker_id` take the job."""
    is_bound = job.affinity is Affinity.REQUIRED and job.preferred_worker_id is not None
    return not is_bound or job.preferred_worker_id == worker_id


def rank(job: ReadyJob) -> tuple[int, object, str]:
    """Return the place in the queue; lower goes first."""
    return (-job.priority, job.ready_at, job.id)


@given(situations())
def test_no_plan_exceeds_a_workers_slots_or_places_a_job_twice(situation: Situation) -> None:
    ready, workers = situation
    labels = {job.id: job.requirement for job in ready}

    made = list(plan_placements(ready, workers))

    taken = Counter((placement.worker_id, labels[placement.job_id]) for placement in made)
    slots = {worker.id: worker.free_slots for worker in workers}
    assert all(count <= slots[worker_id].get(label, 0) for (worker_id, label), count in taken.items())
    assert len({placement.job_id for placement in made}) == len(made)


@given(situations())
def test_every_placement_honours_required_affinity(situation: Situation) -> None:
    ready, workers = situation
    jobs = {job.id: job for job in ready}

    made = plan(ready, workers)

    assert all(may_take(worker_id, jobs[job_id]) for job_id, worker_id in made.items())


@given(situations())
def test_no_able_worker_is_left_with_a_free_slot_while_a_job_it_may_take_waits(situation: Situation) -> None:
    ready, workers = situation
    jobs = {job.id: job for job in ready}

    made = plan(ready, workers)

    taken = Counter((worker_id, jobs[job_id].requirement) for job_id, worker_id in made.items())
    idle = [
        (worker.id, job.id)
        for job in ready
        for worker in workers
        if job.id not in made
        and may_take(worker.id, job)
        and worker.free_slots.get(job.requirement, 0) > taken[worker.id, job.requirement]
    ]
    assert idle == []


@given(situations())
def test_nobody_overtakes_a_job_that_could_have_used_the_slot(situation: Situation) -> None:
    ready, workers = situation
    jobs = {job.id: job for job in ready}

    made = plan(ready, workers)

    overtaken = [
        (left.id, job_id)
        for left in ready
        for job_id, worker_id in made.items()
        if left.id not in made
        and left.requirement == jobs[job_id].requirement
        and may_take(worker_id, left)
        and rank(left) < rank(jobs[job_id])
    ]
    assert overtaken == []


@given(situations(), st.randoms(use_true_random=False))
def test_the_same_facts_in_another_order_give_the_same_plan(situation: Situation, chance: Random) -> None:
    ready, workers = situation
    expected = list(plan_placements(ready, workers))

    chance.shuffle(ready)
    chance.shuffle(workers)

    assert list(plan_placements(ready, workers)) == expected


@given(situations())
def test_jobs_that_nobody_can_take_change_nothing_for_the_others(situation: Situation) -> None:
    ready, workers = situation
    routable = [job for job in ready if job.requirement != "UNHEARD_OF"]

    assert plan(ready, workers) == plan(routable, workers)


@given(situations())
def test_the_first_few_candidates_of_each_label_are_enough(situation: Situation) -> None:
    ready, workers = situation
    slots = Counter[str]()
    for worker in workers:
        slots.update(worker.free_slots)

    first_few = [
        job
        for job in ready
        if sum(same_queue(job, other) and rank(other) < rank(job) for other in ready) < slots[job.requirement]
    ]

    assert plan(first_few, workers) == plan(ready, workers)


def same_queue(job: ReadyJob, other: ReadyJob) -> bool:
    """Return whether both wait for the same label, and both for anyone or for the same worker."""
    return job.requirement == other.requirement and bound_to(job) == bound_to(other)


def bound_to(job: ReadyJob) -> str | None:
    """Return the only worker that may take the job, or None for any."""
    return job.preferred_worker_id if job.affinity is Affinity.REQUIRED else None


@given(busyness())
def test_room_for_prefetching_does_not_change_who_gets_a_free_slot(situation: Busyness) -> None:
    ready, workers, not_asking = situation

    made = list(plan_placements(ready, workers, not_asking=not_asking))

    without_room = [replace(worker, prefetch_slots={}) for worker in workers]
    assert [each for each in made if not each.is_prefetched] == list(plan_placements(ready, without_room))


@given(busyness())
def test_nobody_prefetches_beyond_its_room_or_while_a_slot_for_the_job_is_free(situation: Busyness) -> None:
    ready, workers, not_asking = situation
    jobs = {job.id: job for job in ready}

    made = list(plan_placements(ready, workers, not_asking=not_asking))

    beyond = Counter((each.worker_id, jobs[each.job_id].requirement) for each in made if each.is_prefetched)
    room = {worker.id: worker.prefetch_slots for worker in workers}
    assert all(count <= room[worker_id].get(label, 0) for (worker_id, label), count in beyond.items())
    slots = {worker.id: worker.free_slots for worker in workers}
    taken = Counter((each.worker_id, jobs[each.job_id].requirement) for each in made if not each.is_prefetched)
    assert all(slots[worker_id].get(label, 0) == taken[worker_id, label] for worker_id, label in beyond)


@given(busyness())
def test_no_prefetched_job_overtakes_one_that_its_worker_could_take(situation: Busyness) -> None:
    ready, workers, _not_asking = situation
    jobs = {job.id: job for job in ready}

    made = list(plan_placements(ready, workers))

    placed = {each.job_id for each in made}
    overtaken = [
        (left.id, each.job_id)
        for each in made
        for left in ready
        if each.is_prefetched
        and left.id not in placed
        and left.requirement == jobs[each.job_id].requirement
        and may_take(each.worker_id, left)
        and rank(left) < rank(jobs[each.job_id])
    ]
    assert overtaken == []
