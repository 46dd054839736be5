"""The table of leases that the worker's threads share."""

from titan.worker.leases import Leases


def test_a_lease_that_a_claim_brings_twice_is_taken_once() -> None:
    leases = Leases()

    assert leases.take(["a", "b"]) == ["a", "b"]
    assert leases.take(["b", "c"]) == ["c"]
    assert leases.held() == ["a", "b", "c"]


def test_a_stop_is_returned_once_and_only_for_held_leases() -> None:
    leases = Leases()
    leases.take(["a", "b"])

    assert leases.stop(["a", "unknown"]) == ["a"]
    assert leases.stop(["a", "b"]) == ["b"]
    assert leases.stopping() == ["a", "b"]
    assert leases.is_stopping("a")
    assert not leases.is_stopping("unknown")


def test_a_dropped_lease_is_held_no_longer() -> None:
    leases = Leases()
    leases.take(["a", "b"])
    leases.stop(["a"])

    assert leases.drop(["a", "unknown"]) == ["a"]
    assert "a" not in leases
    assert leases.stopping() == []


def test_waiting_ends_when_there_is_a_lease_and_when_there_is_none() -> None:
    leases = Leases()

    assert leases.wait_for_none(0)
    assert not leases.wait_for_some(0)

    leases.take(["a"])

    assert leases.wait_for_some(0)
    assert not leases.wait_for_none(0)


def test_an_ended_lease_is_not_taken_from_an_answer_that_still_names_it() -> None:
    leases = Leases()
    leases.begin_claim()
    leases.take(["a", "b"])  # from the answer to a report, while the claim is outstanding
    leases.drop(["a"])

    assert leases.take(["a", "b", "c"]) == ["c"]
    assert leases.held() == ["b", "c"]


def test_a_claim_lists_held_leases_and_its_answer_may_name_leases_that_ended_before() -> None:
    leases = Leases()
    leases.take(["a", "b"])
    leases.drop(["a"])

    assert leases.begin_claim() == ["b"]
    assert leases.take(["a"]) == ["a"]


def test_an_ended_lease_stays_ended_while_the_claim_is_outstanding() -> None:
    leases = Leases()
    leases.begin_claim()
    leases.take(["a"])
    leases.drop(["a"])

    assert [leases.take(["a"]), leases.take(["a"])] == [[], []]
    assert leases.drop(["a", "never held"]) == []
    assert leases.take(["never held"]) == ["never held"]
