"""A worker that is stopped past its lease, or cut off: what it says when it comes back changes nothing."""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from random import Random

import pytest

from tests.support.proxy import Proxy, a_proxy
from tests.support.running_titan import running_titan
from tests.support.running_worker import running_worker
from tests.support.waiting import wait_until
from tests.support.witness import Witness, crowd


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Give something that ends all that a test started."""
    with ExitStack() as stack:
        yield stack


def a_witness(stack: ExitStack, folder: Path) -> Witness:
    """Start a server without a worker of its own."""
    titan = stack.enter_context(running_titan(folder / "home", offers=()))
    return Witness(titan, folder, Random(1))


def a_worker_behind(stack: ExitStack, witness: Witness, folder: Path) -> Proxy:
    """Start a worker that reaches the server through the proxy that is returned."""
    proxy = stack.enter_context(a_proxy(witness.titan.sdk_port))
    stack.enter_context(running_worker(proxy.url, folder / "worker"))
    witness.worker_pid()
    return proxy


@pytest.mark.slow
def test_a_worker_stopped_past_its_lease_wakes_and_its_late_completion_changes_nothing(
    stack: ExitStack, tmp_path: Path
) -> None:
    witness = a_witness(stack, tmp_path)
    sleeper = stack.enter_context(running_worker(witness.url, tmp_path / "sleeper"))
    dag_id = witness.submit("late", {"job": []}, seconds=1.0)
    witness.wait_for_mark("began job")

    os.kill(sleeper, signal.SIGSTOP)
    stack.enter_context(running_worker(witness.url, tmp_path / "other"))
    witness.wait_for_status(dag_id, "COMPLETED")
    job_id = f"{dag_id}.00000"
    before = witness.ask(f"/api/jobs/{job_id}"), witness.ask(f"/api/jobs/{job_id}/story")
    os.kill(sleeper, signal.SIGCONT)
    wait_until(lambda: witness.connected() == 2, "the sleeper is back")
    witness.see_that_all_is_well()

    assert witness.outcomes(job_id) == ["lost", "succeeded"]
    assert (witness.ask(f"/api/jobs/{job_id}"), witness.ask(f"/api/jobs/{job_id}/story")) == before


def test_a_connection_that_breaks_for_a_moment_disturbs_nobody(stack: ExitStack, tmp_path: Path) -> None:
    witness = a_witness(stack, tmp_path)
    proxy = a_worker_behind(stack, witness, tmp_path)
    dag_id = witness.submit("steady", crowd("job", 4), seconds=1.5)
    witness.wait_for_attempts(2)

    proxy.flicker(times=3, apart_seconds=0.2)

    witness.see_that_all_is_well()
    assert [witness.outcomes(f"{dag_id}.{n:05}") for n in range(8)] == [["succeeded"]] * 8


@pytest.mark.parametrize("seed", [pytest.param(1, id="seed=1"), pytest.param(2, id="seed=2", marks=pytest.mark.slow)])
def test_a_worker_cut_off_for_longer_than_the_grace_period_begins_again(
    stack: ExitStack, tmp_path: Path, seed: int
) -> None:
    chance = Random(seed)
    witness = a_witness(stack, tmp_path)
    proxy = a_worker_behind(stack, witness, tmp_path)
    dag_id = witness.submit("cut-off", crowd("job", 4), seconds=1.0)
    witness.wait_for_attempts(chance.randint(1, 4))

    proxy.cut()
    wait_until(lambda: "lost" in witness.outcomes(f"{dag_id}.00000"), "the attempt is given up")
    proxy.mend()

    witness.see_that_all_is_well()


@pytest.mark.slow
def test_a_pulled_cable_is_noticed_by_the_lease_and_late_reports_are_refused(stack: ExitStack, tmp_path: Path) -> None:
    witness = a_witness(stack, tmp_path)
    proxy = a_worker_behind(stack, witness, tmp_path)
    dag_id = witness.submit("cable", {"job": []}, seconds=1.0)
    witness.wait_for_mark("began job")

    proxy.freeze()
    wait_until(lambda: "lost" in witness.outcomes(f"{dag_id}.00000"), "the lease runs out")
    proxy.thaw()

    witness.see_that_all_is_well()
    assert witness.outcomes(f"{dag_id}.00000")[0] == "lost"
